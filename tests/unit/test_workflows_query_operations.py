"""Operations of the query language: what each answers, which values it refuses, and that all are described."""

from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from retinue.workflows.errors import (
    InvalidInputTypeError,
    OperationError,
    OperationTypeNotRecognisedError,
    QueryError,
    UndeclaredSymbolError,
)
from retinue.workflows.query.comparators import COMPARATORS, OPERATORS
from retinue.workflows.query.describe import describe_query_language
from retinue.workflows.query.evaluate import apply_operations
from retinue.workflows.query.registry import PERFORMERS, OperationModel
from retinue.workflows.query.syntax import ComparatorType, Operation, OperatorType
from tests.unit.workflow_queries import (
    CONTEXT,
    NESTED,
    OPERATIONS,
    PLACELESS,
    TRUE,
    binary,
    context_of,
    do,
    group,
    image,
    keep,
    op,
    static,
    table,
)

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


def test_pictures_are_encoded() -> None:
    assert do(image(), op("ConvertImageToJPEG", compression_level=1))[:3] == b"\xff\xd8\xff"
    assert do(image(), op("ConvertImageToBase64"))[:4] == "/9j/"


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


def test_unknown_operations() -> None:
    with pytest.raises(OperationTypeNotRecognisedError) as caught:
        apply_operations(1, [OperationModel(type="Explode")], {})  # type: ignore[list-item]
    assert caught.value.context == "step_execution | roboflow_query_language_compilation"


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
