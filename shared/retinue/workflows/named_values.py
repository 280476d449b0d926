"""Values by name, and what steps do with them first."""

from collections.abc import Mapping, Sequence
from typing import Any

from retinue.workflows.query.evaluate import apply_operations
from retinue.workflows.query.syntax import Operation


def apply_by_name(values: Mapping[str, Any], operations: Mapping[str, Sequence[Operation]]) -> dict[str, Any]:
    """The values, those after their operations that have any.

    Raises ValueError for operations on a name that there is no value of, QueryError where an operation fails.
    """
    changed = dict(values)
    for name, chain in operations.items():
        if name not in values:
            raise ValueError(f"there are operations on `{name}`, but no such value; there are {sorted(values)}")
        changed[name] = apply_operations(values[name], chain, {})
    return changed
