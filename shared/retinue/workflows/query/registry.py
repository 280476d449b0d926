"""Operations: what a definition says about one (a model), and what is done (a function)."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

from retinue.workflows.errors import InvalidInputTypeError

Parameters = Mapping[str, Any]
Function = Callable[[Any, Any, Parameters], Any]
Value = TypeVar("Value")
Decorated = TypeVar("Decorated", bound=Function)


class QueryModel(BaseModel):
    """A part of a definition. Built on first use: building forty models takes longer than importing them."""

    model_config = ConfigDict(defer_build=True)


class OperationModel(QueryModel):
    """An operation and its arguments. Its docstring is what clients read about it."""

    type: str


class Performer(NamedTuple):
    """function(value, operation, parameters) returns the new value; `refuses` are the exceptions by which it says that
    the value is none that it takes; has_place: its errors say where in the definition it stands, which upstream leaves
    out for some operations."""

    function: Function
    refuses: tuple[type[Exception], ...]
    has_place: bool


PERFORMERS: dict[str, Performer] = {}


def performs(
    model: type[OperationModel], *, refuses: tuple[type[Exception], ...] = (), has_place: bool = True
) -> Callable[[Decorated], Decorated]:
    """Registers a function as what the operation `model` does, under the name of the model."""

    def register(function: Decorated) -> Decorated:
        PERFORMERS[model.__name__] = Performer(function, refuses, has_place)
        return function

    return register


def expect(value: Any, kind: type[Value], operation: OperationModel) -> Value:
    """The value, which is of this kind. Raises InvalidInputTypeError."""
    if not isinstance(value, kind):
        raise InvalidInputTypeError(f"{operation.type} takes {kind.__name__}, got {type(value).__name__}")
    return value
