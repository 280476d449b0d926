"""Keypoints, many labels, a class for each pixel, masks in every form: over the wire, as clients read them."""

import base64
import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.contract.conftest import FAMILIES

TEXT = {"content-type": "text/plain"}


pytestmark = pytest.mark.usefixtures("families")


def by_task(client: httpx.Client, task: str, model: str, scene_text: str, **fields: Any) -> httpx.Response:
    image = {"type": "base64", "value": scene_text}
    return client.post(f"/infer/{task}", json={"model_id": f"{model}/1", "image": image, **fields})


def test_keypoints(client: httpx.Client, scene_text: str) -> None:
    answer = by_task(client, "keypoints_detection", "yolov8-pose", scene_text).json()

    assert set(answer) == {"inference_id", "time", "image", "predictions"}
    [prediction] = answer["predictions"]
    assert [point["class"] for point in prediction["keypoints"]] == ["0", "1"]
    assert [round(point["confidence"], 3) for point in prediction["keypoints"]] == [0.9, 0.8]


def test_keypoint_confidence_works(client: httpx.Client, scene_text: str) -> None:
    fields = {"keypoint_confidence": 0.85}

    [prediction] = by_task(client, "keypoints_detection", "yolov8-pose", scene_text, **fields).json()["predictions"]
    by_url = client.post("/yolov8-pose/1?keypoint_confidence=0.85", content=scene_text, headers=TEXT).json()

    assert len(prediction["keypoints"]) == len(by_url["predictions"][0]["keypoints"]) == 1


def test_best_is_no_confidence_of_keypoints(client: httpx.Client, scene_text: str) -> None:
    response = by_task(client, "keypoints_detection", "yolov8-pose", scene_text, confidence="best")

    assert response.status_code == 422
    [problem] = response.json()["detail"]
    assert problem["type"] == "value_error" and "not supported for keypoint detection" in problem["msg"]


def test_many_labels(client: httpx.Client, scene_text: str) -> None:
    answer = by_task(client, "classification", "labels", scene_text).json()

    assert set(answer) == {"inference_id", "time", "image", "predictions", "predicted_classes"}
    assert answer["predictions"]["alpha"] == {"confidence": pytest.approx(0.8808, abs=1e-4), "class_id": 0}
    assert answer["predicted_classes"] == ["alpha"]


def test_a_class_for_each_pixel(client: httpx.Client, scene_text: str) -> None:
    answer = by_task(client, "semantic_segmentation", "semantic", scene_text).json()

    said = answer["predictions"]
    assert said["class_map"] == {"0": "background", "1": "road"} and said["present_class_ids"] == [0, 1]
    mask = np.asarray(Image.open(io.BytesIO(base64.b64decode(said["segmentation_mask"]))))
    assert mask.shape == (answer["image"]["height"], answer["image"]["width"])


def test_the_roboflow_package_finds_the_mask_at_the_top(client: httpx.Client, scene_text: str) -> None:
    answer = client.post("/outline/semantic/1", content=scene_text, headers=TEXT).json()

    assert answer["segmentation_mask"] == answer["predictions"]["segmentation_mask"]


@pytest.mark.parametrize("model", ["yolov8-seg", "rf-detr-seg"])
def test_run_lengths(client: httpx.Client, scene_text: str, model: str) -> None:
    answer = by_task(client, "instance_segmentation", model, scene_text, response_mask_format="rle").json()
    by_url = client.post(f"/outline/{model}/1?response_mask_format=rle", content=scene_text, headers=TEXT).json()

    for prediction in (*answer["predictions"], *by_url["predictions"]):
        assert prediction["mask_format"] == "rle" and "points" not in prediction
        assert prediction["rle"]["size"] == [answer["image"]["height"], answer["image"]["width"]]


def test_a_reduced_answer_lies_on_the_masks_grid(client: httpx.Client, scene_text: str) -> None:
    fields = {"mask_decode_mode": "fast", "allow_reduced_mask_resolution": True}

    answer = by_task(client, "instance_segmentation", "yolov8-seg", scene_text, **fields).json()

    assert answer["mask_metadata"]["coordinate_system"] == "mask_grid"
    assert answer["image"]["width"] <= 16 < answer["original_image"]["width"]


@pytest.mark.parametrize("model", FAMILIES)
def test_drawings(client: httpx.Client, scene_text: str, model: str) -> None:
    response = client.post(f"/{model}/1?format=image&labels=true", content=scene_text, headers=TEXT)

    assert response.headers["content-type"] == "image/jpeg"
    Image.open(io.BytesIO(response.content)).verify()
