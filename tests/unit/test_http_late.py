"""Routes that are imported late: the models that a request names are loading before its route runs."""

import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from retinue.config import Settings
from retinue.errors import AuthError, ModelNotFound, RetinueError
from retinue.http.late import Late, load_models_ahead
from retinue.models.package import ModelId
from retinue.observe import Observer, RequestRecord
from retinue.service import Service
from tests.unit.buckets import MemoryBucket
from tests.unit.http_requests import a_request
from tests.unit.networks import brightness_network, make_manifest, package_file

NETWORK = brightness_network()
WEIGHTS = package_file(NETWORK.SerializeToString(), part_bytes=64)


def steps(*model_ids: Any) -> dict[str, Any]:
    return {"steps": [{"name": f"s{number}", "model_id": model_id} for number, model_id in enumerate(model_ids)]}


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """things/1, things/2, other/1; the key `k` of workspace w may use things; its workflow `saved` names things/1."""
    bucket = MemoryBucket()
    for model_id in ("things/1", "things/2", "things/3", "other/1"):
        manifest = make_manifest(
            model_id=model_id, task="classification", family="classifier", class_names=("bright", "dark"),
            size_wh=(4, 4), weights=WEIGHTS,
        )  # fmt: skip
        bucket.put_model(manifest, NETWORK)
    bucket.objects[f"keys/{hashlib.sha256(b'k').hexdigest()}.json"] = b'{"workspace": "w", "scopes": ["things"]}'
    for workspace in ("w", "v"):
        bucket.objects[f"workflows/{workspace}/saved.json"] = orjson.dumps(steps("things/1"))
    settings = Settings(cache_dir=str(tmp_path))
    return Service(settings, bucket, Observer(settings, "test"))  # type: ignore[arg-type]


SPECIFICATION: dict[str, tuple[Any, set[str]]] = {
    "one model": ({"specification": steps("things/1")}, {"things/1"}),
    "the same twice": ({"specification": steps("things/1", "things/1", "things/2")}, {"things/1", "things/2"}),
    "two of three": ({"specification": steps("things/1", "things/2", "things/3")}, {"things/1", "things/2"}),
    "a selector": ({"specification": steps("$inputs.model", "things/2")}, {"things/2"}),
    "no text": ({"specification": steps(7, None, ["things/1"], "things/2")}, {"things/2"}),
    "no id": ({"specification": steps("things")}, set()),
    "unknown": ({"specification": steps("things/99")}, set()),
    "not in the key's scope": ({"specification": steps("other/1")}, set()),
    "steps that are none": ({"specification": {"steps": [1, "a", None, []]}}, set()),
    "steps that are no list": ({"specification": {"steps": {"model_id": "things/1"}}}, set()),
    "no document": ({"specification": "things/1"}, set()),
    "no object": (["things/1"], set()),
    "no specification": ({}, set()),
}


def loading(service: Service, body: Any, key: str = "k", **path: str) -> set[str]:
    """The models that are loading, and can be had."""
    found: set[str] = set()

    content = body if isinstance(body, bytes) else orjson.dumps(body)
    request = replace(a_request(body=content, query={"api_key": key}), path_parameters=path)
    with suppress(RetinueError, ValueError):
        load_models_ahead(request, service, RequestRecord())
    for name in [name for name, _ in service.models._ahead]:
        with suppress(ModelNotFound):
            service.models.get(ModelId.parse(name), request.deadline)
            found.add(name)
    return found


@pytest.mark.parametrize(("body", "expected"), SPECIFICATION.values(), ids=SPECIFICATION)
def test_models_of_a_specification(service: Service, body: Any, expected: set[str]) -> None:
    assert loading(service, body) == expected


@pytest.mark.parametrize(
    ("body", "path", "expected"),
    [
        pytest.param({}, {"workspace": "w", "id": "saved"}, {"things/1"}, id="saved"),
        pytest.param({}, {"workspace": "v", "id": "saved"}, set(), id="of another workspace"),
        pytest.param({}, {"workspace": "w", "id": "lost"}, set(), id="not there"),
        pytest.param({"workflow_version_id": 7}, {"workspace": "w", "id": "saved"}, set(), id="version no text"),
        pytest.param({"workflow_version_id": "../x"}, {"workspace": "w", "id": "saved"}, set(), id="version no name"),
        pytest.param(b"{", {"workspace": "w", "id": "saved"}, set(), id="no JSON"),
    ],
)
def test_models_of_a_saved_workflow(service: Service, body: Any, path: dict[str, str], expected: set[str]) -> None:
    assert loading(service, body, **path) == expected


def test_a_wrong_key_loads_nothing_and_the_route_says_so(service: Service) -> None:
    assert loading(service, {"specification": steps("things/1")}, key="wrong") == set()
    run = Late("retinue.http.workflows", "run_specification", names_models=True)
    body = orjson.dumps({"specification": steps("things/1"), "inputs": {}})
    with pytest.raises(AuthError):
        run(a_request(body=body, query={"api_key": "wrong"}), service, RequestRecord())
