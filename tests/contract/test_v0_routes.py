"""Paths and methods (contract/http.md 1.2), and the answers of the URL routes (3.2 to 3.4, 3.8)."""

import base64
import io
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image

from tests.contract.constant_models import DEFAULT_CONFIDENCES
from tests.contract.deployment import AS_JSON, CLASSIFIER, DETECTOR, SEGMENTER, Deployment
from tests.contract.pictures import base64_of, plain

DETECTION_KEYS = ["inference_id", "time", "image", "predictions"]
CLASSIFICATION_KEYS = [*DETECTION_KEYS, "top", "confidence"]
BOX_KEYS = ["x", "y", "width", "height", "confidence", "class", "class_id", "detection_id"]


def assert_common(answer: dict[str, Any]) -> None:
    """What every answer holds besides predictions."""
    assert str(UUID(answer["inference_id"])) == answer["inference_id"]
    assert isinstance(answer["time"], float)
    assert 0 < answer["time"] < 10
    assert answer["image"] == {"width": 320, "height": 240}
    assert list(answer["image"]) == ["width", "height"]


# ---------------------------------------------------------------- paths and methods


@pytest.mark.parametrize(
    ("method", "target", "status", "detail"),
    [
        ("GET", "/unknown", 404, "Not Found"),
        ("GET", "/a/b/c", 404, "Not Found"),
        ("GET", "/ws/workflows/wf", 404, "Not Found"),
        ("GET", "/a/b/c/d/e", 404, "Not Found"),
        ("POST", "/unknown", 405, "Method Not Allowed"),
        ("POST", "/a/b/c", 405, "Method Not Allowed"),
        ("POST", f"/{DETECTOR}/", 405, "Method Not Allowed"),
        ("POST", f"//{DETECTOR}", 405, "Method Not Allowed"),
        ("PUT", f"/{DETECTOR}", 405, "Method Not Allowed"),
        ("DELETE", f"/{DETECTOR}", 405, "Method Not Allowed"),
        ("PATCH", "/infer/object_detection", 405, "Method Not Allowed"),
        ("PUT", "/", 405, "Method Not Allowed"),
    ],
)
def test_paths_that_nobody_serves(
    deployment: Deployment, key: str, method: str, target: str, status: int, detail: str
) -> None:
    answer = deployment.send(method, target, headers={"Authorization": f"bearer {key}"})

    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == f'{{"detail":"{detail}"}}'.encode()


def test_head_of_a_model(client: httpx.Client) -> None:
    response = client.head(f"/{DETECTOR}")

    assert response.status_code == 404
    assert response.content == b""


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_unknown_path_asks_for_a_key_first(keyless: httpx.Client, method: str) -> None:
    response = keyless.request(method, "/a/b/c")

    assert response.status_code == 401
    assert response.json() == {"status": 401, "message": "Unauthorized api_key"}


@pytest.mark.parametrize(
    ("path", "expected"), [("/healthz", {"status": "healthy"}), ("/readiness", {"status": "ready"})]
)
def test_health_needs_no_key(keyless: httpx.Client, path: str, expected: dict[str, str]) -> None:
    response = keyless.get(path)

    assert response.status_code == 200
    assert response.json() == expected


def test_info(keyless: httpx.Client) -> None:
    answer = keyless.get("/info").json()

    assert list(answer) == ["name", "version", "uuid"]
    assert all(isinstance(value, str) and value for value in answer.values())


def test_page_says_its_own_address(keyless: httpx.Client, deployment: Deployment) -> None:
    response = keyless.get("/")

    assert response.headers["content-type"].startswith("text/html")
    assert deployment.url in response.text


@pytest.mark.parametrize("pool", ["", "/detect", "/classify", "/outline"])
@pytest.mark.parametrize(("model_id", "count"), [(DETECTOR, 6), (SEGMENTER, 1), (CLASSIFIER, 0)])
def test_every_pool_serves_every_model(
    client: httpx.Client, scene_text: str, pool: str, model_id: str, count: int
) -> None:
    response = client.post(f"{pool}/{model_id}", content=scene_text, headers=AS_JSON)

    assert response.status_code == 200, response.text
    assert len(response.json()["predictions"]) == count


@pytest.mark.parametrize("alias", ["latest", "production"])
def test_alias_stands_for_its_version(client: httpx.Client, scene_text: str, alias: str) -> None:
    response = client.post(f"/shapes/{alias}", content=scene_text, headers=AS_JSON)

    assert response.status_code == 200
    assert response.headers["x-model-id"] == f"shapes/{alias}"


# ---------------------------------------------------------------- answers


def test_detection(client: httpx.Client, scene_text: str) -> None:
    response = client.post(f"/{DETECTOR}", content=scene_text, headers=AS_JSON)

    answer = response.json()
    assert response.headers["content-type"] == "application/json"
    assert list(answer) == DETECTION_KEYS
    assert_common(answer)
    predictions = answer["predictions"]
    assert [prediction["confidence"] for prediction in predictions] == pytest.approx(DEFAULT_CONFIDENCES)
    assert all(list(prediction) == BOX_KEYS for prediction in predictions)
    assert len({UUID(prediction["detection_id"]) for prediction in predictions}) == len(predictions)
    best = predictions[0]
    # The 64 x 64 input holds the 320 x 240 picture at a fifth of its size below 8 rows of padding.
    assert [best[name] for name in ("x", "y", "width", "height")] == pytest.approx([160, 120, 160, 80])
    assert (best["class"], best["class_id"]) == ("circle", 0)


def test_every_answer_has_ids_of_its_own(client: httpx.Client, scene_text: str) -> None:
    first, second = (client.post(f"/{DETECTOR}", content=scene_text, headers=AS_JSON).json() for _ in range(2))

    assert first["inference_id"] != second["inference_id"]
    assert first["predictions"][0]["detection_id"] != second["predictions"][0]["detection_id"]


def test_detection_of_nothing_is_an_empty_list(client: httpx.Client, scene_text: str) -> None:
    answer = client.post(f"/{DETECTOR}", params={"confidence": 99}, content=scene_text, headers=AS_JSON).json()

    assert list(answer) == DETECTION_KEYS
    assert answer["predictions"] == []


def test_segmentation(client: httpx.Client, scene_text: str) -> None:
    answer = client.post(f"/outline/{SEGMENTER}", content=scene_text, headers=AS_JSON).json()

    assert list(answer) == DETECTION_KEYS
    assert_common(answer)
    (tile,) = answer["predictions"]
    assert list(tile) == [*BOX_KEYS, "points", "mask_format"]
    assert tile["mask_format"] == "polygon"
    assert [tile[name] for name in ("x", "y", "width", "height")] == [160, 120, 160, 120]
    assert all(list(point) == ["x", "y"] and isinstance(point["x"], float) for point in tile["points"])
    columns, rows = ([point[name] for point in tile["points"]] for name in ("x", "y"))
    assert (min(columns), max(columns), min(rows), max(rows)) == (80, 239, 60, 179)


def test_classification(client: httpx.Client) -> None:
    response = client.post(
        f"/classify/{CLASSIFIER}", params={"confidence": 0.05}, content=base64_of(plain("blue")), headers=AS_JSON
    )

    answer = response.json()
    assert list(answer) == CLASSIFICATION_KEYS
    assert answer["image"] == {"width": 64, "height": 64}
    assert answer["predictions"] == [
        {"class": "blue", "class_id": 2, "confidence": 0.8},
        {"class": "red", "class_id": 0, "confidence": 0.1},
        {"class": "green", "class_id": 1, "confidence": 0.1},
    ]
    assert all(list(prediction) == ["class", "class_id", "confidence"] for prediction in answer["predictions"])
    assert (answer["top"], answer["confidence"]) == ("blue", 0.8)


def test_classification_without_a_class_above_the_threshold(client: httpx.Client, scene_text: str) -> None:
    answer = client.post(f"/classify/{CLASSIFIER}", content=scene_text, headers=AS_JSON).json()

    assert list(answer) == CLASSIFICATION_KEYS
    assert (answer["predictions"], answer["top"], answer["confidence"]) == ([], "", 0.0)


# ---------------------------------------------------------------- format


def size_of(jpeg: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert picture.format == "JPEG"
        return picture.size


@pytest.mark.parametrize("model_id", [DETECTOR, SEGMENTER, CLASSIFIER])
@pytest.mark.parametrize("query", [{}, {"labels": "True", "stroke": "5"}, {"confidence": "99"}, {"stroke": "-3"}])
def test_drawn_picture(client: httpx.Client, scene_text: str, model_id: str, query: dict[str, str]) -> None:
    response = client.post(f"/{model_id}", params={"format": "image", **query}, content=scene_text, headers=AS_JSON)

    assert response.status_code == 200
    assert response.headers["content-type"] == "image/jpeg"
    assert size_of(response.content) == (320, 240)


def test_boxes_are_drawn_in_the_default_colour(client: httpx.Client, scene_text: str) -> None:
    response = client.post(f"/{DETECTOR}", params={"format": "image", "stroke": 8}, content=scene_text, headers=AS_JSON)

    with Image.open(io.BytesIO(response.content)) as picture:
        red, green, blue = picture.getpixel((160, 83))  # the upper edge of the circle's box
    assert (red, green, blue) == pytest.approx((0x48, 0x92, 0xEA), abs=12)


@pytest.mark.parametrize(
    ("model_id", "keys"),
    [(DETECTOR, DETECTION_KEYS), (SEGMENTER, DETECTION_KEYS), (CLASSIFIER, CLASSIFICATION_KEYS)],
)
def test_drawn_picture_inside_the_json(client: httpx.Client, scene_text: str, model_id: str, keys: list[str]) -> None:
    response = client.post(f"/{model_id}", params={"format": "image_and_json"}, content=scene_text, headers=AS_JSON)

    answer = response.json()
    assert list(answer) == ["visualization", *keys]
    assert size_of(base64.b64decode(answer["visualization"], validate=True)) == (320, 240)


@pytest.mark.parametrize("output_format", ["json", "", "JSON", "xml", "Image"])
def test_any_other_format_is_json(client: httpx.Client, scene_text: str, output_format: str) -> None:
    response = client.post(f"/{DETECTOR}", params={"format": output_format}, content=scene_text, headers=AS_JSON)

    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == DETECTION_KEYS


@pytest.mark.parametrize(("path", "status"), [(f"/{DETECTOR}", 400), ("/some/38", 404)])
def test_errors_stay_json_where_a_picture_was_asked_for(client: httpx.Client, path: str, status: int) -> None:
    response = client.post(path, params={"format": "image"}, content=b"!", headers=AS_JSON)

    assert response.status_code == status
    assert list(response.json()) == ["message"]
