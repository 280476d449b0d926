"""Routes that run workflows, and who may: contract/workflows.md 9 and 9.1, contract/http.md 1.7 and 4."""

import io
import time
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image

from retinue.operator.keys import create_key
from tests.contract.deployment import CLASSIFIER, DETECTOR, Deployment
from tests.contract.pictures import SCENE_SIZE, plain, scene
from tests.contract.workflows import (
    BLOCKS,
    BLOCKS_KEYS,
    COLOURS,
    DETECT,
    DRAWING,
    IMAGE_INPUT,
    INTERFACE,
    OUTPUTS,
    RUN,
    SAVED,
    SCHEMA,
    SPECIFIED,
    VALIDATE,
    VERSIONS,
    classes,
    document,
    one,
    parameter,
    picture_of,
    ran,
    rows,
)

UNAUTHORIZED = {"status": 401, "message": "Unauthorized api_key"}


@pytest.mark.parametrize("path", SPECIFIED)
def test_a_specification_runs(client: httpx.Client, scene_inputs: dict[str, Any], path: str) -> None:
    response = client.post(path, json={"specification": DETECT, "inputs": scene_inputs})

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
def test_a_saved_workflow_runs(
    saved: Deployment, client: httpx.Client, scene_inputs: dict[str, Any], path: str
) -> None:
    response = client.post(path, json={"inputs": scene_inputs})

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
    client: httpx.Client, scene_inputs: dict[str, Any], parameters: dict[str, Any], count: int | None
) -> None:
    response = ran(client, DETECT, scene_inputs | parameters)

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


def test_pictures_come_back_as_jpeg(client: httpx.Client, scene_inputs: dict[str, Any]) -> None:
    [row] = rows(ran(client, DRAWING, scene_inputs))

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


def test_excluded_fields(saved: Deployment, client: httpx.Client, scene_inputs: dict[str, Any]) -> None:
    excluded = {"excluded_fields": ["objects", "no such output"]}

    assert [list(row) for row in rows(ran(client, DETECT, scene_inputs, **excluded))] == [["run"]]
    assert [list(row) for row in rows(client.post(SAVED[0], json={"inputs": scene_inputs, **excluded}))] == [["run"]]
    assert rows(ran(client, DETECT, scene_inputs, excluded_fields=["objects", "run"])) == [{}]


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


def test_a_trace_that_browsers_open(saved: Deployment, client: httpx.Client, scene_inputs: dict[str, Any]) -> None:
    for response in (
        ran(client, DRAWING, scene_inputs, enable_profiling=True),
        client.post(SAVED[0], json={"inputs": scene_inputs, "enable_profiling": True}),
    ):
        rows(response)
        trace = response.json()["profiler_trace"]

        for event in trace:
            assert {"name", "cat", "ph", "ts", "dur", "pid", "tid"} <= set(event)
            assert event["ph"] == "X" and event["dur"] >= 0
            assert abs(event["ts"] / 1e6 - time.time()) < 60  # microseconds since the epoch
            assert all(isinstance(event[name], int) for name in ("pid", "tid"))
        assert {"compile", "inputs", "outputs", "objects"} <= {event["name"] for event in trace}
    first = ran(client, DRAWING, scene_inputs, enable_profiling=True).json()["profiler_trace"]
    assert [event["name"] for event in first if event["cat"] == "step"] == ["objects", "drawn", "crops"]


def test_stages_of_a_run_are_told(client: httpx.Client, scene_inputs: dict[str, Any]) -> None:
    headers = ran(client, DETECT, scene_inputs).headers

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


def test_versions_of_a_saved_workflow(saved: Deployment, client: httpx.Client, scene_inputs: dict[str, Any]) -> None:
    [row] = rows(client.post(SAVED[0], json={"inputs": scene_inputs, "workflow_version_id": "2"}))
    broken = client.post(SAVED[0], json={"inputs": scene_inputs, "workflow_version_id": "broken"})
    missing = client.post(SAVED[0], json={"inputs": scene_inputs, "workflow_version_id": "3"})

    assert list(row) == ["same"]
    assert broken.json()["error_type"] == "InvalidReferenceTargetError"
    assert (missing.status_code, list(missing.json())) == (404, ["message"])
    assert "version 3" in missing.json()["message"]


def test_a_workflow_that_was_saved_again(saved: Deployment, client: httpx.Client, scene_inputs: dict[str, Any]) -> None:
    """A copy may answer for a while; `use_cache: false` asks for what is saved now."""
    path, versions = (
        "/default/workflows/changing",
        [document([IMAGE_INPUT], [], **{name: "$inputs.image"}) for name in "ab"],
    )

    def names(**fields: Any) -> list[str]:
        return list(rows(client.post(path, json={"inputs": scene_inputs, **fields}))[0])

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
def test_workflows_that_cannot_be_had(
    saved: Deployment, client: httpx.Client, scene_inputs: dict[str, Any], path: str, status: int, message: str
) -> None:
    # Interfaces are described under the current path only.
    for suffix in ("",) if path.startswith("/infer") else ("", "/describe_interface"):
        response = client.post(f"{path}{suffix}", json={"inputs": scene_inputs})

        assert response.status_code == status, response.text
        assert list(response.json()) == ["message"]
        assert response.json()["message"].startswith(message)


def test_a_workflow_nests_saved_ones_of_its_own_workspace(
    saved: Deployment, client: httpx.Client, scene_inputs: dict[str, Any]
) -> None:
    step = {
        "type": "roboflow_core/inner_workflow@v1",
        "name": "inner",
        "workflow_workspace_id": "default",
        "workflow_id": "shapes",
        "parameter_bindings": {"image": "$inputs.image", "confidence": 0.55},
    }
    outer = document([IMAGE_INPUT], [step], objects="$steps.inner.objects")

    [row] = rows(ran(client, outer, scene_inputs))
    foreign = ran(client, outer | {"steps": [step | {"workflow_workspace_id": "other"}]}, scene_inputs)
    missing = ran(client, outer | {"steps": [step | {"workflow_id": "none"}]}, scene_inputs)

    assert len(row["objects"]["predictions"]) == 3
    assert (foreign.status_code, missing.status_code) == (403, 404)


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize("place", ["query", "header", "body"])
@pytest.mark.parametrize("path", [*SAVED, *SPECIFIED, INTERFACE])
def test_where_a_key_may_be(
    saved: Deployment, keyless: httpx.Client, key: str, scene_inputs: dict[str, Any], path: str, place: str
) -> None:
    body = {"specification": DETECT, "inputs": scene_inputs} | ({"api_key": key} if place == "body" else {})
    headers = {"authorization": f"Bearer {key}"} if place == "header" else {}

    response = keyless.post(path, json=body, params={"api_key": key} if place == "query" else {}, headers=headers)

    assert response.status_code == 200, response.text


@pytest.mark.parametrize("path", [*SAVED, *SPECIFIED, VALIDATE, OUTPUTS, f"{SAVED[0]}/describe_interface"])
def test_no_route_works_without_a_good_key(saved: Deployment, keyless: httpx.Client, path: str) -> None:
    body = {"specification": DETECT, "inputs": {}}
    without = [keyless.post(path, json=body | key) for key in ({}, {"api_key": None}, {"api_key": "None"})]
    wrong_header = {"authorization": "Bearer x"}
    unknown = [keyless.post(path, json=body | {"api_key": "x"}), keyless.post(path, json=body, headers=wrong_header)]

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
    assert response.json()["message"].startswith("Required Roboflow API key is missing.")
    assert keyless.post(INTERFACE, json={"specification": DETECT, "api_key": "x"}).status_code == 401


def test_a_key_of_another_workspace(saved: Deployment, keyless: httpx.Client, scene_inputs: dict[str, Any]) -> None:
    other = create_key(saved.s3, saved.bucket, name="other", workspace="other")
    headers = {"authorization": f"Bearer {other}"}

    theirs = keyless.post("/other/workflows/shapes", json={"inputs": scene_inputs}, headers=headers)
    ours = keyless.post(SAVED[0], json={"inputs": scene_inputs}, headers=headers)

    assert len(rows(theirs)[0]["objects"]["predictions"]) == 6
    assert theirs.headers["x-workspace-id"] == "other"
    assert ours.status_code == 403
    assert "for workspace default" in ours.json()["message"]


def test_a_key_for_other_projects(keyless: httpx.Client, narrow_key: str, scene_inputs: dict[str, Any]) -> None:
    """A workflow is no way around the scopes of a key."""
    response = keyless.post(RUN, json={"specification": DETECT, "inputs": scene_inputs, "api_key": narrow_key})

    assert response.status_code == 403
    assert set(response.json()) == BLOCKS_KEYS
    assert response.json()["error_type"] == "ClientCausedStepExecutionError"
    assert response.json()["blocks_errors"][0]["block_id"] == "objects"
    assert response.json()["message"].startswith("Forbidden error occurred while execution of step objects - ")
