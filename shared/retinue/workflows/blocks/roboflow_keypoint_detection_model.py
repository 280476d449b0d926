"""Keypoint detection."""

from typing import ClassVar

from pydantic import Field

from retinue.workflows.kinds import KEYPOINTS
from retinue.workflows.manifest import Fraction, FractionRef, Manifest
from retinue.workflows.model_step import ConfidenceManifest, DefaultConfidenceManifest, DetectorManifest, ModelStep


class KeypointDetectionManifest(ConfidenceManifest, DetectorManifest):
    """A model and its threshold."""

    keypoint_confidence: Fraction | FractionRef = Field(0.0, description="What a keypoint must reach.")


class KeypointDetectionModeManifest(DefaultConfidenceManifest, DetectorManifest):
    """A model and the way to its threshold."""

    keypoint_confidence: Fraction | FractionRef = Field(0.0, description="What a keypoint must reach.")


class KeypointDetectionModelV1(ModelStep):
    """Finds objects and their keypoints with a model of your own."""

    identifier = "roboflow_core/roboflow_keypoint_detection_model@v1"
    title = "Keypoint Detection Model"
    manifest: ClassVar[type[Manifest]] = KeypointDetectionManifest
    outputs = {"inference_id": ("string",), "predictions": (KEYPOINTS,)}


class KeypointDetectionModelV2(KeypointDetectionModelV1):
    """Finds objects and their keypoints with a model of your own."""

    identifier = "roboflow_core/roboflow_keypoint_detection_model@v2"
    outputs = {"inference_id": ("inference_id",), "predictions": (KEYPOINTS,), "model_id": ("roboflow_model_id",)}
    has_model_id = True


class KeypointDetectionModelV3(KeypointDetectionModelV2):
    """Finds objects and their keypoints with a model of your own; its threshold may be the model's."""

    identifier = "roboflow_core/roboflow_keypoint_detection_model@v3"
    manifest = KeypointDetectionModeManifest
