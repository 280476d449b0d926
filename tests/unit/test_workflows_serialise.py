"""Values as JSON: detections in all their forms, pictures, secrets, times; and what was written, read back."""

import base64
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pytest
from PIL import Image

from retinue.pipeline.prediction import Mask
from retinue.workflows.detections import DetectionTable, Keypoints, Place, strings
from retinue.workflows.image import Origin, VideoMetadata, WorkflowImage
from retinue.workflows.moves import to_root
from retinue.workflows.read_detections import read_detections
from retinue.workflows.serialise import render, render_detections, render_image, serialise, to_json
from tests.unit.pictures import smooth
from tests.unit.workflow_documents import batch, document, run, take

OBJECTS = "object_detection_prediction"
INSTANCES = "instance_segmentation_prediction"
RUN_LENGTHS = "rle_instance_segmentation_prediction"
KEYPOINTS = "keypoint_detection_prediction"
ROOT = Origin("image", 0, 0, 60, 40)
CUT = Origin("crop", 10, 20, 60, 40)
ROTATED = {
    "angle": np.array([30.0]), "rect": strings([[[0, 0], [1, 1]]]), "height": np.array([2.5]), "width": np.array([9.5]),
}  # fmt: skip


def table(count: int = 2, *, is_cut: bool = False, **more: Any) -> DetectionTable:
    """Boxes of 8 x 6 in a row, in a picture of 60 x 40, or in a crop of 30 x 15 at (10, 20) of it."""
    left = 4.0 + 10 * np.arange(count)
    place = (
        Place(width=30, height=15, parent=CUT, root=replace(CUT, id="image"))
        if is_cut
        else Place(width=60, height=40, parent=ROOT, root=ROOT)
    )
    return DetectionTable(
        xyxy=np.stack([left, left * 0 + 5, left + 8, left * 0 + 11], axis=1),
        confidence=np.linspace(0.75, 0.25, count),
        class_id=np.arange(count),
        class_name=strings(["cat", "dog", "cow"][:count]),
        detection_id=strings([f"id{row}" for row in range(count)]),
        parent_id=strings([place.parent.id] * count),
        places=strings([place] * count),
        **more,
    )


def mask(*rectangles: tuple[int, int, int, int], width: int = 60, height: int = 40) -> Mask:
    """The pixels of the rectangles: left, top, right, bottom, ends included."""
    canvas = np.zeros((height, width), bool)
    for left, top, right, bottom in rectangles:
        canvas[top : bottom + 1, left : right + 1] = True
    return Mask(canvas, 0, 0, width, height)


def corners(points: list[dict[str, float]]) -> set[tuple[float, float]]:
    return {(point["x"], point["y"]) for point in points}


class TestDetections:
    def test_the_keys_of_a_root_and_their_order(self) -> None:
        assert render_detections(table(1)) == {
            "image": {"width": 60, "height": 40},
            "predictions": [
                {
                    "width": 8.0,
                    "height": 6.0,
                    "x": 8.0,
                    "y": 8.0,
                    "confidence": 0.75,
                    "class_id": 0,
                    "class": "cat",
                    "detection_id": "id0",
                    "parent_id": "image",
                }
            ],
        }
        assert list(render_detections(table(1))["predictions"][0]) == [
            "width", "height", "x", "y", "confidence", "class_id", "class", "detection_id", "parent_id",
        ]  # fmt: skip

    def test_all_keys_of_a_crop_and_their_order(self) -> None:
        full = table(
            1,
            is_cut=True,
            masks=(mask((4, 5, 11, 10), width=30, height=15),),
            keypoints=(nose(),),
            tracker_id=np.array([7]),
            columns={"data": strings(["text"]), "time_in_zone": np.array([0.5]), **ROTATED},
        )
        (row,) = render_detections(full)["predictions"]
        assert list(row) == [
            "width", "height", "x", "y", "confidence", "class_id", "points", "tracker_id", "class", "detection_id",
            "time_in_zone", "angle", "rect", "parent_id", "parent_origin", "root_parent_id", "root_parent_origin",
            "keypoints", "data",
        ]  # fmt: skip
        assert row["parent_origin"] == {"offset_x": 10, "offset_y": 20, "width": 60, "height": 40}
        assert (row["parent_id"], row["root_parent_id"], row["tracker_id"]) == ("crop", "image", 7)
        assert row["rect"] == [[0, 0], [1, 1]] and row["data"] == "text"
        assert (row["width"], row["height"]) == (9.5, 2.5)

    @pytest.mark.parametrize("missing", ["angle", "rect", "width", "height"])
    def test_a_rotated_box_is_whole_or_not_there(self, missing: str) -> None:
        columns = {name: column for name, column in ROTATED.items() if name != missing}
        assert render_detections(table(1, columns=columns)) == render_detections(table(1))

    def test_boxes_turned_inside_out(self) -> None:
        inverted = replace(table(1), xyxy=np.array([[30.0, 10.0, 20.0, 4.0]]))
        (row,) = render_detections(inverted)["predictions"]
        assert [row[name] for name in ("width", "height", "x", "y")] == [10, 6, 35, 13]

    def test_origins_that_nobody_told(self) -> None:
        root = Origin("root", 0, 0, 30, 15, is_known=False)
        places = strings([Place(width=30, height=15, parent=CUT, root=root)])
        (row,) = render_detections(replace(table(1, is_cut=True), places=places))["predictions"]
        assert row["root_parent_id"] == "root" and "root_parent_origin" not in row
        assert row["parent_origin"] == {"offset_x": 10, "offset_y": 20, "width": 60, "height": 40}

    def test_numbers_are_those_of_python(self) -> None:
        (row, _) = render_detections(table(2, tracker_id=np.array([1, 2])))["predictions"]
        assert {type(value) for value in row.values()} == {float, int, str}

    @pytest.mark.parametrize(
        ("shapes", "expected"),
        [
            pytest.param([(2, 3, 6, 8)], {(2, 3), (2, 8), (6, 8), (6, 3)}, id="one"),
            pytest.param([(0, 0, 2, 2), (10, 10, 30, 30)], {(10, 10), (10, 30), (30, 30), (30, 10)}, id="the largest"),
            pytest.param([(5, 5, 5, 5)], {(5, 5)}, id="a point"),
            pytest.param([(5, 5, 9, 5)], {(5, 5), (9, 5)}, id="a line"),
        ],
    )
    def test_masks_as_outlines(self, shapes: list[Any], expected: set[Any]) -> None:
        (row,) = render_detections(table(1, masks=(mask(*shapes),)))["predictions"]
        assert corners(row["points"]) == expected
        assert len(row["points"]) >= 3 and "rle_mask" not in row

    def test_holes_do_not_count(self) -> None:
        ring = mask((10, 10, 30, 30))
        ring.patch[11:30, 11:30] = False
        (row,) = render_detections(table(1, masks=(ring,)))["predictions"]
        assert corners(row["points"]) == {(10, 10), (10, 30), (30, 30), (30, 10)}

    def test_without_an_outline_they_are_left_out(self) -> None:
        masked = table(2, masks=(mask(), mask((2, 3, 6, 8))))
        assert [row["detection_id"] for row in render_detections(masked)["predictions"]] == ["id1"]
        both = render_detections(masked, is_run_length=True)["predictions"]
        assert [row["detection_id"] for row in both] == ["id0", "id1"]

    def test_masks_as_run_lengths(self) -> None:
        masked = table(1, masks=(mask((2, 1, 3, 2), width=5, height=4),))
        (row,) = serialise(masked, (RUN_LENGTHS,))["predictions"]
        # Down the columns of 4: 9 pixels, 2, 2, 2, 5; from the fourth on told as differences to the one two before.
        assert row["rle_mask"] == {"size": [4, 5], "counts": "92203"}
        assert "points" not in row
        assert list(row)[-1] == "rle_mask"

    def test_keypoints(self) -> None:
        (row,) = render_detections(table(1, keypoints=(nose(),)))["predictions"]
        assert row["keypoints"] == [{"class_id": 0, "class": "nose", "confidence": 0.5, "x": 1.5, "y": 2.5}]

    @pytest.mark.parametrize(("size", "expected"), [((60, 40), (60, 40)), (None, (None, None))])
    def test_nothing_found(self, size: tuple[int, int] | None, expected: tuple[Any, Any]) -> None:
        rendered = render_detections(DetectionTable.empty(size))
        assert rendered == {"image": {"width": expected[0], "height": expected[1]}, "predictions": []}

    def test_unknown_confidence_is_null(self) -> None:
        rendered = render_detections(replace(table(1), confidence=np.array([np.nan])))
        assert orjson.loads(orjson.dumps(rendered))["predictions"][0]["confidence"] is None


class TestRoundTrip:
    @pytest.mark.parametrize(
        ("kind", "written"),
        [
            pytest.param(OBJECTS, table(3), id="boxes"),
            pytest.param(OBJECTS, table(2, is_cut=True), id="of a crop"),
            pytest.param(OBJECTS, table(2, tracker_id=np.array([5, -1])), id="tracked"),
            pytest.param(OBJECTS, table(2, columns={"note": strings(["a", None])}), id="a further column"),
            pytest.param(OBJECTS, table(1, columns={"list": strings([[1]])}), id="a column of one list"),
            pytest.param(OBJECTS, table(2, columns={"list": strings([[1, 2], [3, 4]])}), id="a column of lists"),
            pytest.param(INSTANCES, table(1, masks=(mask((4, 5, 11, 10)),)), id="an outline"),
            pytest.param(INSTANCES, table(1, is_cut=True, masks=(mask((4, 5, 9, 9), width=30, height=15),)), id="cut"),
            pytest.param(RUN_LENGTHS, table(2, masks=(mask((4, 5, 9, 9), (30, 1, 31, 39)), mask())), id="run lengths"),
            pytest.param(OBJECTS, DetectionTable.empty((60, 40)), id="nothing"),
            pytest.param(OBJECTS, DetectionTable.empty(), id="nothing anywhere"),
        ],
    )  # fmt: skip
    def test_what_was_written_is_read(self, kind: str, written: DetectionTable) -> None:
        sent = orjson.loads(orjson.dumps(serialise(written, (kind,))))
        found = read_detections(kind, "image", sent)
        assert serialise(found, (kind,)) == serialise(written, (kind,))
        assert np.allclose(found.xyxy, written.xyxy)

    def test_where_a_crop_lies_is_read(self) -> None:
        written = table(2, is_cut=True)
        assert read_detections(OBJECTS, "other", serialise(written, ())).places.tolist() == written.places.tolist()

    def test_of_what_says_no_root_the_input_is_the_root(self) -> None:
        found = read_detections(OBJECTS, "v.[0]", serialise(table(1), ()))
        (row,) = serialise(to_root(found), ())["predictions"]
        (sent,) = serialise(table(1), ())["predictions"]
        assert row == sent | {"root_parent_id": "v.[0]"}

    def test_keypoints(self) -> None:
        written = table(2, keypoints=(nose(), nose(0)))
        found = read_detections(KEYPOINTS, "image", serialise(written, (KEYPOINTS,)))
        assert serialise(found, (KEYPOINTS,)) == serialise(written, (KEYPOINTS,))
        assert found.prediction_type == "keypoint-detection"

    @pytest.mark.parametrize("seed", range(20))
    def test_random_masks_as_run_lengths(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        canvas = random.random((40, 60)) < 0.3
        written = table(1, masks=(Mask(canvas, 0, 0, 60, 40),))
        sent = orjson.loads(orjson.dumps(serialise(written, (RUN_LENGTHS,))))
        assert serialise(read_detections(RUN_LENGTHS, "image", sent), ()) == serialise(written, ())

    def test_through_a_whole_workflow(self) -> None:
        sent = render_detections(table(3, is_cut=True))
        keep_all = take("same", "$inputs.v", {"type": "DetectionsSelection", "mode": "first"})
        definition = document([keep_all], {"x": "$steps.same.output", "y": "$inputs.v"}, [batch("v", 1, [OBJECTS])])
        (row,) = run(definition, {"v": [sent]})
        assert [item["x"] for item in row["y"]["predictions"]] == [18.0, 28.0, 38.0]  # in the root
        assert row["x"]["predictions"] == row["y"]["predictions"][:1]


class TestCoordinates:
    def test_to_the_root(self) -> None:
        moved = render_detections(to_root(table(1, is_cut=True)))
        (row,) = moved["predictions"]
        assert moved["image"] == {"width": 60, "height": 40}
        assert (row["x"], row["y"], row["parent_id"]) == (18.0, 28.0, "image")
        assert "parent_origin" not in row

    def test_of_what_lies_there_already(self) -> None:
        unmoved = table(2)
        assert to_root(unmoved) is unmoved

    def test_of_nothing(self) -> None:
        empty = replace(DetectionTable.empty((30, 15)), root_size=(60, 40))
        assert render_detections(to_root(empty))["image"] == {"width": 60, "height": 40}


class TestPictures:
    IMAGE = WorkflowImage.of_pixels(smooth(40, 60), "image")

    def test_a_root(self) -> None:
        rendered = render_image(self.IMAGE)
        assert list(rendered) == ["type", "value", "video_metadata"]
        picture = Image.open(io.BytesIO(base64.b64decode(rendered["value"])))
        assert (picture.format, picture.size, picture.mode) == ("JPEG", (60, 40), "RGB")
        assert np.abs(np.asarray(picture).astype(int) - self.IMAGE.pixels).mean() < 3

    def test_a_crop_says_where_it_lies(self) -> None:
        rendered = render_image(self.IMAGE.crop("a", (10, 20, 30, 40)).crop("b", (1, 2, 5, 6)))
        assert rendered["parent_id"] == "b" and rendered["root_parent_id"] == "image"
        assert rendered["parent_origin"] == {"offset_x": 1, "offset_y": 2, "width": 20, "height": 20}
        assert rendered["root_parent_origin"] == {"offset_x": 11, "offset_y": 22, "width": 60, "height": 40}
        assert list(rendered)[3:] == ["parent_id", "parent_origin", "root_parent_id", "root_parent_origin"]

    def test_grey_stays_grey(self) -> None:
        rendered = render_image(WorkflowImage.of_pixels(smooth(40, 60)[..., 0], "grey"))
        assert Image.open(io.BytesIO(base64.b64decode(rendered["value"]))).mode == "L"

    def test_what_came_in_goes_out(self) -> None:
        assert render_image(replace(self.IMAGE, encoded="abc"))["value"] == "abc"
        assert render_image(replace(self.IMAGE, encoded="abc").with_pixels(self.IMAGE.pixels))["value"] != "abc"

    def test_they_are_counted(self) -> None:
        spent: list[int] = []
        rendered = serialise([self.IMAGE, {"a": self.IMAGE}], ("*",), spent.append)
        size_bytes = len(rendered[0]["value"])
        assert spent == [len("x,x,"), size_bytes, len("a"), size_bytes]


class TestOthers:
    @pytest.mark.parametrize(
        ("secret", "shown"),
        [
            ("", "********"), ("short", "********"), ("1234567", "********"), ("12345678", "12********78"),
            ("a long secret", "a ********et"), ("ключ-ключ", "кл********юч"),
        ],
    )  # fmt: skip
    def test_secrets(self, secret: str, shown: str) -> None:
        assert serialise(secret, ("secret",)) == shown
        assert serialise(secret, ("string",)) == secret

    @pytest.mark.parametrize("value", [None, 5, ["a"]])
    def test_what_is_no_text_is_no_secret(self, value: Any) -> None:
        assert serialise(value, ("secret",)) == value

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05"),
            (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00"),
            (b"abc", "YWJj"),
            (b"", ""),
            (np.float32(0.5), 0.5),
            (np.int64(7), 7),
            (np.bool_(True), True),
            (np.array([[1, 2]]), [[1, 2]]),
            (np.array(["a", {"b": datetime(2024, 1, 1)}], object), ["a", {"b": "2024-01-01T00:00:00"}]),
            ((1, (2, 3)), [1, [2, 3]]),
            ({1: "a", None: {"b": b"c"}}, {"1": "a", "None": {"b": "Yw=="}}),
            (True, True),
            (2**63, 2**63),
            (2**64, float(2**64)),
            (-(2**70), -float(2**70)),
            ("ä☃😀", "ä☃😀"),
            ("half \ud800 of a pair", "half ? of a pair"),
            ({"\udfff": "\ud800"}, {"?": "?"}),
        ],
        ids=lambda value: ascii(value)[:30],
    )
    def test_values(self, value: Any, expected: Any) -> None:
        found = render(value)
        assert found == expected and type(found) is type(expected)
        orjson.dumps(found)

    @pytest.mark.parametrize("value", [{1, 2}, object(), 1j, [{"a": {1}}], range(3)], ids=str)
    def test_what_has_no_form(self, value: Any) -> None:
        with pytest.raises(TypeError, match="cannot be written as JSON"):
            render(value)

    def test_numbers_beyond_all_bounds(self) -> None:
        with pytest.raises(OverflowError):
            render(10**400)

    def test_frames(self) -> None:
        frame = VideoMetadata(video_identifier="cam", frame_number=7, frame_timestamp=datetime(2024, 1, 2))
        full = {
            "video_identifier": "cam", "frame_number": 7, "frame_timestamp": "2024-01-02T00:00:00", "fps": 30.0,
            "measured_fps": None, "comes_from_video_file": None, "total_frames": None,
        }  # fmt: skip
        assert serialise(frame, ("video_metadata",)) == full
        assert serialise(frame, ("*",)) == {key: value for key, value in full.items() if value is not None}

    def test_everything_at_once(self) -> None:
        value = {"d": table(1), "i": [TestPictures.IMAGE], "t": (datetime(2024, 1, 1), None), "n": np.arange(2)}
        found = serialise(value, ("*",))
        assert found["d"] == render_detections(table(1))
        assert found["i"][0]["type"] == "base64"
        assert (found["t"], found["n"]) == (["2024-01-01T00:00:00", None], [0, 1])

    def test_as_text(self) -> None:
        assert json.loads(to_json({"a": (1, b"b")})) == {"a": [1, "Yg=="]}


def nose(count: int = 1) -> Keypoints:
    return Keypoints(
        xy=np.array([[1.5, 2.5]] * count).reshape(-1, 2),
        confidence=np.array([0.5] * count),
        class_id=np.zeros(count, np.int64),
        class_name=("nose",) * count,
    )
