"""Models, workflows and requests of the published hosted tests, with our models in the place of theirs."""

from typing import Any

import httpx

from tests.contract.deployment import CLASSIFIER, DETECTOR, SEGMENTER
from tests.contract.workflows import IMAGE_INPUT, Document, document

MODES = ("legacy", "header")
MODELS = {
    "object_detection": DETECTOR,
    "instance_segmentation": SEGMENTER,
    "classification": "labels/1",
    "single_label": CLASSIFIER,
    "keypoints": "yolov8-pose/1",
}
_DETECTION_KEYS = ["image", "inference_id", "predictions", "time"]
KEYS = {
    "object_detection": _DETECTION_KEYS,
    "instance_segmentation": _DETECTION_KEYS,
    "classification": sorted([*_DETECTION_KEYS, "predicted_classes"]),
    "single_label": sorted([*_DETECTION_KEYS, "top", "confidence"]),
    "keypoints": _DETECTION_KEYS,
}
# Names that the client itself turns into a project and a version.
ALIASES = {"rfdetr-nano": ("coco/38", "rf-detr"), "rfdetr-seg-nano": ("coco-dataset-vdnr1/41", "rf-detr-seg")}


def model_step(kind: str, version: str, model_id: str, **properties: Any) -> Document:
    """A workflow of one model, with the two outputs of the published examples."""
    step = {"type": f"roboflow_core/roboflow_{kind}_model@{version}", "name": "model", "images": "$inputs.image"}
    outputs = {"predictions": "$steps.model.predictions", "inference_id": "$steps.model.inference_id"}
    return document([IMAGE_INPUT], [step | {"model_id": model_id} | properties], **outputs)


def detector(name: str, **properties: Any) -> Document:
    """A detection step under its first name."""
    step = {"type": "ObjectDetectionModel", "name": name, "image": "$inputs.image", "model_id": DETECTOR}
    return step | properties


CROPPED = [
    detector("detection"),
    {"type": "Crop", "name": "crops", "image": "$inputs.image", "detections": "$steps.detection.predictions"},
    {"type": "ClassificationModel", "name": "classes", "image": "$steps.crops.crops", "model_id": CLASSIFIER},
]
WORKFLOWS = {
    **{f"multi-class {version}": model_step("classification", version, CLASSIFIER, confidence=0.09)
       for version in ("v1", "v2")},
    **{f"multi-label {version}": model_step("multi_label_classification", version, "labels/1", confidence=0.5)
       for version in ("v1", "v2")},
    **{f"segmentation {version}": model_step("instance_segmentation", version, SEGMENTER) for version in ("v1", "v2")},
    **{f"keypoints {version}": model_step("keypoint_detection", version, "yolov8-pose/1") for version in ("v1", "v2")},
    **{f"detection {version}": model_step("object_detection", version, DETECTOR) for version in ("v1", "v2")},
    "crops": document(
        [IMAGE_INPUT],
        CROPPED,
        detections="$steps.detection.predictions",
        classes="$steps.classes.predictions",
    ),
    "replacement": document(
        [IMAGE_INPUT],
        [
            *CROPPED,
            {
                "type": "DetectionsClassesReplacement",
                "name": "replacement",
                "object_detection_predictions": "$steps.detection.predictions",
                "classification_predictions": "$steps.classes.predictions",
            },
        ],
        predictions="$steps.replacement.predictions",
    ),
    "slices": document(
        [IMAGE_INPUT],
        [
            {
                "type": "roboflow_core/image_slicer@v1",
                "name": "slices",
                "image": "$inputs.image",
                "slice_width": 160,
                "slice_height": 120,
            },
            detector("detection", image="$steps.slices.slices"),
            {
                "type": "roboflow_core/detections_stitch@v1",
                "name": "whole",
                "reference_image": "$inputs.image",
                "predictions": "$steps.detection.predictions",
            },
        ],
        predictions="$steps.whole.predictions",
    ),
}  # fmt: skip


def sent(
    keyless: httpx.Client, mode: str, key: str, path: str, query: dict[str, str] | None = None, **body: Any
) -> httpx.Response:
    """A POST with the key as `mode` says, without body and content type unless `body` gives some."""
    query = query or {}
    if mode == "legacy":
        return keyless.post(path, params={"api_key": key, **query}, **body)
    headers = {"authorization": f"Bearer {key}", **body.pop("headers", {})}
    return keyless.post(path, params=query, headers=headers, **body)
