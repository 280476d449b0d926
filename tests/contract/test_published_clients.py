"""The clients that people already have, unchanged, against a local deployment: inference-sdk, supervision, curl."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.constant_models import DEFAULT_CONFIDENCES
from tests.contract.deployment import CLASSIFIER, DETECTOR, Deployment
from tests.contract.pictures import noise, plain, scene

CLIENTS_PYTHON = os.environ.get("RETINUE_CLIENTS_PYTHON", "")
CALLS = Path(__file__).with_name("client_calls.py")
MODES = ("v0", "v1")
SCENE_CLASSES = ["circle", "square", "square", "square", "square", "star"]

needs_clients = pytest.mark.skipif(
    not CLIENTS_PYTHON,
    reason="RETINUE_CLIENTS_PYTHON names no interpreter with inference-sdk; `make test-unit` makes one and sets it",
)
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")


def answers_of_clients(calls: Path, url: str, key: str, folder: Path) -> dict[str, Any]:
    """What the clients' program `calls`, run by their Python in `folder`, prints as its last line: a JSON object."""
    done = subprocess.run(
        [CLIENTS_PYTHON, str(calls), url, key, str(folder)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "MPLCONFIGDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    answers: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answers


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "scene.jpg").write_bytes(scene())
    for colour in ("red", "blue"):
        (folder / f"{colour}.png").write_bytes(plain(colour))
    return folder


# ---------------------------------------------------------------- inference-sdk and supervision


@pytest.fixture(scope="session")
def seen(deployment: Deployment, families: None, key: str, pictures: Path) -> dict[str, Any]:
    """What the clients made of the answers; see client_calls.py."""
    return answers_of_clients(CALLS, deployment.url, key, pictures)


@needs_clients
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ["path", "pil", "numpy"])
def test_supervision_reads_detections(seen: dict[str, Any], mode: str, form: str) -> None:
    detections = seen[mode]["detection"][form]

    assert detections["keys"] == ["inference_id", "time", "image", "predictions"]
    assert detections["confidence"] == pytest.approx(DEFAULT_CONFIDENCES)
    assert detections["class_name"] == SCENE_CLASSES
    assert detections["class_id"] == [0, 1, 1, 1, 1, 2]
    assert detections["xyxy"][0] == pytest.approx([80, 80, 240, 160])
    assert detections["xyxy"][1] == pytest.approx([40, 20, 80, 60])
    assert detections["masks"] is None


@needs_clients
@pytest.mark.parametrize("mode", MODES)
def test_every_task(seen: dict[str, Any], mode: str) -> None:
    tasks = seen[mode]["tasks"]

    assert tasks["keypoints"] == {"xy": [[[100, 60], [200, 160]]], "class_name": ["alpha"]}
    assert tasks["labels"] == ["alpha"]
    if mode == "v0":
        assert seen[mode]["pixels"] == {"class_map": {"0": "background", "1": "road"}, "size": [320, 240]}


@needs_clients
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["list", "batch"])
def test_list_of_pictures_in_order(seen: dict[str, Any], mode: str, name: str) -> None:
    assert seen[mode]["detection"][name] == [SCENE_CLASSES, ["red", *SCENE_CLASSES], SCENE_CLASSES]


@needs_clients
@pytest.mark.parametrize("mode", MODES)
def test_supervision_reads_masks(seen: dict[str, Any], mode: str) -> None:
    detections = seen[mode]["segmentation"]

    assert detections["xyxy"] == [pytest.approx([80, 60, 240, 180])]
    assert detections["class_name"] == ["tile"]
    (mask,) = detections["masks"]
    assert mask["shape"] == [240, 320]
    assert mask["sides"] == [80, 239, 60, 179]
    assert mask["pixels"] == pytest.approx(160 * 120, rel=0.02)  # the corners are a little round


@needs_clients
@pytest.mark.parametrize("mode", MODES)
def test_classes(seen: dict[str, Any], mode: str) -> None:
    red, blue = seen[mode]["classification"]

    assert list(red) == ["inference_id", "time", "image", "predictions", "top", "confidence"]
    assert (red["top"], red["confidence"]) == ("red", 0.8)
    assert blue["predictions"] == [{"class": "blue", "class_id": 2, "confidence": 0.8}]


@needs_clients
@pytest.mark.parametrize("mode", MODES)
def test_configured_thresholds(seen: dict[str, Any], mode: str) -> None:
    assert seen[mode]["thresholds"] == [1, 2, 8, 3]


@needs_clients
def test_drawn_pictures(seen: dict[str, Any]) -> None:
    shape = [240, 320, 3]
    everything = ["visualization", "inference_id", "time", "image", "predictions"]

    assert seen["v0"]["drawing"] == {"image": [["visualization"], shape], "image_and_json": [everything, shape]}
    assert seen["v1"]["drawing"] == {"image": [everything, shape], "image_and_json": [everything, shape]}


@needs_clients
@pytest.mark.parametrize("mode", MODES)
def test_errors_reach_the_caller(seen: dict[str, Any], mode: str) -> None:
    errors = seen[mode]["errors"]

    assert {name: error["status"] for name, error in errors.items()} == {
        "wrong key": 401,
        "unknown model": 404,
        "no picture": 400,
    }
    assert errors["wrong key"]["message"].startswith("Unauthorized api_key")
    assert errors["unknown model"]["message"].startswith("Requested Roboflow resource not found.")
    assert errors["no picture"]["message"].startswith("Could not load input image. Cause: ")


@needs_clients
def test_every_transport_of_the_key(seen: dict[str, Any]) -> None:
    counts = seen["transports"]

    assert counts == {f"{mode} {way}": 6 for mode in MODES for way in ("legacy", "both", "header")}


@needs_clients
def test_loading_and_unloading(seen: dict[str, Any]) -> None:
    management = seen["management"]

    assert management["info"]
    assert DETECTOR in management["loaded"]
    assert management["described"] == ["classification", 64, 64]
    assert DETECTOR not in management["unloaded"]
    assert management["cleared"] == []


# ---------------------------------------------------------------- the documentation's curl lines


def curl(command: str, folder: Path, **variables: str) -> Any:
    """Runs a line of shell in the folder of the pictures and returns the JSON that it prints."""
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env={**os.environ, **variables}, capture_output=True, timeout=60, check=True
    )
    return json.loads(done.stdout)


@needs_curl
@pytest.mark.parametrize(
    "command",
    [
        'base64 < scene.jpg | curl -s -d @- "$URL/$MODEL?api_key=$KEY"',
        'base64 < scene.jpg | curl -s --data-binary @- "$URL/detect/$MODEL?api_key=$KEY&confidence=40&overlap=30"',
        'base64 < scene.jpg | curl -s -H "Authorization: Bearer $KEY" -d @- "$URL/$MODEL"',
        'curl -s -F file=@scene.jpg "$URL/$MODEL?api_key=$KEY"',
        'curl -s -F "file=@scene.jpg;type=image/jpeg" -F name=x -H "Authorization: Bearer $KEY" "$URL/$MODEL"',
        'printf \'{"api_key":"%s","model_id":"%s","image":{"type":"base64","value":"%s"}}\''
        ' "$KEY" "$MODEL" "$(base64 < scene.jpg | tr -d "\\n")"'
        ' | curl -s -H "Content-Type: application/json" -d @- "$URL/infer/object_detection"',
    ],
)
def test_curl(deployment: Deployment, key: str, pictures: Path, command: str) -> None:
    answer = curl(command, pictures, URL=deployment.url, KEY=key, MODEL=DETECTOR)

    assert [prediction["class"] for prediction in answer["predictions"]] == SCENE_CLASSES


@needs_curl
def test_curl_with_a_large_picture(deployment: Deployment, key: str, pictures: Path) -> None:
    """Above 1 MB curl asks for leave (Expect: 100-continue) before it sends the body."""
    (pictures / "large.jpg").write_bytes(noise((1600, 1200), quality=90))
    assert 1_500_000 < (pictures / "large.jpg").stat().st_size < 4_000_000

    answer = curl(
        'curl -s -F file=@large.jpg "$URL/$MODEL?api_key=$KEY"', pictures, URL=deployment.url, KEY=key, MODEL=DETECTOR
    )

    assert answer["image"] == {"width": 1600, "height": 1200}


@needs_curl
def test_curl_with_a_url(deployment: Deployment, key: str, pictures: Path) -> None:
    """A POST without body and type is a common way to name a URL; this one is refused after it was understood."""
    command = 'curl -s -X POST "$URL/$MODEL?api_key=$KEY&image=http%3A%2F%2Fexample.com%2Fa.jpg"'

    answer = curl(command, pictures, URL=deployment.url, KEY=key, MODEL=CLASSIFIER)

    assert "non https:// URL" in answer["message"]


@needs_curl
def test_curl_writes_the_drawn_picture(deployment: Deployment, key: str, pictures: Path) -> None:
    command = (
        'base64 < scene.jpg | curl -s -d @- -o drawn.jpg -w \'{"type":"%{content_type}"}\''
        ' "$URL/$MODEL?api_key=$KEY&format=image"'
    )

    answer = curl(command, pictures, URL=deployment.url, KEY=key, MODEL=DETECTOR)

    assert answer == {"type": "image/jpeg"}
    assert (pictures / "drawn.jpg").read_bytes()[:3] == base64.b64decode("/9j/")
