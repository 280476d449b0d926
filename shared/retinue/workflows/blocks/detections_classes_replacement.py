"""Detections that take the class which their crop was given."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import whole
from retinue.workflows.detections import DetectionTable, strings
from retinue.workflows.kinds import CLASSIFICATION, INSTANCES, KEYPOINTS, OBJECTS
from retinue.workflows.manifest import DetectionsRef, IntegerRef, Manifest, Reference, StringRef

LabelRef = Annotated[str, Reference((CLASSIFICATION, "list_of_values", "string"))]
Prediction = Mapping[str, Any] | str | Sequence[Any]


class DetectionsClassesReplacementManifest(Manifest):
    """The detections, what was said of their crops, and the class of those of which nothing was said."""

    object_detection_predictions: DetectionsRef = Field(
        title="Regions of Interest", description="The detections that get other classes."
    )
    classification_predictions: LabelRef = Field(
        title="Replacement Class Labels", description="What was found in the detections' crops: classes, or text."
    )
    fallback_class_name: str | StringRef | None = Field(
        None, title="Fallback class name", description="The class of detections whose crop has none."
    )
    fallback_class_id: int | IntegerRef | None = Field(
        None, title="Fallback class id", description="The id of that class."
    )


class Label(NamedTuple):
    """What becomes of a detection."""

    class_name: str
    class_id: int
    confidence: float


class DetectionsClassesReplacement(Block):
    """Gives detections the classes that a classifier found in their crops, or the text that was read there.

    Classes belong to the detection that the crop is named after, texts to the detection in the same position.
    Detections without either go, unless there is a class to fall back to.
    """

    identifier = "roboflow_core/detections_classes_replacement@v1"
    title = "Detections Classes Replacement"
    category = "fusion"
    manifest = DetectionsClassesReplacementManifest
    outputs = {"predictions": (OBJECTS, INSTANCES, KEYPOINTS)}
    offsets = {"classification_predictions": 1}
    reference = "object_detection_predictions"
    takes_null = True

    def run(
        self,
        object_detection_predictions: DetectionTable | None,
        classification_predictions: list[Prediction | None] | None,
        fallback_class_name: str | None,
        fallback_class_id: int | None,
    ) -> dict[str, Any]:
        table = object_detection_predictions
        if table is None:
            return {"predictions": None}
        fallback = _fallback(fallback_class_name, fallback_class_id)
        predictions = classification_predictions or []
        known = [prediction for prediction in predictions if prediction is not None]
        classified = [prediction for prediction in known if isinstance(prediction, Mapping)]
        labels: list[Label | None] = []
        if known and not isinstance(known[0], Mapping):
            labels = _by_position(len(table), predictions, fallback)
            if not any(labels):
                return {"predictions": DetectionTable.empty()}
        elif any(map(_says_something, classified)):
            label_by_id = {prediction["parent_id"]: _label(prediction, fallback) for prediction in classified}
            labels = [label_by_id.get(identifier) for identifier in table.detection_id]
        else:
            return {"predictions": DetectionTable.empty()}
        return {"predictions": _relabelled(table, labels)}


def _relabelled(table: DetectionTable, labels: Sequence[Label | None]) -> DetectionTable:
    """The detections that have a label, with that."""
    found = [label for label in labels if label is not None]
    return replace(
        table.select(np.array([label is not None for label in labels], bool)).with_new_ids(),
        class_name=strings([label.class_name for label in found]),
        class_id=np.array([label.class_id for label in found], np.int64),
        confidence=np.array([label.confidence for label in found], np.float64),
    )


def _fallback(class_name: str | None, class_id: int | None) -> Label | None:
    if not class_name:
        return None
    if class_id is not None:
        class_id = whole("fallback_class_id", class_id, least=-sys.maxsize, most=sys.maxsize)
    return Label(class_name, sys.maxsize if class_id is None or class_id < 0 else class_id, 0.0)


def _says_something(prediction: Mapping[str, Any]) -> bool:
    return "predictions" in prediction and bool(prediction.get("top", True))


def _by_position(count: int, predictions: Sequence[Prediction | None], fallback: Label | None) -> list[Label | None]:
    """The labels of `count` detections: those without a prediction fall back."""
    missing = [None] * (count - len(predictions))
    return [
        fallback if prediction is None else _label(prediction, fallback)
        for prediction in [*predictions[:count], *missing]
    ]


def _label(prediction: Prediction, fallback: Label | None) -> Label | None:
    """What a prediction says of its crop; None if that is nothing. Raises ValueError if it contradicts itself."""
    if isinstance(prediction, str):
        return Label(prediction, 0, 1.0)
    if isinstance(prediction, Mapping):
        return _top_label(prediction, fallback) if "top" in prediction else _best_label(prediction)
    if not prediction:
        return fallback
    return Label(prediction[0], 0, 1.0) if isinstance(prediction[0], str) else None


def _top_label(prediction: Mapping[str, Any], fallback: Label | None) -> Label | None:
    """The class that a single-label classifier chose."""
    if not prediction.get("predictions"):
        return fallback
    top = prediction["top"]
    chosen = [entry for entry in prediction["predictions"] if entry["class"] == top]
    if len(chosen) != 1:
        raise ValueError(f"the class {top!r} occurs {len(chosen)} times among the predictions of a crop, not once")
    return Label(top, chosen[0]["class_id"], chosen[0]["confidence"])


def _best_label(prediction: Mapping[str, Any]) -> Label | None:
    """The most confident class of a multi-label classifier that predicted any."""
    if not prediction.get("predicted_classes") or not prediction["predictions"]:
        return None
    name, entry = max(prediction["predictions"].items(), key=lambda item: item[1]["confidence"])
    return Label(name, entry["class_id"], entry["confidence"]) if entry["confidence"] else None
