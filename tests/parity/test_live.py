"""Retinue against reference systems that run now. Skips what is not there:

RETINUE_PEER_URL             an upstream server on this machine that may load packages from folders
RETINUE_ULTRALYTICS_PYTHON   a Python with the ultralytics package
RETINUE_TEST_DATA            a folder with models/shapes-*.onnx (Ultralytics exports) and photos/*.jpg
"""

import os
from pathlib import Path

import pytest
from onnx import ModelProto

from retinue.models.package import Task
from retinue.pipeline.prediction import Thresholds
from tests.parity.compare import compare_with_peer, compare_with_ultralytics
from tests.parity.packages import RESIZES, Resize, read_export, without_masks, write_export, write_package
from tests.parity.peer import Peer

PEER_URL = os.environ.get("RETINUE_PEER_URL", "")
ULTRALYTICS_PYTHON = os.environ.get("RETINUE_ULTRALYTICS_PYTHON", "")
DATA = Path(os.environ.get("RETINUE_TEST_DATA", "-"))
# The share of equal answers that is asked for, by confidence. The low one asks for many objects that no one is sure of.
SHARES = {0.4: 0.98, 0.05: 0.94}

needs_peer = pytest.mark.skipif(not PEER_URL, reason="RETINUE_PEER_URL names no upstream server")
needs_ultralytics = pytest.mark.skipif(not ULTRALYTICS_PYTHON, reason="RETINUE_ULTRALYTICS_PYTHON names no Python")
pytestmark = [
    pytest.mark.skipif(not (DATA / "photos").is_dir(), reason="RETINUE_TEST_DATA names no folder with photos"),
    pytest.mark.timeout(900),
]
confidences = pytest.mark.parametrize("confidence", list(SHARES))
networks = pytest.mark.parametrize("name", ["detection", "segmentation", "classification"])


def read_network(name: str) -> tuple[ModelProto, Task, tuple[str, ...]]:
    """A real network with its task and class names."""
    file = "shapes-cls-yolov8.onnx" if name == "classification" else "shapes-seg-yolov8.onnx"
    network, task, class_names = read_export(DATA / "models" / file)
    if name != "detection":
        return network, task, class_names
    return without_masks(network, len(class_names)), "object-detection", class_names


def photos() -> list[Path]:
    return sorted((DATA / "photos").glob("*.jpg"))


@needs_peer
@networks
@confidences
@pytest.mark.parametrize("resize", RESIZES, ids=str)
def test_packages_answer_as_upstream(name: str, confidence: float, resize: Resize, tmp_path: Path) -> None:
    package = write_package(tmp_path / name, *read_network(name), resize)

    with Peer(PEER_URL) as peer:
        tally = compare_with_peer(peer, package, photos(), Thresholds(confidence=confidence))

    print(tally.row())
    assert tally.share >= SHARES[confidence], tally.first_differences(10)


@needs_ultralytics
@networks
@confidences
def test_exports_answer_as_ultralytics(name: str, confidence: float, tmp_path: Path) -> None:
    export = write_export(tmp_path / f"{name}.onnx", *read_network(name))

    tally = compare_with_ultralytics(ULTRALYTICS_PYTHON, export, photos(), Thresholds(confidence=confidence))

    print(tally.row())
    assert tally.share >= SHARES[confidence], tally.first_differences(10)
