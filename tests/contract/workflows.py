"""Workflows that the tests run, over the models of `deployment`; how they are sent, and what comes back."""

import base64
import io
import json
import time
from typing import Any

import httpx
from PIL import Image

from tests.contract.deployment import CLASSIFIER, DETECTOR
from tests.contract.pictures import base64_of

Document = dict[str, Any]

RUN, VALIDATE, INTERFACE = "/workflows/run", "/workflows/validate", "/workflows/describe_interface"
BLOCKS, OUTPUTS = "/workflows/blocks/describe", "/workflows/blocks/dynamic_outputs"
SCHEMA, VERSIONS = "/workflows/definition/schema", "/workflows/execution_engine/versions"
# Routes for what is saved as default/shapes, and for what a request brings along; each with its old name.
SAVED = ("/default/workflows/shapes", "/infer/workflows/default/shapes")
SPECIFIED = (RUN, "/infer/workflows")
LARGEST_ANSWER_BYTES = 5_500_000

# Keys of the three kinds of error bodies: contract/workflows.md 2.3.
PLAIN_KEYS = frozenset({"message", "error_type", "context", "inner_error_type", "inner_error_message"})
ENGINE_KEYS = PLAIN_KEYS | {"python_blocks_output_streams", "python_blocks_debug_traces"}
BLOCKS_KEYS = ENGINE_KEYS | {"blocks_errors"}

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


def ran(client: httpx.Client, specification: Document, inputs: dict[str, Any], **fields: Any) -> httpx.Response:
    """The answer to a run of a workflow that the request brings along."""
    return client.post(RUN, json={"specification": specification, "inputs": inputs, **fields})


def rows(response: httpx.Response) -> list[dict[str, Any]]:
    """The outputs of a run that went well."""
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"outputs", "profiler_trace"}
    outputs: list[dict[str, Any]] = response.json()["outputs"]
    return outputs


def classes(output: dict[str, Any]) -> list[str]:
    """What was found, in order."""
    return [prediction["class"] for prediction in output["predictions"]]


def picture_of(output: dict[str, Any]) -> Image.Image:
    """A picture of an answer."""
    assert output["type"] == "base64"
    return Image.open(io.BytesIO(base64.b64decode(output["value"], validate=True)))


def problems(response: httpx.Response) -> list[tuple[str, list[Any]]]:
    """Kind and place of each entry of a 422, which echoes nothing."""
    assert response.status_code == 422, response.text
    assert all(set(item) == {"type", "loc", "msg"} for item in response.json()["detail"])
    return [(item["type"], item["loc"]) for item in response.json()["detail"]]


def log_line(response: httpx.Response, lines: list[str], before: int) -> dict[str, Any]:
    """What the function logged about a request, once it has."""
    deadline = time.monotonic() + 10
    while True:
        for line in lines[before:]:
            if '"message":"request"' in line and response.headers["x-request-id"] in line:
                found: dict[str, Any] = json.loads(line.partition(": ")[2])
                return found
        assert time.monotonic() < deadline, "the request was not logged"
        time.sleep(0.01)
