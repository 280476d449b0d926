"""API keys (contract/http.md 4.1 to 4.3), what browsers need (4.4), response headers (4.5)."""

import json

import httpx
import pytest

from tests.contract.deployment import AS_JSON, CLASSIFIER, DETECTOR, Deployment
from tests.contract.pictures import base64_of, plain

NO_KEY = {"status": 401, "message": "Unauthorized api_key"}
REJECTED = {
    "status": 401,
    "message": "Unauthorized api_key. This key is not authorized for serverless inference.",
}
EXPOSED = (
    "X-Processing-Time, X-Remote-Processing-Time, X-Remote-Processing-Times, X-Model-Cold-Start, "
    "X-Model-Cold-Start-Count, X-Model-Load-Time, X-Model-Load-Details, X-Model-Id, X-Workflow-Id, X-Workspace-Id, "
    "X-Model-Version, X-Model-SHA256, X-Request-ID, Retry-After, "
    "X-Trace-Id, execution_id, traceparent, tracestate"
)


# ---------------------------------------------------------------- where a key may be


@pytest.mark.parametrize(
    "channel",
    [
        pytest.param(lambda key: ({"api_key": key}, {}), id="query"),
        pytest.param(lambda key: ({}, {"authorization": f"Bearer {key}"}), id="Bearer"),
        pytest.param(lambda key: ({}, {"authorization": f"bearer {key}"}), id="bearer"),
        pytest.param(lambda key: ({}, {"authorization": f"BEARER {key}"}), id="BEARER"),
        pytest.param(lambda key: ({"api_key": key}, {"authorization": "Basic eDp5"}), id="query beside Basic"),
        pytest.param(lambda key: ({"api_key": key}, {"authorization": "Bearer wrong"}), id="query before header"),
        pytest.param(lambda key: ({"api_key": "None"}, {"authorization": f"Bearer {key}"}), id="None in the query"),
        pytest.param(lambda key: ({"api_key": ""}, {"authorization": f"Bearer {key}"}), id="empty in the query"),
        pytest.param(lambda key: ({"api_key": "null"}, {"authorization": f"Bearer {key}"}), id="null in the query"),
    ],
)
def test_key_is_found(keyless: httpx.Client, key: str, scene_text: str, channel: object) -> None:
    query, headers = channel(key)  # type: ignore[operator]

    response = keyless.post(f"/{DETECTOR}", params=query, content=scene_text, headers=headers | AS_JSON)

    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ({}, {}, NO_KEY),
        ({"api_key": ""}, {}, NO_KEY),
        ({"api_key": "None"}, {}, NO_KEY),
        ({"api_key": "null"}, {}, NO_KEY),
        ({}, {"authorization": "Bearer None"}, NO_KEY),
        ({}, {"authorization": "Bearer"}, NO_KEY),
        ({}, {"authorization": "Basic {key}"}, NO_KEY),
        ({}, {"x-api-key": "{key}"}, NO_KEY),
        ({}, {"cookie": "api_key={key}"}, NO_KEY),
        ({"api_key": "invalid"}, {}, REJECTED),
        ({}, {"authorization": "Bearer invalid"}, REJECTED),
        ({"api_key": "invalid"}, {"authorization": "Bearer {key}"}, REJECTED),  # the query comes first
        ({"api_key": "../keys/x"}, {}, REJECTED),
        ({"api_key": "ключ"}, {}, REJECTED),
        ({"api_key": "x" * 4000}, {}, REJECTED),
    ],
)
def test_request_without_a_good_key(
    keyless: httpx.Client,
    key: str,
    scene_text: str,
    query: dict[str, str],
    headers: dict[str, str],
    expected: dict[str, object],
) -> None:
    filled = {name: value.format(key=key) for name, value in headers.items()}

    response = keyless.post(f"/{DETECTOR}", params=query, content=scene_text, headers=filled | AS_JSON)

    assert response.status_code == 401
    assert response.json() == expected


def test_key_in_the_json_body(keyless: httpx.Client, key: str, scene_text: str) -> None:
    body = {"api_key": key, "model_id": DETECTOR, "image": {"type": "base64", "value": scene_text}}

    assert keyless.post("/infer/object_detection", json=body).status_code == 200
    assert keyless.post("/infer/object_detection", json=body | {"api_key": "invalid"}).json() == REJECTED
    assert keyless.post("/infer/object_detection", json=body | {"api_key": None}).json() == NO_KEY
    assert keyless.post("/infer/object_detection", json=body | {"api_key": "None"}).json() == NO_KEY
    assert keyless.post("/infer/object_detection", json=body | {"api_key": [key]}).json() == NO_KEY


def test_header_comes_before_the_body(keyless: httpx.Client, key: str, scene_text: str) -> None:
    body = {"model_id": DETECTOR, "image": {"type": "base64", "value": scene_text}}
    wrong, right = {"authorization": "Bearer invalid"}, {"authorization": f"Bearer {key}"}

    refused = keyless.post("/infer/object_detection", json=body | {"api_key": key}, headers=wrong)
    served = keyless.post("/infer/object_detection", json=body | {"api_key": "invalid"}, headers=right)

    assert (refused.status_code, served.status_code) == (401, 200)


def test_key_in_a_body_that_does_not_call_itself_json_is_not_read(
    keyless: httpx.Client, key: str, scene_text: str
) -> None:
    body = {"api_key": key, "model_id": DETECTOR, "image": {"type": "base64", "value": scene_text}}

    response = keyless.post("/infer/object_detection", content=json.dumps(body), headers={"content-type": "text/plain"})

    assert response.json() == NO_KEY


@pytest.mark.parametrize("path", [f"/{DETECTOR}", f"/detect/{DETECTOR}", "/detect/no/such"])
def test_key_for_another_project(keyless: httpx.Client, narrow_key: str, scene_text: str, path: str) -> None:
    if path == "/detect/no/such":
        path = "/detect/shapes/999"  # whether it exists is none of that key's business
    response = keyless.post(path, params={"api_key": narrow_key}, content=scene_text, headers=AS_JSON)

    assert response.status_code == 403
    assert list(response.json()) == ["message"]
    assert response.json()["message"].startswith("Unauthorized access to roboflow API")


def test_key_for_its_own_project(keyless: httpx.Client, narrow_key: str) -> None:
    response = keyless.post(
        f"/{CLASSIFIER}", params={"api_key": narrow_key}, content=base64_of(plain("green")), headers=AS_JSON
    )

    assert response.json()["top"] == "green"


@pytest.mark.parametrize("path", ["/some/38", "/shapes/99", "/shapes/no-such-alias", "/detect/some/38", "/shapes/0"])
def test_unknown_model(client: httpx.Client, scene_text: str, path: str) -> None:
    response = client.post(path, content=scene_text, headers=AS_JSON)

    assert response.status_code == 404
    assert list(response.json()) == ["message"]
    assert response.json()["message"].startswith("Requested Roboflow resource not found.")
    assert response.headers["x-model-id"] == path.removeprefix("/detect")[1:]


# ---------------------------------------------------------------- browsers


@pytest.mark.parametrize("path", [f"/{DETECTOR}", "/infer/object_detection", "/model/registry", "/no/such/path"])
def test_preflight_needs_no_key(keyless: httpx.Client, path: str) -> None:
    asked = {
        "origin": "https://app.example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }

    response = keyless.options(path, headers=asked)

    assert response.status_code in (200, 204)
    assert response.headers["access-control-allow-origin"] in ("*", "https://app.example.com")
    allowed = {method.strip() for method in response.headers["access-control-allow-methods"].split(",")}
    assert allowed == {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
    assert response.headers["access-control-max-age"] == "600"
    assert response.headers["access-control-allow-headers"] == "authorization,*"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (f"/{DETECTOR}", {}, 200),
        (f"/{DETECTOR}", {"api_key": "invalid"}, 401),  # upstream leaves the headers out: a network error in browsers
        (f"/{DETECTOR}", {"confidence": "abc"}, 422),
        ("/some/38", {}, 404),
        ("/a/b/c", {}, 405),
    ],
)
def test_page_of_another_origin_may_read_the_answer(
    client: httpx.Client, scene_text: str, path: str, query: dict[str, str], status: int
) -> None:
    response = client.post(
        path, params=query, content=scene_text, headers=AS_JSON | {"origin": "https://app.example.com"}
    )

    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] in ("*", "https://app.example.com")
    exposed = {name.strip().lower() for name in response.headers["access-control-expose-headers"].split(",")}
    assert exposed >= {name.strip().lower() for name in EXPOSED.split(",")}


# ---------------------------------------------------------------- response headers


def test_headers_of_a_warm_answer(client: httpx.Client, scene_text: str) -> None:
    headers = client.post(f"/{DETECTOR}", content=scene_text, headers=AS_JSON).headers

    assert headers["x-request-id"]
    assert 0 < float(headers["x-processing-time"]) < 5
    assert headers["x-model-id"] == DETECTOR
    assert headers["x-workspace-id"] == "default"
    assert (headers["x-model-cold-start"], headers["x-model-cold-start-count"]) == ("false", "0")
    assert "x-model-load-time" not in headers and "x-model-load-details" not in headers
    stages = [stage.partition(";dur=") for stage in headers["server-timing"].split(", ")]
    assert {"auth", "model", "load", "prepare", "infer", "decode", "render"} <= {name for name, _, _ in stages}
    assert all(float(milliseconds) >= 0 for _, _, milliseconds in stages)


def test_headers_of_a_model_that_was_loaded_for_the_request(client: httpx.Client, scene_text: str) -> None:
    assert client.post("/model/remove", json={"model_id": DETECTOR}).status_code == 200

    headers = client.post(f"/{DETECTOR}", content=scene_text, headers=AS_JSON).headers

    assert (headers["x-model-cold-start"], headers["x-model-cold-start-count"]) == ("true", "1")
    assert 0 < float(headers["x-model-load-time"]) < 5
    (detail,) = json.loads(headers["x-model-load-details"])
    assert detail["m"] == DETECTOR and abs(detail["t"] - float(headers["x-model-load-time"])) < 1e-4


@pytest.mark.parametrize("model_id", [DETECTOR, "shapes/production"], ids=["version", "alias"])
@pytest.mark.parametrize("status", [200, 400], ids=["answer", "refusal"])
def test_headers_say_which_version_answers(
    deployment: Deployment, client: httpx.Client, scene_text: str, model_id: str, status: int
) -> None:
    manifest = json.loads(
        deployment.s3.get_object(Bucket=deployment.bucket, Key=f"models/{DETECTOR}/manifest.json")["Body"].read()
    )
    text = scene_text if status == 200 else "no picture"
    body = {"model_id": model_id, "image": {"type": "base64", "value": text}}

    by_url = client.post(f"/{model_id}", content=text, headers=AS_JSON)
    by_task = client.post("/infer/object_detection", json=body)

    for answer in (by_url, by_task):
        assert answer.status_code == status
        assert answer.headers["x-model-id"] == model_id
        assert answer.headers["x-model-version"] == DETECTOR
        assert answer.headers["x-model-sha256"] == manifest["weights"]["sha256"]


@pytest.mark.parametrize(
    ("sent", "echoed"), [("run-7.a:b_c", True), ("x" * 128, True), ("x" * 129, False), ("a b", False), ("", False)]
)
def test_execution_id_comes_back(client: httpx.Client, sent: str, echoed: bool) -> None:
    headers = client.post(f"/{DETECTOR}", headers={"execution_id": sent}).headers

    assert headers.get("execution_id") == (sent if echoed else None)


def test_headers_of_refusals(keyless: httpx.Client) -> None:
    refused = [keyless.post(path) for path in (f"/{DETECTOR}", "/infer/classification", "/a/b/c")]

    assert all(float(response.headers["x-processing-time"]) > 0 for response in refused)
    assert len({response.headers["x-request-id"] for response in refused}) == 3
    assert not any(name in response.headers for response in refused for name in ("x-workspace-id", "x-model-version"))
