"""One stack for all contract tests, and what holds for every answer whatever was sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.gateway import Access
from local.stack import Stack
from tests.contract.constant_models import write_classifier, write_detector, write_segmenter
from tests.contract.deployment import AS_JSON, CLASSIFIER, DETECTOR, SEGMENTER, Deployment
from tests.contract.families import write_families
from tests.contract.log_lines import logged_by
from tests.contract.pictures import base64_of, plain, scene
from tests.contract.workflows import DETECT, IMAGE_INPUT, document

FAMILIES = ("yolov8-seg", "yolov8-pose", "rf-detr-seg", "labels", "semantic")


@pytest.fixture(scope="session")
def worker_lines() -> Iterator[list[str]]:
    """What the functions log: the local stack passes it on line by line."""
    with logged_by("local.processes") as lines:
        yield lines


@pytest.fixture(scope="session")
def accesses() -> list[Access]:
    """The stack's access log."""
    return []


@pytest.fixture(scope="session")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, accesses: list[Access], worker_lines: list[str]
) -> Iterator[Deployment]:
    """A stack with one model of each task, every pool warm. One process a pool: the registry speaks of one process."""
    folder = tmp_path_factory.mktemp("models")
    with Stack(on_access=accesses.append, max_workers=1) as stack:
        running = Deployment(stack)
        _publish_all(running, folder)
        _warm_up(running)
        yield running


@pytest.fixture(scope="session")
def families(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A model of each task beside those of `deployment`, by the names of FAMILIES."""
    packages = write_families(tmp_path_factory.mktemp("families"))
    for name in FAMILIES:
        deployment.publish(f"{name}/1", packages[name])


def _publish_all(deployment: Deployment, folder: Path) -> None:
    deployment.publish(DETECTOR, write_detector(folder / "shapes.onnx"), "production")
    deployment.publish(SEGMENTER, write_segmenter(folder / "tiles"))
    deployment.publish(CLASSIFIER, write_classifier(folder / "colours"))


def _warm_up(deployment: Deployment) -> None:
    key = deployment.create_key()
    picture = base64_of(scene())
    for route in (f"/detect/{DETECTOR}", f"/outline/{SEGMENTER}", f"/classify/{CLASSIFIER}"):
        answer = httpx.post(f"{deployment.url}{route}?api_key={key}", content=picture, headers=AS_JSON, timeout=60)
        assert answer.status_code == 200, answer.text
    assert httpx.get(f"{deployment.url}/unknown", timeout=60).status_code == 401  # the catalogue's process


@pytest.fixture(scope="session")
def key(deployment: Deployment) -> str:
    """A key for every project."""
    return deployment.create_key()


@pytest.fixture(scope="session")
def narrow_key(deployment: Deployment) -> str:
    """A good key, but for the classifier's project only."""
    return deployment.create_key("colours")


@pytest.fixture(scope="session")
def keyless(deployment: Deployment) -> Iterator[httpx.Client]:
    """A client that sends no key of its own accord."""
    with httpx.Client(base_url=deployment.url, timeout=40) as client:
        yield client


@pytest.fixture(scope="session")
def client(deployment: Deployment, key: str) -> Iterator[httpx.Client]:
    """A client with a key for every project, in the header."""
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=deployment.url, timeout=40, headers=headers) as client:
        yield client


@pytest.fixture(scope="session")
def scene_text() -> str:
    """The grey scene as a JPEG in base64."""
    return base64_of(scene())


@pytest.fixture(scope="session")
def scene_inputs(scene_text: str) -> dict[str, Any]:
    """Inputs of a workflow over the grey scene."""
    return {"image": {"type": "base64", "value": scene_text}}


@pytest.fixture(scope="session")
def saved(deployment: Deployment) -> Deployment:
    """`deployment` with workflows in it."""
    deployment.save_workflow("default/shapes", DETECT)
    deployment.save_workflow("default/shapes", document([], [], answer="$inputs.none"), version="broken")
    deployment.save_workflow("default/shapes", document([IMAGE_INPUT], [], same="$inputs.image"), version="2")
    deployment.save_workflow("other/shapes", DETECT)
    return deployment


@pytest.fixture(scope="session")
def red_text() -> str:
    """A red square as a PNG in base64."""
    return base64_of(plain("red"))


@pytest.fixture(autouse=True)
def no_server_error(accesses: list[Access]) -> Iterator[None]:
    """Nothing that these tests send may end in a 5xx."""
    before = len(accesses)
    yield
    failures = [access for access in accesses[before:] if access.status >= 500]
    assert not failures
