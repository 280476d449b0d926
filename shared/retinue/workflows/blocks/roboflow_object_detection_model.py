"""Object detection."""

from typing import ClassVar

from retinue.workflows.kinds import OBJECTS
from retinue.workflows.manifest import Manifest
from retinue.workflows.model_step import ConfidenceManifest, ConfidenceModeManifest, DetectorManifest, ModelStep


class ObjectDetectionManifest(ConfidenceManifest, DetectorManifest):
    """A model and its threshold."""


class ObjectDetectionModeManifest(ConfidenceModeManifest, DetectorManifest):
    """A model and the way to its threshold."""


class ObjectDetectionModelV1(ModelStep):
    """Finds objects with a model of your own."""

    identifier = "roboflow_core/roboflow_object_detection_model@v1"
    title = "Object Detection Model"
    manifest: ClassVar[type[Manifest]] = ObjectDetectionManifest
    outputs = {"inference_id": ("string",), "predictions": (OBJECTS,)}


class ObjectDetectionModelV2(ObjectDetectionModelV1):
    """Finds objects with a model of your own."""

    identifier = "roboflow_core/roboflow_object_detection_model@v2"
    outputs = {"inference_id": ("inference_id",), "predictions": (OBJECTS,), "model_id": ("roboflow_model_id",)}
    has_model_id = True


class ObjectDetectionModelV3(ObjectDetectionModelV2):
    """Finds objects with a model of your own; its threshold may be the model's."""

    identifier = "roboflow_core/roboflow_object_detection_model@v3"
    manifest = ObjectDetectionModeManifest
