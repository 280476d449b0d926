"""From the JSON of an answer back to a prediction that can be drawn: the reverse of http/render.py."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Classification, Detections, Labels, Prediction, Segmentation


def read_answer(answer: Mapping[str, Any]) -> tuple[Prediction, list[int]] | None:
    """The prediction, and the tracker id of each of its detections (0: none); None for what is no answer of a model.

    Masks that came as run lengths, and lines between keypoints, are not in it: the answer does not have their points.
    """
    predictions, image = answer.get("predictions"), answer.get("image") or {}
    size: Any = {"image_width": int(image.get("width") or 0), "image_height": int(image.get("height") or 0)}
    if isinstance(predictions, Mapping) and "segmentation_mask" in predictions:
        return _segmentation(predictions, size), []
    if isinstance(predictions, Mapping):
        return _labels(predictions, answer.get("predicted_classes") or [], size), []
    if not isinstance(predictions, list):
        return None
    names = _class_names({item["class_id"]: item["class"] for item in predictions})
    class_id = np.array([item["class_id"] for item in predictions], np.int64)
    if "top" in answer or "predicted_classes" in answer:
        confidence = np.array([item["confidence"] for item in predictions], np.float64)
        found = Classification(class_id=class_id, confidence=confidence)
        return Prediction(task="classification", **size, class_names=names, classification=found), []
    boxes = np.array([[item[key] for key in ("x", "y", "width", "height")] for item in predictions], np.float32)
    grid = answer.get("mask_metadata") or {"scale_x": 1.0, "scale_y": 1.0}  # a reduced answer lies on its grid
    scale = np.array([grid["scale_x"], grid["scale_y"]], np.float32)
    centre, half = boxes.reshape(-1, 4)[:, :2] * scale, boxes.reshape(-1, 4)[:, 2:] * scale / 2
    detections = Detections(
        xyxy=np.concatenate([centre - half, centre + half], axis=1),
        confidence=np.array([item["confidence"] for item in predictions], np.float32),
        class_id=class_id,
        polygons=[polygon * scale for polygon in _polygons(predictions)],
        **_keypoints(predictions),
    )
    prediction = Prediction(task="object-detection", **size, class_names=names, detections=detections)
    return prediction, [int(item.get("tracker_id", 0)) for item in predictions]


def _class_names(named: Mapping[int, str]) -> tuple[str, ...]:
    """Names by class id; those of classes that were not found are empty."""
    return tuple(named.get(class_id, "") for class_id in range(max(named, default=-1) + 1))


def _labels(predictions: Mapping[str, Any], predicted: list[str], size: Any) -> Prediction:
    names = _class_names({item["class_id"]: name for name, item in predictions.items()})
    confidence, is_predicted = np.zeros(len(names)), np.zeros(len(names), bool)
    for name, item in predictions.items():
        confidence[item["class_id"]], is_predicted[item["class_id"]] = item["confidence"], name in predicted
    labels = Labels(confidence=confidence, is_predicted=is_predicted)
    return Prediction(task="multi-label-classification", **size, class_names=names, labels=labels)


def _segmentation(predictions: Mapping[str, Any], size: Any) -> Prediction:
    names = _class_names({int(class_id): name for class_id, name in predictions["class_map"].items()})
    found = Segmentation(
        class_id=_png(predictions["segmentation_mask"]), confidence=_png(predictions["confidence_mask"])
    )
    return Prediction(task="semantic-segmentation", **size, class_names=names, segmentation=found)


def _png(text: str) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))), np.uint8)


def _polygons(predictions: list[dict[str, Any]]) -> list[Any]:
    if not all("points" in item for item in predictions):
        return []
    return [
        np.array([[point["x"], point["y"]] for point in item["points"]], np.float32).reshape(-1, 2)
        for item in predictions
    ]


def _keypoints(predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """Those that are shown, as many slots as the detection with the most of them has."""
    shown: list[Any] = [item["keypoints"] for item in predictions if "keypoints" in item]
    if not shown or len(shown) < len(predictions):
        return {}
    slots = max(len(points) for points in shown)
    keypoints, is_shown = np.zeros((len(shown), slots, 3), np.float32), np.zeros((len(shown), slots), bool)
    for row, points in enumerate(shown):
        for slot, point in enumerate(points):
            keypoints[row, slot] = point["x"], point["y"], point["confidence"]
            is_shown[row, slot] = True
    return {"keypoints": keypoints, "is_keypoint_shown": is_shown}
