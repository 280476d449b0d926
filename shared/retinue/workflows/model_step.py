"""What the model blocks share: settings of a model, a run over all pictures of the step, predictions as values."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from retinue.errors import RequestError
from retinue.ids import new_id
from retinue.models.package import Task
from retinue.pipeline.prediction import Detections, Mask, MaskOptions, Prediction, Thresholds
from retinue.workflows.block import Block
from retinue.workflows.classification import classification_value
from retinue.workflows.detections import DetectionTable, Keypoints, Place, strings
from retinue.workflows.image import WorkflowImage
from retinue.workflows.manifest import (
    BooleanRef,
    Fraction,
    FractionRef,
    ImageRef,
    IntegerRef,
    ListRef,
    Manifest,
    ModelIdRef,
    ProjectRef,
    StringRef,
    images_field,
)
from retinue.workflows.outlines import mask_of_polygon

_PREDICTION_TYPES: dict[Task, str] = {
    "object-detection": "object-detection",
    "instance-segmentation": "instance-segmentation",
    "keypoint-detection": "keypoint-detection",
    "classification": "classification",
    "multi-label-classification": "classification",
}


class ModelManifest(Manifest):
    """What every model block takes."""

    images: ImageRef = images_field()
    model_id: ModelIdRef | str = Field(description="The model: project/version, or project/alias.")
    disable_active_learning: bool | BooleanRef = Field(True, description="Accepted; nothing is collected here.")
    active_learning_target_dataset: ProjectRef | str | None = Field(
        None, description="Accepted; nothing is collected here."
    )


class DetectorManifest(ModelManifest):
    """What blocks take whose models find objects."""

    class_filter: list[str] | ListRef | None = Field(None, description="The classes to keep; without it all.")
    iou_threshold: Fraction | FractionRef = Field(0.3, description="From which overlap on two boxes are one object.")
    max_detections: PositiveInt | IntegerRef = Field(300, description="How many objects a picture may have.")
    class_agnostic_nms: bool | BooleanRef = Field(False, description="Whether objects of two classes may be one.")
    max_candidates: PositiveInt | IntegerRef = Field(3000, description="Accepted; all candidates are looked at.")


class InstanceManifest(DetectorManifest):
    """What blocks take whose models outline objects."""

    mask_decode_mode: Literal["accurate", "tradeoff", "fast"] | StringRef = Field(
        "accurate", description="At which resolution masks are made."
    )
    tradeoff_factor: Fraction | FractionRef = Field(
        0.0, description="For `tradeoff`: 0 is as coarse as fast, 1 as fine as accurate."
    )


class ConfidenceManifest(ModelManifest):
    """Blocks with a threshold."""

    confidence: Fraction | FractionRef = Field(0.4, description="What an answer must reach.")


class ConfidenceModeManifest(ModelManifest):
    """Blocks that may leave the threshold to the model, or to its classes."""

    confidence_mode: Literal["best", "default", "custom"] | StringRef = Field(
        "best", description="best: what is stored for each class; default: the model's; custom: `custom_confidence`."
    )
    custom_confidence: Fraction | FractionRef | None = Field(0.4, description="What an answer must reach in `custom`.")

    @model_validator(mode="after")
    def _has_number(self) -> Self:
        if self.confidence_mode == "custom" and self.custom_confidence is None:
            raise ValueError("`custom_confidence` is required when `confidence_mode` is 'custom'")
        return self


class DefaultConfidenceManifest(ConfidenceModeManifest):
    """Blocks whose models store no threshold for each class."""

    confidence_mode: Literal["default", "custom"] | StringRef = Field(
        "default", description="default: the model's threshold; custom: `custom_confidence`."
    )


class ModelStep(Block):
    """Base of the model blocks: one call for all pictures, in as few runs of the network as its graph allows."""

    category = "model"
    batches = frozenset({"images"})
    is_batched = True
    is_classifier: ClassVar[bool] = False
    has_model_id: ClassVar[bool] = False
    mask_form: ClassVar[Literal["polygon", "rle"]] = "polygon"

    def run(self, images: Sequence[WorkflowImage], model_id: str, **settings: Any) -> list[dict[str, Any]]:
        predictions = self.runtime.models.predict(model_id, images, _thresholds(settings, self.mask_form))
        inference_id = new_id()
        results = []
        for image, prediction in zip(images, predictions, strict=True):
            if (prediction.detections is None) != self.is_classifier or prediction.segmentation is not None:
                raise RequestError(f"Model '{model_id}' does {prediction.task}: use the block of that task.")
            result = {
                "inference_id": inference_id,
                "predictions": prediction_value(prediction, image, inference_id),
            }
            results.append(result | ({"model_id": model_id} if self.has_model_id else {}))
        return results


def _thresholds(settings: dict[str, Any], mask_form: Literal["polygon", "rle"]) -> Thresholds:
    """What the properties of a model block ask for."""
    confidence = settings.get("confidence")
    if confidence is None:
        mode = settings.get("confidence_mode", "default")
        confidence = settings["custom_confidence"] if mode == "custom" else mode
        if confidence is None:
            raise ValueError("confidence_mode is custom, but custom_confidence has no value")
    class_filter = settings.get("class_filter")
    return Thresholds(
        confidence=confidence,
        iou_threshold=settings.get("iou_threshold", 0.3),
        max_detections=settings.get("max_detections", 300),
        is_class_agnostic=bool(settings.get("class_agnostic_nms", False)),
        class_filter=frozenset(class_filter) if class_filter else None,
        keypoint_confidence=settings.get("keypoint_confidence") or None,
        masks=MaskOptions(
            form=mask_form,
            decode_mode=settings.get("mask_decode_mode", "accurate"),
            tradeoff_factor=settings.get("tradeoff_factor", 0.0),
        ),
    )


def prediction_value(
    prediction: Prediction, image: WorkflowImage, inference_id: str
) -> DetectionTable | dict[str, Any]:
    """A prediction as the value of a step: a table of what was found in `image`, or its classes as a dict."""
    if prediction.detections is None:
        return classification_value(prediction, image, inference_id)
    return _table(prediction, prediction.detections, image, inference_id)


def _table(prediction: Prediction, found: Detections, image: WorkflowImage, inference_id: str) -> DetectionTable:
    count = len(found)
    keypoints = None
    if found.keypoints is not None and found.is_keypoint_shown is not None:
        keypoints = tuple(_keypoints(prediction, found, row) for row in range(count))
    return DetectionTable(
        xyxy=found.xyxy.astype(np.float64),
        confidence=found.confidence.astype(np.float64),
        class_id=found.class_id,
        class_name=strings([prediction.class_names[class_id] for class_id in found.class_id]),
        detection_id=strings([new_id() for _ in range(count)]),
        parent_id=strings([image.id] * count),
        places=strings([Place.of(image)] * count),
        masks=_masks(prediction, found),
        root_size=(image.root.width, image.root.height),
        keypoints=keypoints,
        prediction_type=_PREDICTION_TYPES[prediction.task],
        inference_id=inference_id,
    )


def _masks(prediction: Prediction, found: Detections) -> tuple[Mask, ...] | None:
    """The masks; where the answer is in polygons, of what these enclose, as upstream has them."""
    if prediction.task != "instance-segmentation":
        return None
    if found.polygons:
        size = prediction.image_width, prediction.image_height
        return tuple(mask_of_polygon(polygon, size) for polygon in found.polygons)
    return tuple(found.masks)


def _keypoints(prediction: Prediction, found: Detections, row: int) -> Keypoints:
    assert found.keypoints is not None and found.is_keypoint_shown is not None
    slots = np.flatnonzero(found.is_keypoint_shown[row])
    names = prediction.keypoint_names[int(found.class_id[row])]
    points = found.keypoints[row, slots].astype(np.float64)
    return Keypoints(
        xy=points[:, :2], confidence=points[:, 2], class_id=slots, class_name=tuple(names[slot] for slot in slots)
    )
