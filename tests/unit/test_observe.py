"""What the log says of an exception that nobody expected: where, and of what type; its words only at level DEBUG."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from retinue.config import Settings
from retinue.observe import Observer, log_failure, trace_of

KEY = secrets.token_urlsafe(24)
Failing = Callable[[], Any]


def lookup() -> Any:
    return {}[KEY]


def explained() -> Any:
    try:
        lookup()
    except KeyError as exc:
        raise ValueError(f"no {KEY}") from exc


def stumbled_over() -> Any:
    try:
        lookup()
    except KeyError:
        return int(KEY)


def hidden() -> Any:
    try:
        lookup()
    except KeyError:
        raise ValueError(KEY) from None


def in_another_alphabet() -> Any:
    return (KEY + "\u2100").encode("ascii")


def endless() -> Any:
    return endless()


def without_words() -> Any:
    raise StopIteration


def a_chain() -> Any:
    error: Exception | None = None
    for number in range(1000):
        following = ValueError(f"{KEY} {number}")
        following.__cause__, error = error, following
    assert error is not None
    raise error


def in_a_circle() -> Any:
    first, second = ValueError(KEY), KeyError(KEY)
    first.__context__, second.__context__ = second, first
    raise first


def logged(failing: Failing, level: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The line about it."""
    observer = Observer(Settings(log_level=level), f"test-{secrets.token_hex(8)}")  # a logger is kept by its service
    try:
        failing()
    except Exception:
        observer.failure("unexpected error")
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("failing", "kinds"),
    [
        pytest.param(lookup, ["KeyError"], id="plain"),
        pytest.param(explained, ["KeyError", "ValueError"], id="raised from another"),
        pytest.param(stumbled_over, ["KeyError", "ValueError"], id="raised while another was handled"),
        pytest.param(hidden, ["ValueError"], id="raised from None"),
        pytest.param(in_another_alphabet, ["UnicodeEncodeError"], id="an object with the text in it"),
        pytest.param(endless, ["RecursionError"], id="recursion"),
        pytest.param(without_words, ["StopIteration"], id="without words"),
        pytest.param(a_chain, ["ValueError"] * 8, id="a thousand causes"),
        pytest.param(in_a_circle, ["KeyError", "ValueError"] * 4, id="its own cause"),
    ],
)
def test_where_and_what_but_no_words(failing: Failing, kinds: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = logged(failing, "INFO", capsys)

    line = json.loads(text)
    assert (line["level"], line["message"], line["exception_name"]) == ("ERROR", "unexpected error", kinds[-1])
    assert line["exception"].startswith("Traceback (most recent call last):")
    assert line["exception"].count("Traceback") == len(kinds)
    assert [part.rpartition("\n")[2] for part in line["exception"].split("\n\nwhich led to:\n\n")] == kinds
    assert failing.__name__ in line["exception"]
    assert KEY not in text and len(text) < 50_000


def test_at_level_debug_the_words_too(capsys: pytest.CaptureFixture[str]) -> None:
    line = json.loads(logged(explained, "DEBUG", capsys))

    assert line["message"] == "unexpected error" and line["exception_name"] == "ValueError"
    assert KEY in line["exception"] and "KeyError" in line["exception"]


def test_facts_stand_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    from retinue.observe import job_logger

    logger = job_logger(f"test-{secrets.token_hex(8)}", "INFO")
    try:
        lookup()
    except KeyError:
        log_failure(logger, "attempt ends", exit_code=70)

    line = json.loads(capsys.readouterr().out)
    assert (line["exit_code"], line["exception_name"]) == (70, "KeyError")


def test_an_exception_that_was_never_raised() -> None:
    assert trace_of(KeyError(KEY)) == "Traceback (most recent call last):\nKeyError"
