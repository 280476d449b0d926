"""Every route of workflows: contract/workflows.md 9, contract/http.md 1.7, 4.3 and 5.2."""

import base64
import io
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image

from retinue.operator.keys import create_key
from tests.contract.deployment import AS_JSON, CLASSIFIER, DETECTOR, Deployment
from tests.contract.pictures import SCENE_SIZE, decompression_bomb, noise, plain, scene
from tests.contract.workflows import (
    COLOURS,
    DETECT,
    DRAWING,
    IMAGE_INPUT,
    Document,
    detection,
    document,
    one,
    parameter,
)

RUN, VALIDATE, INTERFACE = "/workflows/run", "/workflows/validate", "/workflows/describe_interface"
BLOCKS, OUTPUTS = "/workflows/blocks/describe", "/workflows/blocks/dynamic_outputs"
SCHEMA, VERSIONS = "/workflows/definition/schema", "/workflows/execution_engine/versions"
SAVED = ("/default/workflows/shapes", "/infer/workflows/default/shapes")
SPECIFIED = (RUN, "/infer/workflows")

# The shapes of error bodies: contract/http.md 5.
PLAIN = {"message", "error_type", "context", "inner_error_type", "inner_error_message"}
ENGINE = PLAIN | {"python_blocks_output_streams", "python_blocks_debug_traces"}
BLOCKS_TOO = ENGINE | {"blocks_errors"}
PARSING = "workflow_compilation | workflow_definition_parsing"
GRAPH = "workflow_compilation | execution_graph_construction"
INPUTS = "workflow_execution | runtime_input_validation"
STEP = "workflow_execution | step_execution"
UNAUTHORIZED = {"status": 401, "message": "Unauthorized api_key"}
LARGEST_ANSWER_BYTES = 5_500_000
SECRETS_STORE = {
    "type": "roboflow_core/environment_secrets_store@v1",
    "name": "vault",
    "variables_storing_secrets": ["AWS_SECRET_ACCESS_KEY"],
}


@pytest.fixture(autouse=True)
def no_server_error() -> Iterator[None]:
    """Here some answers are 500: the contract says so of documents and blocks that this installation refuses."""
    yield


@pytest.fixture(scope="module")
def saved(deployment: Deployment) -> Deployment:
    """`deployment` with workflows in it."""
    deployment.save_workflow("default/shapes", DETECT)
    deployment.save_workflow("default/shapes", document([], [], answer="$inputs.none"), version="broken")
    deployment.save_workflow("default/shapes", document([IMAGE_INPUT], [], same="$inputs.image"), version="2")
    deployment.save_workflow("other/shapes", DETECT)
    return deployment


@pytest.fixture(scope="module")
def inputs(scene_text: str) -> dict[str, Any]:
    """The scene, as clients send it."""
    return {"image": {"type": "base64", "value": scene_text}}


def ran(client: httpx.Client, specification: Document, inputs: dict[str, Any], **fields: Any) -> httpx.Response:
    return client.post(RUN, json={"specification": specification, "inputs": inputs, **fields})


def rows(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"outputs", "profiler_trace"}
    outputs: list[dict[str, Any]] = response.json()["outputs"]
    return outputs


def classes(output: dict[str, Any]) -> list[str]:
    return [prediction["class"] for prediction in output["predictions"]]


def picture_of(output: dict[str, Any]) -> Image.Image:
    assert output["type"] == "base64"
    return Image.open(io.BytesIO(base64.b64decode(output["value"], validate=True)))


def problems(response: httpx.Response) -> list[tuple[str, list[Any]]]:
    """Kind and place of each entry of a 422, which echoes nothing."""
    assert response.status_code == 422, response.text
    assert all(set(item) == {"type", "loc", "msg"} for item in response.json()["detail"])
    return [(item["type"], item["loc"]) for item in response.json()["detail"]]


# ---------------------------------------------------------------- runs


@pytest.mark.parametrize("path", SPECIFIED)
def test_a_specification_runs(client: httpx.Client, inputs: dict[str, Any], path: str) -> None:
    response = client.post(path, json={"specification": DETECT, "inputs": inputs})

    [row] = rows(response)
    assert list(row) == ["objects", "run"]
    assert classes(row["objects"]) == ["circle", "square", "square", "square", "square", "star"]
    assert row["objects"]["image"] == {"width": 320, "height": 240}
    [first, *_] = row["objects"]["predictions"]
    assert list(first) == [
        "width", "height", "x", "y", "confidence", "class_id", "class", "detection_id", "parent_id",
    ]  # fmt: skip
    assert (first["x"], first["y"], first["width"], first["height"]) == (160, 120, 160, 80)
    assert first["parent_id"] == "image"
    UUID(first["detection_id"])
    UUID(row["run"])
    assert response.json()["profiler_trace"] == []
    assert response.headers["x-model-id"] == DETECTOR
    assert "x-workflow-id" not in response.headers


@pytest.mark.parametrize("path", SAVED)
def test_a_saved_workflow_runs(saved: Deployment, client: httpx.Client, inputs: dict[str, Any], path: str) -> None:
    response = client.post(path, json={"inputs": inputs})

    [row] = rows(response)
    assert len(row["objects"]["predictions"]) == 6
    assert (response.headers["x-workflow-id"], response.headers["x-workspace-id"]) == ("shapes", "default")


def test_a_list_gives_a_row_for_each_picture_in_order(client: httpx.Client) -> None:
    pictures = [one(plain("red")), one(scene()), one(plain("blue"))]

    first, second, third = rows(ran(client, DETECT, {"image": pictures, "confidence": 0.5}))

    assert [classes(row["objects"])[0] for row in (first, second, third)] == ["red", "circle", "circle"]
    assert first["objects"]["predictions"][0]["parent_id"] == "image.[0]"
    assert third["objects"]["predictions"][0]["parent_id"] == "image.[2]"
    assert len({row["run"] for row in (first, second, third)}) == 1  # one call for all pictures


@pytest.mark.parametrize(
    ("parameters", "count"), [({}, 6), ({"confidence": 0.55}, 3), ({"confidence": None}, None), ({"more": 1}, 6)]
)
def test_parameters(
    client: httpx.Client, inputs: dict[str, Any], parameters: dict[str, Any], count: int | None
) -> None:
    response = ran(client, DETECT, inputs | parameters)

    if count is None:  # null is not the default: it is what the client wants, and no number
        assert response.status_code == 400
    else:
        assert len(rows(response)[0]["objects"]["predictions"]) == count


@pytest.mark.parametrize("form", ["object", "bare text", "data URI", "no type", "other type"])
def test_every_form_of_a_picture(client: httpx.Client, scene_text: str, form: str) -> None:
    value: Any = {
        "object": {"type": "base64", "value": scene_text},
        "bare text": scene_text,
        "data URI": f"data:image/jpeg;base64,{scene_text}",
        "no type": {"value": scene_text},
        "other type": {"type": "url", "value": scene_text},
    }[form]

    assert len(rows(ran(client, DETECT, {"image": value}))[0]["objects"]["predictions"]) == 6


def test_pictures_come_back_as_jpeg(client: httpx.Client, inputs: dict[str, Any]) -> None:
    [row] = rows(ran(client, DRAWING, inputs))

    drawn = picture_of(row["picture"])
    assert (drawn.format, drawn.size) == ("JPEG", SCENE_SIZE)
    assert drawn.tobytes() != Image.open(io.BytesIO(scene())).tobytes()
    assert set(row["picture"]) == {"type", "value", "video_metadata"}
    assert row["picture"]["video_metadata"]["video_identifier"] == "image"
    assert [picture_of(crop).size for crop in row["crops"]][:2] == [(160, 80), (40, 40)]
    crop = row["crops"][1]
    assert crop["root_parent_id"] == "image" and UUID(crop["parent_id"])
    assert crop["parent_origin"] == {"offset_x": 40, "offset_y": 20, "width": 320, "height": 240}


def test_models_in_a_row(client: httpx.Client) -> None:
    response = ran(client, COLOURS, {"image": [one(plain("red", (64, 64))), one(plain("blue", (64, 64)))]})

    red, blue = rows(response)
    assert red["names"] == ["red"] * len(red["objects"]["predictions"]) != []
    assert blue["names"] == ["blue"] * len(blue["objects"]["predictions"]) != []
    assert response.headers["x-model-id"] == f"{DETECTOR},{CLASSIFIER}"


def test_excluded_fields(saved: Deployment, client: httpx.Client, inputs: dict[str, Any]) -> None:
    excluded = {"excluded_fields": ["objects", "no such output"]}

    assert [list(row) for row in rows(ran(client, DETECT, inputs, **excluded))] == [["run"]]
    assert [list(row) for row in rows(client.post(SAVED[0], json={"inputs": inputs, **excluded}))] == [["run"]]
    assert rows(ran(client, DETECT, inputs, excluded_fields=["objects", "run"])) == [{}]


def test_a_workflow_of_nothing(client: httpx.Client) -> None:
    assert rows(ran(client, document([], []), {})) == [{}]


def test_parameters_come_back_as_they_are(client: httpx.Client) -> None:
    value = {"text": "ä\u2028\0", "list": [1, 1.5, None, True, {}], "large": 2**63, "larger": 2**70}

    [row] = rows(ran(client, document([parameter("x")], [], x="$inputs.x"), {"x": value}))

    assert row["x"] == value | {"larger": float(2**70)}


def test_a_number_of_more_than_64_bits(client: httpx.Client) -> None:
    multiply = {"type": "Multiply", "other": 2**40}
    step = {"type": "PropertyDefinition", "name": "product", "data": "$inputs.x", "operations": [multiply] * 2}
    step["type"] = "roboflow_core/property_definition@v1"
    number = {"type": "WorkflowBatchInput", "name": "x"}

    [row] = rows(ran(client, document([number], [step], product="$steps.product.output"), {"x": 3}))

    assert row["product"] == 3 * 2**80


def test_a_trace_that_browsers_open(saved: Deployment, client: httpx.Client, inputs: dict[str, Any]) -> None:
    for response in (
        ran(client, DRAWING, inputs, enable_profiling=True),
        client.post(SAVED[0], json={"inputs": inputs, "enable_profiling": True}),
    ):
        rows(response)
        trace = response.json()["profiler_trace"]

        for event in trace:
            assert {"name", "cat", "ph", "ts", "dur", "pid", "tid"} <= set(event)
            assert event["ph"] == "X" and event["dur"] >= 0
            assert abs(event["ts"] / 1e6 - time.time()) < 60  # microseconds since the epoch
            assert all(isinstance(event[name], int) for name in ("pid", "tid"))
        assert {"compile", "inputs", "outputs", "objects"} <= {event["name"] for event in trace}
    first = ran(client, DRAWING, inputs, enable_profiling=True).json()["profiler_trace"]
    assert [event["name"] for event in first if event["cat"] == "step"] == ["objects", "drawn", "crops"]


def test_stages_of_a_run_are_told(client: httpx.Client, inputs: dict[str, Any]) -> None:
    headers = ran(client, DETECT, inputs).headers

    stages = dict(stage.split(";dur=") for stage in headers["server-timing"].split(", "))
    assert set(stages) >= {
        "auth", "load", "model", "prepare", "infer", "decode", "compile", "inputs", "outputs",
    }  # fmt: skip
    assert 0 < float(headers["x-processing-time"]) < 5


def test_sinks_can_be_switched_off(client: httpx.Client) -> None:
    sink = {
        "type": "roboflow_core/webhook_sink@v1",
        "name": "hook",
        "url": "http://127.0.0.1:9/",
        "method": "POST",
        "fire_and_forget": False,
    }
    workflow = document([], [sink], hook="$steps.hook.*")

    [on], [off] = (rows(ran(client, workflow, {}, disable_sinks=value)) for value in (False, True))

    assert on["hook"]["error_status"] is True and "https" in on["hook"]["message"]  # what is no public host
    assert off["hook"] == {
        "error_status": False,
        "throttling_status": False,
        "message": "Sink was disabled by workflow execution policy",
    }


# ---------------------------------------------------------------- saved workflows


def test_versions_of_a_saved_workflow(saved: Deployment, client: httpx.Client, inputs: dict[str, Any]) -> None:
    [row] = rows(client.post(SAVED[0], json={"inputs": inputs, "workflow_version_id": "2"}))
    broken = client.post(SAVED[0], json={"inputs": inputs, "workflow_version_id": "broken"})
    missing = client.post(SAVED[0], json={"inputs": inputs, "workflow_version_id": "3"})

    assert list(row) == ["same"]
    assert broken.json()["error_type"] == "InvalidReferenceTargetError"
    assert (missing.status_code, list(missing.json())) == (404, ["message"])
    assert "version 3" in missing.json()["message"]


def test_a_workflow_that_was_saved_again(saved: Deployment, client: httpx.Client, inputs: dict[str, Any]) -> None:
    """A copy may answer for a while; `use_cache: false` asks for what is saved now."""
    path, versions = (
        "/default/workflows/changing",
        [document([IMAGE_INPUT], [], **{name: "$inputs.image"}) for name in "ab"],
    )

    def names(**fields: Any) -> list[str]:
        return list(rows(client.post(path, json={"inputs": inputs, **fields}))[0])

    saved.save_workflow("default/changing", versions[0])
    assert names() == ["a"]
    saved.save_workflow("default/changing", versions[1])

    assert names(use_cache=True) == ["a"]
    assert names(use_cache=False) == ["b"]
    assert names() == ["b"]


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        pytest.param("/default/workflows/none", 404, "Requested Roboflow resource not found.", id="missing"),
        pytest.param("/infer/workflows/default/none", 404, "Requested Roboflow resource not found.", id="legacy"),
        pytest.param("/other/workflows/shapes", 403, "Unauthorized access to roboflow API", id="other workspace"),
        pytest.param("/other/workflows/none", 403, "Unauthorized access to roboflow API", id="tells nothing"),
        pytest.param("/default/workflows/a%20b", 400, "'a b' is no workflow id", id="no name"),
        pytest.param("/default/workflows/..%2f..%2fkeys", 400, "'../../keys' is no workflow id", id="path"),
        pytest.param(f"/default/workflows/{'a' * 200}", 400, "'aaaa", id="long"),
    ],
)
@pytest.mark.parametrize("suffix", ["", "/describe_interface"])
def test_workflows_that_cannot_be_had(
    saved: Deployment, client: httpx.Client, inputs: dict[str, Any], path: str, status: int, message: str, suffix: str
) -> None:
    if suffix and path.startswith("/infer"):
        pytest.skip("there is no such route")
    response = client.post(f"{path}{suffix}", json={"inputs": inputs})

    assert response.status_code == status, response.text
    assert list(response.json()) == ["message"]
    assert response.json()["message"].startswith(message)


@pytest.mark.parametrize("content", [b"{", b"[]", b"", b"\xff"])
def test_a_saved_workflow_that_is_broken(saved: Deployment, client: httpx.Client, content: bytes) -> None:
    """`retinue workflows put` saves no such thing, but a bucket takes anything."""
    saved.s3.put_object(Bucket=saved.bucket, Key="workflows/default/damaged.json", Body=content)

    response = client.post("/default/workflows/damaged", json={"inputs": {}, "use_cache": False})

    assert response.status_code == 502
    assert "workflows/default/damaged.json is no JSON object" in response.json()["message"]


def test_a_workflow_nests_saved_ones_of_its_own_workspace(
    saved: Deployment, client: httpx.Client, inputs: dict[str, Any]
) -> None:
    step = {
        "type": "roboflow_core/inner_workflow@v1",
        "name": "inner",
        "workflow_workspace_id": "default",
        "workflow_id": "shapes",
        "parameter_bindings": {"image": "$inputs.image", "confidence": 0.55},
    }
    outer = document([IMAGE_INPUT], [step], objects="$steps.inner.objects")

    [row] = rows(ran(client, outer, inputs))
    foreign = ran(client, outer | {"steps": [step | {"workflow_workspace_id": "other"}]}, inputs)
    missing = ran(client, outer | {"steps": [step | {"workflow_id": "none"}]}, inputs)

    assert len(row["objects"]["predictions"]) == 3
    assert (foreign.status_code, missing.status_code) == (403, 404)


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize("place", ["query", "header", "body"])
@pytest.mark.parametrize("path", [*SAVED, *SPECIFIED, INTERFACE])
def test_where_a_key_may_be(
    saved: Deployment, keyless: httpx.Client, key: str, inputs: dict[str, Any], path: str, place: str
) -> None:
    body = {"specification": DETECT, "inputs": inputs} | ({"api_key": key} if place == "body" else {})
    headers = {"authorization": f"Bearer {key}"} if place == "header" else {}

    response = keyless.post(path, json=body, params={"api_key": key} if place == "query" else {}, headers=headers)

    assert response.status_code == 200, response.text


@pytest.mark.parametrize("path", [*SAVED, *SPECIFIED, VALIDATE, OUTPUTS, f"{SAVED[0]}/describe_interface"])
def test_no_route_works_without_a_good_key(saved: Deployment, keyless: httpx.Client, path: str) -> None:
    without = [keyless.post(path, json=body) for body in ({}, {"api_key": None}, {"api_key": "None"})]
    unknown = [keyless.post(path, json={"api_key": "x"}), keyless.post(path, headers={"authorization": "Bearer x"})]

    assert [response.json() for response in without] == [UNAUTHORIZED] * 3
    assert [response.status_code for response in unknown] == [401, 401]
    assert all(response.json()["message"].startswith("Unauthorized api_key. This key") for response in unknown)


def test_versions_need_a_key_and_descriptions_do_not(keyless: httpx.Client) -> None:
    """Editors show blocks before anybody has a key; contract/http.md 4.3."""
    assert keyless.get(VERSIONS).status_code == keyless.post(BLOCKS).status_code == 401
    assert keyless.post(BLOCKS, json={"dynamic_blocks_definitions": [{}]}).status_code == 401
    assert keyless.get(BLOCKS).status_code == keyless.post(BLOCKS, json={}).status_code == 200
    assert keyless.get(SCHEMA).status_code == 200


def test_an_interface_without_a_key(keyless: httpx.Client) -> None:
    response = keyless.post(INTERFACE, json={"specification": DETECT})

    assert response.status_code == 400
    assert list(response.json()) == ["message"]
    assert response.json()["message"].startswith("Required Roboflow API key is missing")
    assert keyless.post(INTERFACE, json={"specification": DETECT, "api_key": "x"}).status_code == 401


def test_a_key_of_another_workspace(saved: Deployment, keyless: httpx.Client, inputs: dict[str, Any]) -> None:
    other = create_key(saved.s3, saved.bucket, name="other", workspace="other")
    headers = {"authorization": f"Bearer {other}"}

    theirs = keyless.post("/other/workflows/shapes", json={"inputs": inputs}, headers=headers)
    ours = keyless.post(SAVED[0], json={"inputs": inputs}, headers=headers)

    assert len(rows(theirs)[0]["objects"]["predictions"]) == 6
    assert theirs.headers["x-workspace-id"] == "other"
    assert ours.status_code == 403
    assert "for workspace default" in ours.json()["message"]


def test_a_key_for_other_projects(keyless: httpx.Client, narrow_key: str, inputs: dict[str, Any]) -> None:
    """A workflow is no way around the scopes of a key."""
    response = keyless.post(RUN, json={"specification": DETECT, "inputs": inputs, "api_key": narrow_key})

    assert response.status_code == 403
    assert set(response.json()) == BLOCKS_TOO
    assert response.json()["error_type"] == "ClientCausedStepExecutionError"
    assert response.json()["blocks_errors"][0]["block_id"] == "objects"


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


# ---------------------------------------------------------------- workflows that are wrong


def changed(base: Document, **sections: Any) -> Document:
    return {name: value for name, value in (base | sections).items() if value is not ...}


WRONG_DOCUMENTS = [
    pytest.param(changed(DETECT, version="0.1.0"), 400, "NotSupportedExecutionEngineError",
                 "workflow_compilation | engine_initialisation", PLAIN, id="version too old"),
    pytest.param(changed(DETECT, version="2.0"), 400, "NotSupportedExecutionEngineError",
                 "workflow_compilation | engine_initialisation", PLAIN, id="version too new"),
    pytest.param(changed(DETECT, version="abc"), 400, "WorkflowDefinitionError",
                 "workflow_compilation | engine_initialisation", PLAIN, id="no version"),
    pytest.param(changed(DETECT, version=...), 400, "WorkflowSyntaxError", PARSING, BLOCKS_TOO, id="version missing"),
    pytest.param(changed(DETECT, steps=...), 400, "WorkflowSyntaxError", PARSING, BLOCKS_TOO, id="steps missing"),
    pytest.param(changed(DETECT, inputs={}), 400, "WorkflowSyntaxError", PARSING, BLOCKS_TOO, id="inputs no list"),
    pytest.param(changed(DETECT, steps=[{"type": "no/such@v1", "name": "objects"}]), 400, "WorkflowSyntaxError",
                 PARSING, BLOCKS_TOO, id="unknown block"),
    pytest.param(changed(DETECT, steps=[detection(confidence=7)]), 400, "WorkflowSyntaxError", PARSING, BLOCKS_TOO,
                 id="property out of range"),
    pytest.param(changed(DETECT, inputs=[]), 400, "InvalidReferenceTargetError", GRAPH, BLOCKS_TOO, id="no input"),
    pytest.param(changed(DETECT, steps=[]), 400, "InvalidReferenceTargetError", GRAPH, BLOCKS_TOO, id="no step"),
    pytest.param(changed(DETECT, steps=[detection(images="$steps.objects.picture")]), 400,
                 "ExecutionGraphStructureError", GRAPH, BLOCKS_TOO, id="no such property"),
    pytest.param(changed(DETECT, steps=[detection(images="$steps.objects.predictions")]), 400,
                 "ExecutionGraphStructureError", GRAPH, BLOCKS_TOO, id="cycle"),
    pytest.param(changed(DETECT, steps=[detection(), detection("more", images="$steps.objects.predictions")]), 400,
                 "ReferenceTypeError", GRAPH, PLAIN, id="kinds"),
    pytest.param(changed(DETECT, inputs=[*DETECT["inputs"], IMAGE_INPUT]), 400, "DuplicatedNameError",
                 "workflow_compilation | specification_validation", PLAIN, id="same name twice"),
    pytest.param(changed(DETECT, dynamic_blocks_definitions=[{}]), 500, "WorkflowEnvironmentConfigurationError",
                 "workflow_compilation | dynamic_blocks_compilation", ENGINE, id="code of its own"),
]  # fmt: skip


@pytest.mark.parametrize("path", [RUN, VALIDATE])
@pytest.mark.parametrize(("workflow", "status", "kind", "context", "keys"), WRONG_DOCUMENTS)
def test_a_wrong_document(
    client: httpx.Client,
    inputs: dict[str, Any],
    path: str,
    workflow: Document,
    status: int,
    kind: str,
    context: str,
    keys: set[str],
) -> None:
    body = workflow if path == VALIDATE else {"specification": workflow, "inputs": inputs}
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
    assert (said["error_type"], said["context"], set(said)) == ("RuntimeInputError", INPUTS, PLAIN)
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


# ---------------------------------------------------------------- steps that fail


@pytest.mark.parametrize(
    ("model_id", "status", "inner"),
    [
        ("some/38", 404, "ModelNotFound"),
        ("shapes/99", 404, "ModelNotFound"),
        ("shapes", 400, "InvalidModelId"),
        ("../keys/1", 400, "InvalidModelId"),
        (CLASSIFIER, 400, "RequestError"),
    ],
)
def test_a_model_that_is_not_there_has_its_own_status(
    client: httpx.Client, inputs: dict[str, Any], model_id: str, status: int, inner: str
) -> None:
    response = ran(client, changed(DETECT, steps=[detection(model_id=model_id)]), inputs)

    said = response.json()
    assert response.status_code == status, response.text
    assert (said["error_type"], said["context"]) == ("ClientCausedStepExecutionError", STEP)
    assert (set(said), said["inner_error_type"]) == (BLOCKS_TOO, inner)
    [block] = said["blocks_errors"]
    assert (block["block_id"], block["block_type"]) == ("objects", detection()["type"])


def test_a_model_by_its_alias(client: httpx.Client, inputs: dict[str, Any]) -> None:
    response = ran(client, changed(DETECT, steps=[detection(model_id="shapes/production")]), inputs)

    assert len(rows(response)[0]["objects"]["predictions"]) == 6
    assert response.headers["x-model-id"] == "shapes/production"


def test_a_cold_model_is_told_as_such(saved: Deployment, client: httpx.Client, inputs: dict[str, Any]) -> None:
    key, body = "models/shapes/1/", {}
    for entry in saved.s3.list_objects_v2(Bucket=saved.bucket, Prefix=key)["Contents"]:
        content = saved.s3.get_object(Bucket=saved.bucket, Key=entry["Key"])["Body"].read()
        body[entry["Key"].replace(key, "models/fresh/1/")] = content.replace(b"shapes/1", b"fresh/1")
    for name, content in body.items():
        saved.s3.put_object(Bucket=saved.bucket, Key=name, Body=content)
    workflow = changed(DETECT, steps=[detection(model_id="fresh/1")])

    cold, warm = (ran(client, workflow, inputs) for _ in range(2))

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
    client: httpx.Client, key: str, inputs: dict[str, Any], worker_lines: list[str]
) -> None:
    """A run that fails looks like any refused request: a line with its reason."""
    body = {"specification": changed(DETECT, steps=[detection(model_id="some/38")]), "inputs": inputs, "api_key": key}
    before = len(worker_lines)
    response = client.post(RUN, json=body)
    line = log_line(response, worker_lines, before)

    assert line["status"] == 404 and line["model_id"] == "some/38"
    assert line["reason"].startswith("ClientCausedStepExecutionError: ")
    assert not [text for text in worker_lines[before:] if key in text or inputs["image"]["value"][:40] in text]


def test_an_unexpected_error_of_a_block_is_logged_with_its_trace(client: httpx.Client, worker_lines: list[str]) -> None:
    before = len(worker_lines)
    response = ran(client, document([], [SECRETS_STORE], secret="$steps.vault.*"), {})
    line = log_line(response, worker_lines, before)

    assert line["level"] == "ERROR" and line["reason"].startswith("StepExecutionError: ")
    assert [text for text in worker_lines[before:] if "unexpected error of a block" in text and "Traceback" in text]
    assert "Traceback" not in response.text and "/retinue/" not in response.text


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


# ---------------------------------------------------------------- descriptions


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
    assert set(response.json()) >= PLAIN


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
    assert client.get(path).status_code in (404, 405)
    assert client.delete(path).status_code == 405
