"""Which Python runs the functions, and what it finds."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local.interpreter import BuildNote, Interpreter, InterpreterError, for_built, read_build_note
from local.template import Function

FUNCTION = Function("Echo", "echo", Path("code"), "app.handler", "python3.11", 3, 128, {}, ())


def test_later_layers_come_first_and_built_ones_by_their_python_folder(tmp_path: Path) -> None:
    built, source = tmp_path / "built", tmp_path / "source"
    (built / "python").mkdir(parents=True)
    source.mkdir()

    path = Interpreter("python", tmp_path / "runtime").search_path(replace(FUNCTION, layers=(built, source)))

    assert path == (source, built / "python", tmp_path / "runtime")


def test_build_note_is_read(tmp_path: Path) -> None:
    (tmp_path / "built.json").write_text(
        json.dumps({"runtime": "python3.12", "architecture": "x86_64", "python": "/p"})
    )

    assert read_build_note(tmp_path / "built.json") == BuildNote("python3.12", "/p")


def test_without_a_build_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InterpreterError, match="run `make build` first"):
        read_build_note(tmp_path / "built.json")


@pytest.mark.parametrize(
    ("note", "message"),
    [
        (BuildNote("python3.13", "/no/such/python"), "built for python3.13, but /no/such/python is not there"),
        (BuildNote("python3.1", sys.executable), r"built for python3.1, but .* is 3\.1\d"),
    ],
)
def test_interpreter_of_another_version_is_refused(note: BuildNote, message: str) -> None:
    with pytest.raises(InterpreterError, match=message):
        for_built(note)
