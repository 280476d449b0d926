"""Fill one folder with the wheels of the runtime layer: install, strip, precompile.

    python3.13 build_layer.py --target FOLDER --architecture x86_64

The layer is for the minor version of the interpreter that runs this file: .pyc files are read by no other. The wheels
are those of the target platform whatever the machine is, so any machine builds the same layer. Standard library only,
because it runs before anything is installed.

Symbol tables stay in the libraries. Removing them would save 5 MB, which are never read into memory, and binutils'
strip breaks libraries that auditwheel has rewritten: numpy 2.4.6 then ends in "ELF load command not page-aligned".
"""

import argparse
import compileall
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Newest first. Lambda's Amazon Linux 2023 has glibc 2.34, and no wheel of the list needs more than 2.28.
GLIBC_TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


class LayerError(Exception):
    """The layer cannot be built. The message says what to change."""


def install(target: Path, architecture: str) -> None:
    """Unpack the locked wheels into `target`. Raises LayerError without a lock file or when pip fails.

    `--no-deps`, because the lock is complete on purpose: what onnxruntime declares and never imports is not in it.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    lock = HERE / f"requirements-{version}.txt"
    if not lock.is_file():
        raise LayerError(f"no {lock.name}; there are locks for Python {', '.join(sorted(locked_versions()))}")
    command = ["pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:", "--require-hashes"]
    command += ["--python-version", version, "--implementation", "cp", "--disable-pip-version-check"]
    for tag in GLIBC_TAGS:
        command += ["--platform", f"{tag}_{MACHINES[architecture]}"]
    if subprocess.run([*command, "--target", str(target), "--requirement", str(lock)], check=False).returncode:
        raise LayerError(f"pip could not install {lock.name} for {architecture}; its messages are above")


def locked_versions() -> Iterator[str]:
    """Minor versions that have a lock file, such as "3.13"."""
    return (path.stem.removeprefix("requirements-") for path in HERE.glob("requirements-*.txt"))


def strip(target: Path) -> None:
    """Delete what strip.txt lists. Raises LayerError if a line of it matches nothing."""
    for pattern in read_patterns((HERE / "strip.txt").read_text(encoding="utf-8")):
        matches = sorted(target.glob(pattern))
        if not matches:
            raise LayerError(f"strip.txt: {pattern} matches nothing in the installed wheels; correct or drop that line")
        for path in matches:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def read_patterns(text: str) -> Iterator[str]:
    """The globs of a strip list: the first word of each line that is neither empty nor a comment."""
    return (line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith("#"))


def precompile(target: Path) -> None:
    """Write .pyc files that Lambda can use: /opt is read-only, so each cold start would compile every module again.

    Unchecked, because the default compares file times, and a layer changes those. Tracebacks name /opt/python/...
    """
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compiled = compileall.compile_dir(
        target, quiet=1, invalidation_mode=mode, stripdir=str(target), prependdir="/opt/python"
    )
    if not compiled:
        raise LayerError("a module of the wheels does not compile; the message is above")


def main() -> int:
    """Build the layer that the command line describes; the exit status."""
    parser = argparse.ArgumentParser(description="Fill a folder with the wheels of the runtime layer.")
    parser.add_argument("--target", type=Path, required=True, help="folder that becomes /opt/python")
    parser.add_argument("--architecture", choices=MACHINES, default="x86_64")
    arguments = parser.parse_args()
    try:
        install(arguments.target, arguments.architecture)
        strip(arguments.target)
        precompile(arguments.target)
    except LayerError as error:
        print(f"runtime layer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
