"""Does the operations of a query, and decides whether its statements hold.

Errors carry the way to where they came from as their context, such as `<root>[0].statements[1].operations[0]`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from retinue.workflows.detections import DetectionTable
from retinue.workflows.errors import (
    InvalidInputTypeError,
    OperationError,
    OperationTypeNotRecognisedError,
    QueryError,
    UndeclaredSymbolError,
)
from retinue.workflows.query.columns import holds_for_each
from retinue.workflows.query.comparators import COMPARATORS, FAULTS, OPERATORS
from retinue.workflows.query.limits import bounded_list, bounded_loop
from retinue.workflows.query.registry import PERFORMERS, OperationModel, Parameters, expect, performs
from retinue.workflows.query.rows import Rows, elements_of, rows_of
from retinue.workflows.query.syntax import (
    ELEMENT,
    BinaryStatement,
    DetectionsFilter,
    DynamicOperand,
    Operation,
    SequenceApply,
    StatementGroup,
    StaticOperand,
    UnaryStatement,
)

CONTEXT = "step_execution | roboflow_query_language_evaluation"
COMPILATION_CONTEXT = "step_execution | roboflow_query_language_compilation"


def apply_operations(value: Any, operations: Sequence[Operation], parameters: Parameters) -> Any:
    """The value after all operations, each done on what the one before it gave.

    parameters: the values that operations refer to by name.
    Raises InvalidInputTypeError for a value that an operation does not take, OperationError for one on which it fails,
    UndeclaredSymbolError for a name that is no parameter, OperationTypeNotRecognisedError.
    """
    for position, operation in enumerate(operations):
        try:
            value = _perform(value, operation, parameters)
        except QueryError as error:
            _locate(error, f"[{position}]")
            raise
    return value


def evaluate(statement: StatementGroup, parameters: Parameters) -> bool:
    """Whether the group of statements holds. All of them are evaluated, so an error in any of them counts.

    parameters: the values of the operands by name.
    Raises QueryError where two values cannot be compared, and what apply_operations does.
    """
    results = []
    for position, part in enumerate(statement.statements):
        try:
            results.append(evaluate(part, parameters) if part.type == "StatementGroup" else _holds(part, parameters))
        except QueryError as error:
            _locate(error, f".statements[{position}]")
            raise
    return all(results) if statement.operator == "and" else any(results)


@performs(DetectionsFilter, has_place=False)
def keep_where_true(value: Any, operation: DetectionsFilter, parameters: Parameters) -> DetectionTable:
    table = expect(value, DetectionTable, operation)
    with bounded_loop() as check:
        is_kept = holds_for_each(operation.filter_operation, Rows(table), parameters, check)
        if is_kept is None:
            is_kept = []
            for detection in rows_of(table):
                check()
                is_kept.append(evaluate(operation.filter_operation, {**parameters, ELEMENT: detection}))
    return table.select(np.array(is_kept, bool))


@performs(SequenceApply, refuses=(TypeError, ValueError))
def apply_to_each(value: Any, operation: SequenceApply, parameters: Parameters) -> list[Any]:
    def results() -> Iterator[Any]:
        for element in elements_of(value):
            check()
            for part in operation.operations:  # they share the place of this operation
                element = _perform(element, part, parameters)
            yield element

    with bounded_loop() as check:
        return bounded_list(results())


def _perform(value: Any, operation: OperationModel, parameters: Parameters) -> Any:
    performer = PERFORMERS.get(operation.type)
    if performer is None:
        raise OperationTypeNotRecognisedError(f"there is no operation `{operation.type}`", context=COMPILATION_CONTEXT)
    try:
        return performer.function(value, operation, parameters)
    except QueryError as error:
        error.has_place = error.has_place and (performer.has_place or error.context != CONTEXT)
        raise
    except performer.refuses as error:
        raise InvalidInputTypeError(f"{operation.type} does not take this {type(value).__name__}: {error}") from error
    except RecursionError as error:
        raise OperationError(f"{operation.type} does not take a value that nests so deeply") from error


def _holds(statement: BinaryStatement | UnaryStatement, parameters: Parameters) -> bool:
    """Whether the statement holds, turned round where it is negated."""
    try:
        if statement.type == "BinaryStatement":
            left = _operand(statement.left_operand, parameters)
            right = _operand(statement.right_operand, parameters)
            return bool(COMPARATORS[statement.comparator.type](left, right)) != statement.negate
        return bool(OPERATORS[statement.operator.type](_operand(statement.operand, parameters))) != statement.negate
    except FAULTS as error:
        raise QueryError(f"{statement.type} cannot be evaluated: {error}") from error


def _operand(operand: StaticOperand | DynamicOperand, parameters: Parameters) -> Any:
    if operand.type == "StaticOperand":
        value = operand.value
    elif operand.operand_name in parameters:
        value = parameters[operand.operand_name]
    else:
        raise UndeclaredSymbolError(f"there is no parameter `{operand.operand_name}`")
    try:
        return apply_operations(value, operand.operations, parameters) if operand.operations else value
    except QueryError as error:
        _locate(error, ".operations")
        raise


def _locate(error: QueryError, step: str) -> None:
    """Puts a step before the way that the error's context tells so far."""
    if error.has_place and error.context != COMPILATION_CONTEXT:
        way = error.context.removeprefix(CONTEXT).removeprefix(" | <root>")
        error.context = f"{CONTEXT} | <root>{step}{way}"
