"""Task routes with JSON bodies: contract/http.md 1.4, 2.1, 2.2."""

import base64
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.contract.deployment import CLASSIFIER, DETECTOR, SEGMENTER
from tests.contract.pictures import base64_of, plain

DETECT, OUTLINE, CLASSIFY = "/infer/object_detection", "/infer/instance_segmentation", "/infer/classification"
TASKS = [(DETECT, DETECTOR), (OUTLINE, SEGMENTER), (CLASSIFY, CLASSIFIER)]


@pytest.fixture
def body(scene_text: str) -> dict[str, Any]:
    """A detection request for the scene."""
    return {"model_id": DETECTOR, "image": {"type": "base64", "value": scene_text}}


def pictures(*colours: str) -> list[dict[str, str]]:
    return [{"type": "base64", "value": base64_of(plain(colour))} for colour in colours]


def problems(response: httpx.Response) -> list[tuple[str, list[Any]]]:
    """Kind and place of each entry of a 422."""
    assert response.status_code == 422, response.text
    assert list(response.json()) == ["detail"]
    assert all(set(item) <= {"type", "loc", "msg", "ctx"} for item in response.json()["detail"])
    return [(item["type"], item["loc"]) for item in response.json()["detail"]]


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize(("path", "model_id"), TASKS)
def test_same_answer_as_the_url_route(client: httpx.Client, red_text: str, path: str, model_id: str) -> None:
    by_task = client.post(path, json={"model_id": model_id, "image": {"type": "base64", "value": red_text}}).json()
    by_url = client.post(f"/{model_id}", content=red_text, headers={"content-type": "text/plain"}).json()

    for answer in (by_task, by_url):
        UUID(answer.pop("inference_id"))
        assert answer.pop("time") > 0
        for prediction in answer["predictions"]:
            prediction.pop("detection_id", None)
    assert by_task == by_url
    assert list(by_task) == list(by_url)


@pytest.mark.parametrize("path", [DETECT, OUTLINE, CLASSIFY])
@pytest.mark.parametrize("model_id", [DETECTOR, SEGMENTER, CLASSIFIER])
def test_the_model_decides_the_task(client: httpx.Client, red_text: str, path: str, model_id: str) -> None:
    answer = client.post(path, json={"model_id": model_id, "image": {"type": "base64", "value": red_text}}).json()

    assert ("top" in answer) == (model_id == CLASSIFIER)


def test_list_gives_a_list_in_order(client: httpx.Client) -> None:
    colours = ("red", "blue", "green", "blue", "red", "green", "red", "red", "blue", "green")  # more than one run takes

    response = client.post(CLASSIFY, json={"model_id": CLASSIFIER, "image": pictures(*colours)})

    assert [answer["top"] for answer in response.json()] == list(colours)
    assert len({answer["inference_id"] for answer in response.json()}) == 1


def test_list_of_pictures_of_different_sizes(client: httpx.Client) -> None:
    sizes = [(64, 64), (20, 300), (300, 20), (1, 1)]
    images = [{"type": "base64", "value": base64_of(plain("red", size))} for size in sizes]

    response = client.post(DETECT, json={"model_id": DETECTOR, "image": images, "confidence": 0.01})

    answers = response.json()
    assert [(answer["image"]["width"], answer["image"]["height"]) for answer in answers] == sizes
    assert all("red" in [prediction["class"] for prediction in answer["predictions"]] for answer in answers)


@pytest.mark.parametrize(("path", "model_id"), TASKS)
def test_list_of_one_gives_a_list_of_one(client: httpx.Client, path: str, model_id: str) -> None:
    answers = client.post(path, json={"model_id": model_id, "image": pictures("red")}).json()

    assert isinstance(answers, list)
    assert len(answers) == 1


def test_empty_list_gives_an_empty_list(client: httpx.Client) -> None:
    response = client.post(DETECT, json={"model_id": DETECTOR, "image": []})

    assert (response.status_code, response.json()) == (200, [])


def test_a_thousand_pictures_are_too_many(client: httpx.Client) -> None:
    response = client.post(DETECT, json={"model_id": DETECTOR, "image": pictures("red") * 1000})

    assert response.status_code == 413
    assert list(response.json()) == ["message"]
    assert "1,000" in response.json()["message"]


def test_id_of_the_client_comes_back(client: httpx.Client, body: dict[str, Any]) -> None:
    assert client.post(DETECT, json=body | {"id": "my own id"}).json()["inference_id"] == "my own id"


@pytest.mark.parametrize(("path", "model_id"), TASKS)
def test_visualisation_comes_first(client: httpx.Client, red_text: str, path: str, model_id: str) -> None:
    image = {"type": "base64", "value": red_text}
    answer = client.post(path, json={"model_id": model_id, "image": image, "visualize_predictions": True}).json()

    assert next(iter(answer)) == "visualization"
    assert base64.b64decode(answer["visualization"], validate=True)[:3] == b"\xff\xd8\xff"


def test_visualisation_of_each_picture_of_a_list(client: httpx.Client) -> None:
    request = {
        "model_id": DETECTOR,
        "image": pictures("red", "blue"),
        "visualize_predictions": True,
        "visualization_labels": True,
        "visualization_stroke_width": 3,
    }
    first, second = client.post(DETECT, json=request).json()

    assert first["visualization"] != second["visualization"]


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 6),
        ({"confidence": 0.4}, 6),
        ({"confidence": "0.4"}, 6),  # numbers in text are numbers
        ({"confidence": 0.01}, 9),
        ({"confidence": 0}, 10),  # no floor here
        ({"confidence": 1}, 0),  # and no percent
        ({"confidence": 40}, 0),
        ({"confidence": "best"}, 6),
        ({"confidence": "default"}, 6),
        ({"confidence": 0.7, "iou_threshold": 0.7}, 2),
        ({"confidence": 0.7, "iou_threshold": 0.5}, 1),
        ({"iou_threshold": 0.1}, 5),
        ({"max_detections": 2}, 2),
        ({"class_filter": ["circle", "no such class"]}, 1),
        ({"class_filter": None}, 6),
        ({"class_filter": []}, 6),  # no filter
        ({"class_filter": ["no such class"]}, 0),
    ],
)
def test_thresholds(client: httpx.Client, body: dict[str, Any], fields: dict[str, Any], count: int) -> None:
    response = client.post(DETECT, json=body | fields)

    assert response.status_code == 200, response.text
    assert len([p for p in response.json()["predictions"] if p["class"] != "red"]) == count


def test_suppression_across_classes(client: httpx.Client, red_text: str) -> None:
    """The box around everything is of another class than the others, and the best."""
    request = {"model_id": DETECTOR, "image": {"type": "base64", "value": red_text}, "iou_threshold": 0.1}

    apart = client.post(DETECT, json=request | {"class_agnostic_nms": False}).json()["predictions"]
    across = client.post(DETECT, json=request | {"class_agnostic_nms": True}).json()["predictions"]

    assert [prediction["class"] for prediction in apart[:2]] == ["red", "circle"]
    assert "circle" not in [prediction["class"] for prediction in across]  # IoU 0.125 with the box around everything


@pytest.mark.parametrize(
    "fields",
    [
        {"no_such_field": 1, "": 2},
        {"usage_billable": False, "start": 1.5, "source": "x", "source_info": None, "disable_model_monitoring": True},
        {"model_type": "object-detection", "max_candidates": 3000, "fix_batch_size": True},
        {"disable_active_learning": False, "active_learning_target_dataset": "d", "api_key": None},
        {"disable_preproc_contrast": True, "disable_preproc_grayscale": True, "disable_preproc_static_crop": True},
        {"keypoint_confidence": 0.5, "include_anomaly_map": False, "allow_reduced_mask_resolution": False},
    ],
)
def test_fields_without_effect_are_tolerated(
    client: httpx.Client, body: dict[str, Any], fields: dict[str, Any]
) -> None:
    assert len(client.post(DETECT, json=body | fields).json()["predictions"]) == 6


@pytest.mark.parametrize("kind", ["base64", "BASE64", "Base64"])
def test_image_type_in_any_case(client: httpx.Client, scene_text: str, kind: str) -> None:
    request = {"model_id": DETECTOR, "image": {"type": kind, "value": f"data:image/jpeg;base64,{scene_text}"}}

    assert client.post(DETECT, json=request).status_code == 200


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"type": "base64"}, "Could not load input image. Cause: "),
        ({"type": "base64", "value": None}, "Could not load input image. Cause: "),
        ({"type": "base64", "value": 5}, "Could not load input image. Cause: "),
        ({"type": "base64", "value": ""}, "Could not load input image. Cause: Empty image payload."),
        ({"type": "base64", "value": "%%%"}, "Could not load input image. Cause: Malformed base64 input image."),
        ({"type": "base64", "value": "Grüße"}, "Could not load input image. Cause: "),
        ({"type": "numpy", "value": [[1]]}, "Could not load input image. Cause: NumPy image type is not supported"),
        ({"type": "file", "value": "/etc/passwd"}, "Could not load input image. Cause: "),
        ({"type": "", "value": "x"}, "Could not load input image. Cause: Image declaration contains not recognised"),
    ],
)
def test_pictures_that_cannot_be_loaded(client: httpx.Client, image: dict[str, Any], message: str) -> None:
    for field in (image, [*pictures("red"), image]):
        response = client.post(DETECT, json={"model_id": DETECTOR, "image": field})

        assert response.status_code == 400, response.text
        assert list(response.json()) == ["message"]
        assert response.json()["message"].startswith(message)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("change", "kind", "place"),
    [
        ({"model_id": ...}, "missing", ["body", "model_id"]),
        ({"image": ...}, "missing", ["body", "image"]),
        ({"model_id": None}, "string_type", ["body", "model_id"]),
        ({"model_id": 7}, "string_type", ["body", "model_id"]),
        ({"confidence": None}, None, ["body", "confidence"]),
        ({"confidence": "abc"}, None, ["body", "confidence"]),
        ({"confidence": "nan"}, None, ["body", "confidence"]),
        ({"confidence": []}, None, ["body", "confidence"]),
        ({"iou_threshold": "inf"}, None, ["body", "iou_threshold"]),
        ({"max_detections": 1.5}, None, ["body", "max_detections"]),
        ({"class_filter": "circle"}, None, ["body", "class_filter"]),
        ({"visualize_predictions": "maybe"}, "bool_parsing", ["body", "visualize_predictions"]),
        ({"response_mask_format": "png"}, "literal_error", ["body", "response_mask_format"]),
        ({"image": "bare string"}, None, ["body", "image"]),
        ({"image": None}, None, ["body", "image"]),
        ({"image": {"value": "x"}}, "missing", ["body", "image"]),
        ({"image": [{"value": "x"}]}, None, ["body", "image"]),
    ],
)
def test_wrong_field_is_named_and_nothing_is_echoed(
    client: httpx.Client, key: str, body: dict[str, Any], change: dict[str, Any], kind: str | None, place: list[str]
) -> None:
    request = {name: value for name, value in (body | {"api_key": key} | change).items() if value is not ...}

    response = client.post(DETECT, json=request)

    found = problems(response)
    assert any(loc[:2] == place and kind in (None, name) for name, loc in found), found
    assert key not in response.text
    assert body["image"]["value"][:30] not in response.text


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b'{"model_id": "shapes/1",',
        b"[1, 2",
        b"",
        b"\xff\xfe",
        b'{"confidence": NaN}',
        b'{"confidence": Infinity}',
        b"{'model_id': 'shapes/1'}",
        b'"\\ud800"',
        b"[" * 100_000,
    ],
)
def test_broken_json(client: httpx.Client, text: bytes) -> None:
    response = client.post(DETECT, content=text, headers={"content-type": "application/json"})

    ((kind, place),) = problems(response)
    assert kind == "json_invalid"
    assert place[0] == "body"
    assert isinstance(place[1], int)


@pytest.mark.parametrize("value", [[], "text", 5, None, [{"model_id": "shapes/1"}]])
def test_json_that_is_no_object(client: httpx.Client, value: Any) -> None:
    response = client.post(DETECT, content=json.dumps(value), headers={"content-type": "application/json"})

    ((_, place),) = problems(response)
    assert place == ["body"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "image/jpeg", ""])
def test_wrong_content_type(client: httpx.Client, body: dict[str, Any], content_type: str) -> None:
    response = client.post(DETECT, content=json.dumps(body), headers={"content-type": content_type})

    ((kind, place),) = problems(response)
    assert (kind, place) == ("model_attributes_type", ["body"])


@pytest.mark.parametrize("model_id", ["shapes", "shapes/1/2", "", "/", "../keys", "shapes/..", "shäpes/1", "a b/1"])
@pytest.mark.parametrize("path", [DETECT, "/model/add", "/model/remove"])
def test_ids_that_no_model_has(client: httpx.Client, body: dict[str, Any], path: str, model_id: str) -> None:
    response = client.post(path, json=body | {"model_id": model_id})

    assert response.status_code == 400, response.text
    assert response.json() == {"message": "Invalid Model ID sent in request."}


def test_unknown_model_comes_before_a_broken_picture(client: httpx.Client) -> None:
    request = {"model_id": "some/38", "image": {"type": "base64", "value": "%%%"}}

    response = client.post(DETECT, json=request)

    assert response.status_code == 404
    assert response.json()["message"].startswith("Requested Roboflow resource not found.")


def test_unknown_model_comes_before_an_image_type_that_is_not_served(client: httpx.Client) -> None:
    request = {"model_id": "some/38", "image": {"type": "numpy", "value": "x"}}

    assert client.post(DETECT, json=request).status_code == 404


def test_key_for_another_project(keyless: httpx.Client, narrow_key: str, body: dict[str, Any]) -> None:
    response = keyless.post(DETECT, json=body | {"api_key": narrow_key})

    assert response.status_code == 403
    assert response.json()["message"].startswith("Unauthorized access to roboflow API")
