"""Documents and inputs that nest, and workflows in workflows without end: each is refused or bounded."""

from typing import Any

import pytest

from retinue.workflows.block import Limits
from retinue.workflows.compile import describe_document
from retinue.workflows.errors import WorkflowError
from tests.unit.hostile_workflows import Hostile, each_refused, no_workflows, raise_last
from tests.unit.workflow_documents import (
    EXPRESSION,
    FIRST,
    INNER,
    Json,
    batch,
    compiled,
    detector,
    document,
    gate,
    group,
    inner,
    more_than,
    parameter,
    run,
    step,
    take,
    text,
)

hostile = Hostile()


def deep(depth: int, kind: str = "list") -> Any:
    value: Any = [] if kind == "list" else {}
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


def _deep_steps(value: Any) -> list[Json]:
    return [detector(extra=value), detector(confidence=value), step(EXPRESSION, "e", data={}, switch=value),
            step(FIRST, "f", data=["$inputs.image"], default=value)]  # fmt: skip


@hostile("WorkflowError")
def lists_in_lists() -> None:
    each_refused([document([written]) for depth in (100, 10_000) for written in _deep_steps(deep(depth))])


@hostile("WorkflowError")
def objects_in_objects() -> None:
    each_refused([document([written]) for depth in (100, 10_000) for written in _deep_steps(deep(depth, "dict"))])


@hostile("WorkflowError")
def depth_in_every_section() -> None:
    value = deep(10_000)
    each_refused([
        document() | {section: place}
        for section in ("version", "inputs", "steps", "outputs", "dynamic_blocks_definitions", "unknown")
        for place in (value, [value], [{"name": value}], [{"type": value}])
    ])  # fmt: skip


@hostile("WorkflowError")
def depth_of_what_is_described() -> None:
    for definition in (document(outputs=[{"name": deep(10_000)}]), document() | {"x": deep(10_000)}):
        with pytest.raises(WorkflowError):
            describe_document(definition, Limits(), no_workflows)
    describe_document(deep(10_000), Limits(), no_workflows)


@hostile("WorkflowError")
def statements_in_statements() -> None:
    for depth in (33, 60, 10_000):
        statement = more_than(0)
        for _ in range(depth):
            statement = group(statement)
        gated = gate("go", "$inputs.image", "t") | {"condition_statement": statement}
        with pytest.raises(WorkflowError):
            compiled(document([gated, text("t")]))
    raise_last()


@hostile("WorkflowError")
def operations_in_operations() -> None:
    for depth in (33, 60, 10_000):
        operations: list[Any] = []
        for _ in range(depth):
            operations = [{"type": "SequenceApply", "operations": operations}]
        with pytest.raises(WorkflowError):
            compiled(document([take("t", "$inputs.image", *operations)]))
    raise_last()


@hostile("WorkflowError")
def filters_in_filters() -> None:
    for depth in (17, 60, 5_000):
        operations: list[Any] = []
        for _ in range(depth):
            operand = {"type": "DynamicOperand", "operations": operations}
            unary = {"type": "UnaryStatement", "operand": operand, "operator": {"type": "Exists"}}
            operations = [{"type": "DetectionsFilter", "filter_operation": group(unary)}]
        with pytest.raises(WorkflowError):
            compiled(document([take("t", "$inputs.image", *operations)]))
    raise_last()


@hostile("WorkflowError")
def deep_inputs() -> None:
    definition = document([text("t", v="$inputs.v")], {"t": "$steps.t.output"}, [batch("v", 30), parameter("p")])
    for value in (deep(10_000), deep(10_000, "dict"), [[deep(10_000)]]):
        with pytest.raises(WorkflowError):
            run(definition, {"v": value})
        with pytest.raises(WorkflowError):
            run(definition, {"v": 1, "p": value})
    raise_last()


@hostile("InnerWorkflowError")
def a_workflow_that_nests_itself() -> None:
    again = document([step(INNER, "x", workflow_workspace_id="w", workflow_id="again")], {}, [])
    compiled(again, lambda *_: again)


@hostile("InnerWorkflowError")
def workflows_that_nest_new_ones_for_ever() -> None:
    def look_up(workspace: str, workflow_id: str, version: str | None) -> Json:
        nested = [
            step(INNER, f"x{at}", workflow_workspace_id="w", workflow_id=f"{workflow_id}.{at}") for at in range(100)
        ]
        return document(nested, {}, [])

    compiled(look_up("w", "a", None), look_up)


@hostile("InnerWorkflowError")
def workflows_in_workflows() -> None:
    child = document([text("t")], {}, [])
    for _ in range(12):
        child = document([inner("in", child)], {}, [])
    compiled(child)


@hostile("InnerWorkflowError")
def thousands_of_workflows_in_workflows() -> None:
    child = document([text("t")], {}, [])
    for _ in range(4_000):
        child = document([inner("in", child)], {}, [])
    with pytest.raises(WorkflowError, match="deep"):
        compiled(child)
    compiled(document([step(INNER, "x", workflow_workspace_id="w", workflow_id="a")]), lambda *_: child)


@hostile("InnerWorkflowError")
def saved_workflows_that_nest_deep() -> None:
    saved = document([text("t")], {}, [], extra=deep(900))
    compiled(document([step(INNER, "x", workflow_workspace_id="w", workflow_id="a")]), lambda *_: saved)


@hostile("WorkflowError")
def saved_workflows_that_are_none() -> None:
    named = document([step(INNER, "x", workflow_workspace_id="w", workflow_id="a")])
    for saved in ([], "x", 5, None, [[]], {"steps": 5}, {"steps": [5]}, {"steps": {}}, {}, document() | {"inputs": 5}):
        with pytest.raises(WorkflowError):
            compiled(named, lambda *_, saved=saved: saved)
    raise_last()


@hostile("WorkflowLimitError")
def lists_of_selectors_of_lists() -> None:
    """A thousand selectors at each level: 10 ** 9 in all."""
    child = document(
        [text("t"), step(FIRST, "f", data=["$steps.t.output"], default="$inputs.x")],
        {"x": "$steps.f.output"},
        [parameter("x")],
    )
    for _ in range(3):
        child = document([inner("in", child, x=["$inputs.x"] * 1_000)], {"x": "$steps.in.x"}, [parameter("x")])
    compiled(child)


@hostile("WorkflowSyntaxError")
def outputs_that_are_lists_of_outputs() -> None:
    child = document([text("t")], {"x": "$inputs.x"}, [parameter("x", ["$steps.t.output"] * 1_000)])
    filled = document([inner("in", child), text("t")], {"x": "$inputs.y"}, [parameter("y", ["$steps.in.x"] * 1_000)])
    child = document([inner("in", filled), text("t")], {"x": "$steps.in.x"}, [parameter("y", ["$steps.in.x"] * 1_000)])
    compiled(document([inner("in", child, y=["$steps.in.x"] * 1_000)], {"x": "$steps.in.x"}, []))


@hostile("WorkflowLimitError")
def long_names_of_nested_workflows() -> None:
    child = document([text(f"s{place}", x=f"$steps.s{place}.output") for place in range(1_000)], {}, [])
    compiled(document([inner("n" * 1_000_000, child)], {}, []))


@hostile("WorkflowLimitError")
def long_names_referred_to_often() -> None:
    child = document([text("a"), step(FIRST, "f", data=["$steps.a.output"] * 100_000)], {}, [])
    compiled(document([inner("n" * 100_000, child)], {}, []))


@hostile("WorkflowError")
def names_that_are_taken() -> None:
    child = document([text("a")], {}, [])
    taken = [text(f"in{at}__a" + f"__{place}" * (place > 1)) for at in range(30) for place in range(1_000)]
    compiled(document([*(inner(f"in{at}", child) for at in range(30)), *taken], {}, []))


@hostile("WorkflowError")
def many_steps_in_many_workflows() -> None:
    child = document([text(f"s{place}") for place in range(1_000)], {}, [])
    compiled(document([inner(f"in{at}", child) for at in range(32)], {}, []))


@hostile("ExecutionGraphStructureError")
def selectors_that_lead_back() -> None:
    child = document([text("t", x="$inputs.x")], {"x": "$steps.t.output"}, [parameter("x")])
    steps = [inner(f"n{at}", child, x=f"$steps.n{(at + 1) % 30}.x") for at in range(30)]
    compiled(document(steps, {"x": "$steps.n0.x"}, []))


@hostile("WorkflowError")
def outputs_that_are_their_own_selectors() -> None:
    child = document([text("t")], {"x": "$inputs.x"}, [parameter("x")])
    compiled(document([inner("in", child, x="$steps.in.x")], {"x": "$steps.in.x"}, []))


@pytest.mark.parametrize("name", hostile.names)
def test_bounded(name: str) -> None:
    hostile.check(name)
