"""What is made of the lines of a video at its end: followed, published, drawn."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import orjson
import pytest

from retinue.http.render import render_prediction
from retinue.pipeline.prediction import Classification, Detections, Labels, Prediction, Segmentation
from retinue.video.drawing import draw_frame, draw_video
from retinue.video.follow import Follower
from retinue.video.frames import Video
from retinue.video.published import PublishedResults, column_names
from retinue.video.read_answer import read_answer
from retinue.video.tracker import TrackOptions
from tests.unit.videos import make_video, moving_box

NAMES = ("cat", "dog", "bird")
SIZE: dict[str, Any] = {"image_width": 160, "image_height": 120, "class_names": NAMES}


def box(x: float, name: str = "cat", confidence: float = 0.9) -> dict[str, Any]:
    class_id = NAMES.index(name)
    return {"x": x, "y": 60.0, "width": 40.0, "height": 40.0, "confidence": confidence, "class": name,
            "class_id": class_id}  # fmt: skip


def line(index: int, **answers: Any) -> dict[str, Any]:
    return {"id": str(index), "source": {"frame_offset": index, "time_offset_s": index / 10}, **answers}


def numbers(predictions: list[dict[str, Any]]) -> list[int | None]:
    return [item.get("tracker_id") for item in predictions]


def test_models_and_outputs_of_a_workflow_have_numbers_of_their_own() -> None:
    follower = Follower(TrackOptions())
    for index in range(4):
        results = {"a/1": {"predictions": [box(30 + index), box(90)]}, "b/2": {"predictions": [box(90, "dog")]}}
        outputs = [{"found": {"image": {}, "predictions": [box(90)]}, "count": 1, "crops": [], "text": {"a": 1}}]
        record = line(index, results=results, result={"outputs": outputs})
        follower.follow(record)
        assert numbers(results["a/1"]["predictions"]) == [1, 2]
        assert numbers(results["b/2"]["predictions"]) == numbers(outputs[0]["found"]["predictions"]) == [1]  # type: ignore[index]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"result": {"predictions": [{"class": "cat", "confidence": 1.0}], "top": "cat"}}, id="classes"),
        pytest.param({"result": {"predictions": {"cat": {"confidence": 1.0}}}}, id="labels"),
        pytest.param({"result": {"outputs": []}}, id="a workflow without outputs"),
        pytest.param({"error": {"type": "workflow", "message": "no"}}, id="a frame that failed"),
    ],
)
def test_what_has_no_boxes_stays_as_it_is(answer: dict[str, Any]) -> None:
    record = line(0, **answer)
    before = orjson.dumps(record)
    Follower(TrackOptions()).follow(record)
    assert orjson.dumps(record) == before


@pytest.mark.parametrize(
    ("model_ids", "expected"),
    [
        (["a/1", "b/2"], {"a/1": "a", "b/2": "b"}),
        (["a/1", "a/2", "b/1"], {"a/1": "a/1", "a/2": "a/2", "b/1": "b"}),
        ([], {}),
    ],
)
def test_names_of_columns(model_ids: list[str], expected: dict[str, str]) -> None:
    assert column_names(model_ids) == expected


@pytest.mark.parametrize("count", [0, 1, 3])
def test_published_lists_are_equally_long(tmp_path: Path, count: int) -> None:
    with PublishedResults(tmp_path, ["a", "b"]) as results:
        for index in range(count):
            answers = {"a": {"predictions": [box(1)]}} | ({"b": {"top": "cat"}} if index != 1 else {})
            results.add({"frame_offset": index * 6, "time_offset_s": index * 0.2}, answers)
        results.write(tmp_path / "video.json")
    published = orjson.loads((tmp_path / "video.json").read_bytes())
    assert {len(values) for values in published.values()} == {count}
    assert published["frame_offsets"] == published["frame_offset"] == [0, 6, 12][:count]
    assert published["time_offsets"] == published["time_offset"] == pytest.approx([0, 0.2, 0.4][:count])
    assert published["b"] == [{"top": "cat"}, None, {"top": "cat"}][:count]


def boxes() -> Detections:
    return Detections(
        xyxy=np.array([[10, 20, 60, 80], [90, 30, 140, 100]], np.float32),
        confidence=np.array([0.9, 0.6], np.float32),
        class_id=np.array([0, 2], np.int64),
        polygons=[np.array([[10, 20], [60, 20], [35, 80]], np.float32), np.array([[90, 30], [140, 100]], np.float32)],
    )


@pytest.mark.parametrize(
    "prediction",
    [
        pytest.param(Prediction(task="instance-segmentation", **SIZE, detections=boxes()), id="boxes and outlines"),
        pytest.param(
            Prediction(task="object-detection", **SIZE, detections=boxes().select(np.array([], np.intp))), id="none"
        ),
        pytest.param(
            Prediction(
                task="classification",
                **SIZE,
                classification=Classification(class_id=np.array([1, 0]), confidence=np.array([0.7, 0.3])),
            ),
            id="classes",
        ),
        pytest.param(
            Prediction(
                task="multi-label-classification",
                **SIZE,
                labels=Labels(confidence=np.array([0.9, 0.1, 0.8]), is_predicted=np.array([True, False, True])),
            ),
            id="labels",
        ),
        pytest.param(
            Prediction(
                task="semantic-segmentation",
                **SIZE,
                segmentation=Segmentation(
                    class_id=np.repeat(np.arange(120, dtype=np.uint8)[:, None] // 50, 160, axis=1),
                    confidence=np.full((120, 160), 200, np.uint8),
                ),
            ),
            id="a class for each pixel",
        ),
    ],
)
def test_what_is_drawn_from_an_answer_is_what_was_predicted(prediction: Prediction) -> None:
    from retinue.pipeline.draw import drawn

    picture = np.full((120, 160, 3), 90, np.uint8)
    answer = orjson.loads(orjson.dumps(render_prediction(prediction, inference_id="x", time_s=0.0)))
    read = read_answer(answer)
    assert read is not None
    expected = np.asarray(drawn(picture, prediction, has_labels=True, stroke_width=2))
    assert np.array_equal(np.asarray(drawn(picture, read[0], has_labels=True, stroke_width=2)), expected)
    assert np.array_equal(draw_frame(picture, line(0, result=answer), {}), expected)


def test_labels_carry_the_numbers() -> None:
    picture = np.full((120, 160, 3), 90, np.uint8)
    plain, numbered = ({"predictions": [box(80) | extra]} for extra in ({}, {"tracker_id": 7}))
    without, with_number = (draw_frame(picture, line(0, result=answer), {}) for answer in (plain, numbered))
    changed = np.argwhere((without != with_number).any(axis=2))
    assert len(changed) and changed[:, 0].max() <= 42  # the label only, above the box's upper edge at 40


@pytest.mark.parametrize("size_wh", [(160, 120), (161, 121)], ids=["even", "odd sides"])
def test_the_drawn_video_lasts_as_long_and_is_always_the_same(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    source = make_video(tmp_path / "v.mkv", moving_box(60, (width // 2 * 2, height // 2 * 2)))
    lines = [line(index * 6, result={"predictions": [box(40 + 8 * index)]}) for index in range(10)]
    written = []
    for name in ("a.mp4", "b.mp4"):
        with Video(source, max_pixels=10**7) as video:
            frames = list(video.frames(5))
        if size_wh == (161, 121):
            for frame in frames:
                assert frame.picture is not None
                object.__setattr__(frame, "picture", np.pad(frame.picture, ((0, 1), (0, 1), (0, 0))))
        draw_video(tmp_path / name, frames, iter(lines), {}, 5)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    with av.open(str(tmp_path / "a.mp4")) as drawn_video:
        stream = drawn_video.streams.video[0]
        times = [frame.time for frame in drawn_video.decode(stream)]
        assert times == pytest.approx([index * 0.2 for index in range(10)])
        assert stream.codec_context.name == "h264" and stream.width % 2 == stream.height % 2 == 0
        assert float(stream.duration * stream.time_base) == pytest.approx(2.0, abs=0.05)
