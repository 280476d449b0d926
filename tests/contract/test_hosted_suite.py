"""The published tests of the hosted platform (contract/http.md 8, serverless column), with our models and pictures.

What they assert of models that are not built (OCR, CLIP, YOLO-World, LMM) and of uploads to a dataset has no
counterpart here; `test_models_that_are_not_built` says what such calls are told. Their routes of workflows are in
test_hosted_workflows.py.
"""

import json
import pickle
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.contract.constant_models import DEFAULT_CONFIDENCES
from tests.contract.deployment import AS_JSON, Deployment
from tests.contract.families import write_families
from tests.contract.hosted import ALIASES, KEYS, MODELS, MODES, WORKFLOWS, sent
from tests.contract.pictures import SCENE_SIZE, plain, scene
from tests.contract.test_published_clients import SCENE_CLASSES, answers_of_clients, needs_clients
from tests.contract.workflows import one

CALLS = Path(__file__).with_name("hosted_calls.py")


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """How the key travels: in query or body, or in the header."""
    return str(request.param)


# ---------------------------------------------------------------- models: requests without an SDK


@pytest.mark.parametrize("task", MODELS)
def test_without_a_key(keyless: httpx.Client, families: None, task: str) -> None:
    response = keyless.post(f"/{MODELS[task]}", params={"image": "https://media.example.com/dog.jpeg"})

    assert response.status_code == 401


@pytest.mark.parametrize("task", MODELS)
@pytest.mark.parametrize(
    ("path", "query", "as_key", "status", "fragment"),
    [
        pytest.param("", {"image": "https://x.example.com/dog.jpeg"}, "invalid", 401, "Unauthorized", id="invalid key"),
        pytest.param("/some/38", {"image": "https://example.com/a.jpeg"}, "", 404, "not found", id="invalid model id"),
        pytest.param("", {"image": "http://some.com/image.jpg"}, "", 400, "non https:// URL", id="not https"),
        pytest.param("", {"image": "https://127.0.0.1/image.jpg"}, "", 400, "URL without FQDN", id="an IP address"),
    ],
)
def test_refusals(
    keyless: httpx.Client,
    families: None,
    key: str,
    mode: str,
    task: str,
    path: str,
    query: dict[str, str],
    as_key: str,
    status: int,
    fragment: str,
) -> None:
    response = sent(keyless, mode, as_key or key, path or f"/{MODELS[task]}", query)

    assert response.status_code == status
    assert fragment in response.json()["message"]


@pytest.mark.parametrize("task", MODELS)
def test_a_pickled_array(keyless: httpx.Client, families: None, key: str, mode: str, task: str) -> None:
    array = pickle.dumps(np.zeros((192, 168, 3), np.uint8))

    response = sent(
        keyless, mode, key, f"/{MODELS[task]}", {"image_type": "numpy"}, content=array, headers=dict(AS_JSON)
    )

    assert response.status_code == 400
    assert "NumPy image type is not supported" in response.json()["message"]


# ---------------------------------------------------------------- models and workflows: the SDK


@pytest.fixture(scope="module")
def seen(deployment: Deployment, families: None, key: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the SDK made of the answers; see hosted_calls.py."""
    packages = write_families(tmp_path_factory.mktemp("aliases"))
    for model_id, family in ALIASES.values():
        deployment.publish(model_id, packages[family])
    folder = tmp_path_factory.mktemp("hosted")
    (folder / "scene.jpg").write_bytes(scene())
    (folder / "red.png").write_bytes(plain("red"))
    setup = {"models": MODELS, "aliases": list(ALIASES), "workflows": WORKFLOWS}
    (folder / "documents.json").write_text(json.dumps(setup))
    return answers_of_clients(CALLS, deployment.url, key, folder)


@needs_clients
@pytest.mark.parametrize("task", MODELS)
def test_keys_of_answers(seen: dict[str, Any], mode: str, task: str) -> None:
    width, height = SCENE_SIZE

    assert seen[mode]["models"][task] == {
        "json": {"type": "dict", "keys": KEYS[task], "visualization": "NoneType"},
        "image": {"type": "dict", "keys": ["visualization"], "visualization": [height, width, 3]},
        "image_and_json": {
            "type": "dict",
            "keys": sorted([*KEYS[task], "visualization"]),
            "visualization": [height, width, 3],
        },
    }


@needs_clients
def test_names_that_the_client_resolves(seen: dict[str, Any], mode: str) -> None:
    assert min(seen[mode]["aliases"][name] for name in ALIASES) > 0


@needs_clients
def test_core_models_ask_for_a_key_first(seen: dict[str, Any], mode: str) -> None:
    assert seen["no key"]["status"] == seen[mode]["invalid key"]["status"] == 401


@needs_clients
def test_models_that_are_not_built(seen: dict[str, Any], mode: str) -> None:
    told = seen[mode]["core models"]

    assert {name: error["status"] for name, error in told.items()} == {"ocr": 404, "clip": 404, "yolo world": 404}
    assert all(error["message"].startswith("Requested Roboflow resource not found.") for error in told.values())


@pytest.mark.parametrize(
    ("as_key", "status", "fragment"),
    [
        pytest.param("", 404, "Requested Roboflow resource not found.", id="good key"),
        pytest.param("invalid", 401, "This key is not authorized", id="invalid key"),
        pytest.param("None", 401, "Unauthorized api_key", id="no key"),
    ],
)
@pytest.mark.parametrize("path", ["/clip/compare", "/doctr/ocr", "/easy_ocr/ocr", "/yolo_world/infer"])
def test_models_that_are_not_built_with_the_key_in_the_body(
    keyless: httpx.Client, key: str, path: str, as_key: str, status: int, fragment: str
) -> None:
    """The SDK at an address that it does not know puts the key there."""
    response = keyless.post(path, json={"api_key": as_key or key, "image": one(scene())})

    assert response.status_code == status
    assert fragment in response.json()["message"]


@needs_clients
@pytest.mark.parametrize("name", WORKFLOWS)
def test_two_pictures_are_two_rows(seen: dict[str, Any], mode: str, name: str) -> None:
    rows = seen[mode]["workflows"][name]

    assert len(rows) == 2
    if name[-2:] in ("v1", "v2"):
        assert [sorted(row) for row in rows] == [["inference_id", "predictions"]] * 2


@needs_clients
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_workflows_of_one_model(seen: dict[str, Any], mode: str, version: str) -> None:
    grey, red = (
        {name: rows[index]["predictions"] for name, rows in seen[mode]["workflows"].items() if name.endswith(version)}
        for index in (0, 1)
    )

    assert [answer[f"multi-class {version}"]["confidence"] for answer in (grey, red)] == pytest.approx(
        [0.3333, 0.8], abs=5e-3
    )
    for answer in (grey, red):
        assert answer[f"multi-label {version}"]["predicted_classes"] == ["alpha"]
        assert answer[f"keypoints {version}"]["confidence"] == pytest.approx([0.9], abs=1e-2)
    assert grey[f"segmentation {version}"]["xyxy"] == [pytest.approx([80, 60, 240, 180], abs=1)]
    assert red[f"segmentation {version}"]["xyxy"] == [pytest.approx([16, 16, 48, 48], abs=1)]
    assert grey[f"detection {version}"]["confidence"] == pytest.approx(DEFAULT_CONFIDENCES, abs=3e-3)
    assert red[f"detection {version}"]["class_name"] == ["red", *SCENE_CLASSES]


@needs_clients
def test_workflows_of_several_models(seen: dict[str, Any], mode: str) -> None:
    workflows = seen[mode]["workflows"]

    grey, red = workflows["crops"]
    assert (len(grey["classes"]), len(red["classes"])) == (6, 7)
    assert [crop["top"] for crop in red["classes"]] == ["red"] * 7
    assert workflows["replacement"][1]["predictions"]["class_name"] == ["red"] * 7
    assert [len(row["predictions"]["confidence"]) > 0 for row in workflows["slices"]] == [True, True]
