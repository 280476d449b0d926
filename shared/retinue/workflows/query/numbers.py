"""Operations on numbers, and to numbers and truth values."""

import random
from typing import Any, Literal

import numpy as np

from retinue.workflows.errors import InvalidInputTypeError, OperationError
from retinue.workflows.query.limits import MAX_INTEGER_BITS
from retinue.workflows.query.registry import OperationModel, Parameters, performs


class ToNumber(OperationModel):
    """The value as a number: a text is read as a decimal number, `int` drops the digits after the point."""

    type: Literal["ToNumber"]
    cast_to: Literal["int", "float"]


@performs(ToNumber, refuses=(TypeError, ValueError, OverflowError))
def to_number(value: Any, operation: ToNumber, parameters: Parameters) -> float:
    number = float(value)
    return int(number) if operation.cast_to == "int" else number


class NumberRound(OperationModel):
    """The number rounded to so many digits after the point; halves go to the even digit."""

    type: Literal["NumberRound"]
    decimal_digits: int


@performs(NumberRound, refuses=(OverflowError,))
def round_number(value: Any, operation: NumberRound, parameters: Parameters) -> float:
    # No number that is let in has more digits than bits; Python would compute 10 ** digits first.
    digits = max(-MAX_INTEGER_BITS, min(operation.decimal_digits, MAX_INTEGER_BITS))
    return round(_real(value, operation), digits)


class Multiply(OperationModel):
    """The number times `other`."""

    type: Literal["Multiply"]
    other: int | float


@performs(Multiply, refuses=(OverflowError,))
def multiply(value: Any, operation: Multiply, parameters: Parameters) -> float:
    product = _real(value, operation) * _real(operation.other, operation)
    return _real(product, operation)


class Divide(OperationModel):
    """The number divided by `other`."""

    type: Literal["Divide"]
    other: int | float


@performs(Divide, refuses=(ZeroDivisionError, OverflowError))
def divide(value: Any, operation: Divide, parameters: Parameters) -> float:
    return _real(value, operation) / _real(operation.other, operation)


class RandomNumber(OperationModel):
    """A random number between min_value and max_value, whatever the value is: to take samples."""

    type: Literal["RandomNumber"]
    min_value: float = 0.0
    max_value: float = 1.0


@performs(RandomNumber)
def random_number(value: Any, operation: RandomNumber, parameters: Parameters) -> float:
    if operation.min_value == operation.max_value:
        return operation.min_value
    return operation.min_value + random.random() * abs(operation.max_value - operation.min_value)


class ToBoolean(OperationModel):
    """False for zero, nothing and what is empty, else True."""

    type: Literal["ToBoolean"]


@performs(ToBoolean, refuses=(TypeError, ValueError))
def to_boolean(value: Any, operation: ToBoolean, parameters: Parameters) -> bool:
    return bool(value)


def _real(value: Any, operation: OperationModel) -> float:
    """The value as Python's own number; True is 1. Raises InvalidInputTypeError, and OperationError for integers beyond
    MAX_INTEGER_BITS."""
    if isinstance(value, np.integer | np.floating):
        value = value.item()
    if not isinstance(value, int | float):
        raise InvalidInputTypeError(f"{operation.type} takes a number, got {type(value).__name__}")
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise OperationError(f"{operation.type} takes integers of {MAX_INTEGER_BITS} bits at most")
    return value
