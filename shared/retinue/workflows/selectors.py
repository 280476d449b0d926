"""Selectors: how a document refers to inputs and to the outputs of steps (contract/workflows.md 1.3)."""

import re
from dataclasses import dataclass
from typing import Any

_INPUT = re.compile(r"\$inputs\.([A-Za-z_0-9\-]+)")
_OUTPUT = re.compile(r"\$steps\.([A-Za-z_\-0-9]+)\.([A-Za-z_*0-9\-]+)")
_ANY_OUTPUT = re.compile(r"\$steps\.([^.]+)\.([A-Za-z_*0-9\-]+)")
_STEP = re.compile(r"\$steps\.([A-Za-z_\-0-9]+)")
EVERY_OUTPUT = "*"


@dataclass(frozen=True, slots=True)
class Selector:
    """`$inputs.<input>`, `$steps.<step>.<output>`, or a step alone; `text` is how it was written."""

    text: str
    input: str | None = None
    step: str | None = None
    output: str | None = None


def is_selector(value: Any) -> bool:
    """Whether a value of the document is meant as a selector."""
    return isinstance(value, str) and value.startswith("$")


def parse_selector(text: str, *, is_output: bool = False) -> Selector | None:
    """The selector, or None if `text` has another form. is_output: outputs may name steps whose names steps cannot."""
    if found := _INPUT.fullmatch(text):
        return Selector(text, input=found[1])
    if found := (_ANY_OUTPUT if is_output else _OUTPUT).fullmatch(text):
        return Selector(text, step=found[1], output=found[2])
    if found := _STEP.fullmatch(text):
        return Selector(text, step=found[1])
    return None


def step_of(text: str) -> str:
    """The name of the step that a selector of a step means."""
    return text.removeprefix("$steps.").partition(".")[0]
