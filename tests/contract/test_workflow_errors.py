"""Workflows that cannot run, and what clients are told: contract/workflows.md 2.2 and 2.3, contract/http.md 5.2."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.constant_models import write_detector
from tests.contract.deployment import AS_JSON, CLASSIFIER, Deployment
from tests.contract.pictures import decompression_bomb, noise, plain
from tests.contract.workflows import (
    BLOCKS,
    BLOCKS_KEYS,
    DETECT,
    ENGINE_KEYS,
    IMAGE_INPUT,
    INTERFACE,
    LARGEST_ANSWER_BYTES,
    OUTPUTS,
    PLAIN_KEYS,
    RUN,
    SAVED,
    SPECIFIED,
    VALIDATE,
    Document,
    detection,
    document,
    log_line,
    one,
    parameter,
    problems,
    ran,
    rows,
)

PARSING = "workflow_compilation | workflow_definition_parsing"
GRAPH = "workflow_compilation | execution_graph_construction"
MOVED_BY_ITSELF = {
    "type": "roboflow_core/detection_offset@v1",
    "name": "moved",
    "predictions": "$steps.moved.predictions",
    "offset_width": 1,
    "offset_height": 1,
}
INPUTS = "workflow_execution | runtime_input_validation"
STEP = "workflow_execution | step_execution"
SECRETS_STORE = {
    "type": "roboflow_core/environment_secrets_store@v1",
    "name": "vault",
    "variables_storing_secrets": ["AWS_SECRET_ACCESS_KEY"],
}


@pytest.fixture(autouse=True)
def no_server_error() -> Iterator[None]:
    """Here some answers are 500: the contract says so of documents and blocks that this installation refuses."""
    yield


# ---------------------------------------------------------------- requests that cannot be understood


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"specification": DETECT}, [("missing", ["body", "inputs"])]),
        ({"inputs": {}}, [("missing", ["body", "specification"])]),
        ({}, [("missing", ["body", "inputs"]), ("missing", ["body", "specification"])]),
        ({"specification": DETECT, "inputs": None}, [("dict_type", ["body", "inputs"])]),
        ({"specification": DETECT, "inputs": []}, [("dict_type", ["body", "inputs"])]),
        ({"specification": "{}", "inputs": {}}, [("dict_type", ["body", "specification"])]),
        ({"specification": {}, "inputs": {}, "excluded_fields": "a"}, [("list_type", ["body", "excluded_fields"])]),
        ({"specification": {}, "inputs": {}, "enable_profiling": 7}, [("bool_parsing", ["body", "enable_profiling"])]),
        (
            {"specification": {}, "inputs": {}, "inner_workflow_dispatch_depth": -1},
            [("greater_than_equal", ["body", "inner_workflow_dispatch_depth"])],
        ),
        ([], [("dict_type", ["body"])]),
        (None, [("dict_type", ["body"])]),
    ],
)
def test_wrong_fields_of_a_run(client: httpx.Client, body: Any, expected: list[tuple[str, list[str]]]) -> None:
    assert problems(client.post(RUN, content=json.dumps(body), headers=AS_JSON)) == expected


@pytest.mark.parametrize("path", [*SAVED, *SPECIFIED, VALIDATE, OUTPUTS, INTERFACE])
@pytest.mark.parametrize("text", [b"", b"{", b"[1", b"\xff", b'{"inputs": NaN}', b"[" * 50_000])
def test_bodies_that_are_no_json(saved: Deployment, client: httpx.Client, path: str, text: bytes) -> None:
    [(kind, place)] = problems(client.post(path, content=text, headers=AS_JSON))

    assert (kind, place[0]) == ("json_invalid", "body")


def test_nothing_secret_is_echoed(client: httpx.Client, key: str) -> None:
    response = client.post(RUN, json={"api_key": key, "specification": DETECT})

    assert response.status_code == 422 and key not in response.text


@pytest.mark.parametrize("content", [b"{", b"[]", b"", b"\xff"])
def test_a_saved_workflow_that_is_broken(saved: Deployment, client: httpx.Client, content: bytes) -> None:
    """`retinue workflows put` saves no such thing, but a bucket takes anything."""
    saved.s3.put_object(Bucket=saved.bucket, Key="workflows/default/damaged.json", Body=content)

    response = client.post("/default/workflows/damaged", json={"inputs": {}, "use_cache": False})

    assert response.status_code == 502
    assert "workflows/default/damaged.json is no JSON object" in response.json()["message"]


# ---------------------------------------------------------------- workflows that are wrong


def changed(base: Document, **sections: Any) -> Document:
    return {name: value for name, value in (base | sections).items() if value is not ...}


WRONG_DOCUMENTS = [
    pytest.param(changed(DETECT, version="0.1.0"), 400, "NotSupportedExecutionEngineError",
                 "workflow_compilation | engine_initialisation", PLAIN_KEYS, id="version too old"),
    pytest.param(changed(DETECT, version="2.0"), 400, "NotSupportedExecutionEngineError",
                 "workflow_compilation | engine_initialisation", PLAIN_KEYS, id="version too new"),
    pytest.param(changed(DETECT, version="abc"), 400, "WorkflowDefinitionError",
                 "workflow_compilation | engine_initialisation", PLAIN_KEYS, id="no version"),
    pytest.param(changed(DETECT, version=...), 400, "WorkflowSyntaxError", PARSING, BLOCKS_KEYS, id="version missing"),
    pytest.param(changed(DETECT, steps=...), 400, "WorkflowSyntaxError", PARSING, BLOCKS_KEYS, id="steps missing"),
    pytest.param(changed(DETECT, inputs={}), 400, "WorkflowSyntaxError", PARSING, BLOCKS_KEYS, id="inputs no list"),
    pytest.param(changed(DETECT, steps=[{"type": "no/such@v1", "name": "objects"}]), 400, "WorkflowSyntaxError",
                 PARSING, BLOCKS_KEYS, id="unknown block"),
    pytest.param(changed(DETECT, steps=[detection(confidence=7)]), 400, "WorkflowSyntaxError", PARSING, BLOCKS_KEYS,
                 id="property out of range"),
    pytest.param(changed(DETECT, inputs=[]), 400, "InvalidReferenceTargetError", GRAPH, BLOCKS_KEYS, id="no input"),
    pytest.param(changed(DETECT, steps=[]), 400, "InvalidReferenceTargetError", GRAPH, BLOCKS_KEYS, id="no step"),
    pytest.param(changed(DETECT, steps=[detection(images="$steps.objects.picture")]), 400,
                 "ExecutionGraphStructureError", GRAPH, BLOCKS_KEYS, id="no such property"),
    pytest.param(changed(DETECT, steps=[detection(), MOVED_BY_ITSELF]), 400, "ExecutionGraphStructureError",
                 GRAPH, BLOCKS_KEYS, id="cycle"),
    pytest.param(changed(DETECT, steps=[detection(), detection("more", images="$steps.objects.predictions")]), 400,
                 "ReferenceTypeError", GRAPH, PLAIN_KEYS, id="kinds"),
    pytest.param(changed(DETECT, inputs=[*DETECT["inputs"], IMAGE_INPUT]), 400, "DuplicatedNameError",
                 "workflow_compilation | specification_validation", PLAIN_KEYS, id="same name twice"),
    pytest.param(changed(DETECT, dynamic_blocks_definitions=[{}]), 500, "WorkflowEnvironmentConfigurationError",
                 "workflow_compilation | dynamic_blocks_compilation", ENGINE_KEYS, id="code of its own"),
]  # fmt: skip


@pytest.mark.parametrize("path", [RUN, VALIDATE])
@pytest.mark.parametrize(("workflow", "status", "kind", "context", "keys"), WRONG_DOCUMENTS)
def test_a_wrong_document(
    client: httpx.Client,
    scene_inputs: dict[str, Any],
    path: str,
    workflow: Document,
    status: int,
    kind: str,
    context: str,
    keys: set[str],
) -> None:
    body = workflow if path == VALIDATE else {"specification": workflow, "inputs": scene_inputs}
    response = client.post(path, json=body)

    said = response.json()
    assert response.status_code == status, response.text
    assert (said["error_type"], said["context"], set(said)) == (kind, context, keys)
    if "inner_error_type" in said and kind != "WorkflowSyntaxError":
        assert said["inner_error_type"] in ("None", None) and said["inner_error_message"] == "None"


def test_dynamic_blocks_are_refused_in_the_words_that_clients_know(client: httpx.Client) -> None:
    answers = [
        client.post(VALIDATE, json=DETECT | {"dynamic_blocks_definitions": [{}]}),
        client.post(BLOCKS, json={"dynamic_blocks_definitions": [{}]}),
    ]

    for answer in answers:
        assert answer.status_code == 500
        assert answer.json()["message"].startswith(
            "Cannot use dynamic blocks with custom Python code in this installation of `workflows`."
        )


def test_a_syntax_error_names_step_and_property(client: httpx.Client) -> None:
    said = client.post(VALIDATE, json=changed(DETECT, steps=[detection(confidence="high")])).json()

    assert said["message"] == "Could not parse workflow definition. Details provided in inner error."
    assert said["inner_error_type"] == "ValidationError"
    [block] = said["blocks_errors"]
    assert (block["block_id"], block["property_name"]) == ("objects", "confidence")
    assert set(block) == {
        "block_id", "block_type", "block_details", "property_name", "property_details", "block_traceback",
    }  # fmt: skip


def test_a_reference_to_nothing_is_told_as_clients_know_it(client: httpx.Client) -> None:
    said = client.post(VALIDATE, json=changed(DETECT, inputs=DETECT["inputs"][1:])).json()

    assert said["message"] == "Workflow references '$inputs.image' which points to a non-existent input parameter."
    [block] = said["blocks_errors"]
    assert (block["block_id"], block["property_name"]) == ("objects", "images")
    assert block["property_details"] == "Invalid reference to $inputs.image"


@pytest.mark.parametrize("depth", [70, 300, 900])
def test_a_document_nested_without_end(client: httpx.Client, depth: int) -> None:
    text = json.dumps(DETECT | {"more": 0}).replace('"more": 0', f'"more": {"[" * depth}{"]" * depth}')

    for path, body in ((VALIDATE, text), (RUN, f'{{"inputs": {{}}, "specification": {text}}}')):
        response = client.post(path, content=body, headers=AS_JSON)
        assert (response.status_code, response.json()["error_type"]) == (400, "WorkflowSyntaxError")


# ---------------------------------------------------------------- inputs that are wrong


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({}, "Detected runtime parameter `image` defined as `WorkflowImage`", id="missing"),
        pytest.param({"image": None}, "Detected runtime parameter `image`", id="null"),
        pytest.param({"image": []}, "Expected all batch-oriented workflow inputs be the same length", id="no picture"),
        pytest.param({"image": "%%"}, "Failed to assemble `image`", id="no base64"),
        pytest.param({"image": 5}, "Failed to assemble `image`", id="number"),
        pytest.param({"image": {"type": "base64"}}, "Failed to assemble `image`", id="no value"),
        pytest.param({"image": {"type": "numpy", "value": "gASV"}}, "Failed to assemble `image`", id="numpy"),
        pytest.param({"image": {"type": "file", "value": "/etc/passwd"}}, "Failed to assemble `image`", id="file"),
        pytest.param({"image": "http://example.com/a.jpg"}, "Failed to assemble `image`", id="http"),
        pytest.param({"image": "https://169.254.169.254/"}, "Failed to assemble `image`", id="private host"),
        pytest.param({"image": one(decompression_bomb())}, "Failed to assemble `image`", id="bomb"),
        pytest.param({"image": [one(plain("red")), 7]}, "Failed to assemble `image.[1]`", id="second"),
        pytest.param({"image": one(plain("red")), "confidence": "high"}, "Provided input is incompatible", id="type"),
        pytest.param({"image": one(plain("red")), "confidence": 7}, "Provided input is incompatible", id="range"),
    ],
)
def test_wrong_inputs(client: httpx.Client, given: dict[str, Any], message: str) -> None:
    response = ran(client, DETECT, given)

    said = response.json()
    assert response.status_code == 400, response.text
    assert (said["error_type"], said["context"], set(said)) == ("RuntimeInputError", INPUTS, PLAIN_KEYS)
    assert said["message"].startswith(message)


def test_lists_of_different_lengths(client: httpx.Client) -> None:
    inputs = [IMAGE_INPUT, IMAGE_INPUT | {"name": "other"}]
    given = {"image": [one(plain("red"))] * 2, "other": [one(plain("red"))] * 3}

    response = ran(client, document(inputs, [], image="$inputs.image"), given)

    assert response.status_code == 400
    assert "{'image': 2, 'other': 3}" in response.json()["message"]


def test_more_pictures_than_allowed(client: httpx.Client) -> None:
    response = ran(client, DETECT, {"image": [one(plain("red"))] * 65})

    assert response.status_code == 400
    assert response.json()["error_type"] == "RuntimeLimitsExceededError"
    assert response.json()["message"].startswith("65 elements in one request; the limit is 64.")


@pytest.mark.parametrize("depth", [70, 300, 900])
def test_inputs_nested_without_end(client: httpx.Client, depth: int) -> None:
    echo = json.dumps(document([parameter("x")], [], x="$inputs.x"))
    body = f'{{"specification": {echo}, "inputs": {{"x": {"[" * depth}{"]" * depth}}}}}'

    response = client.post(RUN, content=body, headers=AS_JSON)

    assert (response.status_code, response.json()["error_type"]) == (400, "RuntimeInputError")


def test_an_answer_that_lambda_cannot_carry(client: httpx.Client) -> None:
    """One megapixel of noise, four times in the answer: small enough to send, too large to come back."""
    names = [f"copy_{number}" for number in range(4)]
    workflow = document([IMAGE_INPUT], [], **dict.fromkeys(names, "$inputs.image"))
    given = {"image": one(noise((1600, 1200), 80))}

    response = ran(client, workflow, given)
    fewer = ran(client, workflow, given, excluded_fields=names[2:])

    assert response.status_code == 413
    assert list(response.json()) == ["message"]
    assert "5.5 MB can be sent" in response.json()["message"]
    assert list(rows(fewer)[0]) == names[:2]
    assert len(fewer.content) < LARGEST_ANSWER_BYTES


def test_pictures_that_are_small_to_send_and_large_to_hold(client: httpx.Client) -> None:
    """Ten of 45 megapixels each: 135 MB decoded, and 140 KB as a PNG of one colour."""
    workflow = document([IMAGE_INPUT], [], image="$inputs.image")
    picture = one(plain("black", (9_000, 5_000)))

    response = ran(client, workflow, {"image": [picture] * 10})

    assert (response.status_code, response.json()["error_type"]) == (400, "RuntimeInputError")
    assert "once decoded" in response.json()["message"] and "RETINUE_RUN_MEMORY_MB" in response.json()["message"]


# ---------------------------------------------------------------- steps that fail


@pytest.mark.parametrize(
    ("model_id", "status", "inner", "beginning"),
    [
        ("some/38", 404, "ModelNotFound", "Could not find requested Roboflow resource while execution of step objects"),
        ("shapes/99", 404, "ModelNotFound", "Could not find requested Roboflow resource"),
        ("shapes", 400, "InvalidModelId", "Problem with Workflow Block configuration - "),
        ("../keys/1", 400, "InvalidModelId", "Problem with Workflow Block configuration - "),
        (CLASSIFIER, 400, "RequestError", ""),
    ],
)
def test_a_model_that_is_not_there_has_its_own_status(
    client: httpx.Client, scene_inputs: dict[str, Any], model_id: str, status: int, inner: str, beginning: str
) -> None:
    response = ran(client, changed(DETECT, steps=[detection(model_id=model_id)]), scene_inputs)

    said = response.json()
    assert response.status_code == status, response.text
    assert (said["error_type"], said["context"]) == ("ClientCausedStepExecutionError", STEP)
    assert (set(said), said["inner_error_type"]) == (BLOCKS_KEYS, inner)
    assert said["message"].startswith(beginning)
    [block] = said["blocks_errors"]
    assert (block["block_id"], block["block_type"]) == ("objects", detection()["type"])


def test_a_model_by_its_alias(client: httpx.Client, scene_inputs: dict[str, Any]) -> None:
    response = ran(client, changed(DETECT, steps=[detection(model_id="shapes/production")]), scene_inputs)

    assert len(rows(response)[0]["objects"]["predictions"]) == 6
    assert response.headers["x-model-id"] == "shapes/production"


def test_a_cold_model_is_told_as_such(
    deployment: Deployment, client: httpx.Client, scene_inputs: dict[str, Any], tmp_path: Path
) -> None:
    deployment.publish("fresh/1", write_detector(tmp_path / "fresh.onnx"))
    workflow = changed(DETECT, steps=[detection(model_id="fresh/1")])

    cold, warm = (ran(client, workflow, scene_inputs) for _ in range(2))

    assert [response.status_code for response in (cold, warm)] == [200, 200], cold.text
    assert (cold.headers["x-model-cold-start"], warm.headers["x-model-cold-start"]) == ("true", "false")
    assert float(cold.headers["x-model-load-time"]) > 0


def test_secrets_are_refused_in_the_words_that_clients_know(client: httpx.Client) -> None:
    response = ran(client, document([], [SECRETS_STORE], secret="$steps.vault.aws_secret_access_key"), {})

    assert response.status_code == 500
    assert response.json()["error_type"] == "StepExecutionError"
    assert response.json()["message"].startswith(
        "`roboflow_core/environment_secrets_store@v1` block cannot run in this environment"
    )


def test_the_log_says_why_and_never_the_key(
    client: httpx.Client, key: str, scene_inputs: dict[str, Any], worker_lines: list[str]
) -> None:
    """A run that fails looks like any refused request: a line with its reason."""
    body = {
        "specification": changed(DETECT, steps=[detection(model_id="some/38")]),
        "inputs": scene_inputs,
        "api_key": key,
    }
    before = len(worker_lines)
    response = client.post(RUN, json=body)
    line = log_line(response, worker_lines, before)

    assert line["status"] == 404 and line["model_id"] == "some/38"
    assert line["reason"].startswith("ClientCausedStepExecutionError: ")
    assert not [text for text in worker_lines[before:] if key in text or scene_inputs["image"]["value"][:40] in text]


def test_an_unexpected_error_of_a_block_is_logged_with_its_trace(client: httpx.Client, worker_lines: list[str]) -> None:
    before = len(worker_lines)
    response = ran(client, document([], [SECRETS_STORE], secret="$steps.vault.*"), {})
    line = log_line(response, worker_lines, before)

    assert line["level"] == "ERROR" and line["reason"].startswith("StepExecutionError: ")
    assert [text for text in worker_lines[before:] if "unexpected error of a block" in text and "Traceback" in text]
    assert "Traceback" not in response.text and "/retinue/" not in response.text


@pytest.mark.parametrize("template", ["{%s}", "{x:%s}"], ids=["name", "format"])
def test_a_trace_does_not_repeat_what_the_block_stumbled_over(
    client: httpx.Client, key: str, worker_lines: list[str], template: str
) -> None:
    before = len(worker_lines)
    step = {"type": "roboflow_core/string_template@v1", "name": "text", "template": "$inputs.template"}
    filled = document([parameter("template")], [step | {"data": {"x": 1}}], text="$steps.text.output")
    response = ran(client, filled, {"template": template % key})
    log_line(response, worker_lines, before)

    assert response.status_code == 500 and key in response.text  # who sent it may read it
    [trace] = [text for text in worker_lines[before:] if "unexpected error of a block" in text]
    assert "string_template.py" in trace and "ValueError" in trace
    assert not [text for text in worker_lines[before:] if key in text]
