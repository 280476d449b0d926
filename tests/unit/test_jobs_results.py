"""COCO JSON and CSV of a job's results."""

import csv
import io
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import pytest

from retinue.errors import RequestError
from retinue.jobs.results import CSV_COLUMNS, read_line, write_coco, write_csv

SIZE = {"width": 320, "height": 240}
BOX = {"x": 60.0, "y": 40.0, "width": 40.0, "height": 20.0, "confidence": 0.5, "class": "cat", "class_id": 1,
       "detection_id": "d"}  # fmt: skip
POLYGON = {**BOX, "points": [{"x": 0, "y": 0}, {"x": 4, "y": 0}, {"x": 4, "y": 2}], "mask_format": "polygon"}
RLE = {**BOX, "rle": {"size": [240, 320], "counts": "PPP1"}, "mask_format": "rle"}


def point(slot: int, x: float, name: str) -> dict[str, Any]:
    return {"x": x, "y": 2 * x, "confidence": 0.9, "class_id": slot, "class": name}


def line(key: str = "a.jpg", *predictions: dict[str, Any], **record: Any) -> bytes:
    given = {"id": "i", "source": {"bucket": "b", "key": key, "version": None}}
    answer = {"inference_id": "i", "image": SIZE, "predictions": list(predictions)}
    return orjson.dumps({**given, **(record or {"result": answer})}) + b"\n"


FAILED = line("broken.jpg", error={"type": "image", "message": "no picture"})


def coco(*lines: bytes) -> dict[str, Any]:
    return orjson.loads(b"".join(write_coco(lambda: lines)))


def rows(*lines: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(write_csv(lines)), newline="")))


class TestCoco:
    def test_boxes(self) -> None:
        file = coco(line("a.jpg", BOX, {**BOX, "class": "dog", "class_id": 0}), line("b.jpg"), line("c.jpg", BOX))
        assert [image["file_name"] for image in file["images"]] == ["a.jpg", "b.jpg", "c.jpg"]
        assert file["images"][0] == {"id": 0, "file_name": "a.jpg", **SIZE}
        assert [(entry["id"], entry["name"]) for entry in file["categories"]] == [(0, "dog"), (1, "cat")]
        assert file["annotations"][0] == {
            "id": 0, "image_id": 0, "category_id": 1, "bbox": [40.0, 30.0, 40.0, 20.0], "area": 800.0, "iscrowd": 0,
            "score": 0.5,
        }  # fmt: skip
        assert [entry["image_id"] for entry in file["annotations"]] == [0, 0, 2]
        assert [entry["id"] for entry in file["annotations"]] == [0, 1, 2]

    def test_outlines(self) -> None:
        (annotation,) = coco(line("a.jpg", POLYGON))["annotations"]
        assert annotation["segmentation"] == [[0, 0, 4, 0, 4, 2]]
        assert annotation["area"] == 4.0

    def test_run_lengths(self) -> None:
        (annotation,) = coco(line("a.jpg", RLE))["annotations"]
        assert annotation["segmentation"] == {"size": [240, 320], "counts": "PPP1"}

    def test_keypoints_have_a_place_each_also_where_some_are_not_shown(self) -> None:
        nose, ear, tail = point(0, 1, "nose"), point(1, 2, "ear"), point(2, 3, "tail")
        file = coco(line("a.jpg", {**BOX, "keypoints": [nose]}), line("b.jpg", {**BOX, "keypoints": [ear, tail]}))
        assert file["categories"][0]["keypoints"] == ["nose", "ear", "tail"]
        assert [entry["keypoints"] for entry in file["annotations"]] == [
            [1, 2, 2, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 2, 4, 2, 3, 6, 2],
        ]
        assert [entry["num_keypoints"] for entry in file["annotations"]] == [1, 2]

    def test_pictures_that_failed_are_left_out(self) -> None:
        file = coco(FAILED, line("a.jpg", BOX), FAILED)
        assert [image["id"] for image in file["images"]] == [0]
        assert file["annotations"][0]["image_id"] == 0

    @pytest.mark.parametrize("lines", [(), (FAILED,), (line("a.jpg"),)], ids=["no lines", "only failed", "no finds"])
    def test_nothing_found_is_still_a_file(self, lines: tuple[bytes, ...]) -> None:
        file = coco(*lines)
        assert (file["annotations"], file["categories"]) == ([], [])

    def test_two_models_that_number_their_classes_alike(self) -> None:
        file = coco(line("a.jpg", BOX, {**BOX, "class": "plate", "class_id": 1}, {**BOX, "class": "dog"}))
        assert {entry["name"]: entry["id"] for entry in file["categories"]} == {"cat": 1, "plate": 2, "dog": 3}

    def test_a_mask_grid_is_scaled_to_the_picture(self) -> None:
        answer = {
            "image": {"width": 80, "height": 60},
            "original_image": SIZE,
            "mask_metadata": {"scale_x": 4.0, "scale_y": 4.0},
            "predictions": [{**POLYGON, "x": 15.0, "y": 10.0, "width": 10.0, "height": 5.0}],
        }
        file = coco(line("a.jpg", result=answer))
        assert (file["images"][0]["width"], file["images"][0]["height"]) == (320, 240)
        assert file["annotations"][0]["bbox"] == [40.0, 30.0, 40.0, 20.0]
        assert file["annotations"][0]["segmentation"] == [[0, 0, 16, 0, 16, 8]]

    def test_a_workflow_with_several_outputs(self) -> None:
        outputs = [{"cats": {"image": SIZE, "predictions": [BOX]}, "count": 1,
                    "nested": {"dogs": {"image": SIZE, "predictions": [{**BOX, "class": "dog"}]}}}]  # fmt: skip
        file = coco(line("a.jpg", result={"outputs": outputs}))
        assert len(file["annotations"]) == 2
        assert [row["output"] for row in rows(line("a.jpg", result={"outputs": outputs}))] == ["cats", "nested.dogs"]

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(
                {"image": SIZE, "predictions": [{"class": "cat", "class_id": 1, "confidence": 0.9}]}, id="one label"
            ),
            pytest.param(
                {"image": SIZE, "predictions": {"cat": {"confidence": 0.9, "class_id": 1}}, "predicted_classes": []},
                id="many labels",
            ),
            pytest.param(
                {"image": SIZE, "predictions": {"segmentation_mask": "x", "class_map": {}}}, id="semantic segmentation"
            ),
        ],
    )
    def test_what_coco_has_no_place_for(self, answer: dict[str, Any]) -> None:
        with pytest.raises(RequestError, match="take csv or jsonl"):
            coco(line("a.jpg", result=answer))


class TestCsv:
    def test_a_row_for_each_prediction_and_each_failure(self) -> None:
        found = rows(line("a.jpg", BOX, POLYGON), line("b.jpg"), FAILED)
        assert [row["key"] for row in found] == ["a.jpg", "a.jpg", "broken.jpg"]
        assert found[0] | {"id": "i"} == dict.fromkeys(CSV_COLUMNS, "") | {
            "id": "i", "bucket": "b", "key": "a.jpg", "image_width": "320", "image_height": "240", "class": "cat",
            "class_id": "1", "confidence": "0.5", "x": "60.0", "y": "40.0", "width": "40.0", "height": "20.0",
            "detection_id": "d",
        }  # fmt: skip
        assert orjson.loads(found[1]["points"]) == POLYGON["points"]
        assert found[2]["error"] == "image: no picture"

    @pytest.mark.parametrize("name", ["a,b.jpg", 'say "cheese".jpg', "line\nbreak.jpg", "图.jpg", "=cmd.jpg"])
    def test_names_that_need_quotes(self, name: str) -> None:
        assert rows(line(name, BOX))[0]["key"] == name

    def test_classifications(self) -> None:
        one = {"image": SIZE, "predictions": [{"class": "cat", "class_id": 1, "confidence": 0.9}], "top": "cat"}
        labels = {"cat": {"confidence": 0.9, "class_id": 1}, "dog": {"confidence": 0.1, "class_id": 0}}
        many = {"image": SIZE, "predictions": labels, "predicted_classes": ["cat"]}
        for answer in (one, many):
            (row,) = rows(line("a.jpg", result=answer))
            assert (row["class"], row["class_id"], row["confidence"], row["x"]) == ("cat", "1", "0.9", "")

    def test_frames_of_a_video(self) -> None:
        answer = {"image": SIZE, "predictions": [{**BOX, "tracker_id": 5}]}
        place = {"frame_offset": 7, "time_offset_s": 1.4}
        stored = {"bucket": "b", "key": "clip.mp4", "version": None, **place}
        fetched = {"url": "https://example.com/clip.mp4?signature=secret", **place}
        for source, name in ((stored, "clip.mp4#7"), (fetched, "https://example.com/clip.mp4#7")):
            text = orjson.dumps({"id": "1", "source": source, "results": {"cats/1": answer, "dogs/2": answer}})
            assert [(row["frame"], row["output"], row["tracker_id"]) for row in rows(text)] == [
                ("7", "cats/1", "5"),
                ("7", "dogs/2", "5"),
            ]
            assert read_line(text).name == name


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"no json", b'{"id": 1, "source": {}}', b'{"id":1,"source":{},"error":1}']
)
def test_what_is_no_line(text: bytes) -> None:
    with pytest.raises(RequestError, match="is no line of a job's results"):
        read_line(text)


@pytest.mark.parametrize("form", ["coco", "csv"])
def test_memory_does_not_grow_with_the_results(form: str) -> None:
    def lines(count: int) -> Iterator[bytes]:
        return (line(f"{number}.jpg", BOX, POLYGON) for number in range(count))

    def peak_bytes(count: int) -> int:
        def drain(pieces: Iterable[Any]) -> None:
            for _ in pieces:
                pass

        tracemalloc.start()
        drain(write_csv(lines(count)) if form == "csv" else write_coco(lambda: lines(count)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_bytes(10)  # imports, caches
    assert peak_bytes(6000) < 300_000  # the lines alone are 2.5 MB
