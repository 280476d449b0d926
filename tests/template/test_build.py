"""What builds and checks the stack: the linter's verdict, the lock files, the tools of `make build`, the stages."""

import re
import stat
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.template.deployment import ROOT
from tools.build import candidates, runs_as
from tools.layer_size import MIB, package_of, report

LAYER = ROOT / "layers" / "runtime"


def test_the_template_passes_the_linter() -> None:
    """`sam validate --lint` asks the same engine."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "template.yaml"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (answer.returncode, answer.stdout) == (0, "")


@pytest.mark.parametrize("lock", sorted(LAYER.glob("requirements-*.txt")), ids=lambda path: path.stem)
def test_a_lock_pins_every_dependency_and_ships_nothing_unneeded(lock: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[<>=~!\[; ]", line)[0] for line in project["dependencies"]}
    text = lock.read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==\d\S*", text, re.MULTILINE))
    assert wanted <= pinned
    assert not pinned & {"flatbuffers", "packaging", "protobuf", "sympy", "coloredlogs", "boto3", "opencv-python"}
    assert text.count("--hash=sha256:") >= len(pinned)


def test_everything_stripped_has_a_reason() -> None:
    lines = (LAYER / "strip.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            pattern, _, reason = line.partition(" ")
            assert len(reason.split()) >= 2, pattern


def test_an_interpreter_counts_only_if_it_starts_and_is_that_version(tmp_path: Path) -> None:
    ours = f"python3.{sys.version_info.minor}"
    shim = tmp_path / ours
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n", encoding="utf-8")
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    assert not runs_as(shim, ours)  # as pyenv's shim of a version that is not active
    assert not runs_as(tmp_path / "absent", ours)
    assert not runs_as(Path(sys.executable), "python3.10")
    assert runs_as(Path(sys.executable), ours)


def test_interpreters_are_looked_for_on_the_path_and_below_pyenv(tmp_path: Path) -> None:
    places = [tmp_path / "bin" / "python3.12", tmp_path / "pyenv" / "versions" / "3.12.1" / "bin" / "python3.12"]
    for place in places:
        place.parent.mkdir(parents=True)
        place.touch(mode=0o755)
    environ = {"PATH": str(tmp_path / "bin"), "PYENV_ROOT": str(tmp_path / "pyenv")}
    assert list(candidates("python3.12", environ)) == places
    assert list(candidates("python3.13", environ)) == []


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("numpy/_core/multiarray.py", "numpy"),
        ("numpy.libs/libscipy_openblas64_.so", "numpy"),
        ("numpy-2.5.5.dist-info/METADATA", "numpy"),
        ("PIL/Image.py", "pillow"),
        ("pillow.libs/libtiff.so", "pillow"),
        ("multipart.py", "multipart"),
        ("__pycache__/multipart.cpython-313.pyc", "multipart"),
    ],
)
def test_a_file_counts_for_its_package(path: str, package: str) -> None:
    assert package_of(Path(path)) == package


def test_the_size_is_that_of_all_layers_and_the_largest_function() -> None:
    layers = {"RuntimeLayer": Counter(numpy=40 * MIB, orjson=MIB // 4), "CoreLayer": Counter(retinue=2 * MIB)}
    lines, total_mib = report(layers, {"detect": 3 * MIB, "catalog": MIB})
    assert total_mib == 45.25
    assert "largest function, detect" in lines[-2]
    assert any(line.split() == ["1", "smaller", "0.2"] for line in lines)


def test_names_of_stages_fit_the_name_of_the_bucket() -> None:
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    names = [stages[stage]["deploy"]["parameters"]["stack_name"] for stage in ("dev", "prod")]
    for name in names:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
        assert len(f"{name}-models-123456789012") <= 63
