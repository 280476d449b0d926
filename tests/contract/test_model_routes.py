"""The models of a process, which clients list, load and unload: contract/http.md 1.5."""

import httpx
import pytest

from tests.contract.deployment import CLASSIFIER, DETECTOR, SEGMENTER

DESCRIPTION_KEYS = {
    "model_id",
    "task_type",
    "batch_size",
    "input_height",
    "input_width",
    "vram_bytes",
    "request_aliases",
    "request_paths",
}
TOTALS = {
    "total_vram_bytes",
    "gpu_memory_used",
    "gpu_memory_total",
    "torch_cuda_allocated",
    "torch_cuda_reserved",
    "torch_cuda_allocator_cache",
    "non_torch_gpu_memory",
}


def test_added_model_is_in_the_answer(client: httpx.Client) -> None:
    for model_id, task in ((DETECTOR, "object-detection"), (SEGMENTER, "instance-segmentation")):
        for _ in range(2):  # a second time changes nothing
            answer = client.post("/model/add", json={"model_id": model_id, "model_type": None}).json()
            (found,) = [model for model in answer["models"] if model["model_id"] == model_id]
            assert found["task_type"] == task
    assert client.get("/model/registry").json() == answer


def test_description_of_a_model(client: httpx.Client) -> None:
    answer = client.post("/model/add", json={"model_id": CLASSIFIER}).json()

    assert set(answer) == {"models"} | TOTALS
    assert all(answer[name] is None or isinstance(answer[name], int) for name in TOTALS)
    (found,) = [model for model in answer["models"] if model["model_id"] == CLASSIFIER]
    assert set(found) == DESCRIPTION_KEYS
    assert (found["task_type"], found["input_height"], found["input_width"]) == ("classification", 64, 64)
    assert found["batch_size"] is None  # it takes any number


def test_model_is_listed_under_the_id_that_was_asked_for(client: httpx.Client) -> None:
    answer = client.post("/model/add", json={"model_id": "shapes/latest"}).json()

    (found,) = [model for model in answer["models"] if model["model_id"] == "shapes/latest"]
    assert found["request_aliases"] == [DETECTOR]


def test_unknown_model_is_not_added(client: httpx.Client) -> None:
    response = client.post("/model/add", json={"model_id": "some/38"})

    assert response.status_code == 404
    assert response.json()["message"].startswith("Requested Roboflow resource not found.")


def test_removed_model_is_listed_no_more(client: httpx.Client) -> None:
    client.post("/model/add", json={"model_id": DETECTOR})

    answers = [client.post("/model/remove", json={"model_id": DETECTOR}) for _ in range(2)]

    assert [response.status_code for response in answers] == [200, 200]  # an absent model is fine
    assert DETECTOR not in [model["model_id"] for model in answers[1].json()["models"]]


def test_cleared_registry_is_empty(client: httpx.Client) -> None:
    client.post("/model/add", json={"model_id": DETECTOR})

    response = client.post("/model/clear")  # the SDK sends neither body nor Content-Type

    assert response.status_code == 200
    assert response.json()["models"] == []
    assert client.get("/model/registry").json()["models"] == []


def test_key_sees_and_touches_only_its_projects(client: httpx.Client, keyless: httpx.Client, narrow_key: str) -> None:
    for model_id in (DETECTOR, CLASSIFIER):
        client.post("/model/add", json={"model_id": model_id})
    narrow = {"api_key": narrow_key}

    seen = keyless.get("/model/registry", params=narrow).json()["models"]
    refused = [keyless.post(f"/model/{verb}", json={"model_id": DETECTOR} | narrow) for verb in ("add", "remove")]
    keyless.post("/model/clear", params=narrow)

    assert [model["model_id"] for model in seen] == [CLASSIFIER]
    assert [response.status_code for response in refused] == [403, 403]
    left = [model["model_id"] for model in client.get("/model/registry").json()["models"]]
    assert DETECTOR in left
    assert CLASSIFIER not in left


@pytest.mark.parametrize("verb", ["add", "remove", "clear"])
def test_management_needs_a_key(keyless: httpx.Client, verb: str) -> None:
    response = keyless.post(f"/model/{verb}", json={"model_id": DETECTOR})

    assert response.json() == {"status": 401, "message": "Unauthorized api_key"}


def test_registry_without_a_key_names_no_model(keyless: httpx.Client) -> None:
    assert "shapes" not in keyless.get("/model/registry").text


@pytest.mark.parametrize("verb", ["add", "remove"])
def test_management_without_a_model_id(client: httpx.Client, verb: str) -> None:
    response = client.post(f"/model/{verb}", json={})

    assert response.status_code == 422
    ((kind, place),) = [(item["type"], item["loc"]) for item in response.json()["detail"]]
    assert (kind, place) == ("missing", ["body", "model_id"])
