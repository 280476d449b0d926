"""The sample models and photos of the repository, and the operator's command that puts models and keys into a stack."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local.processes import plain_environment
from local.stack import ROOT, Stack

SAMPLES = ROOT / "samples"


class OperatorError(Exception):
    """The operator's command failed; the message is what it printed."""


@dataclass(frozen=True)
class Sample:
    """A model to publish, the pool whose route serves it, and the photos that show it."""

    model_id: str
    package: Path
    pool: str
    photos: tuple[Path, ...]


def sample_models() -> tuple[Sample, ...]:
    """The three ways in which models come: a bare ONNX file, a package folder, and a folder in the legacy layout."""
    models, photos = SAMPLES / "models", SAMPLES / "photos"
    digits = tuple(photo for photo in sorted(photos.glob("digit-*.png")))
    return (
        Sample("coins/1", models / "coins" / "coins.onnx", "detect", (photos / "coins.png",)),
        Sample("coin-outlines/1", models / "coin-outlines", "outline", (photos / "coins.png",)),
        Sample("digits/1", models / "digits", "classify", digits),
    )


def publish(stack: Stack, sample: Sample) -> None:
    """Publishes it with the operator's command. Raises OperatorError."""
    _run(stack, "publish", sample.model_id, str(sample.package))


def create_key(stack: Stack) -> str:
    """A new API key for every project. Raises OperatorError."""
    return _run(stack, "keys", "create", "--name", "local stack").strip()


def _run(stack: Stack, *arguments: str) -> str:
    """What `retinue ARGUMENTS` prints, run as a user of the stack would."""
    environment = {**plain_environment(), **stack.environment(), "NO_COLOR": "1", "COLUMNS": "200"}
    command = [sys.executable, "-m", "retinue.cli", *arguments]
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    except subprocess.CalledProcessError as exc:
        printed = f"{exc.stdout}{exc.stderr}".strip()
        raise OperatorError(f"`retinue {' '.join(arguments)}` failed with status {exc.returncode}:\n{printed}") from exc
