"""Plans and shard files: what the container takes, and what it says about the rest."""

from typing import Any

import orjson
import pytest

from retinue.worker.plan import Plan, PlanError, read_items

PLAN: dict[str, Any] = {
    "version": 1,
    "job_id": "0" * 32,
    "workspace": "local",
    "target": {"type": "model", "model_id": "shapes/1"},
    "parameters": {"confidence": 0.5},
    "source": {"type": "s3", "bucket": "b", "prefix": "p/"},
    "batch_size": 8,
    "part_size": 100,
    "shards": [{"items": 3}, {"items": 2}],
    "output": {"bucket": "b", "prefix": "jobs/x/results/"},
    "draw": True,
}
LINE = {"id": "i", "bucket": "b", "key": "k", "version": None, "size_bytes": 7}


def test_a_plan_is_read_whole() -> None:
    plan = Plan.from_json(orjson.dumps(PLAN))
    assert (plan.target.kind, plan.target.model_id, plan.shard_sizes) == ("model", "shapes/1", (3, 2))
    assert (plan.batch_size, plan.part_size, plan.is_drawn, plan.output_prefix) == (8, 100, True, "jobs/x/results/")


@pytest.mark.parametrize(
    ("target", "workflow"),
    [
        ({"type": "workflow", "workspace": "w", "id": "f"}, ("w", "f", None)),
        ({"type": "workflow", "specification": {"version": "1.0"}}, ("", "", {"version": "1.0"})),
    ],
)
def test_a_workflow_is_saved_or_brought_along(target: dict[str, Any], workflow: tuple[Any, ...]) -> None:
    found = Plan.from_json(orjson.dumps(PLAN | {"target": target})).target
    assert (found.kind, found.workspace, found.workflow_id, found.specification) == ("workflow", *workflow)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"version": 2}, "version 2; this container reads 1", id="of a later release"),
        pytest.param({"batch_size": 0}, "batch_size 0", id="no batch"),
        pytest.param({"part_size": -1}, "part_size -1", id="no part"),
        pytest.param({"part_size": "many"}, "cannot be read", id="part size as text"),
        pytest.param({"target": {"type": "model"}}, "no model_id", id="model without id"),
        pytest.param({"target": {"type": "dream"}}, "dream", id="unknown target"),
        pytest.param({"output": None}, "cannot be read", id="no output"),
        pytest.param({"shards": [{}]}, "items", id="shard without size"),
    ],
)
def test_an_unusable_plan_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        Plan.from_json(orjson.dumps(PLAN | changes))


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"{", b"null"])
def test_what_is_no_plan_is_refused(text: bytes) -> None:
    with pytest.raises(PlanError, match="cannot be read"):
        Plan.from_json(text)


def test_items_are_lines() -> None:
    text = b"".join(orjson.dumps(LINE | {"id": str(number)}) + b"\n" for number in range(3))
    items = read_items(text, 3)
    assert [item.id for item in items] == ["0", "1", "2"]
    assert items[0].source == {"bucket": "b", "key": "k", "version": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(orjson.dumps(LINE), "1 items; the plan says 2", id="cut short"),
        pytest.param(b"{", "cannot be read", id="no JSON"),
        pytest.param(b'{"id": "i"}', "cannot be read", id="no place"),
    ],
)
def test_an_unusable_shard_file_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        read_items(text, 2)
