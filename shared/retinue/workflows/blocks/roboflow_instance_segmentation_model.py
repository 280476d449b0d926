"""Instance segmentation."""

from typing import ClassVar

from pydantic import Field

from retinue.workflows.kinds import INSTANCES, RLE_INSTANCES
from retinue.workflows.manifest import BooleanRef, Manifest
from retinue.workflows.model_step import ConfidenceManifest, ConfidenceModeManifest, InstanceManifest, ModelStep


class InstanceSegmentationManifest(ConfidenceManifest, InstanceManifest):
    """A model and its threshold."""

    enforce_dense_masks_in_inference_models: bool | BooleanRef = Field(
        True, description="Accepted; masks are dense until they are sent."
    )


class InstanceSegmentationModeManifest(ConfidenceModeManifest, InstanceManifest):
    """A model and the way to its threshold."""

    enforce_dense_masks_in_inference_models: bool | BooleanRef = Field(
        True, description="Accepted; masks are dense until they are sent."
    )


class InstanceSegmentationRunLengthManifest(ConfidenceModeManifest, InstanceManifest):
    """A model and the way to its threshold; masks need no switch."""


class InstanceSegmentationModelV1(ModelStep):
    """Finds objects and their outlines with a model of your own."""

    identifier = "roboflow_core/roboflow_instance_segmentation_model@v1"
    title = "Instance Segmentation Model"
    manifest: ClassVar[type[Manifest]] = InstanceSegmentationManifest
    outputs = {"inference_id": ("string",), "predictions": (INSTANCES,)}


class InstanceSegmentationModelV2(InstanceSegmentationModelV1):
    """Finds objects and their outlines with a model of your own."""

    identifier = "roboflow_core/roboflow_instance_segmentation_model@v2"
    outputs = {"inference_id": ("inference_id",), "predictions": (INSTANCES,), "model_id": ("roboflow_model_id",)}
    has_model_id = True


class InstanceSegmentationModelV3(InstanceSegmentationModelV2):
    """Finds objects and their outlines with a model of your own; its threshold may be the model's."""

    identifier = "roboflow_core/roboflow_instance_segmentation_model@v3"
    manifest: ClassVar[type[Manifest]] = InstanceSegmentationModeManifest


class InstanceSegmentationModelV4(InstanceSegmentationModelV3):
    """Finds objects and their outlines with a model of your own; masks are told as run lengths."""

    identifier = "roboflow_core/roboflow_instance_segmentation_model@v4"
    manifest = InstanceSegmentationRunLengthManifest
    outputs = {
        "inference_id": ("inference_id",),
        "predictions": (RLE_INSTANCES, INSTANCES),
        "model_id": ("roboflow_model_id",),
    }
    mask_form = "rle"
