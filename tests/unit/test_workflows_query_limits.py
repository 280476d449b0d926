"""Queries that would run for long, make large values or nest deep are stopped or refused."""

import sys
import time
from typing import Any

import pytest
from pydantic import ValidationError

from retinue.workflows.errors import OperationError
from retinue.workflows.query import limits
from tests.unit.workflow_queries import OPERATIONS, TRUE, do, dynamic, group, holds, keep, op, table, unary


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
