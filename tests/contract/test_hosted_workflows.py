"""Routes of workflows as the published tests of the hosted platform ask for them: contract/http.md 8.4."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.deployment import DETECTOR
from tests.contract.hosted import MODES, detector, sent
from tests.contract.pictures import plain, scene
from tests.contract.workflows import (
    BLOCKS,
    BLOCKS_KEYS,
    IMAGE_INPUT,
    INTERFACE,
    RUN,
    SCHEMA,
    VALIDATE,
    VERSIONS,
    Document,
    document,
    one,
    parameter,
)

DESCRIPTION_KEYS = {
    "blocks", "declared_kinds", "kinds_connections", "primitives_connections",
    "universal_query_language_description", "dynamic_block_definition_schema",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_server_error() -> Iterator[None]:
    """One of the published tests asks for a 500."""
    yield


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """How the key travels: in query or body, or in the header."""
    return str(request.param)


def test_descriptions_of_blocks(keyless: httpx.Client, key: str, mode: str) -> None:
    asked = {
        "GET without a key": keyless.get(BLOCKS),
        "POST": sent(keyless, mode, key, BLOCKS),
        "POST of a version without a key": keyless.post(BLOCKS, json={"execution_engine_version": "1.0.0"}),
        "POST of a version that is not": keyless.post(BLOCKS, json={"execution_engine_version": "0.1.0"}),
    }

    for name, response in asked.items():
        assert response.status_code == 200, name
        said = response.json()
        assert set(said) == DESCRIPTION_KEYS, name
        assert bool(said["blocks"]) == (not name.endswith("is not")), name
        assert said["declared_kinds"] and said["primitives_connections"], name
        assert len(said["declared_kinds"]) >= len(said["kinds_connections"]), name


def test_versions_and_schema(keyless: httpx.Client, key: str, mode: str) -> None:
    """The published test names 1.15.0, which was the newest then."""
    query, headers = ({"api_key": key}, {}) if mode == "legacy" else ({}, {"authorization": f"Bearer {key}"})

    assert keyless.get(VERSIONS, params=query, headers=headers).json() == {"versions": ["1.17.0"]}
    said = keyless.get(SCHEMA).json()
    assert list(said) == ["schema"]
    assert {"$defs", "properties", "required", "title", "type"} <= set(said["schema"])


COMPILED = {
    "version": "1.0",
    "inputs": [IMAGE_INPUT],
    "steps": [{"type": "RoboflowObjectDetectionModel", "name": "detection", "image": "$inputs.image",
               "model_id": DETECTOR}],
    "outputs": [{"type": "JsonField", "name": "result", "selector": "$steps.detection.*"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [
        pytest.param({}, 200, {"status": "ok"}, id="good"),
        pytest.param({"version": "0.1.0"}, 400, {}, id="a version that is not"),
        pytest.param(
            {"inputs": []},
            400,
            {
                "error_type": "InvalidReferenceTargetError",
                "context": "workflow_compilation | execution_graph_construction",
            },
            id="an input that is not",
        ),
    ],
)
def test_compilation(
    keyless: httpx.Client, key: str, mode: str, change: Document, status: int, expected: Document
) -> None:
    response = sent(keyless, mode, key, VALIDATE, json=COMPILED | change)

    said = response.json()
    assert response.status_code == status
    assert said | expected == said
    assert status == 200 or said["message"]
    if "error_type" in expected:
        assert set(said) == BLOCKS_KEYS


def run_body(mode: str, key: str, **fields: Any) -> dict[str, Any]:
    return {"specification": COMPILED, **fields} | ({"api_key": key} if mode == "legacy" else {})


def run_headers(mode: str, key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if mode == "header" else {}


def test_a_run(keyless: httpx.Client, key: str, mode: str) -> None:
    inputs = {"image": [one(scene()), one(plain("red"))]}

    response = keyless.post(RUN, json=run_body(mode, key, inputs=inputs), headers=run_headers(mode, key))

    assert response.status_code == 200, response.text
    assert [len(row["result"]["predictions"]["predictions"]) for row in response.json()["outputs"]] == [6, 7]


@pytest.mark.parametrize(
    ("as_key", "fields", "status"),
    [
        pytest.param("", {}, 422, id="no inputs"),
        pytest.param("invalid", {"inputs": {}}, 401, id="invalid key"),
    ],
)
def test_a_run_that_is_refused(
    keyless: httpx.Client, key: str, mode: str, as_key: str, fields: Document, status: int
) -> None:
    chosen = as_key or key

    response = keyless.post(RUN, json=run_body(mode, chosen, **fields), headers=run_headers(mode, chosen))

    assert response.status_code == status


def test_an_interface_that_cannot_be(keyless: httpx.Client, key: str, mode: str) -> None:
    """The confidence is taken from the input that holds the model's id."""
    specification = document(
        [IMAGE_INPUT, parameter("model_id")],
        [detector("detection", model_id="$inputs.model_id", confidence="$inputs.model_id")],
        detections="$steps.detection.predictions",
    )
    body = run_body(mode, key) | {"specification": specification}

    assert keyless.post(INTERFACE, json=body, headers=run_headers(mode, key)).status_code == 400


def test_secrets_of_the_server(keyless: httpx.Client, key: str, mode: str) -> None:
    store = {
        "type": "roboflow_core/environment_secrets_store@v1",
        "name": "vault",
        "variables_storing_secrets": ["AWS_SECRET_ACCESS_KEY"],
    }
    specification = document([], [store], secret="$steps.vault.aws_secret_access_key")
    body = run_body(mode, key, inputs={}) | {"specification": specification}

    response = keyless.post(RUN, json=body, headers=run_headers(mode, key))

    assert response.status_code == 500
    assert (
        "`roboflow_core/environment_secrets_store@v1` block cannot run in this environment"
        in response.json()["message"]
    )
