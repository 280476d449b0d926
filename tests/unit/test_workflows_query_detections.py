"""Operations of the query language on detections: properties, which ones stay, other names, other boxes."""

from typing import Any

import numpy as np
import pytest

from retinue.workflows.detections import DetectionTable, Keypoints, strings
from retinue.workflows.errors import InvalidInputTypeError, OperationError, QueryError
from retinue.workflows.query.evaluate import apply_operations
from tests.unit.workflow_queries import (
    CONTEXT,
    OPERATIONS,
    SQUARE,
    TRUE,
    binary,
    do,
    dynamic,
    group,
    keep,
    one,
    op,
    static,
    table,
    unary,
)


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


def test_detections_as_dictionary() -> None:
    document = do(table(), op("DetectionsToDictionary"))
    assert document["image"] == {"width": 120, "height": 100}
    assert [row["class"] for row in document["predictions"]] == ["cat", "dog", "owl", "dog"]


def test_errors_inside_filters_say_where() -> None:
    broken = binary(dynamic("_", op("ToString"), op("Divide", other=2)), "==", static(1))
    with pytest.raises(InvalidInputTypeError) as caught:
        do(table(), op("SortDetections", mode="size"), keep(TRUE, group(TRUE, broken)))
    assert caught.value.context == f"{CONTEXT}[1].statements[1].statements[1].operations[1]"


def test_a_detection_is_no_point() -> None:
    with pytest.raises(QueryError, match="cannot be evaluated"):
        do(table(), keep(binary(dynamic(), "(Detection) in zone", static(SQUARE))))
