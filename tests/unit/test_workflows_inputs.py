"""The inputs of a run: batches of every kind, their sizes and nesting, parameters and what they are the value of."""

import base64
import io
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from retinue.pipeline.prediction import Mask
from retinue.pipeline.run_lengths import encode_run_lengths
from retinue.workflows.block import Limits
from retinue.workflows.detections import DetectionTable
from retinue.workflows.engine import Index, RunState
from retinue.workflows.errors import RuntimeInputError, WorkflowLimitError
from retinue.workflows.image import Origin, VideoMetadata, WorkflowImage
from retinue.workflows.inputs import assemble_inputs
from retinue.workflows.kinds import DETECTION_KINDS, KINDS
from retinue.workflows.values import ValueReader
from tests.unit.pictures import encode, smooth
from tests.unit.workflow_documents import (
    IMAGE,
    PROPERTY,
    TEMPLATE,
    Json,
    batch,
    compiled,
    count,
    detector,
    document,
    gate,
    join,
    load,
    parameter,
    picture,
    run,
    step,
    take,
)

CONTEXT = "workflow_execution | runtime_input_validation"
EAST = timezone(timedelta(hours=2))
ORIGIN = {"offset_x": 10, "offset_y": 20, "width": 800, "height": 600}


def assembled(inputs: list[Json], given: Json, steps: list[Json] | None = None, **limits: int) -> RunState:
    return assemble_inputs(compiled(document(steps or [], inputs=inputs)), given, ValueReader(load), Limits(**limits))


def values_of(item: Json, value: Any) -> dict[Index, Any]:
    return dict(assembled([item], {item["name"]: value}).inputs[item["name"]])


def read(kind: str, value: Any) -> Any:
    """The value of a batch input of that kind."""
    (element,) = values_of(batch("v", 1, [kind]), [value]).values()
    return element


def refusal(inputs: list[Json], given: Any, steps: list[Json] | None = None) -> RuntimeInputError:
    with pytest.raises(RuntimeInputError) as caught:
        assembled(inputs, given, steps)
    assert caught.value.context == CONTEXT and caught.value.is_callers_fault
    rendered = caught.value.render()
    assert "blocks_errors" not in rendered and "python_blocks_output_streams" not in rendered
    return caught.value


def row(**more: Any) -> Json:
    return {"x": 5, "y": 6, "width": 2, "height": 4, "confidence": 0.5, "class_id": 1, "class": "cat"} | more


def detections(*rows: Json, width: Any = 20, height: Any = 10) -> Json:
    return {"image": {"width": width, "height": height}, "predictions": list(rows)}


class TestSizes:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            pytest.param({"a": 1, "b": 2}, ([1], [2]), id="single values"),
            pytest.param({"a": [1], "b": 2}, ([1], [2]), id="a list of one"),
            pytest.param({"a": [1, 2], "b": [3, 4]}, ([1, 2], [3, 4]), id="lists"),
            pytest.param({"a": [1, 2, 3], "b": 4}, ([1, 2, 3], [4, 4, 4]), id="a single value stands for all"),
            pytest.param({"a": [1], "b": [2, 3]}, ([1, 1], [2, 3]), id="a list of one stands for all"),
            pytest.param({"a": [None, 2], "b": [[3], {"c": None}]}, ([None, 2], [[3], {"c": None}]), id="nulls, lists"),
        ],
    )
    def test_of_batches(self, given: Json, expected: tuple[list[Any], list[Any]]) -> None:
        state = assembled([batch("a"), batch("b")], given)
        found = [[values[index] for index in sorted(values)] for values in (state.inputs["a"], state.inputs["b"])]
        assert found == list(expected)
        assert state.elements[("<workflow_input>",)] == [(place,) for place in range(len(expected[0]))]

    @pytest.mark.parametrize(
        "given",
        [{"a": [1, 2], "b": [1, 2, 3]}, {"a": [], "b": 1}, {"a": [], "b": []}, {"a": [1, 2], "b": []}],
        ids=["two and three", "none", "none at all", "two and none"],
    )
    def test_that_do_not_fit(self, given: Json) -> None:
        assert refusal([batch("a"), batch("b")], given).public.startswith(
            "Expected all batch-oriented workflow inputs be the same length, or of length 1"
        )

    def test_limit(self) -> None:
        assert len(assembled([batch("a")], {"a": [1] * 4}, images=4).inputs["a"]) == 4
        with pytest.raises(WorkflowLimitError, match="5 elements in one request; the limit is 4"):
            assembled([batch("a")], {"a": [1] * 5}, images=4)

    def test_the_limit_comes_before_pictures_are_read(self) -> None:
        with pytest.raises(WorkflowLimitError):
            assembled([IMAGE], {"image": ["no picture"] * 5}, images=4)

    @pytest.mark.parametrize(
        ("item", "text"),
        [
            (IMAGE, "`image` defined as `WorkflowImage` (of kind `['image']`)"),
            (batch("b", 2, ["string", "point"]), "`b` defined as `WorkflowBatchInput` (of kind `['string', 'point']`)"),
        ],
    )
    @pytest.mark.parametrize("is_null", [False, True])
    def test_missing(self, item: Json, text: str, is_null: bool) -> None:
        error = refusal([item], {item["name"]: None} if is_null else {})
        assert error.public == f"Detected runtime parameter {text}, but value is not provided."

    def test_missing_although_nobody_needs_it(self) -> None:
        with pytest.raises(RuntimeInputError, match="`other`"):
            run(document([], {"i": "$inputs.image"}, [IMAGE, batch("other")]))

    def test_what_no_input_is_called_is_ignored(self) -> None:
        assert list(assembled([batch("a")], {"a": 1, "b": object()}).inputs) == ["a"]


class TestNesting:
    def test_levels(self) -> None:
        state = assembled([batch("v", 3)], {"v": [[["a", "b"], []], [["c"]], []]})
        assert state.inputs["v"] == {(0, 0, 0): "a", (0, 0, 1): "b", (1, 0, 0): "c"}
        lineage = ("<workflow_input>", "<workflow_input>.v.2", "<workflow_input>.v.3")
        assert state.elements[lineage] == [(0, 0, 0), (0, 0, 1), (1, 0, 0)]

    def test_one_stands_for_all(self) -> None:
        assert values_of(batch("v", 2), [[1, 2]]) == {(0, 0): 1, (0, 1): 2}
        state = assembled([batch("v", 2), batch("w")], {"v": [[1, 2]], "w": ["x", "y"]})
        assert state.inputs["v"] == {(0, 0): 1, (0, 1): 2, (1, 0): 1, (1, 1): 2}

    @pytest.mark.parametrize(
        ("depth", "value", "level"),
        [(2, [1, 2], 1), (2, "text", 1), (2, [[1], 2], 1), (3, [[1]], 2), (3, [[[1], None]], 2), (2, [{"a": [1]}], 1)],
    )
    def test_not_deep_enough(self, depth: int, value: Any, level: int) -> None:
        assert refusal([batch("v", depth)], {"v": value}).public == (
            f"Workflow input `v` is declared to be nested batch with dimensionality `{depth}`. Input data does not "
            f"define batch at the {level} dimensionality level."
        )

    def test_values_are_named_after_their_place(self) -> None:
        assert "`v.[1].[0]`" in refusal([batch("v", 2, ["string"])], {"v": [["a"], [5]]}).public
        assert "`v.[0]`" in refusal([batch("v", 1, ["string"])], {"v": [5]}).public
        assert "`v`" in refusal([batch("v", 1, ["string"])], {"v": 5}).public

    def test_pictures_of_pictures(self) -> None:
        values = values_of(batch("v", 2, ["image"]), [[picture(1), picture(2)], [picture(3)]])
        assert [(index, image.id, int(image.pixels[0, 0, 0])) for index, image in values.items()] == [
            ((0, 0), "v.[0].[0]", 1), ((0, 1), "v.[0].[1]", 2), ((1, 0), "v.[1].[0]", 3),
        ]  # fmt: skip


class TestKinds:
    @pytest.mark.parametrize(
        ("kind", "value", "expected"),
        [
            ("string", "a", "a"),
            ("string", "", ""),
            ("top_class", "a", "a"),
            ("parent_id", "a", "a"),
            ("inference_id", "a", "a"),
            ("prediction_type", "a", "a"),
            ("language_model_output", "a", "a"),
            ("roboflow_model_id", "a/1", "a/1"),
            ("roboflow_project", "a", "a"),
            ("roboflow_api_key", "a", "a"),
            ("boolean", False, False),
            ("integer", -(2**62), -(2**62)),
            ("float", 1.5, 1.5),
            ("float", 2, 2),
            ("float_zero_to_one", 0, 0.0),
            ("float_zero_to_one", 1.0, 1.0),
            ("dictionary", {"a": [1]}, {"a": [1]}),
            ("list_of_values", [1, "a", None], [1, "a", None]),
            ("list_of_values", [], []),
            ("point", [1, 2.5], (1, 2.5)),
            ("zone", [[0, 0], [1, 0], [1, 1]], [(0, 0), (1, 0), (1, 1)]),
            ("rgb_color", [1, 2, 3], (1, 2, 3)),
            ("rgb_color", "#ff0000", "#ff0000"),
            ("bytes", "YWJj", b"abc"),
            ("bytes", "", b""),
            ("timestamp", "2024-01-02T03:04:05", datetime(2024, 1, 2, 3, 4, 5)),
            ("timestamp", "2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 3, 4, 5, tzinfo=EAST)),
            ("labeled_points", [{"x": 1, "y": 2}], [{"x": 1, "y": 2, "positive": True}]),
            ("labeled_points", [[1, 2, False]], [{"x": 1, "y": 2, "positive": False}]),
            ("labeled_points", [[3, 4]], [{"x": 3, "y": 4, "positive": True}]),
            ("*", {"any": None}, {"any": None}),
            ("secret", 5, 5),
            ("contours", [[1, 2]], [[1, 2]]),
            ("embedding", [0.5], [0.5]),
            ("image_keypoints", [1], [1]),
            ("serialised_payloads", ["a"], ["a"]),
            ("my_own", {"a": 1}, {"a": 1}),
        ],
    )  # fmt: skip
    def test_that_take_a_value(self, kind: str, value: Any, expected: Any) -> None:
        found = read(kind, value)
        assert found == expected and type(found) is type(expected)

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            ("string", 5), ("string", ["a"]), ("top_class", 5), ("parent_id", 5), ("inference_id", {}),
            ("prediction_type", True), ("roboflow_model_id", 1), ("boolean", 1), ("boolean", "true"), ("integer", "1"),
            ("integer", 1.5), ("integer", True), ("float", "1.5"), ("float", True), ("float_zero_to_one", 1.01),
            ("float_zero_to_one", -0.1), ("float_zero_to_one", "0.5"), ("float_zero_to_one", float("nan")),
            ("dictionary", [1]), ("dictionary", "a"), ("list_of_values", "abc"), ("list_of_values", {"a": 1}),
            ("point", [1]), ("point", [1, 2, 3]), ("point", ["a", "b"]), ("point", {"x": 1}), ("zone", 5),
            ("zone", [[0, 0], [1, 1]]),
            ("zone", [[0, 0], [1, 1], [2]]), ("zone", "abc"), ("rgb_color", [1, 2]), ("rgb_color", 5), ("bytes", 5),
            ("bytes", "not base64!"), ("bytes", "YWJ"), ("timestamp", "soon"), ("timestamp", 5),
            ("labeled_points", "a"), ("labeled_points", [[1]]), ("labeled_points", [{"x": 1}]), ("labeled_points", [5]),
            ("numpy_array", {"a": 1}), ("numpy_array", [[1], [1, 2]]), ("image", 5), ("image", {}), ("image", [1, 2]),
            ("image", {"type": "base64"}), ("image", "no picture"), ("image", {"type": "url", "value": "http://a/b"}),
            ("image", {"type": "numpy_object", "value": "YWJj"}), ("image", {"type": "file", "value": "/etc/passwd"}),
            ("image", picture() | {"parent_id": 5}), ("image", picture() | {"root_parent_id": ["a"]}),
            ("image", picture() | {"parent_origin": {"offset_x": 1}}), ("image", picture() | {"parent_origin": [1]}),
            ("image", picture() | {"parent_origin": ORIGIN | {"width": "wide"}}),
            ("image", picture() | {"parent_origin": ORIGIN | {"width": 1e300}}),
            ("image", picture() | {"video_metadata": {"fps": 5}}), ("image", picture() | {"video_metadata": 5}),
            ("video_metadata", 5), ("video_metadata", {}),
            ("video_metadata", {"video_identifier": "a", "frame_number": 1, "frame_timestamp": "soon"}),
            ("video_metadata", {"video_identifier": "a", "frame_number": 1e400, "frame_timestamp": "2024-01-01"}),
            ("classification_prediction", {}), ("classification_prediction", {"image": {}, "predictions": []}),
            ("classification_prediction", {"image": {}, "predictions": [], "top": "a"}),
            ("classification_prediction", 5),
        ],
    )  # fmt: skip
    def test_that_do_not(self, kind: str, value: Any) -> None:
        text = refusal([batch("v", 1, [kind])], {"v": [value]}).public
        assert text.startswith("Failed to assemble `v.[0]`. Could not successfully use any deserializer for declared ")
        assert f"\nKind: `{kind}` - Error: " in text

    @pytest.mark.parametrize("kind", sorted(KINDS))
    def test_null_is_a_missing_value_of_every_kind(self, kind: str) -> None:
        assert read(kind, None) is None

    def test_arrays(self) -> None:
        found = read("numpy_array", [[1, 2], [3, 4]])
        assert isinstance(found, np.ndarray) and found.tolist() == [[1, 2], [3, 4]]

    def test_the_first_that_fits_counts(self) -> None:
        assert values_of(batch("v", 1, ["float", "string"]), [1, "a"]) == {(0,): 1, (1,): "a"}
        assert values_of(batch("v", 1, ["timestamp", "string"]), ["2024-01-01", "soon"]) == {
            (0,): datetime(2024, 1, 1),
            (1,): "soon",
        }

    def test_all_that_do_not_are_told(self) -> None:
        text = refusal([batch("v", 1, ["integer", "boolean"])], {"v": "a"}).public
        assert text.count("\nKind: ") == 2

    def test_kinds_that_read_nothing_take_what_others_do_not(self) -> None:
        """Only those that can read are asked: contract/workflows.md 3."""
        assert read("*", "a") == "a"
        with pytest.raises(RuntimeInputError):
            values_of(batch("v", 1, ["integer", "*"]), ["a"])


class TestPictures:
    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(picture(7), id="base64 in a dict"),
            pytest.param(picture(7)["value"], id="base64 text alone"),
            pytest.param("data:image/png;base64," + picture(7)["value"], id="data URI"),
            pytest.param({"value": picture(7)["value"]}, id="no type"),
            pytest.param({"type": "anything", "value": picture(7)["value"]}, id="unknown type"),
            pytest.param({"type": "url", "value": picture(7)["value"]}, id="another type"),
            pytest.param(picture(7) | {"video_metadata": None, "parent_origin": None}, id="nulls"),
        ],
    )
    def test_forms(self, value: Any) -> None:
        (image,) = values_of(IMAGE, value).values()
        assert isinstance(image, WorkflowImage) and image.pixels.shape == (40, 60, 3)
        assert int(image.pixels.mean()) == 7 and image.encoded == picture(7)["value"]
        assert image.id == "image" and image.is_root and image.root == Origin("image", 0, 0, 60, 40)

    @pytest.mark.parametrize("kind", ["base64", "numpy"])
    @pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
    def test_an_array_is_sent_back_as_a_picture(self, kind: str, head: str) -> None:
        file = io.BytesIO()
        np.save(file, np.full((40, 60, 3), 7, np.uint8))
        value = {"type": kind, "value": head + base64.b64encode(file.getvalue()).decode()}
        (image,) = values_of(IMAGE, value).values()
        assert int(image.pixels.mean()) == 7 and base64.b64decode(image.base64_text()).startswith(b"\xff\xd8\xff")

    def test_upright(self) -> None:
        data = base64.b64encode(encode(smooth(30, 20), "PNG")).decode()
        (image,) = values_of(IMAGE, data).values()
        assert (image.width, image.height) == (20, 30)

    def test_names(self) -> None:
        assert [image.id for image in values_of(IMAGE, [picture(), picture()]).values()] == ["image.[0]", "image.[1]"]
        (image,) = values_of(IMAGE, [picture() | {"parent_id": "mine"}]).values()
        assert image.id == "mine" and image.is_root

    def test_places(self) -> None:
        (image,) = values_of(IMAGE, picture() | {"parent_id": "a", "parent_origin": ORIGIN}).values()
        assert image.parent == image.root == Origin("a", 10, 20, 800, 600)
        root = {"offset_x": 1, "offset_y": 2, "width": 1600, "height": 1200}
        given = picture() | {
            "parent_id": "a",
            "parent_origin": ORIGIN,
            "root_parent_id": "r",
            "root_parent_origin": root,
        }
        (image,) = values_of(IMAGE, given).values()
        assert (image.parent, image.root) == (Origin("a", 10, 20, 800, 600), Origin("r", 1, 2, 1600, 1200))
        (image,) = values_of(IMAGE, picture() | {"root_parent_id": "r"}).values()
        assert image.root == Origin("r", 0, 0, 60, 40) and not image.is_root

    def test_what_is_found_in_them_is_told_in_their_root(self) -> None:
        given = picture() | {"root_parent_id": "r", "root_parent_origin": ORIGIN}
        (answer,) = run(document([detector()], {"p": "$steps.det.predictions"}), {"image": given})
        (found,) = answer["p"]["predictions"]
        assert answer["p"]["image"] == {"width": 800, "height": 600}
        assert (found["x"], found["y"], found["parent_id"]) == (16.0, 28.0, "r")

    def test_frames(self) -> None:
        metadata = {
            "video_identifier": "cam", "frame_number": 7, "frame_timestamp": "2024-05-06T07:08:09", "fps": 12.5,
            "measured_fps": 11.0, "comes_from_video_file": False, "total_frames": 99,
        }  # fmt: skip
        (image,) = values_of(IMAGE, picture() | {"video_metadata": metadata}).values()
        assert image.video.render() == metadata
        found = read("video_metadata", {key: metadata[key] for key in list(metadata)[:3]})
        moment = datetime(2024, 5, 6, 7, 8, 9)
        assert found == VideoMetadata(video_identifier="cam", frame_number=7, fps=None, frame_timestamp=moment)
        frame = {"type": "WorkflowVideoMetadata", "name": "v"}
        assert run(document([], {"v": "$inputs.v"}, [frame]), {"v": metadata}) == [{"v": metadata}]

    def test_without_frame_there_is_one_of_now(self) -> None:
        (image,) = values_of(IMAGE, picture()).values()
        assert image.video.video_identifier == "image" and image.video.fps == 30.0 and image.video.frame_number == 0
        assert abs(datetime.now(UTC).timestamp() - image.video.frame_timestamp.timestamp()) < 60


class TestDetections:
    @pytest.mark.parametrize("kind", sorted(DETECTION_KINDS))
    def test_of_every_kind(self, kind: str) -> None:
        table = read(kind, detections(row(), row(x=1, detection_id="mine", parent_id="p")))
        assert isinstance(table, DetectionTable)
        assert table.xyxy.tolist() == [[4, 4, 6, 8], [0, 4, 2, 8]]
        assert table.confidence.tolist() == [0.5, 0.5] and table.class_id.tolist() == [1, 1]
        assert table.class_name.tolist() == ["cat", "cat"] and table.parent_id.tolist() == ["v.[0]", "p"]
        assert len(table.detection_id[0]) == 36 and table.detection_id[1] == "mine"
        assert table.size == (20, 10)
        assert read(kind, detections()).size == (20, 10) and len(read(kind, detections())) == 0

    def test_places(self) -> None:
        place = {"parent_origin": ORIGIN, "root_parent_id": "r", "root_parent_origin": ORIGIN | {"offset_x": 100}}
        table = read("object_detection_prediction", detections(row(parent_id="p", **place)))
        (found,) = table.places
        assert (found.width, found.height) == (20, 10)
        assert found.parent == Origin("p", 10, 20, 800, 600) and found.root == Origin("r", 100, 20, 800, 600)

    def test_masks(self) -> None:
        corners = [{"x": x, "y": y} for x, y in [(2, 1), (5, 1), (5, 3), (2, 3)]]
        table = read("instance_segmentation_prediction", detections(row(points=corners)))
        assert table.masks is not None
        (mask,) = table.masks
        expected = np.zeros((10, 20), bool)
        expected[1:4, 2:6] = True
        assert dense(mask).tolist() == expected.tolist()
        counts = {"size": [10, 20], "counts": encode_run_lengths(mask)}
        for name in ("rle_mask", "rle"):
            again = read("rle_instance_segmentation_prediction", detections(row(**{name: counts})))
            assert again.masks is not None and dense(again.masks[0]).tolist() == expected.tolist()

    def test_keypoints(self) -> None:
        nose = {"x": 1, "y": 2, "confidence": 0.5, "class_id": 0, "class": "nose"}
        table = read("keypoint_detection_prediction", detections(row(keypoints=[nose]), row(keypoints=[])))
        assert table.keypoints is not None
        assert [points.xy.tolist() for points in table.keypoints] == [[[1.0, 2.0]], []]
        assert table.keypoints[0].class_name == ("nose",)

    def test_what_only_some_have_is_dropped(self) -> None:
        table = read("object_detection_prediction", detections(row(tracker_id=1, note="a"), row()))
        assert table.tracker_id is None and table.columns.keys() == {"width", "height"}
        table = read(
            "object_detection_prediction", detections(row(tracker_id=1, note="a"), row(tracker_id=2, note=None))
        )
        assert table.tracker_id.tolist() == [1, 2] and table.columns["note"].tolist() == ["a", None]

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(5, id="a number"),
            pytest.param([row()], id="a list"),
            pytest.param({"predictions": []}, id="no picture"),
            pytest.param({"image": {"width": 1, "height": 1}}, id="no predictions"),
            pytest.param({"image": None, "predictions": []}, id="picture is null"),
            pytest.param({"image": [1, 2], "predictions": []}, id="picture is a list"),
            pytest.param(detections(row(), width="wide"), id="width is a text"),
            pytest.param(detections(row(), width=1e400), id="width is endless"),
            pytest.param(detections(row(), width=-5), id="width is negative"),
            pytest.param(detections(row(), width=10**30), id="width is huge"),
            pytest.param({"image": {"width": 1, "height": 1}, "predictions": 5}, id="predictions is a number"),
            pytest.param({"image": {"width": 1, "height": 1}, "predictions": {"a": 1}}, id="predictions is a dict"),
            pytest.param(detections(row(), 5), id="a row is a number"),  # type: ignore[arg-type]
            pytest.param(detections({"x": 1}), id="no sides"),
            pytest.param(detections(row(x="left")), id="x is a text"),
            pytest.param(detections(row(x=None)), id="x is null"),
            pytest.param(detections(row(x=[1])), id="x is a list"),
            pytest.param(detections(row(class_id=10**30)), id="class id is huge"),
            pytest.param(detections(row(class_id="a")), id="class id is a text"),
            pytest.param(detections({**row(), "class": 5}), id="class is a number"),
            pytest.param(detections(row(detection_id=5)), id="id is a number"),
            pytest.param(detections(row(parent_id=["a"])), id="parent is a list"),
            pytest.param(detections(row(parent_origin=5)), id="origin is a number"),
            pytest.param(detections(row(parent_origin=ORIGIN | {"width": 1e400})), id="origin is endless"),
            pytest.param(detections(row(root_parent_id=5)), id="root is a number"),
            pytest.param(detections(row(root_parent_id="a", root_parent_origin=5)), id="origin of root is a number"),
            pytest.param(detections(row(keypoints=5)), id="keypoints is a number"),
            pytest.param(detections(row(keypoints=[{"x": 1}])), id="keypoint without y"),
            pytest.param(detections(row(points=[5])), id="point is a number"),
            pytest.param(detections(row(points=[{"x": 1e400, "y": 1}, {"x": 1, "y": 1}])), id="point is endless"),
            pytest.param(detections(row(rle_mask=5)), id="run lengths are a number"),
            pytest.param(detections(row(rle_mask={"size": [10, 20]})), id="no counts"),
            pytest.param(detections(row(rle_mask={"size": [10], "counts": "a"})), id="one side"),
            pytest.param(detections(row(rle_mask={"size": [-10, 20], "counts": "a"})), id="negative side"),
            pytest.param(detections(row(rle_mask={"size": [10, 20], "counts": "\x00é"})), id="no such counts"),
            pytest.param(detections(row(tracker_id="a")), id="tracker is a text"),
        ],
    )
    @pytest.mark.parametrize("kind", ["instance_segmentation_prediction", "rle_instance_segmentation_prediction"])
    def test_that_cannot_be_read(self, kind: str, value: Any) -> None:
        text = refusal([batch("v", 1, [kind])], {"v": [value]}).public
        assert text.startswith("Failed to assemble `v.[0]`.")

    @pytest.mark.parametrize("origin", [{}, None])
    def test_of_an_empty_origin_only_the_id_is_known(self, origin: Any) -> None:
        table = read("object_detection_prediction", detections(row(parent_id="crop", parent_origin=origin)))
        (place,) = table.places
        assert (place.parent, place.root) == (
            Origin("crop", 0, 0, 20, 10, is_known=False),
            Origin("v.[0]", 0, 0, 20, 10, is_known=False),
        )

    def test_origins_count_where_all_have_them(self) -> None:
        one, other = row(parent_id="a", parent_origin=ORIGIN), row(parent_id="b")
        table = read("object_detection_prediction", detections(one, other))
        assert [place.parent.is_known for place in table.places] == [False, False]

    @pytest.mark.parametrize(("name", "expected"), [("width", [2, 4]), ("height", [4, 4])])
    def test_their_sides_are_properties(self, name: str, expected: list[float]) -> None:
        sides = take("p", "$inputs.v", {"type": "DetectionsPropertyExtract", "property_name": name})
        definition = document([sides], {"p": "$steps.p.output"}, [batch("v", 1, ["object_detection_prediction"])])
        assert run(definition, {"v": [detections(row(), row(width=4))]}) == [{"p": expected}]

    @pytest.mark.parametrize("rows", [[], [row()]], ids=["nothing came", "nothing is left"])
    def test_of_nothing_the_size_stays_if_nothing_came(self, rows: list[Json]) -> None:
        confident = {"type": "ExtractDetectionProperty", "property_name": "confidence"}
        condition = {
            "type": "BinaryStatement",
            "left_operand": {"type": "DynamicOperand", "operations": [confident]},
            "comparator": {"type": "(Number) >"},
            "right_operand": {"type": "StaticOperand", "value": 0.9},
        }
        chosen = {"type": "DetectionsFilter", "filter_operation": {"type": "StatementGroup", "statements": [condition]}}
        filtered = step("roboflow_core/detections_filter@v1", "f", predictions="$inputs.v", operations=[chosen])
        definition = document(
            [filtered], {"p": "$steps.f.predictions"}, [batch("v", 1, ["object_detection_prediction"])]
        )
        (answer,) = run(definition, {"v": [detections(*rows)]})
        size = {"width": None, "height": None} if rows else {"width": 20, "height": 10}
        assert answer == {"p": {"image": size, "predictions": []}}

    def test_classifications_are_filled_up(self) -> None:
        given = {"image": {"width": 1, "height": 1}, "predictions": [], "top": "a", "confidence": 0.5}
        found = read("classification_prediction", given)
        assert found | given == found
        assert (found["prediction_type"], found["parent_id"], found["root_parent_id"]) == (
            "classification",
            "v.[0]",
            "v.[0]",
        )
        assert len(found["inference_id"]) == 36
        mine = given | {"parent_id": "p", "inference_id": "i", "prediction_type": "x"}
        assert read("classification_prediction", mine) == mine | {"root_parent_id": "v.[0]"}

    def test_come_back_as_they_came(self) -> None:
        given = detections(row(detection_id="a"), row(detection_id="b", x=7.5))
        (answer,) = run(
            document([], {"v": "$inputs.v"}, [batch("v", 1, ["object_detection_prediction"])]), {"v": [given]}
        )
        assert answer["v"]["image"] == given["image"]
        for sent, found in zip(given["predictions"], answer["v"]["predictions"], strict=True):
            assert sent | found == found and found["parent_id"] == "v.[0]"


class TestParameters:
    def test_are_taken_as_they_are(self) -> None:
        inputs = [parameter(name, default) for name, default in [("a", 1), ("b", None), ("c", "x")]]
        state = assembled(inputs, {"b": [1, None], "c": None})
        assert state.inputs == {"a": {(): 1}, "b": {(): [1, None]}, "c": {(): None}}

    @pytest.mark.parametrize("value", [0.25, 0, 1, "0.25", True], ids=repr)
    def test_that_a_property_takes(self, value: Any) -> None:
        assembled([IMAGE, parameter("c")], {"image": picture(), "c": value}, [detector(confidence="$inputs.c")])

    def test_are_not_converted(self) -> None:
        """contract/workflows.md 4.1: checked only."""
        steps = [step(TEMPLATE, "t", template="$inputs.t", data={"a": "$inputs.a"})]
        state = assembled([parameter("t"), parameter("a")], {"t": "{a}", "a": "5"}, steps)
        assert state.inputs["a"] == {(): "5"}

    @pytest.mark.parametrize("value", ["a lot", 1.5, -1, None, [0.5], {"a": 1}], ids=repr)
    def test_that_a_property_does_not_take(self, value: Any) -> None:
        steps = [detector(confidence="$inputs.c")]
        error = refusal([IMAGE, parameter("c")], {"image": picture(), "c": value}, steps)
        assert error.public == (
            "Provided input is incompatible with manifest of step det regarding property confidence provided in input "
            "parameter named c. Details available in inner error object."
        )
        assert error.render()["inner_error_type"] == "ValidationError"

    def test_defaults_are_checked_too(self) -> None:
        refusal([IMAGE, parameter("c", 7)], {"image": picture()}, [detector(confidence="$inputs.c")])

    def test_every_property_that_it_is_the_value_of(self) -> None:
        steps = [detector("a", max_detections="$inputs.c"), detector("b", class_filter="$inputs.c")]
        error = refusal([IMAGE, parameter("c")], {"image": picture(), "c": 5}, steps)
        assert "step b regarding property class_filter" in error.public

    def test_what_takes_selectors_only_takes_no_parameter(self) -> None:
        steps = [step(PROPERTY, "p", data="$inputs.c", operations=[])]
        refusal([parameter("c")], {"c": 5}, steps)
        assert assembled([parameter("c")], {"c": "$inputs.x"}, steps).inputs["c"] == {(): "$inputs.x"}

    def test_rules_of_the_whole_step_hold(self) -> None:
        written = detector(custom_confidence="$inputs.c", confidence_mode="custom")
        written["type"] = written["type"].replace("v2", "v3")
        refusal([IMAGE, parameter("c")], {"image": picture(), "c": None}, [written])

    def test_inside_lists_and_dicts_they_are_not_checked(self) -> None:
        steps = [join("e", a="$inputs.c"), gate("go", "$inputs.c", "t"), step(TEMPLATE, "t", template="x")]
        assert assembled([parameter("c")], {"c": [object]}, steps).inputs["c"] == {(): [object]}

    def test_a_step_that_would_not_run_is_checked_nevertheless(self) -> None:
        steps = [gate("go", "$inputs.p", "det"), detector(confidence="$inputs.c")]
        refusal([IMAGE, parameter("c"), parameter("p", 0)], {"image": picture(), "c": "no"}, steps)

    def test_they_come_before_batches(self) -> None:
        error = refusal([IMAGE, parameter("c")], {"c": "no"}, [detector(confidence="$inputs.c")])
        assert "incompatible with manifest" in error.public

    def test_batches_are_not_checked(self) -> None:
        assembled([batch("b")], {"b": [5]}, [count(data="$inputs.b"), take("u", "$inputs.b", "ToString")])


@pytest.mark.parametrize("depth", [70, 500, 100_000])
@pytest.mark.parametrize("name", ["b", "p", "unknown"])
def test_deep_nesting_is_refused(depth: int, name: str) -> None:
    value: Any = []
    for _ in range(depth):
        value = [value]
    given = {"b": 1, "p": 1} | {name: value}
    assert "nest lists and objects more than" in refusal([batch("b"), parameter("p")], given).public


def dense(mask: Mask) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The mask (H, W) of its whole picture."""
    canvas = np.zeros((mask.height, mask.width), bool)
    height, width = mask.patch.shape
    canvas[mask.top : mask.top + height, mask.left : mask.left + width] = mask.patch
    return canvas
