"""A table of the values of all elements, as CSV text."""

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, field_validator

from retinue.workflows.block import Block
from retinue.workflows.manifest import AnyRef, Manifest
from retinue.workflows.named_values import apply_by_name
from retinue.workflows.query.limits import is_larger_than
from retinue.workflows.query.syntax import Operations

TIMESTAMP = "timestamp"
_MOST_CHARACTERS = 10_000_000
# A spreadsheet would take a cell that starts so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class CsvFormatterManifest(Manifest):
    """The columns of the table."""

    columns_data: dict[str, AnyRef | str | int | float | bool] = Field(
        description="The columns by name: values of steps and inputs, or the same text or number in every row."
    )
    columns_operations: dict[str, Operations] = Field(
        default_factory=dict, description="What to do with the values of columns, by the name of the column."
    )

    @field_validator("columns_data", "columns_operations")
    @classmethod
    def keep_timestamp_free(cls, columns: dict[str, Any]) -> dict[str, Any]:
        if TIMESTAMP in columns:
            raise ValueError("Attempted to register column with reserved name `timestamp`.")
        return columns


class CsvFormatter(Block):
    """One CSV table with a row for each element; its last column is the time of the row.

    The text belongs to the last element, the others have none.
    """

    identifier = "roboflow_core/csv_formatter@v1"
    title = "CSV Formatter"
    category = "formatter"
    manifest = CsvFormatterManifest
    outputs = {"csv_content": ("string",)}
    batches_or_scalars = frozenset({"columns_data"})
    is_batched = True

    def run(
        self, columns_data: list[dict[str, Any]] | dict[str, Any], columns_operations: dict[str, Operations]
    ) -> list[dict[str, Any]]:
        """columns_data: a dict for each element; the dict alone where no column has batches."""
        elements = columns_data if isinstance(columns_data, list) else [columns_data]
        rows = []
        for element in elements:
            row = apply_by_name(element, columns_operations)
            rows.append({**row, TIMESTAMP: datetime.now(UTC).isoformat()})
        if is_larger_than(rows, _MOST_CHARACTERS):
            raise ValueError(f"the table would have more than {_MOST_CHARACTERS:,} characters")
        return [{"csv_content": None} for _ in rows[1:]] + [{"csv_content": _table(rows)}]


class _Lines(list[str]):
    """The lines that a csv.writer writes, ended by a newline only. Ended so by itself, it would leave carriage returns
    in cells without the quotes that they need."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(rows[0])
    columns = [_cells([row[name] for row in rows]) for name in names]
    lines = _Lines()
    writer = csv.writer(lines)
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return "".join(lines)


def _cells(values: Sequence[Any]) -> list[Any]:
    """A column as pandas writes it: nothing for null and NaN; a column of numbers has all of them as floats where one
    is a float or missing."""
    numbers = [value for value in values if value is not None]
    is_numeric = bool(numbers) and all(isinstance(value, int | float) and _is_number(value) for value in numbers)
    if is_numeric and (len(numbers) < len(values) or any(isinstance(value, float) for value in numbers)):
        values = [None if value is None else float(value) for value in values]
    return [_cell(value) for value in values]


def _is_number(value: float) -> bool:
    return not isinstance(value, bool) and (isinstance(value, float) or abs(value) < 2**63)


def _cell(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
