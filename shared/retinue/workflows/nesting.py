"""How large JSON values from outside may be: what takes them apart, and what writes them, gives up at some depth, and
takes time for each of their elements."""

from typing import Any

MOST_NESTED = 64
MOST_ELEMENTS = 50_000
"""How many elements all lists and objects of a document may hold together."""

MOST_INPUT_ELEMENTS = 300_000
"""The same for the inputs of a request, which may hold detections with outlines."""

MOST_KEY_CHARACTERS = 1_000


def is_too_large(value: Any, most_elements: int = MOST_ELEMENTS) -> bool:
    """Whether the lists and dicts at all levels hold more elements than that, or a key of too many characters.

    Counts no further than that.
    """
    count = 0
    pending: list[Any] = [value]
    while pending:
        part = pending.pop()
        if not isinstance(part, dict | list):
            continue
        count += len(part)
        if count > most_elements:
            return True
        if isinstance(part, dict):
            if any(len(str(key)) > MOST_KEY_CHARACTERS for key in part):
                return True
            part = part.values()
        pending += part
    return False


def is_too_deep(value: Any) -> bool:
    """Whether lists and dicts lie in each other deeper than anything that makes sense."""
    level = [value]
    for _ in range(MOST_NESTED + 1):
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
