"""Statements of the query language: every comparator and operator, groups, and where those that fail say they stand."""

from typing import Any

import pytest

from retinue.workflows.detections import DetectionTable
from retinue.workflows.errors import InvalidInputTypeError, QueryError, UndeclaredSymbolError
from tests.unit.workflow_queries import (
    CONTEXT,
    FALSE,
    NESTED,
    SQUARE,
    TRUE,
    binary,
    dynamic,
    group,
    holds,
    nested,
    op,
    static,
    table,
    unary,
)

ARROW = [[0, 0], [10, 0], [10, 10], [5, 5], [0, 10]]  # not convex: the notch is outside


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
