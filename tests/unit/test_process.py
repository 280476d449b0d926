"""Imports without the garbage collector: in a process of Lambda's only, and never for longer than the imports."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from retinue.process import importing

PROGRAM = """
import gc
import retinue.http.entry as entry
print(gc.isenabled(), gc.get_freeze_count() > 1000)
entry.process_service()
print(gc.isenabled(), gc.get_freeze_count() > 1000)
"""


@pytest.fixture(autouse=True)
def nothing_is_kept() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}, ["False False", "True True"], id="on Lambda"),
        pytest.param({}, ["True False", "True False"], id="anywhere else"),
    ],
)
def test_a_copy_collects_from_its_first_event_on(variables: dict[str, str], expected: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "AWS_LAMBDA_RUNTIME_API"}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "RETINUE_MODELS_BUCKET": "b"} | variables
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == expected


def test_what_is_imported_later_is_kept_too() -> None:
    before = gc.get_freeze_count()
    with importing():
        assert not gc.isenabled()
        kept = [[] for _ in range(100)]
    assert gc.isenabled() and gc.get_freeze_count() >= before + len(kept)


def test_an_import_that_fails_does_not_switch_it_off() -> None:
    with pytest.raises(ImportError), importing():
        raise ImportError("no such module")
    assert gc.isenabled()
