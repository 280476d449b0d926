"""Workflows that the tests run, over the models of `deployment`."""

from typing import Any

from tests.contract.deployment import CLASSIFIER, DETECTOR
from tests.contract.pictures import base64_of

Document = dict[str, Any]

IMAGE_INPUT: Document = {"type": "WorkflowImage", "name": "image"}
DETECTION = "roboflow_core/roboflow_object_detection_model@v2"
CROP = "roboflow_core/dynamic_crop@v1"
CLASSIFICATION = "roboflow_core/roboflow_classification_model@v2"


def document(inputs: list[Document], steps: list[Document], **selectors: str) -> Document:
    """A workflow of these inputs and steps; `selectors` are its outputs."""
    outputs = [{"type": "JsonField", "name": name, "selector": selector} for name, selector in selectors.items()]
    return {"version": "1.0", "inputs": inputs, "steps": steps, "outputs": outputs}


def parameter(name: str, default: Any = None) -> Document:
    """A parameter of a workflow."""
    return {"type": "WorkflowParameter", "name": name, "default_value": default}


def detection(name: str = "objects", **properties: Any) -> Document:
    """A step that finds the shapes of a picture."""
    return {"type": DETECTION, "name": name, "images": "$inputs.image", "model_id": DETECTOR} | properties


def one(data: bytes) -> Document:
    """A picture of a request."""
    return {"type": "base64", "value": base64_of(data)}


# Objects above a confidence of the request's choice.
DETECT = document(
    [IMAGE_INPUT, parameter("confidence", 0.4)],
    [detection(confidence="$inputs.confidence")],
    objects="$steps.objects.predictions",
    run="$steps.objects.inference_id",
)
# Every object cut out, and what colour it has.
COLOURS = document(
    [IMAGE_INPUT],
    [
        detection(),
        {"type": CROP, "name": "crops", "images": "$inputs.image", "predictions": "$steps.objects.predictions"},
        {"type": CLASSIFICATION, "name": "colours", "images": "$steps.crops.crops", "model_id": CLASSIFIER},
        {
            "type": "roboflow_core/property_definition@v1",
            "name": "names",
            "data": "$steps.colours.predictions",
            "operations": [{"type": "ClassificationPropertyExtract", "property_name": "top_class"}],
        },
    ],
    names="$steps.names.output",
    objects="$steps.objects.predictions",
)
# The boxes drawn, and the crops, as pictures.
DRAWING = document(
    [IMAGE_INPUT],
    [
        detection(),
        {
            "type": "roboflow_core/bounding_box_visualization@v1",
            "name": "drawn",
            "image": "$inputs.image",
            "predictions": "$steps.objects.predictions",
        },
        {"type": CROP, "name": "crops", "images": "$inputs.image", "predictions": "$steps.objects.predictions"},
    ],
    picture="$steps.drawn.image",
    crops="$steps.crops.crops",
)
