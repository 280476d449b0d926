"""A text with values put into it."""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.manifest import AnyRef, Manifest, StringRef
from retinue.workflows.named_values import apply_by_name
from retinue.workflows.query.limits import is_larger_than
from retinue.workflows.query.syntax import Operations

MAX_CHARACTERS = 1_000_000
_MAX_WIDTH = 10_000
_DIGITS = re.compile(r"\d+")
_PARSER = Formatter()


class StringTemplateManifest(Manifest):
    """The text and the values."""

    template: StringRef | str = Field(description="The text, with names in braces; braces as such are doubled.")
    data: dict[str, AnyRef | str | int | float | bool] = Field(
        default_factory=dict, description="The values that names in the text stand for."
    )
    data_operations: dict[str, Operations] = Field(
        default_factory=dict, description="What to do with values before they are put in, by name."
    )


class StringTemplate(Block):
    """The template with a value for each `{name}` or `{name:format}`, as `str.format` writes it."""

    identifier = "roboflow_core/string_template@v1"
    title = "String Template"
    category = "formatter"
    manifest = StringTemplateManifest
    outputs = {"output": ("string",)}

    def run(self, template: str, data: dict[str, Any], data_operations: dict[str, Operations]) -> dict[str, Any]:
        if not isinstance(template, str):
            raise ValueError(f"the template is not a text but {type(template).__name__}")
        return {"output": render(template, apply_by_name(data, data_operations))}


def render(template: str, values: Mapping[str, Any]) -> str:
    """The template with the values in it.

    Raises ValueError for a template that cannot be read, a name that has no value, a format that does not fit its
    value, and for a text of more than MAX_CHARACTERS, before that text exists.
    """
    missing = _names(template, nesting=2) - values.keys()
    if missing:
        raise ValueError(f"the template names {sorted(missing)}, but there are values of {sorted(values)} only")
    try:
        return _filled(template, values)
    except (TypeError, ValueError) as exc:
        raise ValueError(f"the template cannot be filled in: {exc}") from exc


def _names(template: str, *, nesting: int) -> set[str]:
    """The names that a template uses, also inside formats, which nest one level deep."""
    if not nesting:
        raise ValueError("the template has braces inside the braces of a format")
    names = set()
    try:
        fields = list(_PARSER.parse(template))
    except ValueError as exc:
        raise ValueError(f"the template cannot be read: {exc}. Braces as such are doubled.") from exc
    for _, name, spec, _ in fields:
        if name is None:
            continue
        if not name or name.isdigit():
            raise ValueError("the template has braces without a name")
        if "." in name or "[" in name:
            raise ValueError(f"the template looks into a value with {{{name}}}: use data_operations instead")
        names.add(name)
        if spec and "{" in spec:
            names |= _names(spec, nesting=nesting - 1)
    return names


def _filled(template: str, values: Mapping[str, Any]) -> str:
    parts, size = [], 0
    for literal, name, spec, conversion in _PARSER.parse(template):
        parts.append(literal)
        if name is not None:
            parts.append(_formatted(values[name], _filled(spec or "", values), conversion))
        size += sum(map(len, parts[-2:])) if name is not None else len(literal)
        if size > MAX_CHARACTERS:
            raise ValueError(f"it would be longer than {MAX_CHARACTERS:,} characters")
    return "".join(parts)


def _formatted(value: Any, spec: str, conversion: str | None) -> str:
    """A value as text. The bounds of the numbers in a format bound how much a short value can grow."""
    numbers = [int(digits) if len(digits) < 10 else _MAX_WIDTH + 1 for digits in _DIGITS.findall(spec)]
    if max(numbers, default=0) > _MAX_WIDTH or sum(numbers) > MAX_CHARACTERS:
        raise ValueError(f"the format {spec[:80]!r} asks for a width or precision of more than {_MAX_WIDTH:,}")
    if is_larger_than(value, MAX_CHARACTERS):
        raise ValueError(f"a value is longer than {MAX_CHARACTERS:,} characters")
    return format(_PARSER.convert_field(value, conversion), spec)
