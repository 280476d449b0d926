"""What a step may say: its properties, which of them may refer to other steps, and to values of which kinds."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from retinue.workflows.kinds import (
    ANY,
    CLASSIFICATION,
    IMAGE,
    INSTANCES,
    KEYPOINTS,
    KINDS,
    OBJECTS,
    RLE_INSTANCES,
    SEMANTIC,
)

# contract/workflows.md 1.3
_PATTERNS = {
    "any_data": r"(^\$steps\.[A-Za-z_\-0-9]+\.[A-Za-z_*0-9\-]+$)|(^\$inputs.[A-Za-z_0-9\-]+$)",
    "step_output": r"^\$steps\.[A-Za-z_\-0-9]+\.[A-Za-z_*0-9\-]+$",
    "step": r"^\$steps\.[A-Za-z_\-0-9]+",
}
Shape = Literal["value", "list", "dict"]


@dataclass(frozen=True, slots=True)
class Reference:
    """Marks a property as a selector: of data of these kinds, only of what steps give, or of a step to go to."""

    kinds: tuple[str, ...] = (ANY,)
    element: Literal["any_data", "step_output", "step"] = "any_data"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.str_schema(pattern=_PATTERNS[self.element])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler(schema) | {"reference": True, "selected_element": self.element}
        if self.element != "step":
            described["kind"] = [describe_kind(name) for name in self.kinds]
        return described


def describe_kind(name: str) -> dict[str, str]:
    """The kind as `/workflows/blocks/describe` shows it; a name of somebody's own stands for any value."""
    kind = KINDS.get(name, KINDS[ANY])
    return {
        "name": name,
        "description": kind.description,
        "docs": kind.description,
        "serialised_data_type": kind.serialised_data_type,
        "internal_data_type": kind.internal_data_type,
    }


StepRef = Annotated[str, Reference((), "step")]
AnyRef = Annotated[str, Reference()]
ImageRef = Annotated[str, Reference((IMAGE,))]
VideoRef = Annotated[str, Reference(("video_metadata",))]
DetectionsRef = Annotated[str, Reference((INSTANCES, KEYPOINTS, OBJECTS))]
DrawableRef = Annotated[str, Reference((INSTANCES, KEYPOINTS, OBJECTS, RLE_INSTANCES))]
BoxesRef = Annotated[str, Reference((INSTANCES, OBJECTS))]
MasksRef = Annotated[str, Reference((INSTANCES, RLE_INSTANCES))]
AnyMasksRef = Annotated[str, Reference((INSTANCES, RLE_INSTANCES, SEMANTIC))]
KeypointsRef = Annotated[str, Reference((KEYPOINTS,))]
ClassificationRef = Annotated[str, Reference((CLASSIFICATION,), "step_output")]
BooleanRef = Annotated[str, Reference(("boolean",))]
IntegerRef = Annotated[str, Reference(("integer",))]
FloatRef = Annotated[str, Reference(("float",))]
FractionRef = Annotated[str, Reference(("float_zero_to_one",))]
StringRef = Annotated[str, Reference(("string",))]
ListRef = Annotated[str, Reference(("list_of_values",))]
DictionaryRef = Annotated[str, Reference(("dictionary",))]
ColorRef = Annotated[str, Reference(("rgb_color", "string"))]
SecretRef = Annotated[str, Reference(("secret", "string"))]
ModelIdRef = Annotated[str, Reference(("roboflow_model_id",))]
ProjectRef = Annotated[str, Reference(("roboflow_project",))]

Fraction = Annotated[float, Field(ge=0, le=1)]

T = TypeVar("T")


class Manifest(BaseModel):
    """The properties that every step has. Those that nobody knows are ignored."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=(), defer_build=True)

    type: str
    name: str


def images_field() -> Any:
    """The pictures of a step, under either of the two names in use."""
    return Field(
        title="Images", description="The pictures to work on.", validation_alias=AliasChoices("images", "image")
    )


@cache
def references_of(manifest: type[Manifest]) -> dict[str, dict[Shape, tuple[Reference, ...]]]:
    """Where the properties of a manifest take selectors: as the whole value, inside a list, inside a dict."""
    found: dict[str, dict[Shape, tuple[Reference, ...]]] = {}
    for name, hint in get_type_hints(manifest, include_extras=True).items():
        shapes: dict[Shape, tuple[Reference, ...]] = {}
        for shape, reference in _references(hint, "value"):
            shapes[shape] = (*shapes.get(shape, ()), reference)
        if shapes:
            found[name] = shapes
    return found


def _references(hint: Any, shape: Shape) -> Iterator[tuple[Shape, Reference]]:
    """The references in a type, to one level of nesting."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *metadata = get_args(hint)
        marks = [mark for mark in metadata if isinstance(mark, Reference)]
        if marks:
            yield from ((shape, mark) for mark in marks)
        else:
            yield from _references(inner, shape)
    elif origin is list and shape == "value":
        yield from _references(get_args(hint)[0], "list")
    elif origin is dict and shape == "value":
        yield from _references(get_args(hint)[1], "dict")
    elif origin not in (list, dict, Literal, type, None):
        for member in get_args(hint):
            if member is not NoneType:
                yield from _references(member, shape)
