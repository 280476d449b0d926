"""The query language of workflows: every comparator, operator and operation, and what they refuse."""

import sys
import time
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from retinue.workflows.detections import DetectionTable, Keypoints, Place, strings
from retinue.workflows.errors import (
    InvalidInputTypeError,
    OperationError,
    OperationTypeNotRecognisedError,
    QueryError,
    UndeclaredSymbolError,
)
from retinue.workflows.image import Origin, WorkflowImage
from retinue.workflows.query import limits
from retinue.workflows.query.comparators import COMPARATORS, OPERATORS
from retinue.workflows.query.describe import describe_query_language
from retinue.workflows.query.evaluate import apply_operations, evaluate
from retinue.workflows.query.registry import PERFORMERS, OperationModel
from retinue.workflows.query.syntax import ComparatorType, Operation, Operations, OperatorType, StatementGroup

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
ARROW = [[0, 0], [10, 0], [10, 10], [5, 5], [0, 10]]  # not convex: the notch is outside


def nested(depth: int) -> list[Any]:
    """Lists inside lists."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


NESTED = nested(5_000)

SINGLE = {
    "predictions": [
        {"class": "dog", "class_id": 1, "confidence": 0.75},
        {"class": "cat", "class_id": 0, "confidence": 0.25},
    ],
    "top": "dog",
    "confidence": 0.75,
}
MULTI = {
    "predictions": {
        "dog": {"class_id": 1, "confidence": 0.75},
        "cat": {"class_id": 0, "confidence": 0.9},
        "owl": {"class_id": 2, "confidence": 0.1},
    },
    "predicted_classes": ["dog", "cat"],
}
NOTHING = {**MULTI, "predicted_classes": []}


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


@pytest.mark.parametrize(
    ("left", "comparator", "right", "expected"),
    [
        pytest.param(1, "==", 1.0, True, id="equal-numbers"),
        pytest.param("1", "==", 1, False, id="text-is-no-number"),
        pytest.param([1, "a"], "==", [1, "a"], True, id="equal-lists"),
        pytest.param(None, "!=", 0, True, id="null-is-not-zero"),
        pytest.param(2, "(Number) ==", 2, True, id="number-equal"),
        pytest.param(2, "(Number) !=", 2, False, id="number-unequal"),
        pytest.param(2, "(Number) >", 2, False, id="greater-than-itself"),
        pytest.param(2, "(Number) >=", 2, True, id="at-least-itself"),
        pytest.param(1.5, "(Number) <", 2, True, id="less"),
        pytest.param(2, "(Number) <=", 1, False, id="at-most"),
        pytest.param(2, "(Number) in range", [2, 3], True, id="range-includes-its-low-end"),
        pytest.param(3, "(Number) in range", [2, 3], True, id="range-includes-its-high-end"),
        pytest.param(3.1, "(Number) in range", [2, 3], False, id="beyond-range"),
        pytest.param("abc", "(String) startsWith", "ab", True, id="starts"),
        pytest.param("abc", "(String) endsWith", "ab", False, id="ends"),
        pytest.param("abc", "(String) contains", "b", True, id="contains"),
        pytest.param("a", "in (Sequence)", ["a", "b"], True, id="in-list"),
        pytest.param("a", "in (Sequence)", {"a": 1}, True, id="in-names-of-dictionary"),
        pytest.param([1], "in (Sequence)", [[1]], True, id="list-in-list-of-lists"),
        pytest.param([1, 9], "any in (Sequence)", [1, 2], True, id="any"),
        pytest.param([], "any in (Sequence)", [1, 2], False, id="any-of-nothing"),
        pytest.param([1, 9], "all in (Sequence)", [1, 2], False, id="all"),
        pytest.param([], "all in (Sequence)", [], True, id="all-of-nothing"),
        pytest.param([[1]], "any in (Sequence)", [1, 2], False, id="elements-without-hash"),
        pytest.param([1], "any in (Sequence)", [[2], 1], True, id="container-without-hash"),
        pytest.param("ab", "all in (Sequence)", "cab", True, id="characters-in-text"),
        pytest.param([5, 5], "(Detection) in zone", SQUARE, True, id="inside"),
        pytest.param([15, 5], "(Detection) in zone", SQUARE, False, id="outside"),
        pytest.param([10, 5], "(Detection) in zone", SQUARE, False, id="on-edge"),
        pytest.param([0, 0], "(Detection) in zone", SQUARE, False, id="on-corner"),
        pytest.param([15, 10], "(Detection) in zone", SQUARE, False, id="beyond-an-edge-in-line-with-it"),
        pytest.param([5, 8], "(Detection) in zone", ARROW, False, id="in-notch"),
        pytest.param([1, 5], "(Detection) in zone", ARROW, True, id="ray-through-corner"),
        pytest.param([5, 5], "(Detection) in zone", [], False, id="zone-without-corners"),
    ],
)
def test_comparators(left: Any, comparator: str, right: Any, expected: bool) -> None:
    statement = binary(static(left), comparator, static(right))
    assert holds(statement) is expected
    assert holds({**statement, "negate": True}) is not expected


@pytest.mark.parametrize(
    ("value", "operator", "expected"),
    [
        pytest.param(0, "Exists", True, id="zero-exists"),
        pytest.param(None, "Exists", False, id="null-does-not-exist"),
        pytest.param(None, "DoesNotExist", True, id="null"),
        pytest.param(True, "(Boolean) is True", True, id="true"),
        pytest.param(1, "(Boolean) is True", False, id="one-is-not-true"),
        pytest.param(0, "(Boolean) is False", False, id="zero-is-not-false"),
        pytest.param([], "(Sequence) is empty", True, id="empty-list"),
        pytest.param({"a": 1}, "(Sequence) is not empty", True, id="dictionary"),
        pytest.param(table(), "(Sequence) is not empty", True, id="table"),
        pytest.param(DetectionTable.empty(), "(Sequence) is empty", True, id="empty-table"),
    ],
)
def test_operators(value: Any, operator: str, expected: bool) -> None:
    assert holds(unary(dynamic("value"), operator), value=value) is expected
    assert holds(unary(dynamic("value"), operator, negate=True), value=value) is not expected


TRUE = binary(static(1), "==", static(1))
FALSE = binary(static(1), "==", static(2))


@pytest.mark.parametrize(
    ("statements", "operator", "expected"),
    [
        pytest.param([FALSE, TRUE], None, True, id="default-is-or"),
        pytest.param([FALSE, FALSE], "or", False, id="or"),
        pytest.param([TRUE, FALSE], "and", False, id="and"),
        pytest.param([group(TRUE, FALSE), TRUE], "and", True, id="groups-in-groups"),
    ],
)
def test_groups(statements: list[Any], operator: str | None, expected: bool) -> None:
    assert holds(*statements, operator=operator) is expected


@pytest.mark.parametrize("first", [TRUE, FALSE])
def test_all_statements_are_evaluated(first: dict[str, Any]) -> None:
    for operator in ("and", "or"):
        with pytest.raises(QueryError, match="cannot be evaluated"):
            holds(first, binary(static("a"), "(Number) <", static(1)), operator=operator)


@pytest.mark.parametrize(
    ("statement", "error", "where"),
    [
        pytest.param(binary(static(None), "(Number) <", static(1)), QueryError, ".statements[0]", id="null-as-number"),
        pytest.param(binary(static(1), "(String) startsWith", static("a")), QueryError, ".statements[0]", id="no-text"),
        pytest.param(
            binary(static(1), "(Number) in range", static([1])), QueryError, ".statements[0]", id="half-range"
        ),
        pytest.param(unary(static(1), "(Sequence) is empty"), QueryError, ".statements[0]", id="no-length"),
        pytest.param(
            binary(static([1, 1]), "(Detection) in zone", static([[0, 0], [1, 1]])),
            QueryError,
            ".statements[0]",
            id="zone-of-two-corners",
        ),
        pytest.param(unary(dynamic("gone"), "Exists"), UndeclaredSymbolError, ".statements[0]", id="no-such-parameter"),
        pytest.param(
            group(TRUE, unary(static(1, op("ToString"), op("Multiply", other=2)), "Exists")),
            InvalidInputTypeError,
            ".statements[0].statements[1].operations[1]",
            id="operation-of-operand",
        ),
        pytest.param(binary(static(NESTED), "==", static(nested(5_000))), QueryError, ".statements[0]", id="too-deep"),
    ],
)
def test_statements_that_fail_say_where(statement: Any, error: type[QueryError], where: str) -> None:
    with pytest.raises(error) as caught:
        holds(statement)
    assert type(caught.value) is error
    assert caught.value.context == CONTEXT + where


@pytest.mark.parametrize(
    ("value", "operation", "expected"),
    [
        pytest.param("AbÇ", op("StringToLowerCase"), "abç", id="lower"),
        pytest.param("AbÇ", op("StringToUpperCase"), "ABÇ", id="upper"),
        pytest.param("abcde", op("StringSubSequence"), "abcd", id="default-end-drops-the-last"),
        pytest.param("abcde", op("StringSubSequence", start=-3, end=9), "cde", id="positions-from-the-end"),
        pytest.param("a1b", op("StringMatches", regex=r"\d"), True, id="found-anywhere"),
        pytest.param("ab", op("StringMatches", regex="^b"), False, id="not-found"),
        pytest.param([1, "a"], op("ToString"), "[1, 'a']", id="text-of-list"),
        pytest.param(None, op("ToString"), "None", id="text-of-null"),
        pytest.param(datetime(2026, 1, 2, 3, 4, 5), op("TimestampToISOFormat"), "2026-01-02T03:04:05", id="timestamp"),
        pytest.param("0.0", op("ToBoolean"), True, id="text-is-true"),
        pytest.param([], op("ToBoolean"), False, id="empty-is-false"),
        pytest.param(table(), op("ToBoolean"), True, id="table-is-true"),
        pytest.param("2.9", op("ToNumber", cast_to="int"), 2, id="integer-of-text"),
        pytest.param("-1e3", op("ToNumber", cast_to="float"), -1000.0, id="float-of-text"),
        pytest.param(True, op("ToNumber", cast_to="int"), 1, id="integer-of-true"),
        pytest.param(2.675, op("NumberRound", decimal_digits=1), 2.7, id="round"),
        pytest.param(2.5, op("NumberRound", decimal_digits=0), 2.0, id="halves-to-even"),
        pytest.param(1234, op("NumberRound", decimal_digits=-2), 1200, id="round-hundreds"),
        pytest.param(1234, op("NumberRound", decimal_digits=-(10**9)), 0, id="round-beyond-all-digits"),
        pytest.param(3, op("Multiply", other=4), 12, id="multiply-keeps-integers"),
        pytest.param(np.float64(3), op("Multiply", other=0.5), 1.5, id="multiply-numpy"),
        pytest.param(True, op("Multiply", other=2), 2, id="multiply-true"),
        pytest.param(3, op("Divide", other=2), 1.5, id="divide"),
        pytest.param("any", op("RandomNumber", min_value=3, max_value=3), 3.0, id="random-of-no-range"),
        pytest.param("a", op("LookupTable", lookup_table={"a": [1]}), [1], id="lookup"),
        pytest.param(1, op("LookupTable", lookup_table={1: "one"}), "one", id="lookup-of-number"),
        pytest.param(["a", "b"], op("SequenceMap", lookup_table={"a": 1, "b": None}), [1, None], id="map"),
        pytest.param(["A", "b"], op("SequenceApply", operations=[op("StringToLowerCase")]), ["a", "b"], id="apply"),
        pytest.param("ab", op("SequenceApply", operations=[]), ["a", "b"], id="apply-nothing-to-characters"),
        pytest.param([1, 2, 2], op("SequenceAggregate", mode="first"), 1, id="first"),
        pytest.param([1, 2, 3], op("SequenceAggregate", mode="last"), 3, id="last"),
        pytest.param([1, 2, 2], op("SequenceAggregate", mode="most_common"), 2, id="most-common"),
        pytest.param([3, 1, 1], op("SequenceAggregate", mode="least_common"), 3, id="least-common"),
        pytest.param([5, 6, 7], op("SequenceAggregate", mode="most_common"), 5, id="ties-to-the-first"),
        pytest.param([5, 6, 7], op("SequenceAggregate", mode="least_common"), 7, id="ties-to-the-last"),
        pytest.param(table(), op("SequenceAggregate", mode="last"), "d", id="last-of-table"),
        pytest.param([3, 1.5], op("NumericSequenceAggregate", function="min"), 1.5, id="min"),
        pytest.param([3, 1.5], op("NumericSequenceAggregate", function="max"), 3, id="max"),
        pytest.param([3, 1.5], op("NumericSequenceAggregate", function="sum"), 4.5, id="sum"),
        pytest.param([], op("NumericSequenceAggregate", function="sum"), None, id="sum-of-nothing"),
        pytest.param([], op("NumericSequenceAggregate", function="max", neutral_value=-1), -1, id="neutral-value"),
        pytest.param(table(), op("SequenceLength"), 4, id="length-of-table"),
        pytest.param({"a": 1}, op("SequenceLength"), 1, id="length-of-dictionary"),
        pytest.param([1, "1", "x"], op("SequenceElementsCount"), {"1": 2, "x": 1}, id="count-as-text"),
        pytest.param(["y" * 129], op("SequenceElementsCount"), {"y" * 128 + " [...]": 1}, id="count-long-text"),
        pytest.param([1, None, "x"], op("SequenceJoin"), "1, None, x", id="join"),
        pytest.param([], op("SequenceJoin", separator="-"), "", id="join-nothing"),
        pytest.param(SINGLE, op("ClassificationPropertyExtract", property_name="top_class"), "dog", id="top"),
        pytest.param(
            MULTI, op("ClassificationPropertyExtract", property_name="top_class"), ["dog", "cat"], id="labels-top"
        ),
        pytest.param(
            SINGLE, op("ClassificationPropertyExtract", property_name="top_class_confidence"), 0.75, id="top-confidence"
        ),
        pytest.param(
            MULTI,
            op("ClassificationPropertyExtract", property_name="top_class_confidence"),
            [0.75, 0.9],
            id="labels-top-confidence",
        ),
        pytest.param(
            SINGLE,
            op("ClassificationPropertyExtract", property_name="top_class_confidence_single"),
            0.75,
            id="top-confidence-single",
        ),
        pytest.param(
            MULTI,
            op("ClassificationPropertyExtract", property_name="top_class_confidence_single"),
            0.9,
            id="labels-highest",
        ),
        pytest.param(
            NOTHING,
            op("ClassificationPropertyExtract", property_name="top_class_confidence_single"),
            0.0,
            id="labels-highest-of-none",
        ),
        pytest.param(
            SINGLE, op("ClassificationPropertyExtract", property_name="all_classes"), ["dog", "cat"], id="in-order"
        ),
        pytest.param(
            MULTI, op("ClassificationPropertyExtract", property_name="all_classes"), ["cat", "dog", "owl"], id="by-id"
        ),
        pytest.param(
            SINGLE, op("ClassificationPropertyExtract", property_name="all_confidences"), [0.75, 0.25], id="in-order-c"
        ),
        pytest.param(
            MULTI, op("ClassificationPropertyExtract", property_name="all_confidences"), [0.9, 0.75, 0.1], id="by-id-c"
        ),
        pytest.param(image(), op("ExtractImageProperty", property_name="size"), 6, id="size"),
        pytest.param(image(), op("ExtractImageProperty", property_name="height"), 2, id="height"),
        pytest.param(image(), op("ExtractImageProperty", property_name="width"), 3, id="width"),
        pytest.param(image(), op("ExtractImageProperty", property_name="aspect_ratio"), 1.5, id="aspect"),
        pytest.param(
            image(frame_number=7), op("ExtractFrameMetadata", property_name="frame_number"), 7, id="frame-number"
        ),
        pytest.param(
            image(frame_timestamp=datetime(2026, 1, 1)),
            op("ExtractFrameMetadata", property_name="frame_timestamp"),
            datetime(2026, 1, 1),
            id="frame-timestamp",
        ),
        pytest.param(
            image(frame_number=61, fps=30.0),
            op("ExtractFrameMetadata", property_name="seconds_since_start"),
            2.0,
            id="first-frame-has-number-1",
        ),
        pytest.param({"a": [1, "é"]}, op("ConvertDictionaryToJSON"), {"a": [1, "é"]}, id="json"),
    ],
)
def test_operations(value: Any, operation: dict[str, Any], expected: Any) -> None:
    result = do(value, operation)
    if operation["type"] == "ConvertDictionaryToJSON":
        result = TypeAdapter(Any).validate_json(f'{{"v":{result}}}')["v"]
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("name", "listed", "single"),
    [
        ("confidence", [0.5, 0.75, 0.25, 0.75], 0.75),
        ("class_name", ["cat", "dog", "owl", "dog"], "dog"),
        ("class_id", [0, 1, 2, 1], 1),
        ("x_min", [10.0, 20.0, 55.0, 80.0], 20.0),
        ("y_min", [10.0, 20.0, 20.0, 5.0], 20.0),
        ("x_max", [60.0, 31.0, 65.0, 90.0], 31.0),
        ("y_max", [61.0, 30.0, 25.0, 15.0], 30.0),
        ("size", [2550.0, 110.0, 50.0, 100.0], 110.0),
        # Halves are rounded to the even number.
        ("center", [[35, 36], [26, 25], [60, 22], [85, 10]], (25.5, 25.0)),
        ("top_left", [[10, 10], [20, 20], [55, 20], [80, 5]], (20.0, 20.0)),
        ("top_right", [[60, 10], [31, 20], [65, 20], [90, 5]], (31.0, 20.0)),
        ("bottom_left", [[10, 61], [20, 30], [55, 25], [80, 15]], (20.0, 30.0)),
        ("bottom_right", [[60, 61], [31, 30], [65, 25], [90, 15]], (31.0, 30.0)),
        ("tracker_id", [7, 8, 9, 10], 8),
        ("image_dimensions", [[100, 120]] * 4, [100, 120]),
        ("prediction_type", ["object-detection"] * 4, "object-detection"),
        ("keypoints_xy", [[[1.0, 2.0]]] * 4, [[1.0, 2.0]]),
        ("time_in_zone", [0.0, 0.5, 1.0, 1.5], 0.5),
        ("velocity", [[1.0, 2.0]] * 4, [1.0, 2.0]),
        ("in_out", ["in", "out", "in", "out"], "out"),
    ],
)
def test_properties(name: str, listed: list[Any], single: Any) -> None:
    point = Keypoints(
        xy=np.array([[1.0, 2.0]]), confidence=np.ones(1), class_id=np.zeros(1, np.int64), class_name=("nose",)
    )
    rows = table(
        tracker_id=np.arange(7, 11),
        keypoints=(point,) * 4,
        columns={
            "time_in_zone": np.arange(4) / 2,
            "velocity": np.array([[1.0, 2.0]] * 4),
            "in_out": strings(["in", "out"] * 2),
        },
    )
    assert repr(do(rows, op("DetectionsPropertyExtract", property_name=name))) == repr(listed)
    each = op("SequenceApply", operations=[op("ExtractDetectionProperty", property_name=name)])
    assert repr(do(rows, each)[1]) == repr(single)


@pytest.mark.parametrize("name", ["tracker_id", "width", "rect", "polygon", "keypoints_xy", "area_px"])
def test_missing_properties(name: str) -> None:
    extract = op("DetectionsPropertyExtract", property_name=name)
    with pytest.raises(OperationError, match=f"no property `{name}`"):
        do(table(), extract)
    assert do(DetectionTable.empty(), extract) == []
    assert do(table(), keep(unary(one(name), "Exists"))) == ""


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        pytest.param(keep(binary(one("confidence"), "(Number) >=", static(0.5))), "abd", id="filter"),
        pytest.param(
            keep(binary(one("class_name"), "in (Sequence)", dynamic("names"))), "ac", id="filter-by-parameter"
        ),
        pytest.param(keep(binary(one("center"), "(Detection) in zone", static(SQUARE))), "", id="filter-all-out"),
        pytest.param(
            keep(binary(one("center"), "(Detection) in zone", static([[20, 20], [70, 20], [70, 30], [20, 30]]))),
            "bc",
            id="filter-by-zone",
        ),
        pytest.param(
            keep(
                binary(one("class_name"), "==", static("dog")),
                binary(one("x_min"), "(Number) <", static(50), negate=True),
                operator="and",
            ),
            "d",
            id="filter-and-negate",
        ),
        pytest.param(
            keep(
                binary(
                    dynamic("rows", op("DetectionsPropertyExtract", property_name="confidence"), op("SequenceLength")),
                    "(Number) ==",
                    static(4),
                )
            ),
            "abcd",
            id="filter-sees-parameters",
        ),
        pytest.param(
            keep(
                binary(
                    dynamic("rows", keep(binary(one("class_id"), "==", static(1))), op("SequenceLength")),
                    "(Number) ==",
                    one("class_id"),
                )
            ),
            "c",
            id="filter-in-filter",
        ),
        pytest.param(op("DetectionsSelection", mode="left_most"), "b", id="left-most-by-middle-not-by-edge"),
        pytest.param(op("DetectionsSelection", mode="right_most"), "d", id="right-most"),
        pytest.param(op("DetectionsSelection", mode="top_confidence"), "b", id="top-confidence-ties-to-the-first"),
        pytest.param(op("DetectionsSelection", mode="first"), "a", id="first"),
        pytest.param(op("DetectionsSelection", mode="last"), "d", id="last"),
        pytest.param(op("SortDetections", mode="confidence"), "cabd", id="sort-ties-in-order"),
        pytest.param(op("SortDetections", mode="confidence", ascending=False), "dbac", id="sort-descending-reverses"),
        pytest.param(op("SortDetections", mode="x_min"), "abcd", id="sort-x-min"),
        pytest.param(op("SortDetections", mode="x_max"), "bacd", id="sort-x-max"),
        pytest.param(op("SortDetections", mode="y_min"), "dabc", id="sort-y-min"),
        pytest.param(op("SortDetections", mode="y_max"), "dcba", id="sort-y-max"),
        pytest.param(op("SortDetections", mode="size"), "cdba", id="sort-size"),
        pytest.param(op("SortDetections", mode="center_x"), "bacd", id="sort-center-x"),
        pytest.param(op("SortDetections", mode="center_y"), "dcba", id="sort-center-y"),
        pytest.param(op("PickDetectionsByParentClass", parent_class="cat"), "abc", id="parent-border-counts"),
        pytest.param(op("PickDetectionsByParentClass", parent_class="dog"), "bd", id="parents-first"),
        pytest.param(op("PickDetectionsByParentClass", parent_class="emu"), "", id="no-parent"),
    ],
)
def test_which_detections_stay(operation: dict[str, Any], expected: str) -> None:
    assert do(table(), operation, names=["cat", "owl"], rows=table()) == expected
    if operation["type"] != "DetectionsFilter":
        assert do(DetectionTable.empty(), operation) == ""


def test_no_parent_gives_a_table_that_knows_no_picture() -> None:
    chain = OPERATIONS.validate_python([op("PickDetectionsByParentClass", parent_class="emu")])
    assert apply_operations(table(), chain, {}).size is None


@pytest.mark.parametrize(
    ("arguments", "names", "ids"),
    [
        pytest.param({"class_map": {"cat": "x", "dog": "x", "owl": "b"}}, "x x b x", [1, 1, 0, 1], id="strict"),
        pytest.param({"class_map": "map"}, "x y x y", [0, 1, 0, 1], id="map-of-parameter"),
        pytest.param(
            {"class_map": {"cat": "z", "emu": "b"}, "strict": False}, "z dog owl dog", [1025, 1, 2, 1], id="not-strict"
        ),
        pytest.param({"class_map": {"cat": "dog"}, "strict": "lax"}, "dog dog owl dog", [1, 1, 2, 1], id="known-class"),
        pytest.param(
            {"class_map": {"owl": "z", "cat": "y"}, "strict": False, "new_classes_id_offset": 5},
            "y dog z dog",
            [5, 1, 6, 1],
            id="ids-from-offset",
        ),
    ],
)
def test_rename(arguments: dict[str, Any], names: str, ids: list[int]) -> None:
    chain = OPERATIONS.validate_python([op("DetectionsRename", **arguments)])
    before = table()
    after = apply_operations(before, chain, {"map": {"cat": "x", "dog": "y", "owl": "x"}, "lax": False})
    assert " ".join(after.class_name) == names
    assert after.class_id.tolist() == ids
    assert before.class_id.tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (op("DetectionsOffset", offset_x=3, offset_y=-2), [8.5, 11.0, 61.5, 60.0]),
        (op("DetectionsShift", shift_x=3, shift_y=-20), [13.0, -10.0, 63.0, 41.0]),
    ],
)
def test_boxes(operation: dict[str, Any], expected: list[float]) -> None:
    before = table()
    after = apply_operations(before, OPERATIONS.validate_python([operation]), {})
    assert after.xyxy[0].tolist() == expected
    assert before.xyxy[0].tolist() == [10, 10, 60, 61]


def test_pictures_are_encoded() -> None:
    assert do(image(), op("ConvertImageToJPEG", compression_level=1))[:3] == b"\xff\xd8\xff"
    assert do(image(), op("ConvertImageToBase64"))[:4] == "/9j/"


def test_detections_as_dictionary() -> None:
    document = do(table(), op("DetectionsToDictionary"))
    assert document["image"] == {"width": 120, "height": 100}
    assert [row["class"] for row in document["predictions"]] == ["cat", "dog", "owl", "dog"]


def test_random_numbers_are_uniform() -> None:
    numbers = do(list(range(2000)), op("SequenceApply", operations=[op("RandomNumber", min_value=-1, max_value=3)]))
    assert min(numbers) >= -1 and max(numbers) <= 3
    assert np.mean(numbers) == pytest.approx(1, abs=0.2)


TEXTUAL = ["StringToLowerCase", "StringToUpperCase", "StringSubSequence", "TimestampToISOFormat"]
TABULAR = [
    op("DetectionsPropertyExtract", property_name="size"),
    op("ExtractDetectionProperty", property_name="size"),
    keep(TRUE),
    op("DetectionsOffset", offset_x=1, offset_y=1),
    op("DetectionsShift", shift_x=1, shift_y=1),
    op("DetectionsRename", class_map={}),
    op("DetectionsSelection", mode="first"),
    op("SortDetections", mode="size"),
    op("PickDetectionsByParentClass", parent_class="a"),
    op("DetectionsToDictionary"),
    op("ExtractImageProperty", property_name="size"),
    op("ExtractFrameMetadata", property_name="frame_number"),
    op("ConvertImageToJPEG"),
    op("ConvertImageToBase64"),
    op("ConvertDictionaryToJSON"),
    op("ClassificationPropertyExtract", property_name="top_class"),
]


@pytest.mark.parametrize(
    "operation", [*map(op, TEXTUAL), *TABULAR, op("StringMatches", regex="")], ids=lambda o: o["type"]
)
def test_values_of_another_type_are_refused(operation: dict[str, Any]) -> None:
    for value in (1.5, None, [1]):
        with pytest.raises(InvalidInputTypeError, match="takes") as caught:
            do(value, op("SequenceApply", operations=[]), operation) if value == [1] else do(value, operation)
        assert caught.value.context == context_of(operation, 1 if value == [1] else 0)


@pytest.mark.parametrize(
    ("value", "operation", "error"),
    [
        pytest.param("x", op("ToNumber", cast_to="int"), InvalidInputTypeError, id="no-number"),
        pytest.param("inf", op("ToNumber", cast_to="int"), InvalidInputTypeError, id="no-integer"),
        pytest.param("ab", op("Multiply", other=2), InvalidInputTypeError, id="text-times-two"),
        pytest.param([1], op("Multiply", other=2), InvalidInputTypeError, id="list-times-two"),
        pytest.param("1", op("Divide", other=2), InvalidInputTypeError, id="text-divided"),
        pytest.param(1, op("Divide", other=0), InvalidInputTypeError, id="divided-by-zero"),
        pytest.param(10**1000, op("Divide", other=3), InvalidInputTypeError, id="beyond-floats"),
        pytest.param(2**3000, op("Multiply", other=2**3000), OperationError, id="huge-product"),
        pytest.param(2**5000, op("NumberRound", decimal_digits=1), OperationError, id="huge-integer"),
        pytest.param("1.5", op("NumberRound", decimal_digits=1), InvalidInputTypeError, id="text-rounded"),
        pytest.param("b", op("LookupTable", lookup_table={"a": 1}), InvalidInputTypeError, id="not-in-table"),
        pytest.param([1], op("LookupTable", lookup_table={"a": 1}), InvalidInputTypeError, id="no-key"),
        pytest.param(["b"], op("SequenceMap", lookup_table={"a": 1}), InvalidInputTypeError, id="element-not-in-table"),
        pytest.param(5, op("SequenceMap", lookup_table={}), InvalidInputTypeError, id="no-list"),
        pytest.param(5, op("SequenceApply", operations=[]), InvalidInputTypeError, id="apply-to-number"),
        pytest.param([], op("SequenceAggregate", mode="first"), InvalidInputTypeError, id="first-of-nothing"),
        pytest.param([[1]], op("SequenceAggregate", mode="most_common"), InvalidInputTypeError, id="cannot-be-counted"),
        pytest.param({"a": 1}, op("SequenceAggregate", mode="first"), InvalidInputTypeError, id="first-of-dictionary"),
        pytest.param(["a"], op("NumericSequenceAggregate", function="sum"), InvalidInputTypeError, id="sum-of-texts"),
        pytest.param(5, op("SequenceLength"), InvalidInputTypeError, id="length-of-number"),
        pytest.param(5, op("SequenceJoin"), InvalidInputTypeError, id="join-number"),
        pytest.param(5, op("SequenceElementsCount"), InvalidInputTypeError, id="count-number"),
        pytest.param(
            {}, op("ClassificationPropertyExtract", property_name="all_classes"), OperationError, id="no-classification"
        ),
        pytest.param(
            image(fps=0.0),
            op("ExtractFrameMetadata", property_name="seconds_since_start"),
            OperationError,
            id="no-frames-per-second",
        ),
        pytest.param(
            replace(image(), pixels=np.zeros((0, 3, 3), np.uint8)),
            op("ConvertImageToJPEG"),
            OperationError,
            id="no-pixels",
        ),
        pytest.param(table(), op("DetectionsRename", class_map={"cat": "x"}), OperationError, id="class-not-in-map"),
        pytest.param(table(), op("DetectionsRename", class_map="gone"), UndeclaredSymbolError, id="no-such-map"),
        pytest.param(table(), op("DetectionsRename", class_map="number"), InvalidInputTypeError, id="map-is-no-map"),
        pytest.param(
            table(), op("DetectionsRename", class_map={}, strict="number"), InvalidInputTypeError, id="no-boolean"
        ),
        pytest.param("a", op("StringMatches", regex="["), OperationError, id="no-pattern"),
        pytest.param(NESTED, op("ToString"), OperationError, id="text-too-deep"),
        pytest.param({"a": {1}}, op("ConvertDictionaryToJSON"), OperationError, id="no-json"),
        pytest.param({"a": NESTED}, op("ConvertDictionaryToJSON"), OperationError, id="json-too-deep"),
    ],
)
def test_operations_that_fail(value: Any, operation: dict[str, Any], error: type[QueryError]) -> None:
    with pytest.raises(QueryError) as caught:
        do(value, operation, number=5)
    assert type(caught.value) is error
    assert caught.value.context == context_of(operation)


def test_errors_inside_filters_say_where() -> None:
    broken = binary(dynamic("_", op("ToString"), op("Divide", other=2)), "==", static(1))
    with pytest.raises(InvalidInputTypeError) as caught:
        do(table(), op("SortDetections", mode="size"), keep(TRUE, group(TRUE, broken)))
    assert caught.value.context == f"{CONTEXT}[1].statements[1].statements[1].operations[1]"


@pytest.mark.parametrize(
    ("operation", "context"),
    [
        pytest.param(op("Divide", other=2), f"{CONTEXT}[1]", id="of-the-list"),
        pytest.param(op("SequenceApply", operations=[op("Divide", other=2)]), f"{CONTEXT}[1]", id="in-a-list-in-it"),
        pytest.param(op("SortDetections", mode="size"), PLACELESS, id="without-place"),
    ],
)
def test_errors_of_elements_are_where_the_list_is(operation: dict[str, Any], context: str) -> None:
    with pytest.raises(InvalidInputTypeError) as caught:
        do(["a"], op("SequenceJoin"), op("SequenceApply", operations=[op("ToString"), operation]))
    assert caught.value.context == context


def test_a_detection_is_no_point() -> None:
    with pytest.raises(QueryError, match="cannot be evaluated"):
        do(table(), keep(binary(dynamic(), "(Detection) in zone", static(SQUARE))))


def test_unknown_operations() -> None:
    with pytest.raises(OperationTypeNotRecognisedError) as caught:
        apply_operations(1, [OperationModel(type="Explode")], {})  # type: ignore[list-item]
    assert caught.value.context == "step_execution | roboflow_query_language_compilation"


def test_hostile_patterns_stop_in_time() -> None:
    started_s = time.monotonic()
    with pytest.raises(OperationError, match=r"took longer than 0\.5 s"):
        do("a" * 60 + "b", op("StringMatches", regex=r"^(?:a?|a|aa)+$"))
    assert time.monotonic() - started_s < 3
    with pytest.raises(OperationError, match="longer than 10,000 characters"):
        do("a", op("StringMatches", regex="a" * 10_001))


def test_patterns_without_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "regex", None)
    with pytest.raises(OperationError, match="pip install regex"):
        do("a", op("StringMatches", regex="a"))


MANY = ["a"] * 3_000
BIG = op("SequenceMap", lookup_table={"a": MANY})


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param([BIG, op("ToString")], id="text-of-one-list-many-times"),
        pytest.param([BIG, op("SequenceJoin")], id="join-of-one-list-many-times"),
        pytest.param([op("SequenceJoin", separator="-" * 1000)], id="long-separator"),
        pytest.param([BIG, op("SequenceApply", operations=[BIG])], id="lists-of-lists-of-lists"),
    ],
)
def test_small_queries_cannot_make_large_values(monkeypatch: pytest.MonkeyPatch, operations: list[Any]) -> None:
    monkeypatch.setattr(limits, "MAX_ELEMENTS", 10 * len(MANY) ** 2 // 4)
    with pytest.raises(OperationError, match=r"longer than|would hold more"):
        do(MANY, *operations)


def test_loops_inside_loops_stop_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LOOPS_S", 0.05)
    loop = op("SequenceApply", operations=[op("SequenceApply", operations=[op("StringToUpperCase")])])
    with pytest.raises(OperationError, match=r"took longer than 0\.05 s"):
        do([MANY] * 1000, loop)


def nested_groups(depth: int) -> dict[str, Any]:
    statement = TRUE
    for _ in range(depth):
        statement = group(statement)
    return statement


def nested_chains(depth: int) -> dict[str, Any]:
    operation = op("SequenceLength")
    for _ in range(depth):
        operation = op("SequenceApply", operations=[operation])
    return operation


def nested_filters(depth: int) -> dict[str, Any]:
    operation = keep(TRUE)
    for _ in range(depth - 1):
        operation = keep(unary(dynamic("rows", operation), "Exists"))
    return operation


def test_nesting_is_bounded() -> None:
    assert holds(nested_groups(31))
    assert do([], nested_chains(32)) == []
    assert do(table(), nested_filters(5), rows=table().select([0])) == "abcd"
    OPERATIONS.validate_python([nested_filters(32)])
    for depth in (32, 400):
        with pytest.raises(ValidationError, match="nest deeper than 32 levels"):
            holds(nested_groups(depth))
    for nest in (nested_chains, nested_filters):
        for depth in (33, 400):
            with pytest.raises(ValidationError, match="nest deeper than 32 levels"):
                OPERATIONS.validate_python([nest(depth)])


def test_lengths_are_bounded() -> None:
    assert do("a", *[op("ToString")] * 1000) == "a"
    with pytest.raises(ValidationError, match="at most 1000 items"):
        do("a", *[op("ToString")] * 1001)
    with pytest.raises(ValidationError, match="at most 1000 items"):
        holds(*[TRUE] * 1001)


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(op("Explode"), id="unknown-type"),
        pytest.param(op("NumberRound"), id="argument-missing"),
        pytest.param(op("ConvertImageToJPEG", compression_level=101), id="quality-above-100"),
        pytest.param(op("ConvertImageToJPEG", compression_level=0), id="quality-below-1"),
        pytest.param(op("SortDetections", mode="colour"), id="unknown-mode"),
        pytest.param(op("DetectionsShift", shift_x=10**12, shift_y=0), id="shift-beyond-all-pictures"),
        pytest.param(op("DetectionsFilter", filter_operation=group()), id="no-statements"),
        pytest.param(keep(binary(static(1), "~", static(1))), id="unknown-comparator"),
    ],
)
def test_definitions_that_are_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OPERATIONS.validate_python([operation])


def test_everything_that_can_be_written_is_done_and_described() -> None:
    union, *_ = get_args(Operation)
    models = get_args(union)
    names = {get_args(model.__annotations__["type"])[0] for model in models}
    assert names == {model.__name__ for model in models} == set(PERFORMERS)
    assert len(names) == 36
    assert set(get_args(ComparatorType)) == set(COMPARATORS)
    assert set(get_args(OperatorType)) == set(OPERATORS)
    described = describe_query_language()
    operations = {row["operation_type"]: row for row in described["operations_description"]}
    assert set(operations) == names
    assert all(row["description"] and row["input_kind"] and row["output_kind"] for row in operations.values())
    assert operations["ExtractImageProperty"]["property_name_options"] == ["size", "height", "width", "aspect_ratio"]
    assert operations["DetectionsFilter"]["nested_operation_output_kind"][0]["name"] == "boolean"
    assert [name for name, row in operations.items() if row["compound"]] == [
        "SequenceMap",
        "SequenceApply",
        "DetectionsFilter",
    ]
    operators = {row["operator_type"]: row["operands_number"] for row in described["operators_descriptions"]}
    assert operators == dict.fromkeys(COMPARATORS, 2) | dict.fromkeys(OPERATORS, 1)
