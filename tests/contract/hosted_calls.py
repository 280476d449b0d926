"""The SDK's part of the published hosted tests: runs each call with both ways to send a key, prints what came back.

Run by test_hosted_suite.py with the interpreter of another environment: the client pins older numpy and Pillow.
Usage: hosted_calls.py URL KEY FOLDER (scene.jpg, red.png and documents.json lie in the folder)
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from inference_sdk import InferenceConfiguration, InferenceHTTPClient, VisualisationResponseFormat
from inference_sdk.http.errors import HTTPCallErrorError

TRANSPORTS = {"legacy": "legacy", "header": "header"}


def main(url: str, key: str, folder: Path) -> dict[str, Any]:
    """What each call gave, by the way in which the key travels."""
    setup = json.loads((folder / "documents.json").read_text())
    return {mode: _in_mode(mode, url, key, folder, setup) for mode in TRANSPORTS} | {
        "no key": _refused(lambda: _client(url, None, "legacy").ocr_image(str(folder / "scene.jpg")))
    }


def _client(url: str, key: str | None, mode: str, **options: Any) -> InferenceHTTPClient:
    client = InferenceHTTPClient(api_url=url, api_key=key)
    client.configure(InferenceConfiguration(api_key_transport=TRANSPORTS[mode], **options))
    return client


def _in_mode(mode: str, url: str, key: str, folder: Path, setup: dict[str, Any]) -> dict[str, Any]:
    scene = str(folder / "scene.jpg")
    models: dict[str, Any] = {}
    for task, model_id in setup["models"].items():
        models[task] = {}
        for output in ("json", "image", "image_and_json"):
            client = _client(
                url, key, mode, format=output, output_visualisation_format=VisualisationResponseFormat.NUMPY
            )
            client.select_api_v0()
            models[task][output] = _shape(client.infer(scene, model_id=model_id))
    by_alias = _client(url, key, mode)
    by_alias.select_api_v0()
    return {
        "models": models,
        "aliases": {name: len(by_alias.infer(scene, model_id=name)["predictions"]) for name in setup["aliases"]},
        "invalid key": _refused(lambda: _with_v0(_client(url, "invalid", mode)).ocr_image(scene)),
        "core models": {
            name: _refused(call) for name, call in _core_calls(_with_v0(_client(url, key, mode)), scene).items()
        },
        "workflows": {
            name: _rows(_client(url, key, mode), document, [scene, str(folder / "red.png")])
            for name, document in setup["workflows"].items()
        },
    }


def _with_v0(client: InferenceHTTPClient) -> InferenceHTTPClient:
    client.select_api_v0()
    return client


def _core_calls(client: InferenceHTTPClient, picture: str) -> dict[str, Callable[[], Any]]:
    return {
        "ocr": lambda: client.ocr_image(picture),
        "clip": lambda: client.clip_compare(picture, ["cat", "dog"]),
        "yolo world": lambda: client.infer_from_yolo_world(picture, ["cat", "dog"]),
    }


def _shape(answer: dict[str, Any]) -> dict[str, Any]:
    """Type and keys of an answer, and the size of the picture in it."""
    drawing = answer.get("visualization")
    return {
        "type": type(answer).__name__,
        "keys": sorted(answer),
        "visualization": list(drawing.shape) if isinstance(drawing, np.ndarray) else type(drawing).__name__,
    }


def _refused(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"answer": call()}
    except HTTPCallErrorError as exc:
        return {"status": exc.status_code, "message": exc.api_message}


def _rows(client: InferenceHTTPClient, document: dict[str, Any], pictures: list[str]) -> list[dict[str, Any]]:
    """Each row as it is; what supervision reads of detections in the place of these."""
    rows = client.run_workflow(specification=document, images={"image": pictures})
    return [{name: _read(value) for name, value in row.items()} for row in rows]


def _read(value: Any) -> Any:
    if not isinstance(value, dict) or "top" in value or "predicted_classes" in value:
        return value
    detections = sv.Detections.from_inference(value)
    return {
        "xyxy": detections.xyxy.tolist(),
        "confidence": [] if detections.confidence is None else detections.confidence.tolist(),
        "class_name": [str(name) for name in detections.data.get("class_name", [])],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
