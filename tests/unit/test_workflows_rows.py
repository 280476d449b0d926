"""The rows of a workflow's answer: whose coordinates they tell, which outputs they hold and in which order."""

import base64
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from retinue.images import encode
from retinue.workflows.engine import RunState
from retinue.workflows.errors import ExecutionEngineRuntimeError
from retinue.workflows.image import WorkflowImage
from retinue.workflows.outputs import EarlyPictures, build_rows
from tests.unit.workflow_documents import (
    CROPS,
    DETECTOR,
    IMAGE,
    POSER,
    SEGMENTER,
    STATIC_CROP,
    THREE,
    Models,
    classifier,
    collapse,
    compiled,
    count,
    crop,
    detector,
    document,
    find_shapes,
    output,
    parameter,
    picture,
    run,
    runtime,
    step,
    text,
)


class TestCoordinates:
    def test_detections_in_crops_are_told_in_the_picture(self) -> None:
        steps = [*CROPS, detector("d2", "$steps.crop.crops")]
        outputs = [output("parent", "$steps.d2.predictions"), output("own", "$steps.d2.predictions", "own"),
                   output("outer", "$steps.det.predictions")]  # fmt: skip
        (row,) = run(document(steps, outputs))
        (parent,), (own,), outer = row["parent"], row["own"], row["outer"]
        assert parent["image"] == {"width": 60, "height": 40} and own["image"] == {"width": 8, "height": 10}
        (moved,), (here,) = parent["predictions"], own["predictions"]
        assert [moved[key] for key in ("x", "y", "width", "height", "parent_id")] == [8.0, 11.0, 8.0, 10.0, "image"]
        assert not {"parent_origin", "root_parent_id", "root_parent_origin"} & moved.keys()
        identifier = outer["predictions"][0]["detection_id"]
        assert [here[key] for key in ("x", "y", "width", "height", "parent_id")] == [6.0, 8.0, 8.0, 10.0, identifier]
        place = {"offset_x": 2, "offset_y": 3, "width": 60, "height": 40}
        assert here["parent_origin"] == place and here["root_parent_origin"] == place
        assert here["root_parent_id"] == "image"
        assert list(here).index("parent_origin") == list(here).index("parent_id") + 1

    def test_of_crops_of_crops(self) -> None:
        steps = [*CROPS, detector("d2", "$steps.crop.crops"), crop("c2", "$steps.crop.crops", "$steps.d2.predictions"),
                 detector("d3", "$steps.c2.crops")]  # fmt: skip
        outputs = [output("parent", "$steps.d3.predictions"), output("own", "$steps.d3.predictions", "own")]
        (row,) = run(document(steps, outputs))
        (moved,) = row["parent"][0][0]["predictions"]
        assert (moved["x"], moved["y"], moved["parent_id"]) == (10.0, 14.0, "image")
        (here,) = row["own"][0][0]["predictions"]
        assert here["parent_origin"] == {"offset_x": 2, "offset_y": 3, "width": 8, "height": 10}
        assert here["root_parent_origin"] == {"offset_x": 4, "offset_y": 6, "width": 60, "height": 40}

    def test_what_a_crop_says_of_its_own_detection_stays(self) -> None:
        """contract/workflows.md 4.4."""
        outputs = [output("a", "$steps.crop.predictions"), output("b", "$steps.crop.predictions", "own")]
        (row,) = run(document(CROPS, outputs))
        for (found,) in row.values():
            assert found["image"] == {"width": 60, "height": 40}
            assert [found["predictions"][0][key] for key in ("x", "y", "parent_id")] == [4.0, 5.0, "image"]

    def test_masks_and_keypoints_move_too(self) -> None:
        steps = [
            step(STATIC_CROP, "crop", images="$inputs.image", x_center=30, y_center=20, width=40, height=30),
            step(SEGMENTER, "m", images="$steps.crop.crops", model_id="masks/1"),
            step(POSER, "k", images="$steps.crop.crops", model_id="points/1"),
        ]
        (row,) = run(document(steps, {"m": "$steps.m.predictions", "k": "$steps.k.predictions"}))
        (mask,), (pose,) = row["m"]["predictions"], row["k"]["predictions"]
        assert (mask["x"], mask["y"], pose["x"], pose["y"]) == (16.0, 13.0, 16.0, 13.0)
        corners = {(point["x"], point["y"]) for point in mask["points"]}
        assert corners == {(12.0, 8.0), (12.0, 17.0), (19.0, 17.0), (19.0, 8.0)}
        assert pose["keypoints"] == [{"class_id": 0, "class": "nose", "confidence": 0.75, "x": 12.0, "y": 8.0}]

    def test_inside_lists(self) -> None:
        steps = [*CROPS, detector("d2", "$steps.crop.crops"), collapse("all", "$steps.d2.predictions")]
        outputs = [output("parent", "$steps.all.output"), output("own", "$steps.all.output", "own")]
        (row,) = run(document(steps, outputs))
        assert [row[name][0]["predictions"][0]["x"] for name in ("parent", "own")] == [8.0, 6.0]

    def test_nothing_found_in_a_crop(self) -> None:
        steps = [*CROPS, step(DETECTOR, "d2", images="$steps.crop.crops", model_id="none/1")]
        models = Models()
        models.answers["none/1"] = lambda image: find_shapes(WorkflowImage.of_pixels(image.pixels * 0, image.id))
        outputs = [output("parent", "$steps.d2.predictions"), output("own", "$steps.d2.predictions", "own")]
        (row,) = run(document(steps, outputs), using=runtime(models))
        assert row["parent"] == [{"image": {"width": 60, "height": 40}, "predictions": []}]
        assert row["own"] == [{"image": {"width": None, "height": None}, "predictions": []}]


class TestRows:
    def test_without_pictures_there_is_one(self) -> None:
        steps = [detector(), text()]
        assert run(document(steps, {"t": "$steps.t.output"}), THREE) == [{"t": "text"}]

    def test_without_outputs_there_is_an_empty_one(self) -> None:
        assert run(document([detector()]), THREE) == [{}]

    def test_scalars_come_first_and_in_every_row(self) -> None:
        steps = [detector(), count(), text(), collapse("all", "$steps.n.output")]
        outputs = {"n": "$steps.n.output", "all": "$steps.all.output", "p": "$inputs.p", "m": "$steps.n.output",
                   "t": "$steps.t.output"}  # fmt: skip
        rows = run(document(steps, outputs, [IMAGE, parameter("p", 5)]), THREE)
        assert [list(row) for row in rows] == [["all", "p", "t", "n", "m"]] * 3
        assert rows[0] == {"all": [2, 0, 1], "p": 5, "t": "text", "n": 2, "m": 2}

    def test_all_outputs_of_a_step(self) -> None:
        (row,) = run(document([classifier()], {"x": "$steps.cls.*"}))
        assert list(row["x"]) == ["inference_id", "predictions", "model_id"]
        assert row["x"]["predictions"]["inference_id"] == row["x"]["inference_id"]
        assert row["x"]["predictions"]["top"] == "cat"

    def test_all_outputs_of_crops(self) -> None:
        rows = run(document(CROPS, {"x": "$steps.crop.*"}), THREE)
        assert [[sorted(item) for item in row["x"]] for row in rows] == [
            [["crops", "predictions"]] * 2, [], [["crops", "predictions"]],
        ]  # fmt: skip

    def test_all_outputs_of_a_step_that_says_itself_which(self) -> None:
        parser = step("roboflow_core/json_parser@v1", "j", raw_json='{"a": 1, "b": [2]}', expected_fields=["b", "a"])
        (row,) = run(document([parser], {"x": "$steps.j.*", "a": "$steps.j.a"}, []), {})
        assert row == {"x": {"b": [2], "a": 1, "error_status": False}, "a": 1}

    @pytest.mark.parametrize("excluded", [["n"], ["n", "nobody"], ("n",), {"n"}])
    def test_without_excluded_outputs(self, excluded: Any) -> None:
        definition = document([detector(), count()], {"n": "$steps.n.output", "m": "$steps.n.output"})
        assert run(definition, THREE, excluded=excluded) == [{"m": 2}, {"m": 0}, {"m": 1}]

    def test_with_all_outputs_excluded(self) -> None:
        definition = document([detector(), count()], {"n": "$steps.n.output"})
        assert run(definition, THREE, excluded=["n"]) == [{}, {}, {}]

    def test_pictures_come_back_as_they_came(self) -> None:
        sent = picture(3)
        (row,) = run(document([], {"i": "$inputs.image"}), {"image": sent})
        assert row["i"]["value"] == sent["value"]
        assert list(row["i"]) == ["type", "value", "video_metadata"]

    def test_what_cannot_be_written(self) -> None:
        plan = compiled(document([text()], {"t": "$steps.t.output"}, []))
        state = RunState({(): [()]}, {}, results={"t": {(): {"output": {1, 2}}}})
        with pytest.raises(ExecutionEngineRuntimeError, match=r"Output 't'.*type set") as caught:
            build_rows(plan, state)
        assert caught.value.context == "workflow_execution | output_construction"
        assert caught.value.render()["inner_error_type"] == "TypeError"
        assert not caught.value.is_callers_fault


class TestEarlyPictures:
    """The pictures that are encoded beside the steps."""

    PLAN = compiled(document([detector(), crop()], {"crops": "$steps.crop.crops", "all": "$steps.det.*"}))

    @pytest.fixture(autouse=True)
    def two_processors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(encode, "_threads", lambda: 2)
        encode._pool.cache_clear()

    @staticmethod
    def image(width: int = 60, height: int = 40) -> WorkflowImage:
        levels = np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)
        return WorkflowImage.of_pixels(levels, "image")

    def test_they_are_those_that_would_be_encoded_later(self) -> None:
        images = [self.image(60 + number) for number in range(20)]
        EarlyPictures(self.PLAN).take("crop", {(0, place): {"crops": image} for place, image in enumerate(images)})
        assert all(isinstance(image.encoded, Future) for image in images)
        assert [base64.b64decode(image.base64_text()) for image in images] == [image.jpeg() for image in images]

    @pytest.mark.parametrize(
        ("excluded", "step_name", "output_name", "side"),
        [
            pytest.param(("crops",), "crop", "crops", 40, id="left out of the answer"),
            pytest.param((), "crop", "predictions", 40, id="not sent"),
            pytest.param((), "nobody", "crops", 40, id="of another step"),
            pytest.param((), "crop", "crops", 1000, id="large: all threads take it together"),
        ],
    )
    def test_others_wait(self, excluded: tuple[str, ...], step_name: str, output_name: str, side: int) -> None:
        image = self.image(side, side)
        EarlyPictures(self.PLAN, excluded).take(step_name, {(0, 0): {output_name: image}, (0, 1): None})
        assert image.encoded is None

    def test_no_more_than_an_answer_can_hold(self) -> None:
        images = [self.image(400, 400) for _ in range(40)]
        EarlyPictures(self.PLAN).take("crop", {(0, place): {"crops": image} for place, image in enumerate(images)})
        assert [image.encoded is None for image in images] == [False] * 25 + [True] * 15

    def test_other_pixels_are_encoded_anew(self) -> None:
        image = self.image()
        image.encode_ahead()
        assert image.with_pixels(255 - image.pixels).base64_text() != image.base64_text()


def test_a_drawing_on_a_drawing_leaves_what_is_sent_alone() -> None:
    kind = "roboflow_core/bounding_box_visualization@v1"
    found = {"predictions": "$steps.det.predictions"}
    steps = [
        detector(),
        step(kind, "thin", image="$inputs.image", **found),
        step(kind, "thick", image="$steps.thin.image", thickness=9, **found),
    ]
    (alone,) = run(document(steps, {"thick": "$steps.thick.image"}))
    (both,) = run(document(steps, {"thick": "$steps.thick.image", "thin": "$steps.thin.image"}))
    assert alone["thick"]["value"] == both["thick"]["value"] != both["thin"]["value"]
    (thin,) = run(document(steps[:2], {"thin": "$steps.thin.image"}))
    assert thin["thin"]["value"] == both["thin"]["value"]
