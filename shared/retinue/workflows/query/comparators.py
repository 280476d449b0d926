"""What statements check: comparators of two values and operators of one."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from retinue.workflows.query.limits import MAX_COMPARISONS

Check = Callable[[Any, Any], Any]

COMPARATORS: dict[str, Check] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "(Number) ==": lambda left, right: left == right,
    "(Number) !=": lambda left, right: left != right,
    "(Number) >": lambda left, right: left > right,
    "(Number) >=": lambda left, right: left >= right,
    "(Number) <": lambda left, right: left < right,
    "(Number) <=": lambda left, right: left <= right,
    "(Number) in range": lambda left, right: right[0] <= left <= right[1],
    "(String) startsWith": lambda left, right: left.startswith(right),
    "(String) endsWith": lambda left, right: left.endswith(right),
    "(String) contains": lambda left, right: right in left,
    "in (Sequence)": lambda left, right: left in right,
    "any in (Sequence)": lambda left, right: any(_are_in(left, right)),
    "all in (Sequence)": lambda left, right: all(_are_in(left, right)),
    "(Detection) in zone": lambda left, right: is_strictly_inside(left, right),
}

# What values of a wrong type or form raise in a comparator or operator.
FAULTS = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError)

OPERATORS: dict[str, Callable[[Any], Any]] = {
    "Exists": lambda value: value is not None,
    "DoesNotExist": lambda value: value is None,
    "(Boolean) is True": lambda value: value is True,
    "(Boolean) is False": lambda value: value is False,
    "(Sequence) is empty": lambda value: len(value) == 0,
    "(Sequence) is not empty": lambda value: len(value) > 0,
}


def is_strictly_inside(point_xy: Sequence[float], zone: Sequence[Sequence[float]]) -> bool:
    """Whether the point lies inside the polygon, by the even-odd rule, and not on its border.

    zone: the corners, x and y each; the last is joined with the first. Without corners nothing is inside.
    Raises ValueError for one or two corners.
    """
    corners = [(float(corner[0]), float(corner[1])) for corner in zone]
    if 0 < len(corners) < 3:
        raise ValueError(f"a zone has at least 3 corners, this one has {len(corners)}")
    x, y = float(point_xy[0]), float(point_xy[1])
    is_inside = False
    for (from_x, from_y), (to_x, to_y) in pairwise([*corners, *corners[:1]]):
        side = (to_x - from_x) * (y - from_y) - (to_y - from_y) * (x - from_x)
        if side == 0 and min(from_x, to_x) <= x <= max(from_x, to_x) and min(from_y, to_y) <= y <= max(from_y, to_y):
            return False
        # Half-open in y, so that a ray through a corner meets one of its two edges.
        if (from_y > y) != (to_y > y) and (side > 0) == (to_y > from_y):
            is_inside = not is_inside
    return is_inside


def _are_in(elements: Any, container: Any) -> Iterator[bool]:
    """Whether each element is in the container: in linear time where all of them can be hashed."""
    known = container
    if isinstance(container, list | tuple):
        try:
            set(elements)
            known = set(container)
        except TypeError:
            if len(elements) * len(container) > MAX_COMPARISONS:
                raise ValueError(f"more than {MAX_COMPARISONS:,} comparisons") from None
    return (element in known for element in elements)
