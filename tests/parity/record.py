"""Records what the reference systems answer to the hand-made networks, into tests/parity/recorded/.

    python -m tests.parity.record --peer-url http://127.0.0.1:9002 --ultralytics-python ~/u/bin/python

Run it when hand_made.py changes, or to see whether a newer release of a reference system answers otherwise: the
versions are in the files.
"""

import argparse
import base64
import io
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from retinue.pipeline.prediction import Thresholds
from tests.contract.families import write_families
from tests.parity import ours
from tests.parity.compare import ask_ultralytics
from tests.parity.hand_made import PICTURE_SIZES_WH, Case, scene, ultralytics_cases, upstream_cases
from tests.parity.peer import Peer

FOLDER = Path(__file__).with_name("recorded")
UPSTREAM, ULTRALYTICS = FOLDER / "upstream.json", FOLDER / "ultralytics.json"
FAMILIES = FOLDER / "families.json"


def record_upstream(url: str) -> None:
    """Writes upstream.json with the answers of the server at `url`."""
    answers = {}
    with Peer(url) as peer, tempfile.TemporaryDirectory() as folder:
        for case in upstream_cases():
            package = case.write(Path(folder))
            answers[str(case)] = compact(peer.answer(package, case.task, case.picture(), case.thresholds))
        _write(UPSTREAM, {"server": peer.version()}, answers)


def record_families(url: str) -> None:
    """Writes families.json: what the server at `url` answers to a package of every family, for the odd scene."""
    answers = {}
    with Peer(url) as peer, tempfile.TemporaryDirectory() as folder:
        for name, package in family_packages(Path(folder)).items():
            task = ours.load(package).manifest.task
            answers[name] = facts(peer.answer(package, task, family_picture(), Thresholds()))
        _write(FAMILIES, {"server": peer.version()}, answers)


def family_packages(folder: Path) -> dict[str, Path]:
    """Name -> package, of every family that upstream knows."""
    return {name: path for name, path in write_families(folder).items() if path.is_dir()}


def family_picture() -> bytes:
    """A picture that is letterboxed, as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(scene(*PICTURE_SIZES_WH[0])).save(stream, "PNG")
    return stream.getvalue()


def facts(answer: Mapping[str, Any]) -> Any:
    """What is compared of an answer: everything but ids and times; of masks the share of each class."""
    predictions = answer["predictions"]
    if isinstance(predictions, list):
        return [{key: value for key, value in one.items() if key != "detection_id"} for one in predictions]
    if "segmentation_mask" not in predictions:
        return {"predictions": predictions, "predicted_classes": answer["predicted_classes"]}
    mask = np.asarray(Image.open(io.BytesIO(base64.b64decode(predictions["segmentation_mask"]))))
    shares = (np.bincount(mask.ravel()) / mask.size).tolist()
    return {"shares": shares, "size": list(mask.shape), "class_map": predictions["class_map"]}


def record_ultralytics(python: str) -> None:
    """Writes ultralytics.json with the answers of the ultralytics package of that Python."""
    cases = list(ultralytics_cases())
    with tempfile.TemporaryDirectory() as folder:
        questions = [(*write_with_picture(case, Path(folder)), case.thresholds) for case in cases]
        said = ask_ultralytics(python, questions)
    answers = {str(case): compact(answer) for case, [answer] in zip(cases, said["answers"], strict=True)}
    _write(ULTRALYTICS, said["versions"], answers)


def write_with_picture(case: Case, folder: Path) -> tuple[Path, list[Path]]:
    """The export and the picture beside it, as files."""
    export = case.write(folder)
    picture = export.with_name("picture.png")
    picture.write_bytes(case.picture())
    return export, [picture]


def compact(answer: Mapping[str, Any]) -> list[list[Any]]:
    """An answer as rows: class, confidence, then x, y, width, height, then the points' x and y in one list."""
    rows = []
    for item in answer["predictions"]:
        row = [item["class"], round(item["confidence"], 6)]
        row += [round(item[key], 3) for key in ("x", "y", "width", "height") if key in item]
        if "points" in item:
            row.append([round(point[axis], 2) for point in item["points"] for axis in "xy"])
        rows.append(row)
    return rows


def expand(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """The answer that `compact` wrote down."""
    predictions = []
    for name, confidence, *rest in rows:
        item = {"class": name, "confidence": confidence} | dict(zip(("x", "y", "width", "height"), rest, strict=False))
        if len(rest) == 5:
            points = iter(rest[4])
            item["points"] = [{"x": x, "y": y} for x, y in zip(points, points, strict=True)]
        predictions.append(item)
    return {"predictions": predictions}


def load(path: Path) -> dict[str, dict[str, Any]]:
    """Case -> answer, as recorded."""
    return {name: expand(rows) for name, rows in json.loads(path.read_text())["answers"].items()}


def _write(path: Path, versions: Mapping[str, str], answers: Mapping[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(rows, separators=(',', ':'))}" for name, rows in answers.items()
    )
    path.write_text(f'{{"versions": {json.dumps(versions)},\n"answers": {{\n{lines}\n}}}}\n')
    print(f"{path}: {len(answers)} answers, {path.stat().st_size / 1024:.0f} KiB")


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Record the reference systems' answers to the hand-made networks.")
    parser.add_argument("--peer-url")
    parser.add_argument("--ultralytics-python")
    options = parser.parse_args(arguments)
    if options.peer_url:
        record_upstream(options.peer_url)
        record_families(options.peer_url)
    if options.ultralytics_python:
        record_ultralytics(options.ultralytics_python)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
