"""Classification with one label."""

from typing import ClassVar

from retinue.workflows.kinds import CLASSIFICATION
from retinue.workflows.manifest import Manifest
from retinue.workflows.model_step import ConfidenceManifest, DefaultConfidenceManifest, ModelStep


class ClassificationManifest(ConfidenceManifest):
    """A model and its threshold."""


class ClassificationModeManifest(DefaultConfidenceManifest):
    """A model and the way to its threshold."""


class ClassificationModelV1(ModelStep):
    """Names the class of a picture with a model of your own."""

    identifier = "roboflow_core/roboflow_classification_model@v1"
    title = "Single-Label Classification Model"
    manifest: ClassVar[type[Manifest]] = ClassificationManifest
    outputs = {"predictions": (CLASSIFICATION,), "inference_id": ("string",)}
    is_classifier = True


class ClassificationModelV2(ClassificationModelV1):
    """Names the class of a picture with a model of your own."""

    identifier = "roboflow_core/roboflow_classification_model@v2"
    outputs = {"predictions": (CLASSIFICATION,), "inference_id": ("inference_id",), "model_id": ("roboflow_model_id",)}
    has_model_id = True


class ClassificationModelV3(ClassificationModelV2):
    """Names the class of a picture with a model of your own; its threshold may be the model's."""

    identifier = "roboflow_core/roboflow_classification_model@v3"
    manifest = ClassificationModeManifest
