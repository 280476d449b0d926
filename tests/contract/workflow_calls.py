"""Runs workflows with the published inference-sdk and prints what it made of the answers, as one JSON object.

Run by test_workflow_client.py with the interpreter of another environment: the client pins older numpy and Pillow.
Usage: workflow_calls.py URL KEY FOLDER (scene.jpg, red.png, blue.png and documents.json lie in the folder)
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from inference_sdk import InferenceConfiguration, InferenceHTTPClient, VisualisationResponseFormat
from inference_sdk.http.errors import HTTPCallErrorError
from PIL import Image

WORKSPACE, SAVED = "default", "shapes"


def main(url: str, key: str, folder: Path) -> dict[str, Any]:
    """What each call gave, by name."""
    documents = json.loads((folder / "documents.json").read_text())
    client = InferenceHTTPClient(api_url=url, api_key=key)
    return {
        "forms": _forms(client, folder),
        "specification": _summary(_run(client, folder, specification=documents["detect"])),
        "legacy": [
            _summary(_run(client, folder, is_legacy=True, specification=documents["detect"])),
            _summary(_run(client, folder, is_legacy=True, workspace_name=WORKSPACE, workflow_name=SAVED)),
        ],
        "list": _list(client, folder),
        "nested": _nested(client, folder, documents["nested"]),
        "fields": _fields(client, folder),
        "pictures": _pictures(client, folder, documents["drawing"]),
        "crops": client.run_workflow(
            specification=documents["colours"], images={"image": [str(folder / "red.png"), str(folder / "blue.png")]}
        ),
        "profile": _profile(client, folder),
        "errors": _errors(url, key, folder, documents),
        "transports": _transports(url, key, folder),
    }


def _saved(client: InferenceHTTPClient, image: Any, **options: Any) -> list[dict[str, Any]]:
    """The rows of the saved workflow for a picture, or for a list of them."""
    rows: list[dict[str, Any]] = client.run_workflow(
        workspace_name=WORKSPACE, workflow_id=SAVED, images={"image": image}, **options
    )
    return rows


def _run(client: InferenceHTTPClient, folder: Path, *, is_legacy: bool = False, **options: Any) -> list[dict[str, Any]]:
    """The rows of any workflow for the scene."""
    images = {"image": str(folder / "scene.jpg")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the old name of the call says that it is old
        run: Callable[..., Any] = client.infer_from_workflow if is_legacy else client.run_workflow
        rows: list[dict[str, Any]] = run(images=images, **options)
    return rows


def _summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What supervision reads from the detections of each row."""
    found = []
    for row in rows:
        detections = sv.Detections.from_inference(row["objects"])
        found.append(
            {
                "keys": list(row),
                "xyxy": detections.xyxy.tolist(),
                "confidence": detections.confidence.tolist(),
                "class_name": [str(name) for name in detections.data["class_name"]],
            }
        )
    return found


def _forms(client: InferenceHTTPClient, folder: Path) -> dict[str, Any]:
    """One picture in every form that the client takes, through a saved workflow."""
    path = folder / "scene.jpg"
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    forms = {"path": str(path), "pil": picture, "numpy": np.asarray(picture)[:, :, ::-1].copy()}
    return {name: _summary(_saved(client, form)) for name, form in forms.items()}


def _list(client: InferenceHTTPClient, folder: Path) -> list[list[str]]:
    pictures = [str(folder / name) for name in ("red.png", "scene.jpg", "blue.png")]
    return [one["class_name"] for one in _summary(_saved(client, pictures, parameters={"confidence": 0.55}))]


def _nested(client: InferenceHTTPClient, folder: Path, document: dict[str, Any]) -> list[list[int]]:
    """Widths of the pictures of a batch of batches."""
    red, scene = str(folder / "red.png"), str(folder / "scene.jpg")
    rows = client.run_workflow(specification=document, images={"pictures": [[red, scene], [scene]]})
    return [[picture.shape[1] for picture in _decoded(row["pictures"])] for row in rows]


def _decoded(pictures: list[str]) -> list[np.ndarray]:
    from inference_sdk.http.utils.post_processing import transform_base64_visualisation

    return [transform_base64_visualisation(text, VisualisationResponseFormat.NUMPY) for text in pictures]


def _fields(client: InferenceHTTPClient, folder: Path) -> dict[str, Any]:
    scene = str(folder / "scene.jpg")
    return {
        "parameters": [
            len(_saved(client, scene, parameters={"confidence": value})[0]["objects"]["predictions"])
            for value in (0.02, 0.4, 0.55, 0.95)
        ],
        "excluded": [list(row) for row in _saved(client, scene, excluded_fields=["objects"])],
        "version": [list(row) for row in _saved(client, scene, workflow_version_id="2")],
        "no cache": len(_saved(client, scene, use_cache=False)),
        "no sinks": len(_saved(client, scene, disable_sinks=True)),
    }


def _pictures(client: InferenceHTTPClient, folder: Path, document: dict[str, Any]) -> dict[str, Any]:
    """Drawings and crops in each form that the client makes of them."""
    shapes: dict[str, Any] = {}
    for output in VisualisationResponseFormat:
        with client.use_configuration(InferenceConfiguration(output_visualisation_format=output)):
            [row] = client.run_workflow(specification=document, images={"image": str(folder / "scene.jpg")})
        pictures = [row["picture"], *row["crops"][:2]]
        shapes[output.value] = [
            list(picture.shape) if isinstance(picture, np.ndarray)
            else list(picture.size) if isinstance(picture, Image.Image)
            else type(picture).__name__
            for picture in pictures
        ]  # fmt: skip
    return shapes


def _profile(client: InferenceHTTPClient, folder: Path) -> list[str]:
    """Names in the file that the client writes of a trace."""
    with client.use_configuration(InferenceConfiguration(profiling_directory=str(folder / "traces"))):
        _saved(client, str(folder / "scene.jpg"), enable_profiling=True)
    [trace] = (folder / "traces").iterdir()
    return [event["name"] for event in json.loads(trace.read_text())]


def _errors(url: str, key: str, folder: Path, documents: dict[str, Any]) -> dict[str, Any]:
    """Status and message of what fails, and the seconds until the client gives up: it tries some errors again."""
    client, scene = InferenceHTTPClient(api_url=url, api_key=key), {"image": str(folder / "scene.jpg")}
    other = InferenceHTTPClient(api_url=url, api_key="wrong")
    cases: dict[str, tuple[InferenceHTTPClient, dict[str, Any]]] = {
        "wrong key": (other, {"specification": documents["detect"], "images": scene}),
        "no such workflow": (client, {"workspace_name": WORKSPACE, "workflow_id": "none", "images": scene}),
        "other workspace": (client, {"workspace_name": "other", "workflow_id": SAVED, "images": scene}),
        "no picture": (client, {"specification": documents["detect"]}),
        "wrong parameter": (
            client,
            {"specification": documents["detect"], "images": scene, "parameters": {"confidence": "high"}},
        ),
        "wrong document": (client, {"specification": documents["broken"], "images": scene}),
        "unknown model": (client, {"specification": documents["unknown model"], "images": scene}),
    }
    seen = {}
    for name, (caller, options) in cases.items():
        started = time.monotonic()
        try:
            seen[name] = caller.run_workflow(**options)
        except HTTPCallErrorError as exc:
            took_s = time.monotonic() - started
            seen[name] = {"status": exc.status_code, "message": exc.api_message, "took_s": took_s}
    return seen


def _transports(url: str, key: str, folder: Path) -> dict[str, int]:
    """Number of objects by the way in which the key travels."""
    counts = {}
    for transport in ("legacy", "both", "header"):
        client = InferenceHTTPClient(api_url=url, api_key=key)
        client.configure(InferenceConfiguration(api_key_transport=transport))
        counts[transport] = len(_saved(client, str(folder / "scene.jpg"))[0]["objects"]["predictions"])
    return counts


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
