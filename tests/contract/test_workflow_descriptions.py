"""Routes that describe workflows and their blocks: contract/workflows.md 9.2 and 9.3."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.deployment import Deployment
from tests.contract.workflows import (
    BLOCKS,
    COLOURS,
    DETECT,
    DRAWING,
    IMAGE_INPUT,
    INTERFACE,
    LARGEST_ANSWER_BYTES,
    OUTPUTS,
    PLAIN_KEYS,
    RUN,
    SAVED,
    SCHEMA,
    VALIDATE,
    VERSIONS,
    Document,
    detection,
    document,
    parameter,
    problems,
)


@pytest.fixture(autouse=True)
def no_server_error() -> Iterator[None]:
    """Here one answer is 500: the contract says so of code that requests bring along."""
    yield


def test_validation(client: httpx.Client) -> None:
    for workflow in (DETECT, COLOURS, DRAWING):
        response = client.post(VALIDATE, json=workflow)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert problems(client.post(VALIDATE, json=[DETECT])) == [("dict_type", ["body"])]


def legacy(name: str, **properties: Any) -> Document:
    """A detector under its old name, its model given by the request."""
    return {
        "type": "ObjectDetectionModel",
        "name": name,
        "image": "$inputs.image",
        "model_id": "$inputs.model_id",
        "class_filter": ["dog"],
    } | properties


TWO_DETECTORS = {
    "version": "1.0.0",
    "inputs": [IMAGE_INPUT, parameter("model_id"), parameter("confidence")],
    "steps": [legacy("first"), legacy("second", confidence="$inputs.confidence")],
    # One name twice: a run is refused, but the question is answered.
    "outputs": [
        {"type": "JsonField", "name": "detections", "selector": "$steps.first.predictions"},
        {"type": "JsonField", "name": "detections", "selector": "$steps.second.predictions"},
    ],
}


def test_interface_of_a_specification(client: httpx.Client) -> None:
    response = client.post(INTERFACE, json={"specification": TWO_DETECTORS})

    said = response.json()
    assert response.status_code == 200, response.text
    assert set(said) == {"inputs", "outputs", "typing_hints", "kinds_schemas"}
    assert said["inputs"] == {
        "image": ["image"],
        "model_id": ["roboflow_model_id"],
        "confidence": ["float_zero_to_one"],
    }
    assert said["outputs"] == {"detections": ["object_detection_prediction"]}
    assert said["typing_hints"] == {
        "float_zero_to_one": "float",
        "image": "dict",
        "object_detection_prediction": "dict",
        "roboflow_model_id": "str",
    }
    assert set(said["kinds_schemas"]) == {"image", "object_detection_prediction"}
    assert set(said["kinds_schemas"]["object_detection_prediction"]["properties"]) == {"image", "predictions"}


def test_interface_of_a_saved_workflow(
    saved: Deployment, client: httpx.Client, keyless: httpx.Client, key: str
) -> None:
    drawn = {
        "type": "BoundingBoxVisualization",
        "name": "drawn",
        "image": "$inputs.image",
        "predictions": "$steps.model.predictions",
    }
    workflow = document(
        [IMAGE_INPUT, parameter("model_id")],
        [legacy("model"), drawn],
        model_predictions="$steps.model.*",
        bounding_box_visualization="$steps.drawn.image",
    )
    saved.save_workflow("default/interface", workflow)

    response = keyless.post("/default/workflows/interface/describe_interface", json={"api_key": key})

    said = response.json()
    assert response.status_code == 200, response.text
    assert said["inputs"] == {"image": ["image"], "model_id": ["roboflow_model_id"]}
    assert said["outputs"] == {
        "model_predictions": {"predictions": ["object_detection_prediction"], "inference_id": ["string"]},
        "bounding_box_visualization": ["image"],
    }
    assert said["typing_hints"] == {
        "image": "dict",
        "object_detection_prediction": "dict",
        "string": "str",
        "roboflow_model_id": "str",
    }
    assert set(said["kinds_schemas"]) == {"image", "object_detection_prediction"}


def test_interface_of_a_workflow_whose_input_is_to_be_two_things(client: httpx.Client) -> None:
    steps = [legacy("first"), legacy("second", confidence="$inputs.model_id")]

    response = client.post(INTERFACE, json={"specification": TWO_DETECTORS | {"steps": steps}})

    assert response.status_code == 400
    said = response.json()
    assert (said["error_type"], said["context"]) == ("WorkflowDefinitionError", "describing_workflow_inputs")


def test_interface_of_inputs_that_go_straight_through(client: httpx.Client) -> None:
    """An input that nobody uses may be anything; as an output it has the kind that it was given."""
    inputs = [IMAGE_INPUT, parameter("unused"), {"type": "WorkflowBatchInput", "name": "numbers", "kind": ["float"]}]
    workflow = document(inputs, [], image="$inputs.image", unused="$inputs.unused", numbers="$inputs.numbers")

    said = client.post(INTERFACE, json={"specification": workflow}).json()

    assert said["inputs"] == {"image": ["*"], "unused": ["*"], "numbers": ["*"]}
    assert said["outputs"] == {"image": ["image"], "unused": ["*"], "numbers": ["float"]}


@pytest.mark.parametrize(
    ("change", "status"),
    [({"version": "0.1.0"}, 400), ({"inputs": []}, 400), ({"dynamic_blocks_definitions": [{}]}, 500)],
)
def test_interface_of_a_wrong_specification(client: httpx.Client, change: Document, status: int) -> None:
    response = client.post(INTERFACE, json={"specification": DETECT | change})

    assert response.status_code == status
    assert set(response.json()) >= PLAIN_KEYS


DESCRIPTION_KEYS = {
    "blocks",
    "declared_kinds",
    "kinds_connections",
    "primitives_connections",
    "universal_query_language_description",
    "dynamic_block_definition_schema",
}
BLOCK_KEYS = {
    "block_schema",
    "outputs_manifest",
    "block_source",
    "fully_qualified_block_class_name",
    "human_friendly_block_name",
    "manifest_type_identifier",
    "manifest_type_identifier_aliases",
    "execution_engine_compatibility",
    "restrictions",
    "input_dimensionality_offsets",
    "dimensionality_reference_property",
    "output_dimensionality_offset",
}


def test_description_of_all_blocks(client: httpx.Client) -> None:
    asked = [
        client.get(BLOCKS),
        client.post(BLOCKS),
        client.post(BLOCKS, json={}),
        client.post(BLOCKS, json={"execution_engine_version": "1.0.0", "dynamic_blocks_definitions": []}),
    ]

    assert [response.status_code for response in asked] == [200] * 4
    assert len({response.content for response in asked}) == 1
    assert len(asked[0].content) < LARGEST_ANSWER_BYTES  # as it is: not everybody asks for gzip
    assert "content-encoding" not in asked[0].headers
    said = asked[0].json()
    assert set(said) == DESCRIPTION_KEYS
    assert len(said["blocks"]) > 60 and said["primitives_connections"]
    assert len(said["declared_kinds"]) >= len(said["kinds_connections"]) > 20
    for block in said["blocks"]:
        assert set(block) == BLOCK_KEYS
        assert block["block_schema"]["properties"]["type"]["enum"][0] == block["manifest_type_identifier"]
    names = [block["manifest_type_identifier"] for block in said["blocks"]]
    assert len(set(names)) == len(names)


def test_description_for_an_engine_of_long_ago(client: httpx.Client) -> None:
    said = client.post(BLOCKS, json={"execution_engine_version": "0.1.0"}).json()

    assert set(said) == DESCRIPTION_KEYS
    assert said["blocks"] == [] != said["declared_kinds"]


def test_every_block_can_be_asked_for_by_its_old_names(client: httpx.Client) -> None:
    blocks = {block["manifest_type_identifier"]: block for block in client.get(BLOCKS).json()["blocks"]}

    assert (
        "ObjectDetectionModel" in blocks[detection()["type"].replace("@v2", "@v1")]["manifest_type_identifier_aliases"]
    )
    aliases = [alias for block in blocks.values() for alias in block["manifest_type_identifier_aliases"]]
    assert len(set(aliases)) == len(aliases) >= 40


def test_schema_of_documents(client: httpx.Client) -> None:
    response = client.get(SCHEMA)

    said = response.json()
    assert list(said) == ["schema"]
    assert {"$defs", "properties", "required", "title", "type"} <= set(said["schema"])
    assert said["schema"]["required"] == ["version", "inputs", "steps", "outputs"]
    assert len(response.content) < LARGEST_ANSWER_BYTES


def test_versions_of_the_language(client: httpx.Client) -> None:
    assert client.get(VERSIONS).json() == {"versions": ["1.17.0"]}


def test_outputs_that_depend_on_the_step(client: httpx.Client) -> None:
    step = {
        "type": "roboflow_core/json_parser@v1",
        "name": "fields",
        "raw_json": "$inputs.text",
        "expected_fields": ["first", "second"],
    }

    response = client.post(OUTPUTS, json=step)

    assert response.status_code == 200, response.text
    assert [output["name"] for output in response.json()] == ["error_status", "first", "second"]
    for output in response.json():
        assert set(output) == {"name", "kind"}
        assert set(output["kind"][0]) == {
            "name", "description", "docs", "serialised_data_type", "internal_data_type",
        }  # fmt: skip


@pytest.mark.parametrize(
    "step",
    [{}, {"type": "no/such@v1", "name": "a"}, {"type": detection()["type"], "name": "a"}, {"type": 5, "name": []}],
)
def test_outputs_of_no_step(client: httpx.Client, step: Document) -> None:
    response = client.post(OUTPUTS, json=step)

    assert (response.status_code, response.json()["error_type"]) == (400, "WorkflowSyntaxError")


@pytest.mark.parametrize("path", [SAVED[0], RUN, VALIDATE, INTERFACE, OUTPUTS])
def test_other_methods(client: httpx.Client, path: str) -> None:
    """GET of two segments means a model: contract/http.md 1.2."""
    assert client.get(path).status_code == (400 if path.count("/") == 2 else 404)
    assert client.delete(path).status_code == 405
