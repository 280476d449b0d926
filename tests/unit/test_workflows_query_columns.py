"""Filters over whole columns say what they say of one detection after the other, or leave it to that."""

from typing import Any

import numpy as np
import pytest

from retinue.workflows.errors import OperationError
from retinue.workflows.query.columns import holds_for_each
from retinue.workflows.query.evaluate import evaluate
from retinue.workflows.query.rows import Rows, rows_of
from retinue.workflows.query.syntax import ELEMENT, StatementGroup
from tests.unit.workflow_queries import binary, dynamic, group, one, op, static, table, unary

PARAMETERS = {"least": 0.6, "names": ["dog", "owl"], "zone": [[0, 0], [70, 0], [70, 70], [0, 70]]}
TABLE = table(
    tracker_id=np.array([7, 8, 9, 10]), columns={"time_in_zone": np.array([0.0, None, 1.0, 1.5], dtype=object)}
)


SURE = binary(one("confidence"), "(Number) >=", static(0.5))
LOWER_NAME = (op("ExtractDetectionProperty", property_name="class_name"), op("StringToLowerCase"))
DOG = binary(one("class_name"), "==", static("dog"))


def parsed(statement: Any) -> StatementGroup:
    return StatementGroup.model_validate(statement)


def never() -> None:
    """Time is not up."""


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(group(SURE), id="number"),
        pytest.param(group(SURE | {"negate": True}), id="turned round"),
        pytest.param(group(SURE, DOG, operator="and"), id="all of two"),
        pytest.param(group(SURE, DOG, operator="or"), id="one of two"),
        pytest.param(group(group(SURE, DOG, operator="and"), DOG | {"negate": True}, operator="or"), id="nested"),
        pytest.param(group(binary(one("confidence"), "(Number) <", dynamic(name="least"))), id="parameter"),
        pytest.param(group(binary(one("class_name"), "in (Sequence)", dynamic(name="names"))), id="one of a list"),
        pytest.param(group(binary(one("center"), "(Detection) in zone", dynamic(name="zone"))), id="zone"),
        pytest.param(group(binary(static(0.6), "(Number) >", one("confidence"))), id="sides changed"),
        pytest.param(group(binary(static(1), "==", static(1))), id="nothing of the detection"),
        pytest.param(group(unary(one("tracker_id"), "Exists")), id="there"),
        pytest.param(group(unary(one("speed"), "DoesNotExist")), id="not there"),
        pytest.param(group(unary(one("time_in_zone"), "Exists")), id="there for some"),
    ],
)
def test_columns_say_what_rows_say(statement: Any) -> None:
    found = holds_for_each(parsed(statement), Rows(TABLE), PARAMETERS, never)
    assert found == [evaluate(parsed(statement), {**PARAMETERS, ELEMENT: row}) for row in rows_of(TABLE)]
    assert found is not None and len(found) == 4


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(group(binary(one("time_in_zone"), "(Number) >", static(0.2))), id="not to be compared"),
        pytest.param(group(binary(dynamic(), "==", static(1))), id="the detection itself"),
        pytest.param(group(binary(one("class_name"), "==", dynamic(name="nobody"))), id="a name that is no parameter"),
        pytest.param(group(binary(dynamic("_", *LOWER_NAME), "==", static("dog"))), id="another operation"),
        pytest.param(group(SURE, group(binary(dynamic(), "==", static(1)))), id="in a nested group"),
    ],
)
def test_what_only_rows_tell(statement: Any) -> None:
    assert holds_for_each(parsed(statement), Rows(TABLE), PARAMETERS, never) is None


def test_no_rows() -> None:
    assert holds_for_each(parsed(group(SURE)), Rows(TABLE.select([])), {}, never) == []


def test_time_that_is_up_ends_it() -> None:
    def check() -> None:
        raise OperationError("the query took longer")

    with pytest.raises(OperationError, match="longer"):
        holds_for_each(parsed(group(SURE)), Rows(TABLE), {}, check)
