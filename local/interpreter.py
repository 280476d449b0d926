"""Which Python runs the functions, with which client and search path."""

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from local.template import Function

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
# Where `pip install --target` puts, per minor version, what AWS's own runtime brings: its client and boto3.
RUNTIME_FOLDERS = HERE.parent / ".local"


class InterpreterError(Exception):
    """No Python on this machine can run the functions; the message says what is missing."""


@dataclass(frozen=True)
class BuildNote:
    """What `make build` wrote down about its artefacts: the Lambda runtime and the interpreter that it built for."""

    runtime: str
    python: str


def read_build_note(path: Path) -> BuildNote:
    """Reads `.aws-sam/built.json`. Raises InterpreterError if nothing has been built."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        return BuildNote(note["runtime"], note["python"])
    except (OSError, ValueError, KeyError) as exc:
        raise InterpreterError(f"there is no build to run ({path}: {exc!r}); run `make build` first") from exc


@dataclass(frozen=True)
class Interpreter:
    """An executable, and the folder (or none) that stands for what AWS's runtime image has installed."""

    executable: str
    runtime_folder: Path | None = None
    has_aws_client: bool = sys.platform == "linux"  # there are wheels for Linux only

    def command(self, handler: str) -> Sequence[str]:
        """The command that serves `handler`: AWS's client, or where there is none our own."""
        if self.has_aws_client:
            return (self.executable, "-m", "awslambdaric", handler)
        return (self.executable, "-P", str(HERE / "poll.py"), handler)

    def search_path(self, function: Function) -> tuple[Path, ...]:
        """Folders for PYTHONPATH. Lambda unpacks layers over each other, so the last one comes first.

        A built layer keeps its packages in `python/`; the core layer's source folder holds the package itself.
        """
        layers = (folder / "python" if (folder / "python").is_dir() else folder for folder in reversed(function.layers))
        return (*layers, self.runtime_folder) if self.runtime_folder else tuple(layers)


def for_source() -> Interpreter:
    """The Python that runs the stack: its environment holds all that the functions import."""
    return Interpreter(sys.executable)


def for_built(note: BuildNote) -> Interpreter:
    """The Python that the layers were built for, without this environment's packages, which would hide what they lack.

    What AWS's runtime brings is installed for it once, at the versions of this environment. Raises InterpreterError.
    """
    minor = note.runtime.removeprefix("python")
    found = _minor_version(note.python)
    if found != minor:
        raise InterpreterError(
            f"the artefacts were built for {note.runtime}, but {note.python} is {found or 'not there'}"
        )
    folder = RUNTIME_FOLDERS / f"runtime-{minor}"
    if not (folder / "boto3").is_dir():
        _install_runtime(note.python, folder)
    return Interpreter(note.python, folder)


def _install_runtime(python: str, folder: Path) -> None:
    names = ("boto3", "awslambdaric") if sys.platform == "linux" else ("boto3",)
    pinned = [f"{name}=={version(name)}" for name in names]
    logger.info("installing %s into %s, once", " and ".join(pinned), folder)
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--target", str(folder), *pinned]
    result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise InterpreterError(f"cannot install {' and '.join(pinned)} for {python}: {result.stderr.strip()}")


def _minor_version(executable: str) -> str:
    """`3.13` for a working Python, else an empty text."""
    command = [executable, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
