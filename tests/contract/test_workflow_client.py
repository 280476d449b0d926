"""Workflows through the published inference-sdk, unchanged; and how many runs of its network a model step takes."""

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from retinue.config import Settings
from retinue.models.package import Manifest, ModelId
from tests.contract.constant_models import DEFAULT_CONFIDENCES
from tests.contract.deployment import CLASSIFIER, DETECTOR, Deployment
from tests.contract.pictures import SCENE_SIZE, plain, scene
from tests.contract.test_published_clients import CLIENTS_PYTHON, SCENE_CLASSES, needs_clients
from tests.contract.workflows import (
    CLASSIFICATION,
    COLOURS,
    DETECT,
    DRAWING,
    IMAGE_INPUT,
    Document,
    detection,
    document,
    log_line,
    one,
    ran,
    rows,
)

CALLS = Path(__file__).with_name("workflow_calls.py")
NESTED = document(
    [{"type": "WorkflowBatchInput", "name": "pictures", "kind": ["image"], "dimensionality": 2}],
    [],
    pictures="$inputs.pictures",
)
DOCUMENTS = {
    "detect": DETECT,
    "colours": COLOURS,
    "drawing": DRAWING,
    "nested": NESTED,
    "broken": DETECT | {"inputs": []},
    "unknown model": DETECT | {"steps": [detection(model_id="some/38")]},
}
# The client tries 429, 503 and 504 again after a second; nothing else.
LONGEST_WITHOUT_RETRY_S = 0.9


@pytest.fixture(scope="module")
def seen(saved: Deployment, key: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the client made of the answers; see workflow_calls.py."""
    folder = tmp_path_factory.mktemp("workflows")
    (folder / "scene.jpg").write_bytes(scene())
    for colour in ("red", "blue"):
        (folder / f"{colour}.png").write_bytes(plain(colour))
    (folder / "documents.json").write_text(json.dumps(DOCUMENTS))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "MPLCONFIGDIR": str(folder)}
    done = subprocess.run(
        [CLIENTS_PYTHON, str(CALLS), saved.url, key, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    answers: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answers


# ---------------------------------------------------------------- inference-sdk


def assert_scene(found: list[dict[str, Any]]) -> None:
    """What supervision reads of the scene."""
    [row] = found
    assert row["keys"] == ["objects", "run"]
    assert row["class_name"] == SCENE_CLASSES
    assert row["confidence"] == pytest.approx(DEFAULT_CONFIDENCES)
    assert row["xyxy"][0] == pytest.approx([80, 80, 240, 160])


@needs_clients
@pytest.mark.parametrize("form", ["path", "pil", "numpy"])
def test_a_saved_workflow(seen: dict[str, Any], form: str) -> None:
    assert_scene(seen["forms"][form])


@needs_clients
def test_a_specification(seen: dict[str, Any]) -> None:
    assert_scene(seen["specification"])


@needs_clients
def test_the_old_call(seen: dict[str, Any]) -> None:
    for found in seen["legacy"]:
        assert_scene(found)


@needs_clients
def test_a_list_in_order(seen: dict[str, Any]) -> None:
    assert seen["list"] == [["red", *SCENE_CLASSES[:3]], SCENE_CLASSES[:3], SCENE_CLASSES[:3]]


@needs_clients
def test_lists_of_lists(seen: dict[str, Any]) -> None:
    assert seen["nested"] == [[64, SCENE_SIZE[0]], [SCENE_SIZE[0]]]


@needs_clients
def test_options_of_a_run(seen: dict[str, Any]) -> None:
    assert seen["fields"] == {
        "parameters": [8, 6, 3, 0],
        "excluded": [["run"]],
        "version": [["same"]],
        "no cache": 1,
        "no sinks": 1,
    }


@needs_clients
def test_pictures_are_decoded_as_the_client_is_told(seen: dict[str, Any]) -> None:
    width, height = SCENE_SIZE
    assert seen["pictures"] == {
        "base64": ["str"] * 3,
        "numpy": [[height, width, 3], [80, 160, 3], [40, 40, 3]],
        "pillow": [[width, height], [160, 80], [40, 40]],
    }


@needs_clients
def test_two_models_in_a_row(seen: dict[str, Any]) -> None:
    red, blue = seen["crops"]

    assert red["names"] == ["red"] * 7  # the whole picture too
    assert blue["names"] == ["blue"] * 6


@needs_clients
def test_the_client_writes_the_trace(seen: dict[str, Any]) -> None:
    assert seen["profile"] == ["compile", "inputs", "objects", "outputs"]


@needs_clients
def test_errors_reach_the_caller_at_once(seen: dict[str, Any]) -> None:
    errors = seen["errors"]

    assert {name: error["status"] for name, error in errors.items()} == {
        "wrong key": 401,
        "no such workflow": 404,
        "other workspace": 403,
        "no picture": 400,
        "wrong parameter": 400,
        "wrong document": 400,
        "unknown model": 404,
    }
    assert errors["wrong key"]["message"].startswith("Unauthorized api_key")
    assert "There is no workflow default/none" in errors["no such workflow"]["message"]
    assert "`image` defined as `WorkflowImage`" in errors["no picture"]["message"]
    assert "Input should be a valid number" in errors["wrong parameter"]["message"]  # the inner error is told too
    assert "non-existent input parameter" in errors["wrong document"]["message"]
    assert "Project some has no version" in errors["unknown model"]["message"]
    assert max(error["took_s"] for error in errors.values()) < LONGEST_WITHOUT_RETRY_S


@needs_clients
def test_every_transport_of_the_key(seen: dict[str, Any]) -> None:
    assert seen["transports"] == {"legacy": 6, "both": 6, "header": 6}


# ---------------------------------------------------------------- runs of a network


def runs_of(response: httpx.Response, worker_lines: list[str], before: int) -> int:
    """How often the networks of a request ran, as its log line says."""
    assert response.status_code == 200, response.text
    runs: int = log_line(response, worker_lines, before)["runs"]
    return runs


def classified(model_id: str) -> Document:
    """The objects of a picture, and a class for each."""
    classes = COLOURS["steps"][2] | {"type": CLASSIFICATION, "model_id": model_id}
    return COLOURS | {"steps": [*COLOURS["steps"][:2], classes, *COLOURS["steps"][3:]]}


def fewest_runs(deployment: Deployment, model_id: str, pictures: int) -> int:
    """In how many runs a network of any batch can take so many pictures, by what publishing measured for one."""
    key = f"{ModelId.parse(model_id).folder}manifest.json"
    manifest = Manifest.from_json(deployment.s3.get_object(Bucket=deployment.bucket, Key=key)["Body"].read())
    memory_mb = deployment.stack.template.functions["WorkflowFunction"].memory_mb
    of_one = manifest.memory_bytes - manifest.weights.size_bytes
    return math.ceil(pictures / (Settings(memory_mb=memory_mb).run_memory_bytes // of_one))


@pytest.mark.parametrize("pictures", [1, 5, 64])
def test_crops_go_through_a_network_together(
    deployment: Deployment, client: httpx.Client, worker_lines: list[str], pictures: int
) -> None:
    """Six crops a picture: all that fit into memory at once, whichever picture they come from."""
    before = len(worker_lines)
    response = ran(client, COLOURS, {"image": [one(scene())] * pictures})

    assert [len(row["names"]) for row in rows(response)] == [6] * pictures
    expected = fewest_runs(deployment, DETECTOR, pictures) + fewest_runs(deployment, CLASSIFIER, 6 * pictures)
    assert runs_of(response, worker_lines, before) == expected
    assert expected < 7 * pictures


def test_a_graph_that_takes_one_picture_runs_for_each(
    families: None, client: httpx.Client, worker_lines: list[str]
) -> None:
    """The network of `labels` has a fixed batch of 1: six crops are six runs, and one of the detector."""
    workflow = document(
        [IMAGE_INPUT],
        [
            *COLOURS["steps"][:2],
            {
                "type": "roboflow_core/roboflow_multi_label_classification_model@v2",
                "name": "labels",
                "images": "$steps.crops.crops",
                "model_id": "labels/1",
            },
        ],
        labels="$steps.labels.predictions",
    )
    before = len(worker_lines)
    response = ran(client, workflow, {"image": one(scene())})

    assert [answer["predicted_classes"] for answer in rows(response)[0]["labels"]] == [["alpha"]] * 6
    assert runs_of(response, worker_lines, before) == 7


def test_no_crops_are_no_run(client: httpx.Client, worker_lines: list[str]) -> None:
    steps = [detection(confidence=0.95), *COLOURS["steps"][1:]]
    before = len(worker_lines)
    response = ran(client, COLOURS | {"steps": steps}, {"image": [one(scene())] * 3})

    assert [row["names"] for row in rows(response)] == [[], [], []]
    assert runs_of(response, worker_lines, before) == 1
    assert response.headers["x-model-id"] == DETECTOR


def test_models_of_one_request_are_named_once(client: httpx.Client) -> None:
    response = ran(client, classified(CLASSIFIER), {"image": [one(scene())] * 2})

    assert response.headers["x-model-id"] == f"{DETECTOR},{CLASSIFIER}"
