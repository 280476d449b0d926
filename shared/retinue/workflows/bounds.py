"""Numbers that a block is given while a workflow runs: from inputs and other steps anything may come.

What a document says is checked against the manifest; this is for what only a run shows. The checks keep out what no
arithmetic takes (NaN, infinity, numbers beyond 64 bits) and what would take the machine down.
"""

import math
from functools import cache
from numbers import Real
from typing import Any

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import Manifest, references_of

LARGEST = (1 << 31) - 1
"""Beyond it OpenCV's integers end, and those of upstream's blocks."""
LARGEST_DRAWN = (1 << 15) - 1
"""Pixels: how thick OpenCV draws lines at most. Nothing that is drawn has a size beyond."""
MOST_SPREAD = 4_000_000
"""Square pixels: what is drawn around an object takes time by the square of its width, for each of them."""
_SPREADING = ("thickness", "padding")
_MOST_SHOWN = 40
"""Characters of a value that is no number, in an error."""


def number(name: str, value: Any, *, least: float = -LARGEST, most: float = LARGEST) -> float:
    """The value, an int or a float. Raises ValueError, with the name, for what is no number in least..most."""
    if not _is_within(value, least, most):
        raise ValueError(f"{name} has to be a number from {least:,} to {most:,}, not {_shown(value)}")
    return value if isinstance(value, int) else float(value)


def whole(name: str, value: Any, *, least: int = -LARGEST, most: int = LARGEST) -> int:
    """The value as an int, also where it is a float without a fraction. Raises ValueError as `number` does."""
    if not _is_within(value, least, most) or value != int(value):
        raise ValueError(f"{name} has to be a whole number from {least:,} to {most:,}, not {_shown(value)}")
    return int(value)


def fraction(name: str, value: Any) -> float:
    """The value, from 0 to 1. Raises ValueError as `number` does."""
    return number(name, value, least=0, most=1)


def drawn(manifest: type[Manifest], properties: dict[str, Any]) -> dict[str, Any]:
    """The properties of a drawing block: sizes, counts and angles whole, fractions from 0 to 1, and nothing beyond
    LARGEST_DRAWN, nor wider around many objects than MOST_SPREAD allows. Raises ValueError."""
    checks = {
        "integer": lambda name, value: whole(name, value, least=-LARGEST_DRAWN, most=LARGEST_DRAWN),
        "float": lambda name, value: number(name, value, least=-LARGEST_DRAWN, most=LARGEST_DRAWN),
        "float_zero_to_one": fraction,
    }
    kinds = _number_kinds(manifest, frozenset(checks))
    checked = properties | {name: checks[kind](name, properties[name]) for name, kind in kinds.items()}
    objects = properties.get("predictions")
    if isinstance(objects, DetectionTable) and len(objects):
        most = math.isqrt(MOST_SPREAD // len(objects))
        for name in kinds.keys() & set(_SPREADING):
            whole(f"{name} around {len(objects):,} objects", checked[name], least=-LARGEST_DRAWN, most=most)
    return checked


@cache
def _number_kinds(manifest: type[Manifest], kinds: frozenset[str]) -> dict[str, str]:
    """The properties of a manifest that are numbers, and of which of the kinds each is."""
    return {
        name: kind
        for name, shapes in references_of(manifest).items()
        for reference in shapes.get("value", ())
        for kind in reference.kinds
        if kind in kinds
    }


def _is_within(value: Any, least: float, most: float) -> bool:
    """Whether the value is a number in least..most, which NaN is not."""
    return isinstance(value, Real) and bool(least <= value <= most)  # type: ignore[operator]  # Real has no order


def _shown(value: Any) -> str:
    """The value in a few characters; of integers that take more than 64 bits only how many they take."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length():,} bits"
    text = repr(value) if isinstance(value, Real | str | None) else type(value).__name__
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
