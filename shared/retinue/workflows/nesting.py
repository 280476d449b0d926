"""How deep JSON values may lie in each other: what takes them apart, and what writes them, gives up at some depth."""

from typing import Any

MOST_NESTED = 64


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
