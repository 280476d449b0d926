"""Operations on detections."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retinue.workflows.detections import DetectionTable, strings
from retinue.workflows.errors import InvalidInputTypeError, OperationError, UndeclaredSymbolError
from retinue.workflows.query.registry import OperationModel, Parameters, expect, performs
from retinue.workflows.query.rows import POINTS, Detection, DetectionProperty, property_column

Pixels = Annotated[int, Field(ge=-(10**9), le=10**9)]
ClassId = Annotated[int, Field(ge=-(2**62), le=2**62)]


class DetectionsPropertyExtract(OperationModel):
    """A property of all detections, as a list. Points are rounded to whole pixels."""

    type: Literal["DetectionsPropertyExtract"]
    property_name: DetectionProperty


@performs(DetectionsPropertyExtract)
def extract_from_all(value: Any, operation: DetectionsPropertyExtract, parameters: Parameters) -> list[Any]:
    table = expect(value, DetectionTable, operation)
    name = operation.property_name
    if len(table) == 0:
        return []
    if name in POINTS:
        return np.rint(POINTS[name](table)).astype(np.int64).tolist()
    column = property_column(table, name)
    if column is None:
        raise OperationError(
            f"these detections have no property `{name}`; put a block that gives it to them before this one"
        )
    return column


class ExtractDetectionProperty(OperationModel):
    """A property of one detection, inside a filter; nothing if the detection does not have it."""

    type: Literal["ExtractDetectionProperty"]
    property_name: DetectionProperty


@performs(ExtractDetectionProperty)
def extract_from_one(value: Any, operation: ExtractDetectionProperty, parameters: Parameters) -> Any:
    return expect(value, Detection, operation).read(operation.property_name)


class DetectionsOffset(OperationModel):
    """The boxes made wider and higher by so many pixels, half of them on each side; the picture does not bound them."""

    type: Literal["DetectionsOffset"]
    offset_x: Pixels
    offset_y: Pixels


@performs(DetectionsOffset, has_place=False)
def enlarge(value: Any, operation: DetectionsOffset, parameters: Parameters) -> DetectionTable:
    table = expect(value, DetectionTable, operation)
    x, y = operation.offset_x / 2, operation.offset_y / 2
    return replace(table, xyxy=table.xyxy + np.array([-x, -y, x, y]))


class DetectionsShift(OperationModel):
    """The boxes moved to the right and down by so many pixels."""

    type: Literal["DetectionsShift"]
    shift_x: Pixels
    shift_y: Pixels


@performs(DetectionsShift, has_place=False)
def shift(value: Any, operation: DetectionsShift, parameters: Parameters) -> DetectionTable:
    table = expect(value, DetectionTable, operation)
    x, y = operation.shift_x, operation.shift_y
    return replace(table, xyxy=table.xyxy + np.array([x, y, x, y]))


class DetectionsRename(OperationModel):
    """The detections under other class names. `class_map` and `strict` are given here, or are names of parameters.

    Strict: each class must be in the map, and the new names are numbered from 0 in alphabetical order. Else classes
    that are not in the map stay as they are, and names that no detection had are numbered from new_classes_id_offset.
    """

    type: Literal["DetectionsRename"]
    class_map: dict[str, str] | str
    strict: bool | str = True
    new_classes_id_offset: ClassId = 1024


@performs(DetectionsRename, has_place=False)
def rename(value: Any, operation: DetectionsRename, parameters: Parameters) -> DetectionTable:
    table = expect(value, DetectionTable, operation)
    class_map = expect(_resolve(operation.class_map, parameters), dict, operation)
    strict = expect(_resolve(operation.strict, parameters), bool, operation)
    if not all(isinstance(name, str) for name in class_map.values()):
        raise InvalidInputTypeError("DetectionsRename takes a class map from texts to texts")
    if strict and (unknown := [name for name in table.class_name if name not in class_map]):
        raise OperationError(f"Class '{unknown[0]}' not found in class_map.")
    names = [class_map.get(name, name) for name in table.class_name]
    if strict:
        ids = {name: index for index, name in enumerate(sorted(set(class_map.values())))}
    else:
        ids = dict(zip(table.class_name, table.class_id.tolist(), strict=True))
        ids |= {
            name: operation.new_classes_id_offset + index
            for index, name in enumerate(sorted(set(class_map.values()) - ids.keys()))
        }
    return replace(table, class_name=strings(names), class_id=np.array([ids[name] for name in names], np.int64))


def _resolve(given: Any, parameters: Parameters) -> Any:
    """What is given, or the parameter of that name."""
    if not isinstance(given, str):
        return given
    if given not in parameters:
        raise UndeclaredSymbolError(f"DetectionsRename names the parameter `{given}`, which is not there")
    return parameters[given]


SELECTIONS: dict[str, Callable[[DetectionTable], Any]] = {
    "left_most": lambda table: np.argmin(table.centre_xy[:, 0]),
    "right_most": lambda table: np.argmax(table.centre_xy[:, 0]),
    "top_confidence": lambda table: np.argmax(table.confidence),
    "first": lambda table: 0,
    "last": lambda table: len(table) - 1,
}


class DetectionsSelection(OperationModel):
    """One detection: the left- or right-most by the middle of its box, the most confident, the first or the last."""

    type: Literal["DetectionsSelection"]
    mode: Literal["left_most", "right_most", "top_confidence", "first", "last"]


@performs(DetectionsSelection, has_place=False)
def select(value: Any, operation: DetectionsSelection, parameters: Parameters) -> DetectionTable:
    table = expect(value, DetectionTable, operation)
    return table.select([SELECTIONS[operation.mode](table)]) if len(table) else table


SORT_KEYS: dict[str, Callable[[DetectionTable], NDArray[np.float64]]] = {
    "confidence": lambda table: table.confidence,
    "x_min": lambda table: table.xyxy[:, 0],
    "x_max": lambda table: table.xyxy[:, 2],
    "y_min": lambda table: table.xyxy[:, 1],
    "y_max": lambda table: table.xyxy[:, 3],
    "size": lambda table: table.box_area,
    "center_x": lambda table: table.centre_xy[:, 0],
    "center_y": lambda table: table.centre_xy[:, 1],
}


class SortDetections(OperationModel):
    """The detections in the order of a property; descending is the ascending order from its end."""

    type: Literal["SortDetections"]
    mode: Literal["confidence", "x_min", "x_max", "y_min", "y_max", "size", "center_x", "center_y"]
    ascending: bool = True


@performs(SortDetections, has_place=False)
def sort(value: Any, operation: SortDetections, parameters: Parameters) -> DetectionTable:
    table = expect(value, DetectionTable, operation)
    order = np.argsort(SORT_KEYS[operation.mode](table), kind="stable")
    return table.select(order if operation.ascending else order[::-1])


class PickDetectionsByParentClass(OperationModel):
    """The detections of the parent class, then those whose middle lies in the box of one of them or on its border."""

    type: Literal["PickDetectionsByParentClass"]
    parent_class: str


@performs(PickDetectionsByParentClass)
def pick_by_parent_class(value: Any, operation: PickDetectionsByParentClass, parameters: Parameters) -> DetectionTable:
    table = expect(value, DetectionTable, operation)
    is_parent = np.asarray(table.class_name == operation.parent_class, bool)
    if not is_parent.any():
        return DetectionTable.empty()
    parents, others = np.flatnonzero(is_parent), np.flatnonzero(~is_parent)
    middle = table.centre_xy[others, None]
    box = table.xyxy[None, parents]
    is_inside = np.all((box[..., :2] <= middle) & (middle <= box[..., 2:]), axis=2).any(axis=1)
    return table.select(np.concatenate([parents, others[is_inside]]))


class DetectionsToDictionary(OperationModel):
    """The detections in the form in which a model's answer gives them."""

    type: Literal["DetectionsToDictionary"]


@performs(DetectionsToDictionary)
def to_dictionary(value: Any, operation: DetectionsToDictionary, parameters: Parameters) -> dict[str, Any]:
    from retinue.workflows.serialise import render_detections

    return render_detections(expect(value, DetectionTable, operation))
