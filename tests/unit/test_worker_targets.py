"""What a job asks of its pictures, without S3: batches around pictures that are missing, parameters, workflows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from retinue.config import Settings
from retinue.ids import new_id
from retinue.models.cache import WarmCache
from retinue.models.registry import Registry
from retinue.models.weights import WeightsCache
from retinue.pipeline.predict import predict
from retinue.pipeline.prediction import Thresholds
from retinue.worker.model_target import ModelTarget, read_parameters
from retinue.worker.pictures import Failure
from retinue.worker.plan import Plan, PlanError
from retinue.worker.targets import Ready
from retinue.worker.workflow_target import WorkflowTarget
from tests.unit.buckets import MemoryBucket
from tests.unit.networks import brightness_network, constant_network, load, make_manifest, noise, package_file

GONE = Failure("missing", "gone")
# Two objects of YOLOv8's form, (4 + classes, anchors): centre, size, scores.
OBJECTS = np.array([[100, 400], [100, 300], [50, 80], [40, 60], [0.9, 0.1], [0.2, 0.8], [0.1, 0.1]], np.float32)


def detector(batch: int | None = None) -> ModelTarget:
    model = load(constant_network(OBJECTS, batch="n"), make_manifest(batch=batch))
    return ModelTarget(model, {"confidence": 0.3}, 4, is_drawn=False)


def ready(target: Any, seeds: Sequence[int]) -> list[Ready]:
    return [target.prepare(identifier(seed), noise(48, 64, seed)) for seed in seeds]


def identifier(seed: int) -> str:
    return f"00000000-0000-5000-8000-{seed:012d}"


class TestModels:
    def test_ids_follow_from_the_picture_and_differ_in_it(self) -> None:
        target = detector()
        results = [[answer.result for answer in target.answer(ready(target, [1, 2]))] for _ in range(2)]
        assert results[0] == results[1]
        ids = [found["detection_id"] for result in results[0] for found in result["predictions"]]  # type: ignore[index]
        assert len(set(ids)) == len(ids) == 4

    @pytest.mark.parametrize(
        "missing", [(0,), (3,), (1, 2), (0, 1, 2), (0, 1, 2, 3), ()], ids=lambda places: f"without {places}"
    )
    def test_a_picture_that_is_missing_changes_nothing_for_the_others(self, missing: tuple[int, ...]) -> None:
        network = brightness_network(size_wh=(32, 32), batch="n")
        manifest = make_manifest(
            task="classification", family="classifier", class_names=("b", "d"), size_wh=(32, 32), batch=None
        )
        target = ModelTarget(load(network, manifest), {}, 4, is_drawn=False)
        whole = ready(target, range(4))
        expected = target.answer(whole)
        sizes: list[int] = []
        run = target._model.session.run
        batch = [GONE if place in missing else each for place, each in enumerate(whole)]

        class Watched:
            def run(self, names: Any, feeds: Any) -> Any:
                sizes.append(len(next(iter(feeds.values()))))
                return run(names, feeds)

        object.__setattr__(target._model, "session", Watched())
        for place, answer in enumerate(target.answer(batch)):
            assert answer == (type(answer)(GONE) if place in missing else expected[place])
        assert sizes == ([] if len(missing) == 4 else [4])

    def test_a_network_of_any_size_takes_pictures_of_several_in_one_batch(self) -> None:
        network = brightness_network(size_wh=("w", "h"), batch="n")
        manifest = make_manifest(
            task="classification",
            family="classifier",
            class_names=("b", "d"),
            size_wh=(64, 64),
            batch=None,
            stride=32,
            resize_mode="letterbox",
        )
        target = ModelTarget(load(network, manifest), {}, 4, is_drawn=False)
        tall, wide = noise(64, 20, 1), noise(20, 64, 2)
        batch = [target.prepare(identifier(number), image) for number, image in enumerate((wide, tall, tall, wide))]
        answers = target.answer([batch[0], GONE, *batch[2:]])
        for image, answer in zip((wide, None, tall, wide), answers, strict=True):
            if image is None:
                assert answer.result == GONE
            else:
                (prediction,) = predict(target._model, [image], Thresholds())
                assert prediction.classification is not None and isinstance(answer.result, dict)
                assert answer.result["confidence"] == float(prediction.classification.confidence[0])

    def test_the_drawn_picture_comes_along_if_asked_for(self) -> None:
        model = load(constant_network(OBJECTS, batch="n"), make_manifest(batch=None))
        target = ModelTarget(model, {"labels": True, "stroke": 2}, 4, is_drawn=True)
        prepared = ready(target, [1])
        assert prepared[0].size_bytes > noise(48, 64).nbytes
        (answer,) = target.answer(prepared)
        assert answer.drawing[:3] == b"\xff\xd8\xff"

    @pytest.mark.parametrize(
        ("given", "name", "value"),
        [
            ({"confidence": 0.7}, "confidence", 0.7),
            ({"confidence": 70}, "confidence", 0.7),
            ({"confidence": "best"}, "confidence", "best"),
            ({"overlap": 0.2}, "iou_threshold", 0.2),
            ({"classes": ["a", "b"]}, "class_filter", frozenset({"a", "b"})),
            ({"classes": "a, b"}, "class_filter", frozenset({"a", "b"})),
            ({"max_detections": 7}, "max_detections", 7),
            ({"confidence": None}, "confidence", 0.4),
        ],
    )
    def test_parameters_are_those_of_the_url_routes(self, given: dict[str, Any], name: str, value: Any) -> None:
        assert getattr(read_parameters(given).thresholds, name) == value

    def test_switches_are_json(self) -> None:
        parameters = read_parameters({"disable_preproc_grayscale": True, "labels": False})
        assert parameters.skipped == {"grayscale"} and not parameters.has_labels

    def test_wrong_parameters_are_named(self) -> None:
        with pytest.raises(PlanError, match="overlap"):
            read_parameters({"overlap": "much"})


WORKFLOW: dict[str, Any] = {
    "version": "1.0",
    "inputs": [
        {"type": "InferenceImage", "name": "photo"},
        {"type": "InferenceParameter", "name": "model", "default_value": "things/1"},
    ],
    "steps": [
        {
            "type": "roboflow_core/roboflow_object_detection_model@v1",
            "name": "find",
            "images": "$inputs.photo",
            "model_id": "$inputs.model",
        },
        {
            "type": "roboflow_core/dynamic_crop@v1",
            "name": "crop",
            "images": "$inputs.photo",
            "predictions": "$steps.find.predictions",
        },
    ],
    "outputs": [
        {"type": "JsonField", "name": "found", "selector": "$steps.find.predictions"},
        {"type": "JsonField", "name": "crops", "selector": "$steps.crop.crops"},
        {"type": "JsonField", "name": "photo", "selector": "$inputs.photo"},
    ],
}


class TestWorkflows:
    def make(self, tmp_path: Path, **changes: Any) -> WorkflowTarget:
        network = constant_network(OBJECTS, batch=1)
        manifest = make_manifest(weights=package_file(network.SerializeToString(), part_bytes=1 << 20))
        bucket = MemoryBucket()
        bucket.put_model(manifest, network)
        bucket.objects["workflows/local/saved.json"] = orjson.dumps(WORKFLOW)
        reader: Any = bucket
        cache = WarmCache(reader, Registry(reader, 60), WeightsCache(tmp_path, 10**8), budget_bytes=10**9, threads=1)
        record = {
            "version": 1,
            "job_id": "0" * 32,
            "workspace": "local",
            "scopes": ["*"],
            "target": {"type": "workflow", "specification": WORKFLOW},
            "parameters": {},
            "source": {"type": "s3"},
            "batch_size": 8,
            "part_size": 10,
            "shards": [],
            "output": {"bucket": "b", "prefix": ""},
        } | changes
        return WorkflowTarget(Plan.from_json(orjson.dumps(record)), cache, Settings(), reader)

    @pytest.mark.parametrize(
        "workflow", [{"specification": WORKFLOW}, {"workspace": "local", "id": "saved"}], ids=["brought", "saved"]
    )
    def test_every_attempt_says_the_same(self, tmp_path: Path, workflow: dict[str, Any]) -> None:
        texts = []
        for attempt in range(2):
            target = self.make(tmp_path / str(attempt), target={"type": "workflow", **workflow})
            answers = target.answer(ready(target, [1, 2]))
            texts.append(orjson.dumps([answer.result for answer in answers]))
            new_id()
        assert texts[0] == texts[1]
        (row,) = orjson.loads(texts[0])[0]["outputs"]
        assert [found["class"] for found in row["found"]["predictions"]] == ["alpha", "beta"]
        assert len(row["crops"]) == 2
        assert row["photo"]["video_metadata"]["frame_timestamp"].startswith("1970")

    def test_what_a_picture_makes_fail_is_its_failure(self, tmp_path: Path) -> None:
        target = self.make(tmp_path, parameters={"model": "absent/1"})
        answers = target.answer([GONE, *ready(target, [1])])
        assert answers[0].result == GONE
        assert isinstance(answers[1].result, Failure) and "absent" in answers[1].result.message

    def test_models_out_of_scope_stay_closed(self, tmp_path: Path) -> None:
        target = self.make(tmp_path, scopes=["others"])
        (answer,) = target.answer(ready(target, [1]))
        assert isinstance(answer.result, Failure) and "things" in answer.result.message

    @pytest.mark.parametrize(
        ("document", "reason"),
        [
            pytest.param({"version": "1.0"}, "cannot be compiled", id="no workflow"),
            pytest.param(
                WORKFLOW | {"inputs": [*WORKFLOW["inputs"], {"type": "InferenceImage", "name": "other"}]},
                "2 picture inputs",
                id="two pictures",
            ),
            pytest.param(
                {"version": "1.0", "inputs": [], "steps": [], "outputs": []}, "0 picture inputs", id="no picture"
            ),
        ],
    )
    def test_what_no_job_can_run_is_refused_at_once(self, tmp_path: Path, document: Any, reason: str) -> None:
        with pytest.raises(PlanError, match=reason):
            self.make(tmp_path, target={"type": "workflow", "specification": document})
