"""Compares Retinue with the reference systems on given networks and pictures, and prints a table.

    python -m tests.parity.compare --peer-url http://127.0.0.1:9002 --pictures photos/*.jpg -- packages/*
    python -m tests.parity.compare --ultralytics-python ~/u/bin/python --pictures photos/*.jpg -- exports/*.onnx

A folder is a package and goes to upstream; a bare .onnx file goes to Ultralytics.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retinue.models.session import LoadedModel
from retinue.pipeline.prediction import Thresholds
from tests.parity import ours
from tests.parity.peer import Peer
from tests.parity.rule import Comparison, compare


@dataclass(slots=True)
class Tally:
    """The comparisons of one network: picture -> what was found."""

    network: str
    pictures: dict[str, Comparison] = field(default_factory=dict)

    @property
    def equal(self) -> int:
        """How many answers are equal."""
        return sum(comparison.is_equal for comparison in self.pictures.values())

    @property
    def share(self) -> float:
        """The share of equal answers; 1 if none was compared."""
        return self.equal / len(self.pictures) if self.pictures else 1.0

    def row(self) -> str:
        """The line of the table."""
        objects = sum(comparison.objects for comparison in self.pictures.values())
        excused = sum(comparison.excused for comparison in self.pictures.values())
        wrong = sum(len(comparison.differences) for comparison in self.pictures.values())
        return (
            f"{self.network:44} answers {self.equal:4}/{len(self.pictures):4} = {self.share:7.2%}"
            f"   objects {objects:6}, close scores {excused:4}, different {wrong:4}"
        )

    def first_differences(self, count: int) -> list[str]:
        """The first differences, each with its picture."""
        lines = [f"    {name}: {text}" for name, comparison in self.pictures.items() for text in comparison.differences]
        return lines[:count]


def compare_with_peer(peer: Peer, package: Path, pictures: Sequence[Path], thresholds: Thresholds) -> Tally:
    """Upstream's answers for the package against ours."""
    model = ours.load(package)
    theirs = (peer.answer(package, model.manifest.task, picture.read_bytes(), thresholds) for picture in pictures)
    return _tally(package.name, model, pictures, theirs, thresholds)


def compare_with_ultralytics(python: str, network: Path, pictures: Sequence[Path], thresholds: Thresholds) -> Tally:
    """Ultralytics' answers for the export against ours."""
    [theirs] = ask_ultralytics(python, [(network, pictures, thresholds)])["answers"]
    return _tally(network.stem, ours.load(network), pictures, theirs, thresholds)


def ask_ultralytics(python: str, questions: Sequence[tuple[Path, Sequence[Path], Thresholds]]) -> dict[str, Any]:
    """{"versions": ..., "answers": for each question a list, one per picture}, from one process of that Python.

    A question is an export, pictures and thresholds. Raises RuntimeError with what the other Python said.
    """
    said = [
        {
            "network": str(network.resolve()),
            "pictures": [str(picture.resolve()) for picture in pictures],
            "confidence": thresholds.confidence,
            "iou_threshold": thresholds.iou_threshold,
            "max_detections": thresholds.max_detections,
        }
        for network, pictures, thresholds in questions
    ]
    command = [python, str(Path(__file__).with_name("ultralytics_answers.py"))]
    done = subprocess.run(command, input=json.dumps(said), capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode:
        raise RuntimeError(f"{python} failed: {done.stderr[-2000:]}")
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def _tally(
    name: str, model: LoadedModel, pictures: Sequence[Path], theirs: Iterable[dict[str, Any]], thresholds: Thresholds
) -> Tally:
    tally = Tally(name)
    for picture, wanted in zip(pictures, theirs, strict=True):
        mine = ours.answer(model, picture.read_bytes(), thresholds)
        tally.pictures[picture.name] = compare(
            mine,
            wanted,
            confidence=float(thresholds.confidence),
            max_detections=thresholds.max_detections,
        )
    return tally


def main(arguments: Sequence[str]) -> int:
    """The command; returns 1 if fewer than 98 % of the answers of a network are equal."""
    parser = argparse.ArgumentParser(description="Compare Retinue's answers with upstream's and Ultralytics'.")
    parser.add_argument("--peer-url", default=os.environ.get("RETINUE_PEER_URL"))
    parser.add_argument("--ultralytics-python", default=os.environ.get("RETINUE_ULTRALYTICS_PYTHON"))
    parser.add_argument("--pictures", nargs="+", type=Path, required=True)
    parser.add_argument("--confidence", type=float, default=0.4)
    parser.add_argument("--iou", type=float, default=0.3)
    parser.add_argument("--differences", type=int, default=5, help="how many to print per network")
    parser.add_argument("networks", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    thresholds = Thresholds(confidence=options.confidence, iou_threshold=options.iou)
    worst = 1.0
    for network in options.networks:
        if network.is_dir():
            with Peer(options.peer_url) as peer:
                tally = compare_with_peer(peer, network, options.pictures, thresholds)
        else:
            tally = compare_with_ultralytics(options.ultralytics_python, network, options.pictures, thresholds)
        print(tally.row(), *tally.first_differences(options.differences), sep="\n", flush=True)
        worst = min(worst, tally.share)
    return 0 if worst >= 0.98 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
