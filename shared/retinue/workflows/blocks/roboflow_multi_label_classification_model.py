"""Classification with many labels."""

from typing import ClassVar

from retinue.workflows.kinds import CLASSIFICATION
from retinue.workflows.manifest import Manifest
from retinue.workflows.model_step import ConfidenceManifest, ConfidenceModeManifest, ModelStep


class MultiLabelClassificationManifest(ConfidenceManifest):
    """A model and its threshold."""


class MultiLabelClassificationModeManifest(ConfidenceModeManifest):
    """A model and the way to its threshold."""


class MultiLabelClassificationModelV1(ModelStep):
    """Names the classes of a picture with a model of your own."""

    identifier = "roboflow_core/roboflow_multi_label_classification_model@v1"
    title = "Multi-Label Classification Model"
    manifest: ClassVar[type[Manifest]] = MultiLabelClassificationManifest
    outputs = {"predictions": (CLASSIFICATION,), "inference_id": ("string",)}
    is_classifier = True


class MultiLabelClassificationModelV2(MultiLabelClassificationModelV1):
    """Names the classes of a picture with a model of your own."""

    identifier = "roboflow_core/roboflow_multi_label_classification_model@v2"
    outputs = {"predictions": (CLASSIFICATION,), "inference_id": ("inference_id",), "model_id": ("roboflow_model_id",)}
    has_model_id = True


class MultiLabelClassificationModelV3(MultiLabelClassificationModelV2):
    """Names the classes of a picture with a model of your own; its threshold may be the model's."""

    identifier = "roboflow_core/roboflow_multi_label_classification_model@v3"
    manifest = MultiLabelClassificationModeManifest
