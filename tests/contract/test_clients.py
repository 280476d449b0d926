"""The programs of docs/migrate.md, run as they stand there, against a local deployment."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from local.stack import ROOT
from tests.contract.deployment import Deployment
from tests.contract.pictures import SCENE_SIZE, plain, scene
from tests.contract.test_published_clients import CLIENTS_PYTHON, SCENE_CLASSES

PROGRAMS = Path(__file__).with_name("clients")
PAGE = ROOT / "docs" / "migrate.md"
NODE_MODULES = os.environ.get("RETINUE_CLIENTS_NODE_MODULES", "")
RUNNERS = {
    ".py": (CLIENTS_PYTHON,),
    ".sh": ("sh",),
    ".js": ("node",),
    ".rb": ("ruby",),
    ".php": ("php",),
    ".go": ("go", "run"),
    ".java": ("java",),
}
# What a program needs beside its runner: a JRE alone compiles nothing.
TOOLS = {".sh": "curl", ".js": "node", ".rb": "ruby", ".php": "php", ".go": "go", ".java": "javac"}

WITHOUT_SDK = (
    "Detect.java", "axios.js", "curl.sh", "curl_form.sh", "detect.go", "detect.php", "detect.rb", "fetch.js",
)  # fmt: skip
ONE_PICTURE = (*WITHOUT_SDK, "sdk.py", "sdk_by_url.py", "sdk_workflow.py")
MANY_PICTURES = ("sdk_async.py", "sdk_batch.py")
REFUSED = "Unauthorized api_key. This key is not authorized for serverless inference."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a program runs: the pictures that it names lie here."""
    (tmp_path / "scene.jpg").write_bytes(scene())
    (tmp_path / "red.png").write_bytes(plain("red"))
    return tmp_path


def why_not(program: str) -> str:
    """What this machine lacks to run a program, in words; empty if nothing."""
    suffix = Path(program).suffix
    if suffix == ".py":
        return "" if CLIENTS_PYTHON else "RETINUE_CLIENTS_PYTHON names no interpreter with inference-sdk and roboflow"
    if shutil.which(TOOLS[suffix]) is None:
        return f"there is no {TOOLS[suffix]} on this machine"
    if program == "axios.js" and not (Path(NODE_MODULES) / "axios").is_dir():
        return "RETINUE_CLIENTS_NODE_MODULES names no folder with axios; `make test-unit` fills one where there is npm"
    return ""


def run(program: str, folder: Path, url: str, key: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in `folder`; skips the test, saying why, where that is impossible."""
    if reason := why_not(program):
        pytest.skip(f"{program}: {reason}")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MPLCONFIGDIR": str(folder),
        "NODE_PATH": NODE_MODULES,
        "GOTOOLCHAIN": "local",
        "RETINUE_URL": url,
        "RETINUE_KEY": key,
        **variables,
    }
    command = [*RUNNERS[Path(program).suffix], str(PROGRAMS / program)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110, check=False
    )


def answer_of(done: subprocess.CompletedProcess[str]) -> Any:
    """The JSON that a program printed last."""
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def classes(answer: dict[str, Any]) -> list[str]:
    return [prediction["class"] for prediction in answer["predictions"]]


# ---------------------------------------------------------------- programs


@pytest.mark.parametrize("program", ONE_PICTURE)
def test_one_picture(saved: Deployment, key: str, folder: Path, program: str) -> None:
    answer = answer_of(run(program, folder, saved.url, key))

    assert classes(answer) == SCENE_CLASSES
    assert answer["image"] == dict(zip(("width", "height"), SCENE_SIZE, strict=True))


@pytest.mark.parametrize("program", MANY_PICTURES)
def test_many_pictures(deployment: Deployment, key: str, folder: Path, program: str) -> None:
    answers = answer_of(run(program, folder, deployment.url, key))

    assert [classes(answer) for answer in answers] == [SCENE_CLASSES, ["red", *SCENE_CLASSES], SCENE_CLASSES]


@pytest.mark.parametrize("program", [*WITHOUT_SDK, "sdk.py", "sdk_async.py"])
def test_a_wrong_key_is_named_to_the_user(deployment: Deployment, folder: Path, program: str) -> None:
    done = run(program, folder, deployment.url, "wrong")

    # The SDK's asynchronous methods keep the status and drop the message.
    assert ("status_code=401" if program == "sdk_async.py" else REFUSED) in done.stdout + done.stderr


def test_supervision(deployment: Deployment, key: str, folder: Path) -> None:
    answer = answer_of(run("supervision_boxes.py", folder, deployment.url, key))

    assert answer["names"] == SCENE_CLASSES
    assert answer["boxes"][:2] == [pytest.approx([80, 80, 240, 160]), pytest.approx([40, 20, 80, 60])]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("http://example.com/scene.jpg", "non https:// URL", id="not https"),
        pytest.param("https://127.0.0.1/scene.jpg", "URL without FQDN", id="own address"),
        pytest.param("https://169.254.169.254/latest/meta-data", "URL without FQDN", id="cloud's metadata"),
        pytest.param("https://localhost/scene.jpg", "URL without FQDN", id="own name"),
        pytest.param("ftp://example.com/scene.jpg", "non https:// URL", id="ftp"),
    ],
)
def test_an_address_that_is_not_fetched(deployment: Deployment, key: str, folder: Path, url: str, message: str) -> None:
    answer = answer_of(run("curl_address.sh", folder, deployment.url, key, PICTURE_URL=url))

    assert answer["message"].startswith("Could not load input image. Cause: ")
    assert message in answer["message"]


def test_the_drawn_picture(deployment: Deployment, key: str, folder: Path) -> None:
    done = run("curl_drawing.sh", folder, deployment.url, key)

    assert (done.returncode, done.stdout) == (0, "")
    assert differs_from_the_scene(folder / "drawing.jpg")


# ---------------------------------------------------------------- the roboflow package


def test_the_roboflow_package(deployment: Deployment, families: None, key: str, folder: Path) -> None:
    """Four addresses in the environment, and its classes answer and draw as ever."""
    addresses = re.findall(r"^export (\w+)=\"\$RETINUE_URL\"$", (PROGRAMS / "roboflow_addresses.sh").read_text(), re.M)
    assert len(addresses) == 4
    done = run("roboflow_models.py", folder, deployment.url, key, **dict.fromkeys(addresses, deployment.url))
    answers = answer_of(done)

    assert classes(answers["detection"]) == SCENE_CLASSES
    [of_red] = answers["classification"]["predictions"]
    assert (of_red["top"], of_red["confidence"]) == ("red", pytest.approx(0.8, abs=0.01))
    [person] = answers["keypoints"]["predictions"]
    assert [(point["x"], point["y"]) for point in person["keypoints"]] == [(100, 60), (200, 160)]
    [tile] = answers["segmentation"]["predictions"]
    assert [tile[name] for name in ("class", "x", "y", "width", "height")] == ["tile", 160, 120, 160, 120]
    assert {point["x"] for point in tile["points"]} >= {80, 239}
    [pixels] = answers["pixels"]["predictions"]
    with Image.open(io.BytesIO(base64.b64decode(pixels["segmentation_mask"]))) as mask:
        assert mask.size == SCENE_SIZE
    # AND .save() has drawn each of them over the picture, and the service has
    for task in ("detection", "keypoints", "segmentation", "pixels", "service"):
        assert differs_from_the_scene(folder / f"{task}.jpg"), task
    with Image.open(folder / "classification.jpg") as framed:
        assert framed.size == (264, 264)  # a border of 100 pixels, which holds the class


def differs_from_the_scene(path: Path) -> bool:
    """Whether a file is a picture as large as the scene, with something drawn over it."""
    with Image.open(path) as drawn, Image.open(io.BytesIO(scene())) as original:
        assert (drawn.format, drawn.size) == ("JPEG", SCENE_SIZE)
        difference = ImageChops.difference(drawn.convert("RGB"), original.convert("RGB"))
    return max(high for _, high in difference.getextrema()) > 100


# ---------------------------------------------------------------- the page


def test_the_page_shows_the_programs_as_they_are() -> None:
    blocks = re.findall(r"^```\w+\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    programs = {path.name: path.read_text("utf-8") for path in sorted(PROGRAMS.iterdir()) if path.is_file()}

    assert [name for name, text in programs.items() if text not in blocks] == []
    assert [block for block in blocks if block not in programs.values()] == []
    assert set(programs) == {
        *ONE_PICTURE, *MANY_PICTURES, "curl_address.sh", "curl_drawing.sh", "roboflow_addresses.sh",
        "roboflow_models.py", "supervision_boxes.py",
    }  # fmt: skip
