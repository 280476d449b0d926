"""How much a definition from outside may ask of the query language."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from typing import Any, TypeVar

from retinue.workflows.errors import OperationError

MAX_DEPTH = 32  # groups, filters and applied chains inside each other
MAX_LENGTH = 1_000  # operations of one chain, statements of one group
MAX_CHARACTERS = 1_000_000  # upstream's bound of SequenceJoin, here of every text that is made
MAX_ELEMENTS = 20_000_000  # elements and characters of a list that is made; an answer has at most 6 MB
MAX_COMPARISONS = 10_000_000
MAX_INTEGER_BITS = 4_096
MAX_PATTERN_CHARACTERS = 10_000
MATCH_TIMEOUT_S = 0.5
MAX_LOOPS_S = 10.0  # applied chains and filters inside each other multiply

_TEXTS = frozenset({str, bytes})
_CONTAINERS = frozenset({list, tuple, set, dict})

Element = TypeVar("Element")
_loops_end_s: ContextVar[float | None] = ContextVar("loops_end_s", default=None)


@contextmanager
def bounded_loop() -> Iterator[Callable[[], None]]:
    """Gives a function to call in each round; it raises OperationError once the outermost loop took MAX_LOOPS_S."""
    end_s = _loops_end_s.get() or time.monotonic() + MAX_LOOPS_S

    def check() -> None:
        if time.monotonic() > end_s:
            raise OperationError(f"the query took longer than {MAX_LOOPS_S:g} s")

    token = _loops_end_s.set(end_s)
    try:
        yield check
    finally:
        _loops_end_s.reset(token)


def bounded_list(elements: Iterable[Element]) -> list[Element]:
    """The elements. Raises OperationError as soon as they hold more than MAX_ELEMENTS elements and characters."""
    kept = []
    sizes: dict[int, int] = {}  # by identity: a lookup puts one value into a list many times
    total = 0
    for element in elements:
        kept.append(element)
        if id(element) not in sizes:
            sizes[id(element)] = size_of(element, MAX_ELEMENTS)
        total += 1 + sizes[id(element)]
        if total > MAX_ELEMENTS:
            raise OperationError(f"the list would hold more than {MAX_ELEMENTS:,} elements and characters")
    return kept


def text_of(value: Any) -> str:
    """str(value).

    Raises OperationError for texts of more than MAX_CHARACTERS, without making them: a lookup can put one long text
    into a list a thousand times at no cost.
    """
    if is_larger_than(value, MAX_CHARACTERS) or len(text := str(value)) > MAX_CHARACTERS:
        raise OperationError(f"the text would be longer than {MAX_CHARACTERS:,} characters")
    return text


def is_larger_than(value: Any, limit: int) -> bool:
    """Whether the value holds more than `limit` elements and characters at all levels."""
    return size_of(value, limit) > limit


def size_of(value: Any, limit: int) -> int:
    """How many elements and characters the value holds at all levels; counts no further than beyond `limit`."""
    size = 0
    pending: list[Any] = [[value]]
    while pending and size <= limit:
        part = pending.pop()
        for element in chain(part, part.values()) if type(part) is dict else part:
            kind = type(element)
            if kind in _TEXTS:
                size += len(element)
            elif kind in _CONTAINERS:
                size += len(element)
                pending.append(element)
    return size
