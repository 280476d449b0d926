"""From predictions to JSON: exact key sets in the contract's order, and floats as they are."""

import base64
import io
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray
from PIL import Image

from retinue.http.render import render_prediction
from retinue.pipeline.prediction import Classification, Detections, Labels, Mask, MaskGrid, Prediction, Segmentation

NAMES = ("alpha", "beta", "gamma")


def detected(
    boxes: list[list[float]], confidence: list[float], polygons: list[NDArray[np.float32]] | None = None
) -> Prediction:
    detections = Detections(
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.array(confidence, np.float32),
        class_id=np.arange(len(boxes), dtype=np.int64) % 3,
        polygons=polygons or [],
    )
    task = "instance-segmentation" if polygons else "object-detection"
    return Prediction(task=task, image_width=640, image_height=480, class_names=NAMES, detections=detections)


def one_object(**changes: Any) -> Prediction:
    """An object of class 0, with `changes` of its detections."""
    prediction = detected([[10, 20, 31, 60]], [0.9])
    assert prediction.detections is not None
    return replace(prediction, detections=replace(prediction.detections, **changes))


def classified(class_id: list[int], confidence: list[float]) -> Prediction:
    return Prediction(
        task="classification",
        image_width=640,
        image_height=480,
        class_names=NAMES,
        classification=Classification(
            class_id=np.array(class_id, np.int64), confidence=np.array(confidence, np.float64)
        ),
    )


def render(prediction: Prediction, **options: Any) -> dict[str, Any]:
    """The answer as a client reads it: through JSON."""
    answer = render_prediction(prediction, inference_id="id-1", time_s=0.25, **options)
    read: dict[str, Any] = orjson.loads(orjson.dumps(answer))
    assert read == answer  # nothing but JSON's own types
    return read


def test_keys_of_a_detection_answer_in_order() -> None:
    answer = render(detected([[10, 20, 31, 60]], [0.9]))

    assert list(answer) == ["inference_id", "time", "image", "predictions"]
    assert (answer["inference_id"], answer["time"]) == ("id-1", 0.25)
    assert answer["image"] == {"width": 640, "height": 480}
    (prediction,) = answer["predictions"]
    assert list(prediction) == ["x", "y", "width", "height", "confidence", "class", "class_id", "detection_id"]
    assert str(uuid.UUID(prediction.pop("detection_id"), version=4))
    assert prediction == {
        "x": 20.5,
        "y": 40.0,
        "width": 21.0,
        "height": 40.0,
        "confidence": 0.8999999761581421,  # 0.9 as float32, widened and not rounded
        "class": "alpha",
        "class_id": 0,
    }
    assert all(type(prediction[name]) is float for name in ("x", "y", "width", "height", "confidence"))


def test_each_detection_has_an_id_of_its_own() -> None:
    answer = render(detected([[0, 0, 1, 1]] * 5, [0.9, 0.8, 0.7, 0.6, 0.5]))

    assert len({prediction["detection_id"] for prediction in answer["predictions"]}) == 5
    assert [prediction["class"] for prediction in answer["predictions"]] == ["alpha", "beta", "gamma", "alpha", "beta"]


def test_no_detections() -> None:
    assert render(detected([], []))["predictions"] == []


def test_the_drawing_comes_first() -> None:
    answer = render(detected([], []), visualization="QUJD")

    assert list(answer) == ["visualization", "inference_id", "time", "image", "predictions"]
    assert answer["visualization"] == "QUJD"


def test_segmentation_adds_points_and_their_format() -> None:
    polygons = [np.array([[1, 2], [3, 4.5]], np.float32), np.empty((0, 2), np.float32)]

    first, second = render(detected([[0, 0, 1, 1]] * 2, [0.9, 0.8], polygons))["predictions"]

    assert list(first)[-3:] == ["detection_id", "points", "mask_format"]
    assert first["points"] == [{"x": 1.0, "y": 2.0}, {"x": 3.0, "y": 4.5}]
    assert type(first["points"][0]["x"]) is float
    assert (second["points"], second["mask_format"]) == ([], "polygon")


def test_classification() -> None:
    answer = render(classified([2, 0], [0.7054, 0.2595]))

    assert list(answer) == ["inference_id", "time", "image", "predictions", "top", "confidence"]
    assert answer["predictions"] == [
        {"class": "gamma", "class_id": 2, "confidence": 0.7054},
        {"class": "alpha", "class_id": 0, "confidence": 0.2595},
    ]
    assert list(answer["predictions"][0]) == ["class", "class_id", "confidence"]
    assert (answer["top"], answer["confidence"]) == ("gamma", 0.7054)


def test_classification_where_nothing_passes() -> None:
    answer = render(classified([], []))

    assert (answer["predictions"], answer["top"], answer["confidence"]) == ([], "", 0.0)


def test_keypoints_that_are_shown() -> None:
    keypoints = np.array([[[1, 2, 0.5], [3, 4, 0.25], [5, 6, 0.75]]], np.float32)
    shown = np.array([[True, False, True]])
    prediction = one_object(keypoints=keypoints, is_keypoint_shown=shown)

    [prediction] = render(replace(prediction, keypoint_names=(("nose", "tail", "paw"),)))["predictions"]

    assert list(prediction)[-1] == "keypoints"
    assert prediction["keypoints"] == [
        {"x": 1, "y": 2, "confidence": 0.5, "class_id": 0, "class": "nose"},
        {"x": 5, "y": 6, "confidence": 0.75, "class_id": 2, "class": "paw"},
    ]


def test_run_lengths() -> None:
    mask = Mask(np.ones((2, 2), bool), 1, 1, 4, 3)

    [prediction] = render(one_object(masks=[mask]))["predictions"]

    assert (prediction["rle"], prediction["mask_format"]) == ({"size": [3, 4], "counts": "42102"}, "rle")
    assert "points" not in prediction


def test_a_reduced_answer_says_how_to_take_it_to_the_picture() -> None:
    answer = render(replace(one_object(), mask_grid=MaskGrid(width=64, height=24)))

    assert answer["image"] == {"width": 64, "height": 24}
    assert answer["original_image"] == {"width": 640, "height": 480}
    assert answer["mask_metadata"] == {
        "coordinate_system": "mask_grid", "width": 64, "height": 24, "scale_x": 10.0, "scale_y": 20.0,
    }  # fmt: skip


def test_many_labels() -> None:
    labels = Labels(confidence=np.array([0.75, 0.25]), is_predicted=np.array([True, False]))
    prediction = Prediction(
        task="multi-label-classification", image_width=4, image_height=3, class_names=("a", "b"), labels=labels
    )

    answer = render(prediction)

    assert list(answer) == ["inference_id", "time", "image", "predictions", "predicted_classes"]
    assert answer["predictions"] == {
        "a": {"confidence": 0.75, "class_id": 0},
        "b": {"confidence": 0.25, "class_id": 1},
    }
    assert answer["predicted_classes"] == ["a"]


def test_a_class_for_each_pixel() -> None:
    class_id, confidence = np.array([[0, 2]], np.uint8), np.array([[0, 200]], np.uint8)
    prediction = Prediction(
        task="semantic-segmentation",
        image_width=2,
        image_height=1,
        class_names=("background", "road", "tree"),
        segmentation=Segmentation(class_id=class_id, confidence=confidence),
    )

    said = render(prediction)["predictions"]

    assert said["class_map"] == {"0": "background", "1": "road", "2": "tree"}
    assert said["present_class_ids"] == [0, 2]
    for name, expected in (("segmentation_mask", class_id), ("confidence_mask", confidence)):
        picture = Image.open(io.BytesIO(base64.b64decode(said[name])))
        assert picture.mode == "L" and np.array_equal(np.asarray(picture), expected)


def test_a_prediction_of_nothing_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="detections, classes or a segmentation"):
        render(Prediction(task="classification", image_width=1, image_height=1, class_names=()))
