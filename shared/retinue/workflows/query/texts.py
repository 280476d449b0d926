"""Operations on texts, and to texts."""

from datetime import datetime
from typing import Any, Literal

from retinue.workflows.errors import OperationError
from retinue.workflows.query.limits import (
    MATCH_TIMEOUT_S,
    MAX_CHARACTERS,
    MAX_PATTERN_CHARACTERS,
    is_larger_than,
    text_of,
)
from retinue.workflows.query.registry import OperationModel, Parameters, expect, performs


class StringToLowerCase(OperationModel):
    """The text in lower case."""

    type: Literal["StringToLowerCase"]


@performs(StringToLowerCase)
def to_lower_case(value: Any, operation: StringToLowerCase, parameters: Parameters) -> str:
    return expect(value, str, operation).lower()


class StringToUpperCase(OperationModel):
    """The text in upper case."""

    type: Literal["StringToUpperCase"]


@performs(StringToUpperCase)
def to_upper_case(value: Any, operation: StringToUpperCase, parameters: Parameters) -> str:
    return expect(value, str, operation).upper()


class StringSubSequence(OperationModel):
    """The characters from `start` up to but without `end`; negative positions count from the end of the text."""

    type: Literal["StringSubSequence"]
    start: int = 0
    end: int = -1


@performs(StringSubSequence)
def part_of_text(value: Any, operation: StringSubSequence, parameters: Parameters) -> str:
    return expect(value, str, operation)[operation.start : operation.end]


class StringMatches(OperationModel):
    """Whether the regular expression is found anywhere in the text."""

    type: Literal["StringMatches"]
    regex: str


@performs(StringMatches)
def matches(value: Any, operation: StringMatches, parameters: Parameters) -> bool:
    """Python's own `re` has no timeout, and a short pattern can keep it busy for years."""
    text = expect(value, str, operation)
    if len(operation.regex) > MAX_PATTERN_CHARACTERS:
        raise OperationError(f"the regular expression is longer than {MAX_PATTERN_CHARACTERS:,} characters")
    try:
        import regex  # 15 ms
    except ImportError as error:
        raise OperationError(
            "StringMatches needs the package `regex`; add it to the layer (pip install regex)"
        ) from error
    try:
        return regex.search(operation.regex, text, timeout=MATCH_TIMEOUT_S) is not None
    except TimeoutError as error:
        raise OperationError(
            f"the regular expression took longer than {MATCH_TIMEOUT_S} s on a text of {len(text):,} characters; "
            "avoid nested repetitions such as (a+)+"
        ) from error
    except (regex.error, RecursionError) as error:
        raise OperationError(f"the regular expression cannot be read: {error}") from error


class ToString(OperationModel):
    """The value as a text."""

    type: Literal["ToString"]


@performs(ToString, refuses=(TypeError, ValueError))
def to_text(value: Any, operation: ToString, parameters: Parameters) -> str:
    return text_of(value)


class ConvertDictionaryToJSON(OperationModel):
    """The dictionary as JSON text."""

    type: Literal["ConvertDictionaryToJSON"]


@performs(ConvertDictionaryToJSON)
def to_json_text(value: Any, operation: ConvertDictionaryToJSON, parameters: Parameters) -> str:
    from retinue.workflows.serialise import to_json

    document = expect(value, dict, operation)
    if is_larger_than(document, MAX_CHARACTERS):
        raise OperationError(f"the text would be longer than {MAX_CHARACTERS:,} characters")
    try:
        return to_json(document)
    except (TypeError, ValueError) as error:
        raise OperationError(f"the dictionary cannot be written as JSON: {error}") from error


class TimestampToISOFormat(OperationModel):
    """The time as a text in ISO 8601."""

    type: Literal["TimestampToISOFormat"]


@performs(TimestampToISOFormat)
def to_iso_format(value: Any, operation: TimestampToISOFormat, parameters: Parameters) -> str:
    return expect(value, datetime, operation).isoformat()
