"""Write requirements-3.*.txt beside this file from the dependencies in pyproject.toml.

    .venv-sam/bin/python layers/runtime/lock.py

pip resolves them once for each minor version and instruction set that Lambda offers; both instruction sets must agree
on every version. Nothing is installed.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from build_layer import GLIBC_TAGS, MACHINES

HERE = Path(__file__).resolve().parent
VERSIONS = ("3.11", "3.12", "3.13")
# onnxruntime declares these for its conversion scripts, which the layer does not carry; a session imports none of them.
NOT_SHIPPED = {"flatbuffers", "packaging", "protobuf"}


def resolve(requirements: list[str], version: str, machine: str) -> dict[str, tuple[str, str]]:
    """Package name -> (version, "sha256:...") of the wheel that pip would take for that platform."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # --isolated: the index that everybody has, not this machine's own settings.
        command = [sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary=:all:", "--python-version", version, "--implementation", "cp"]
        command += ["--target", folder, "--report", str(report)]
        for tag in GLIBC_TAGS:
            command += ["--platform", f"{tag}_{machine}"]
        subprocess.run([*command, *requirements], check=True)
        items = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {
        item["metadata"]["name"].lower().replace("_", "-"): (
            item["metadata"]["version"],
            "sha256:" + item["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for item in items
    }


def lock(requirements: list[str], version: str) -> str:
    """Text of the lock file of one minor version, with the hashes of the wheels of every instruction set."""
    found = {machine: resolve(requirements, version, machine) for machine in MACHINES.values()}
    versions = {machine: {name: pin for name, (pin, _) in wheels.items()} for machine, wheels in found.items()}
    if len({json.dumps(pins, sort_keys=True) for pins in versions.values()}) != 1:
        raise SystemExit(f"Python {version}: the instruction sets resolve to different versions: {versions}")
    lines = [
        f"# Wheels of the runtime layer for Python {version}. Written by lock.py from pyproject.toml.",
        f"# Left out, because no session imports them: {', '.join(sorted(NOT_SHIPPED))} (declared by onnxruntime).",
    ]
    wheels = found[next(iter(found))]
    for name in sorted(wheels.keys() - NOT_SHIPPED):
        hashes = sorted({found[machine][name][1] for machine in found})
        lines.append(" \\\n    ".join([f"{name}=={wheels[name][0]}", *(f"--hash={digest}" for digest in hashes)]))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the lock file of every minor version."""
    project = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for version in VERSIONS:
        path = HERE / f"requirements-{version}.txt"
        path.write_text(lock(project["dependencies"], version), encoding="utf-8")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
