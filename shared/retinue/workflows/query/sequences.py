"""Operations on lists, and on what else has a length; lookups."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

from retinue.workflows.detections import DetectionTable
from retinue.workflows.errors import InvalidInputTypeError, OperationError
from retinue.workflows.query.limits import MAX_CHARACTERS, bounded_list, text_of
from retinue.workflows.query.registry import OperationModel, Parameters, performs
from retinue.workflows.query.rows import elements_of

MAX_COUNTED_CHARACTERS = 128  # longer elements are counted by their beginning, as upstream does
AGGREGATES: dict[str, Callable[[Any], Any]] = {"min": min, "max": max, "sum": sum}


class LookupTable(OperationModel):
    """What the table has for the value."""

    type: Literal["LookupTable"]
    lookup_table: dict[Any, Any]


@performs(LookupTable, refuses=(TypeError,))
def look_up(value: Any, operation: LookupTable, parameters: Parameters) -> Any:
    return _find(operation.lookup_table, value)


class SequenceMap(OperationModel):
    """What the table has for each element of the list."""

    type: Literal["SequenceMap"]
    lookup_table: dict[Any, Any]


@performs(SequenceMap, refuses=(TypeError, ValueError))
def look_up_each(value: Any, operation: SequenceMap, parameters: Parameters) -> list[Any]:
    return bounded_list(_find(operation.lookup_table, element) for element in value)


class SequenceAggregate(OperationModel):
    """One element of the list: the first, the last, the most common or the least common."""

    type: Literal["SequenceAggregate"]
    mode: Literal["first", "last", "most_common", "least_common"]


@performs(SequenceAggregate, refuses=(TypeError, ValueError, LookupError))
def pick_element(value: Any, operation: SequenceAggregate, parameters: Parameters) -> Any:
    if len(value) == 0:
        raise InvalidInputTypeError("SequenceAggregate takes a list with elements, got an empty one")
    position = 0 if operation.mode in ("first", "most_common") else -1
    if operation.mode in ("first", "last"):
        return value.select([range(len(value))[position]]) if isinstance(value, DetectionTable) else value[position]
    return Counter(value).most_common()[position][0]


class NumericSequenceAggregate(OperationModel):
    """The smallest, the largest or the sum of the numbers; `neutral_value` if there are none."""

    type: Literal["NumericSequenceAggregate"]
    function: Literal["min", "max", "sum"]
    neutral_value: Any = None


@performs(NumericSequenceAggregate, refuses=(TypeError, ValueError, OverflowError))
def aggregate(value: Any, operation: NumericSequenceAggregate, parameters: Parameters) -> Any:
    return AGGREGATES[operation.function](value) if len(value) else operation.neutral_value


class SequenceLength(OperationModel):
    """How many elements, detections, entries or characters there are."""

    type: Literal["SequenceLength"]


@performs(SequenceLength, refuses=(TypeError,))
def length(value: Any, operation: SequenceLength, parameters: Parameters) -> int:
    return len(value)


class SequenceElementsCount(OperationModel):
    """How often each element is in the list, by the element as a text."""

    type: Literal["SequenceElementsCount"]


@performs(SequenceElementsCount, refuses=(TypeError, ValueError))
def count_elements(value: Any, operation: SequenceElementsCount, parameters: Parameters) -> dict[str, int]:
    texts = (text_of(element) for element in elements_of(value))
    return dict(
        Counter(
            f"{text[:MAX_COUNTED_CHARACTERS]} [...]" if len(text) > MAX_COUNTED_CHARACTERS else text for text in texts
        )
    )


class SequenceJoin(OperationModel):
    """The elements as one text, the separator between them."""

    type: Literal["SequenceJoin"]
    separator: str = ", "


@performs(SequenceJoin, refuses=(TypeError, ValueError))
def join(value: Any, operation: SequenceJoin, parameters: Parameters) -> str:
    texts: list[str] = []
    size = -len(operation.separator)
    for element in elements_of(value):
        texts.append(text_of(element))
        size += len(texts[-1]) + len(operation.separator)
        if size > MAX_CHARACTERS:
            raise OperationError(f"the joined text would be longer than {MAX_CHARACTERS:,} characters")
    return operation.separator.join(texts)


def _find(table: dict[Any, Any], key: Any) -> Any:
    try:
        return table[key]
    except KeyError as error:
        raise InvalidInputTypeError(f"the lookup table has no entry for {text_of(key)[:100]!r}") from error
