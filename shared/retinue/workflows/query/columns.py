"""Filters that look only at plain properties: whole columns are compared, not one detection after the other.

What does not depend on the detection is looked up once. Wherever a single row could say something else, evaluate.py
goes through the rows.
"""

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any

from retinue.workflows.query.comparators import COMPARATORS, FAULTS, OPERATORS
from retinue.workflows.query.registry import Parameters
from retinue.workflows.query.rows import Rows
from retinue.workflows.query.syntax import (
    ELEMENT,
    BinaryStatement,
    DynamicOperand,
    StatementGroup,
    StaticOperand,
    UnaryStatement,
)
from retinue.workflows.query.tables import ExtractDetectionProperty


def holds_for_each(
    statement: StatementGroup, rows: Rows, parameters: Parameters, check: Callable[[], None]
) -> list[bool] | None:
    """Whether the group of statements holds, for each of the rows.

    None where only a look at one row after the other can tell: an operand is made by other operations than reading a
    property, or something is wrong with a value, and that row's error is the answer. check: called for each row of each
    statement; what it raises comes through.
    """
    columns = []
    for part in statement.statements:
        if part.type == "StatementGroup":
            column = holds_for_each(part, rows, parameters, check)
        else:
            column = _compared(part, rows, parameters, check)
        if column is None:
            return None
        columns.append(column)
    return [*map(all if statement.operator == "and" else any, zip(*columns, strict=True))]


def _compared(
    statement: BinaryStatement | UnaryStatement, rows: Rows, parameters: Parameters, check: Callable[[], None]
) -> list[bool] | None:
    holds: Callable[..., Any]
    if statement.type == "BinaryStatement":
        operands, holds = [statement.left_operand, statement.right_operand], COMPARATORS[statement.comparator.type]
    else:
        operands, holds = [statement.operand], OPERATORS[statement.operator.type]
    values = []
    for operand in operands:
        column = _values(operand, rows, parameters)
        if column is None:
            return None
        values.append(column)
    results = []
    try:
        for row in zip(*values, strict=True):
            check()
            results.append(bool(holds(*row)) != statement.negate)
    except FAULTS:
        return None
    return results


def _values(operand: StaticOperand | DynamicOperand, rows: Rows, parameters: Parameters) -> Iterable[Any] | None:
    """The operand for each of the rows."""
    count = len(rows.table)
    if operand.type == "DynamicOperand" and operand.operand_name == ELEMENT:
        match operand.operations:
            case [ExtractDetectionProperty(property_name=name)]:
                return rows.column(name) or repeat(None, count)
        return None
    if operand.operations:
        return None
    if operand.type == "StaticOperand":
        return repeat(operand.value, count)
    return repeat(parameters[operand.operand_name], count) if operand.operand_name in parameters else None
