"""Blocks that change detections or choose among values: classes, filters, collapse, default, beside upstream 1.8.3."""

import sys
from collections.abc import Sequence
from typing import Any

import pytest

from retinue.workflows.block import Block
from retinue.workflows.blocks.detections_classes_replacement import DetectionsClassesReplacement
from retinue.workflows.blocks.detections_filter import DetectionsFilter
from retinue.workflows.blocks.detections_transformation import DetectionsTransformation
from retinue.workflows.blocks.dimension_collapse import DimensionCollapse
from retinue.workflows.blocks.first_non_empty_or_default import FirstNonEmptyOrDefault
from retinue.workflows.detections import DetectionTable
from tests.unit.workflow_detections import (
    NAMES,
    detections,
    picture,
    rows_of,
)
from tests.unit.workflow_documents import runtime


def single(parent: str, top: str, **confidences: float) -> dict[str, Any]:
    entries = [
        {"class": name, "class_id": NAMES.index(name), "confidence": value} for name, value in confidences.items()
    ]
    return {"parent_id": parent, "top": top, "confidence": confidences.get(top, 0.0), "predictions": entries}


def multi(parent: str, predicted: Sequence[str], **confidences: float) -> dict[str, Any]:
    entries = {name: {"class_id": NAMES.index(name), "confidence": value} for name, value in confidences.items()}
    return {"parent_id": parent, "predicted_classes": list(predicted), "predictions": entries}


FALLBACK = {"fallback_class_name": "none", "fallback_class_id": 9}


@pytest.mark.parametrize(
    ("predictions", "fallback", "expected"),
    [
        pytest.param(
            [single("1", "b", a=0.2, b=0.8), single("0", "c", c=0.6)], {}, [(0, "c", 2, 0.6), (1, "b", 1, 0.8)],
            id="by the crop's name",
        ),
        pytest.param([single("1", "b", b=0.8), None], {}, [(1, "b", 1, 0.8)], id="those without go"),
        pytest.param(
            [single("1", "b", b=0.8), None], FALLBACK, [(1, "b", 1, 0.8)], id="a missing answer does not fall back"
        ),
        pytest.param(
            [single("0", "b", b=0.8), single("1", "")], FALLBACK, [(0, "b", 1, 0.8), (1, "none", 9, 0.0)],
            id="an empty one does",
        ),
        pytest.param(
            [single("0", "b", b=0.8), single("1", "")], {"fallback_class_name": "none"},
            [(0, "b", 1, 0.8), (1, "none", sys.maxsize, 0.0)], id="an id of its own",
        ),
        pytest.param(
            [single("0", "b", b=0.8), single("1", "")], {"fallback_class_name": "none", "fallback_class_id": -1},
            [(0, "b", 1, 0.8), (1, "none", sys.maxsize, 0.0)], id="ids are not negative",
        ),
        pytest.param(
            [multi("0", ["a"], a=0.6, b=0.7, c=0.7), multi("1", [], a=0.1)], FALLBACK, [(0, "b", 1, 0.7)],
            id="several labels: the most confident, where any was predicted",
        ),
        pytest.param([multi("0", ["a"], a=0.0), single("1", "a", a=0.5)], {}, [(1, "a", 0, 0.5)], id="confidence 0"),
        pytest.param(["HELLO", "WORLD"], {}, [(0, "HELLO", 0, 1.0), (1, "WORLD", 0, 1.0)], id="texts by position"),
        pytest.param([["HELLO", "again"], []], {}, [(0, "HELLO", 0, 1.0)], id="lists of texts"),
        pytest.param([["HELLO"], []], FALLBACK, [(0, "HELLO", 0, 1.0), (1, "none", 9, 0.0)], id="an empty list"),
        pytest.param([None, "WORLD"], FALLBACK, [(0, "none", 9, 0.0), (1, "WORLD", 0, 1.0)], id="no text"),
        pytest.param(["HELLO"], FALLBACK, [(0, "HELLO", 0, 1.0), (1, "none", 9, 0.0)], id="fewer texts"),
        pytest.param(["HELLO", "WORLD", "!"], {}, [(0, "HELLO", 0, 1.0), (1, "WORLD", 0, 1.0)], id="more texts"),
        pytest.param([[3], "WORLD"], {}, [(1, "WORLD", 0, 1.0)], id="a list of something else"),
    ],
)  # fmt: skip
def test_detections_classes_replacement(
    predictions: list[Any], fallback: dict[str, Any], expected: list[tuple[int, str, int, float]]
) -> None:
    table = detections(picture(), [(0, 0, 10, 10), (20, 20, 40, 40)], [0.9, 0.4])

    replaced = replace_classes(table, predictions, **fallback)

    assert replaced is not None
    rows = [row for row, *_ in expected]
    assert [row[2:] for row in rows_of(replaced)] == [(value, name, index) for _, name, index, value in expected]
    assert replaced.xyxy.tolist() == table.xyxy[rows].tolist()
    assert replaced.parent_id.tolist() == ["image"] * len(rows)
    assert not {"0", "1"} & set(replaced.detection_id)
    assert (table.class_name.tolist(), table.detection_id.tolist()) == (["a", "a"], ["0", "1"])


def replace_classes(table: DetectionTable | None, predictions: list[Any] | None, **fallback: Any) -> Any:
    defaults = {"fallback_class_name": None, "fallback_class_id": None}
    return DetectionsClassesReplacement(runtime()).run(
        object_detection_predictions=table, classification_predictions=predictions, **defaults | fallback
    )["predictions"]


@pytest.mark.parametrize(
    "predictions",
    [
        pytest.param(None, id="no classifications"),
        pytest.param([], id="none at all"),
        pytest.param([None, None], id="all missing"),
        pytest.param([single("0", ""), single("1", "")], id="all empty, in spite of the fallback"),
        pytest.param([single("0", "", a=0.5)], id="no class was chosen"),
        pytest.param([{"parent_id": "0", "top": "a"}], id="no predictions"),
    ],
)
def test_classes_replaced_by_nothing(predictions: list[Any] | None) -> None:
    table = detections(picture(), [(0, 0, 10, 10), (20, 20, 40, 40)])

    replaced = replace_classes(table, predictions, **FALLBACK)

    assert (len(replaced), replaced.size) == (0, None)
    assert replace_classes(None, predictions) is None


def test_classes_replaced_by_a_contradiction() -> None:
    table = detections(picture(), [(0, 0, 10, 10)])
    with pytest.raises(ValueError, match="the class 'c' occurs 0 times"):
        replace_classes(table, [single("0", "c", a=0.5)])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param([1, None, [2], 0, ""], [1, [2], 0, ""], id="only what is missing goes"),
        pytest.param([None], [], id="nothing left"),
        pytest.param([], [], id="nothing there"),
    ],
)
def test_dimension_collapse(data: list[Any], expected: list[Any]) -> None:
    assert DimensionCollapse(runtime()).run(data=data) == {"output": expected}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param([None, 0, 1], 0, id="zero is not nothing"),
        pytest.param([None, []], [], id="nor is an empty list"),
        pytest.param([None, None], "default", id="default"),
        pytest.param([], "default", id="no data"),
    ],
)
def test_first_non_empty_or_default(data: list[Any], expected: Any) -> None:
    assert FirstNonEmptyOrDefault(runtime()).run(data=data, default="default") == {"output": expected}


KEEP_LARGE: dict[str, Any] = {
    "type": "DetectionsFilter",
    "filter_operation": {
        "type": "StatementGroup",
        "statements": [
            {
                "type": "BinaryStatement",
                "left_operand": {
                    "type": "DynamicOperand",
                    "operations": [{"type": "ExtractDetectionProperty", "property_name": "size"}],
                },
                "comparator": {"type": "(Number) >="},
                "right_operand": {"type": "DynamicOperand", "operand_name": "least"},
            }
        ],
    },
}


@pytest.mark.parametrize("block", [DetectionsFilter, DetectionsTransformation])
@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        pytest.param([], ["0", "1", "2"], id="nothing is done"),
        pytest.param([KEEP_LARGE], ["1", "2"], id="filter with a parameter"),
        pytest.param(
            [KEEP_LARGE, {"type": "SortDetections", "mode": "confidence", "ascending": True}], ["2", "1"], id="chain"
        ),
        pytest.param([{"type": "DetectionsSelection", "mode": "left_most"}], ["0"], id="selection"),
    ],
)
def test_operations_on_detections(
    block: type[DetectionsFilter], operations: list[dict[str, Any]], expected: list[str]
) -> None:
    table = detections(picture(), [(0, 0, 5, 5), (10, 0, 40, 5), (20, 0, 40, 9)], [0.9, 0.5, 0.4])

    transformed = block(runtime()).run(
        predictions=table, operations=parsed(block, operations), operations_parameters={"least": 100}
    )["predictions"]

    assert transformed.detection_id.tolist() == expected


def parsed(block: type[Block], operations: list[dict[str, Any]]) -> Any:
    document = {"type": block.identifier, "name": "s", "predictions": "$steps.d.predictions", "operations": operations}
    return block.manifest.model_validate(document).operations  # type: ignore[attr-defined]


@pytest.mark.parametrize("block", [DetectionsFilter, DetectionsTransformation])
@pytest.mark.parametrize(
    ("operations", "parameters", "message"),
    [
        pytest.param([{"type": "SequenceLength"}], {}, "into int, but the block has to give detections", id="a number"),
        pytest.param([], {"_": 1}, "`_` in operations_parameters is reserved", id="reserved name"),
    ],
)
def test_operations_that_give_something_else(
    block: type[DetectionsFilter], operations: list[dict[str, Any]], parameters: dict[str, Any], message: str
) -> None:
    table = detections(picture(), [(0, 0, 5, 5)])
    with pytest.raises(ValueError, match=message):
        block(runtime()).run(predictions=table, operations=parsed(block, operations), operations_parameters=parameters)
