"""Statements and operations of the query language, what carries them out, and a table of detections to ask."""

from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from retinue.workflows.detections import DetectionTable, Place, strings
from retinue.workflows.image import Origin, WorkflowImage
from retinue.workflows.query.evaluate import apply_operations, evaluate
from retinue.workflows.query.syntax import Operations, StatementGroup

OPERATIONS = TypeAdapter(Operations)
PLACELESS = "step_execution | roboflow_query_language_evaluation"
CONTEXT = f"{PLACELESS} | <root>"
WITHOUT_PLACE = {
    "ClassificationPropertyExtract", "DetectionsFilter", "DetectionsOffset", "DetectionsRename", "DetectionsSelection",
    "DetectionsShift", "SortDetections",
}  # fmt: skip


def context_of(operation: dict[str, Any], position: int = 0) -> str:
    """The context of an error of the operation: some do not say where they stand, as upstream."""
    return PLACELESS if operation["type"] in WITHOUT_PLACE else f"{CONTEXT}[{position}]"


SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]]


def nested(depth: int) -> list[Any]:
    """Lists inside lists."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


NESTED = nested(5_000)


def table(**changes: Any) -> DetectionTable:
    """A big cat, a dog with its middle in the cat's box, an owl with its middle on that box's border, a dog outside."""
    origin = Origin("image", 0, 0, 120, 100)
    place = Place(width=120, height=100, parent=origin, root=origin)
    rows = DetectionTable(
        xyxy=np.array([[10, 10, 60, 61], [20, 20, 31, 30], [55, 20, 65, 25], [80, 5, 90, 15]], float),
        confidence=np.array([0.5, 0.75, 0.25, 0.75]),
        class_id=np.array([0, 1, 2, 1]),
        class_name=strings(["cat", "dog", "owl", "dog"]),
        detection_id=strings(["a", "b", "c", "d"]),
        parent_id=strings(["image"] * 4),
        places=strings([place] * 4),
        size=(120, 100),
    )
    return replace(rows, **changes)


def image(**video: Any) -> WorkflowImage:
    picture = WorkflowImage.of_pixels(np.zeros((2, 3, 3), np.uint8), "image")
    return replace(picture, given_video=replace(picture.video, **video))


def do(value: Any, *operations: dict[str, Any], **parameters: Any) -> Any:
    """The value after the operations, a table as its detection ids."""
    result = apply_operations(value, OPERATIONS.validate_python(operations), parameters)
    return "".join(result.detection_id) if isinstance(result, DetectionTable) else result


def op(type: str, **arguments: Any) -> dict[str, Any]:
    return {"type": type, **arguments}


def static(value: Any, *operations: dict[str, Any]) -> dict[str, Any]:
    return {"type": "StaticOperand", "value": value, "operations": list(operations)}


def dynamic(name: str = "_", *operations: dict[str, Any]) -> dict[str, Any]:
    return {"type": "DynamicOperand", "operand_name": name, "operations": list(operations)}


def one(name: str) -> dict[str, Any]:
    """The operand inside a filter that is a property of the detection."""
    return {"type": "DynamicOperand", "operations": [op("ExtractDetectionProperty", property_name=name)]}


def binary(left: Any, comparator: str, right: Any, **rest: Any) -> dict[str, Any]:
    return op("BinaryStatement", left_operand=left, comparator={"type": comparator}, right_operand=right, **rest)


def unary(operand: Any, operator: str, **rest: Any) -> dict[str, Any]:
    return op("UnaryStatement", operand=operand, operator={"type": operator}, **rest)


def group(*statements: Any, **rest: Any) -> dict[str, Any]:
    return op("StatementGroup", statements=list(statements), **rest)


def keep(*statements: Any, **rest: Any) -> dict[str, Any]:
    return op("DetectionsFilter", filter_operation=group(*statements, **rest))


def holds(*statements: Any, operator: str | None = None, **parameters: Any) -> bool:
    rest = {} if operator is None else {"operator": operator}
    return evaluate(StatementGroup.model_validate(group(*statements, **rest)), parameters)


TRUE = binary(static(1), "==", static(1))
FALSE = binary(static(1), "==", static(2))
