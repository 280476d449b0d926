"""Calls a deployment with the published clients and prints what they made of the answers, as one JSON object.

Run by test_published_clients.py with the interpreter of another environment: the clients pin older numpy and Pillow.
Usage: client_calls.py URL KEY FOLDER (scene.jpg, red.png and blue.png lie in the folder)
"""

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from inference_sdk import InferenceConfiguration, InferenceHTTPClient, VisualisationResponseFormat
from inference_sdk.http.errors import HTTPCallErrorError
from PIL import Image

DETECTOR, SEGMENTER, CLASSIFIER = "shapes/1", "tiles/1", "colours/1"


def main(url: str, key: str, folder: Path) -> dict[str, Any]:
    """What each call gave, by name."""
    modes = {mode: _client(url, key, mode) for mode in ("v0", "v1")}
    return {
        mode: {
            "detection": _detection(client, folder),
            "segmentation": _detections(client.infer(str(folder / "scene.jpg"), model_id=SEGMENTER)),
            "classification": _classification(client, folder),
            "thresholds": _thresholds(client, folder),
            "tasks": _tasks(client, folder),
            "pixels": _pixels(client, folder) if mode == "v0" else None,  # v1 knows no such task
            "drawing": _drawing(client, folder),
            "errors": _errors(url, key, mode, folder),
        }
        for mode, client in modes.items()
    } | {"management": _management(url, key), "transports": _transports(url, key, folder)}


def _client(url: str, key: str, mode: str) -> InferenceHTTPClient:
    client = InferenceHTTPClient(api_url=url, api_key=key)
    (client.select_api_v0 if mode == "v0" else client.select_api_v1)()
    return client


def _detections(answer: dict[str, Any]) -> dict[str, Any]:
    """What supervision reads from an answer."""
    detections = sv.Detections.from_inference(answer)
    masks = detections.mask
    return {
        "keys": list(answer),
        "xyxy": detections.xyxy.tolist(),
        "confidence": detections.confidence.tolist(),
        "class_id": detections.class_id.tolist(),
        "class_name": [str(name) for name in detections.data["class_name"]],
        "masks": None if masks is None else [_extent(mask) for mask in masks],
    }


def _tasks(client: InferenceHTTPClient, folder: Path) -> dict[str, Any]:
    """Keypoints, many labels."""
    scene = str(folder / "scene.jpg")
    keypoints = sv.KeyPoints.from_inference(client.infer(scene, model_id="yolov8-pose/1"))
    return {
        "keypoints": {
            "xy": keypoints.xy.tolist(),
            "class_name": [str(name) for name in keypoints.data["class_name"]],
        },
        "labels": client.infer(scene, model_id="labels/1")["predicted_classes"],
    }


def _pixels(client: InferenceHTTPClient, folder: Path) -> dict[str, Any]:
    """A class for each pixel."""
    pixels = client.infer(str(folder / "scene.jpg"), model_id="semantic/1")["predictions"]
    mask = Image.open(io.BytesIO(base64.b64decode(pixels["segmentation_mask"])))
    return {"class_map": pixels["class_map"], "size": list(mask.size)}


def _extent(mask: np.ndarray) -> dict[str, Any]:
    """First and last column and row of a mask, its number of pixels, and its size."""
    rows, columns = np.nonzero(mask)
    sides = [int(side) for side in (columns.min(), columns.max(), rows.min(), rows.max())]
    return {"sides": sides, "pixels": int(mask.sum()), "shape": list(mask.shape)}


def _detection(client: InferenceHTTPClient, folder: Path) -> dict[str, Any]:
    """One picture in every form that the client takes, and a list."""
    path = folder / "scene.jpg"
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    forms = {"path": str(path), "pil": picture, "numpy": np.asarray(picture)[:, :, ::-1].copy()}
    found = {name: _detections(client.infer(form, model_id=DETECTOR)) for name, form in forms.items()}
    listed = client.infer([str(path), str(folder / "red.png"), picture], model_id=DETECTOR)
    found["list"] = [[prediction["class"] for prediction in answer["predictions"]] for answer in listed]
    with client.use_configuration(InferenceConfiguration(max_batch_size=8, max_concurrent_requests=2)):
        batch = client.infer([str(path), str(folder / "red.png"), picture], model_id=DETECTOR)
    found["batch"] = [[prediction["class"] for prediction in answer["predictions"]] for answer in batch]
    return found


def _classification(client: InferenceHTTPClient, folder: Path) -> list[dict[str, Any]]:
    return list(client.infer([str(folder / "red.png"), str(folder / "blue.png")], model_id=CLASSIFIER))


def _thresholds(client: InferenceHTTPClient, folder: Path) -> list[int]:
    """How many objects are found at some thresholds."""
    configurations = (
        InferenceConfiguration(confidence_threshold=0.7),
        InferenceConfiguration(confidence_threshold=0.7, iou_threshold=0.7),
        InferenceConfiguration(confidence_threshold=0.02),
        InferenceConfiguration(confidence_threshold=0.02, max_detections=3),
    )
    counts = []
    for configuration in configurations:
        with client.use_configuration(configuration):
            counts.append(len(client.infer(str(folder / "scene.jpg"), model_id=DETECTOR)["predictions"]))
    return counts


def _drawing(client: InferenceHTTPClient, folder: Path) -> dict[str, Any]:
    """The drawn picture, alone (v0 only) and in the answer."""
    shapes = {}
    for output_format in ("image", "image_and_json"):
        configuration = InferenceConfiguration(
            format=output_format,
            visualize_predictions=True,
            visualize_labels=True,
            output_visualisation_format=VisualisationResponseFormat.NUMPY,
        )
        with client.use_configuration(configuration):
            answer = client.infer(str(folder / "scene.jpg"), model_id=DETECTOR)
        shapes[output_format] = [list(answer), list(answer["visualization"].shape)]
    return shapes


def _errors(url: str, key: str, mode: str, folder: Path) -> dict[str, Any]:
    cases = {
        "wrong key": (_client(url, "wrong", mode), str(folder / "scene.jpg"), DETECTOR),
        "unknown model": (_client(url, key, mode), str(folder / "scene.jpg"), "some/38"),
        "no picture": (_client(url, key, mode), "bm8gcGljdHVyZQ==", DETECTOR),
    }
    seen = {}
    for name, (client, picture, model_id) in cases.items():
        try:
            seen[name] = client.infer(picture, model_id=model_id)
        except HTTPCallErrorError as exc:
            seen[name] = {"status": exc.status_code, "message": exc.api_message}
    return seen


def _management(url: str, key: str) -> dict[str, Any]:
    """Loading and unloading; the client sends the key of these calls in the header only."""
    client = _client(url, key, "v1")
    client.configure(InferenceConfiguration(api_key_transport="header"))
    loaded = client.load_model(DETECTOR)
    described = client.get_model_description(CLASSIFIER)
    unloaded = client.unload_model(DETECTOR)
    cleared = client.unload_all_models()
    return {
        "info": client.get_server_info().name,
        "loaded": [model.model_id for model in loaded.models],
        "described": [described.task_type, described.input_height, described.input_width],
        "unloaded": [model.model_id for model in unloaded.models],
        "cleared": [model.model_id for model in cleared.models],
    }


def _transports(url: str, key: str, folder: Path) -> dict[str, int]:
    """Number of objects by mode and by the way in which the key travels."""
    counts = {}
    for mode in ("v0", "v1"):
        for transport in ("legacy", "both", "header"):
            client = _client(url, key, mode)
            client.configure(InferenceConfiguration(api_key_transport=transport))
            answer = client.infer(str(folder / "scene.jpg"), model_id=DETECTOR)
            counts[f"{mode} {transport}"] = len(answer["predictions"])
    return counts


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
