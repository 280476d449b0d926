"""The container's image, as far as it can be checked without building it."""

import re
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "functions" / "batch"
TARGETS = ("cpu", "gpu")


def instructions(target: str) -> list[tuple[str, str]]:
    """The instructions of one stage: name and rest, lines joined."""
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    stages: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages[rest.rpartition(" AS ")[2]] = current = []
        elif name and not name.startswith("#") and stages:
            current.append((name, rest.strip()))
    return stages[target]


def requirements(path: Path) -> dict[str, str]:
    """Name -> version of a file with pins, and of those that it includes."""
    pins: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            pins |= requirements(path.parent / line.removeprefix("-r ").strip())
        elif match := re.match(r"([A-Za-z0-9_.-]+)==([\w.]+)", line):
            pins[match[1]] = match[2]
        else:
            assert not line or line.startswith(("#", " ")), line
    return pins


def is_sent(path: str) -> bool:
    """Whether the file of exclusions lets a path of the repository reach the builder; the last pattern decides."""
    sent = True
    for line in (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and (fnmatch(path, pattern) or path.startswith(f"{pattern}/")):
            sent = line.startswith("!")
    return sent


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_copied_exists_and_reaches_the_builder(target: str) -> None:
    copied = [shlex.split(rest)[:-1] for name, rest in instructions(target) if name == "COPY"]
    assert copied
    for source in (source for sources in copied for source in sources):
        assert (ROOT / source).exists(), source
        assert is_sent(source), source
    assert is_sent("shared/retinue/worker/shard.py")
    assert not is_sent(".git/config") and not is_sent("samconfig.toml") and not is_sent("tests/conftest.py")


@pytest.mark.parametrize("target", TARGETS)
def test_it_runs_the_worker_as_nobody_special_and_passes_signals_on(target: str) -> None:
    found = dict(instructions(target))
    assert orjson.loads(found["ENTRYPOINT"]) == ["tini", "--", "python", "-m", "retinue.worker"]
    assert int(found["USER"]) >= 1000
    names = [name for name, _ in instructions(target)]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in ("RUN", "COPY"))
    assert "CMD" not in found and "ADD" not in found


@pytest.mark.parametrize("target", TARGETS)
def test_requirements_are_what_the_layer_locks_and_the_project_declares(target: str) -> None:
    pins = requirements(FOLDER / f"requirements-{target}.txt")
    engine = "onnxruntime-gpu" if target == "gpu" else "onnxruntime"
    assert {"onnxruntime", "onnxruntime-gpu"} & pins.keys() == {engine}
    for lock in (ROOT / "layers" / "runtime").glob("requirements-3.1[23].txt"):
        locked = dict(re.findall(r"^([a-z0-9-]+)==([\w.]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
        assert pins[engine] == locked["onnxruntime"]
        assert {name: pins[name] for name in pins.keys() & locked.keys()} == {
            name: locked[name] for name in pins.keys() & locked.keys()
        }
    declared = {
        re.split(r"[<>=\[; ]", line)[0] for line in metadata.requires("retinue") or () if "extra ==" not in line
    }
    assert declared - {"onnxruntime"} <= pins.keys()


def test_the_worker_needs_nothing_else() -> None:
    """Its modules, imported where nothing but the standard library and the requirements can be."""
    script = f"""
import importlib, pkgutil, sys
allowed = set({sorted(modules_of(requirements(FOLDER / "requirements-cpu.txt")))!r})

class Gate:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        is_ours = top in allowed or top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
        if not is_ours:
            raise ImportError(f"{{name}} is in no requirement")

sys.meta_path.insert(0, Gate())
import retinue.worker
for module in pkgutil.walk_packages(retinue.worker.__path__, "retinue.worker."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from retinue.aws import boto3_client
boto3_client("s3"), boto3_client("dynamodb")
from retinue.worker.__main__ import main
sys.exit(main([], {{}}))
"""
    environment = {"PYTHONPATH": str(ROOT / "shared"), "AWS_DEFAULT_REGION": "us-east-1"}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert "in no requirement" not in ran.stderr
    assert ran.returncode == 78, ran.stderr  # no job was named
    assert "give --job or RETINUE_JOB_ID" in ran.stdout


def modules_of(names: dict[str, str]) -> set[str]:
    """The top-level modules of these distributions and of those that they need, as installed here."""
    modules, waiting, seen = {"retinue"}, list(names), set()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        modules |= {str(file.parts[0]).partition(".")[0] for file in distribution.files or ()}
        waiting += [
            re.split(r"[<>=!~\[; (]", line)[0] for line in distribution.requires or () if "extra ==" not in line
        ]
    return modules
