"""Packages of every family with settings at random, against a running upstream server.

RETINUE_PEER_URL     an upstream server on this machine that may load packages from folders
RETINUE_PARITY_CASES how many packages to try (default 60)
"""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from retinue.models.package import Step
from retinue.pipeline.prediction import MaskOptions, Thresholds
from tests.contract.families import write_families
from tests.parity import ours
from tests.parity.peer import Peer
from tests.parity.record import facts, family_picture
from tests.parity.test_recorded_families import assert_close

PEER_URL = os.environ.get("RETINUE_PEER_URL", "")
CASES = int(os.environ.get("RETINUE_PARITY_CASES", "60"))
IMAGENET = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]
STEPS: tuple[Step, ...] = ("static-crop", "contrast", "grayscale")

pytestmark = pytest.mark.skipif(not PEER_URL, reason="RETINUE_PEER_URL names no upstream server")


@pytest.mark.parametrize("seed", range(CASES))
def test_answer_is_upstreams(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    package = chance.choice([path for path in write_families(tmp_path).values() if path.is_dir()])
    change_settings(package, chance)
    model = ours.load(package)
    skipped = frozenset(step for step in STEPS if chance.random() < 0.2)
    thresholds = any_thresholds(chance)
    fields: dict[str, Any] = {f"disable_preproc_{step.replace('-', '_')}": True for step in skipped}

    with Peer(PEER_URL) as peer:
        expected = peer.answer(package, model.manifest.task, family_picture(), thresholds, **fields)

    assert_close(facts(ours.answer(model, family_picture(), thresholds, skipped)), facts(expected))


def change_settings(package: Path, chance: random.Random) -> None:
    """Another resize, padding, channel order, normalisation, and steps."""
    path = package / "inference_config.json"
    config = json.loads(path.read_text())
    modes = ["stretch", "letterbox", "center-crop", "fit-longer-edge", "letterbox-reflect-edges"]
    config["network_input"] |= {
        "resize_mode": chance.choice(modes),
        "padding_value": chance.choice([None, 0, 127, 255]),
        "color_mode": chance.choice(["rgb", "bgr"]),
        "normalization": chance.choice([None, IMAGENET]),
        "dataset_version_resize_dimensions": chance.choice([None, {"height": 90, "width": 120}]),
    }
    crop = {"x_min": chance.randrange(40), "y_min": chance.randrange(40), "x_max": 70, "y_max": 90}
    kinds = ["Contrast Stretching", "Histogram Equalization", "Adaptive Equalization"]
    config["image_pre_processing"] = {
        "static-crop": {"enabled": chance.random() < 0.5, **crop},
        "contrast": {"enabled": chance.random() < 0.5, "type": chance.choice(kinds)},
        "grayscale": {"enabled": chance.random() < 0.3},
    }
    path.write_text(json.dumps(config))


def any_thresholds(chance: random.Random) -> Thresholds:
    """Thresholds and mask options at random; reduced modes only where upstream knows them."""
    is_reduced = chance.random() < 0.5
    mode = chance.choice(["accurate", "tradeoff", "fast"]) if is_reduced else "accurate"
    return Thresholds(
        confidence=chance.choice([0.1, 0.4, 0.75]),
        iou_threshold=chance.choice([0.1, 0.3, 0.9]),
        is_class_agnostic=chance.random() < 0.3,
        masks=MaskOptions(
            form=chance.choice(["polygon", "rle"]),  # type: ignore[arg-type]
            decode_mode=mode,  # type: ignore[arg-type]
            tradeoff_factor=chance.choice([0.0, 0.37, 1.0]),
            is_reduced=is_reduced,
        ),
    )
