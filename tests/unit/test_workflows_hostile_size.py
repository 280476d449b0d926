"""Documents of many steps, faults, inputs and outputs: each is refused or bounded."""

import pytest

from retinue.workflows.block import Limits
from retinue.workflows.compile import describe_document
from tests.unit.hostile_workflows import Hostile, no_workflows
from tests.unit.workflow_documents import (
    compiled,
    crop,
    detector,
    document,
    gate,
    join,
    output,
    parameter,
    picture,
    run,
    take,
    text,
)

hostile = Hostile()


@hostile("WorkflowLimitError")
def ten_thousand_steps() -> None:
    compiled(document([detector(f"s{place}") for place in range(10_000)]))


@hostile("WorkflowLimitError")
def a_hundred_thousand_steps_that_are_none() -> None:
    compiled(document([{} for _ in range(100_000)]))


@hostile("WorkflowLimitError")
def a_million_faults() -> None:
    faulty = [
        {"type": "roboflow_core/property_definition@v1", "name": "a", "operations": [{}] * 1_000} for _ in range(1_000)
    ]
    compiled(document(faulty))


@hostile("WorkflowLimitError")
def a_million_faults_in_one_list() -> None:
    compiled(document([take("a", "$inputs.image") | {"operations": [{"type": "x"}] * 1_000_000}]))


@hostile("WorkflowSyntaxError")
def as_many_faults_as_fit() -> None:
    compiled(document([take("a", "$inputs.image", *[{}] * 50) for _ in range(880)]))


@hostile("WorkflowSyntaxError")
def faults_of_many_kinds_in_one_step() -> None:
    compiled(document([text("t", **{f"v{place}": None for place in range(45_000)})]))


@hostile("WorkflowLimitError")
def faults_below_long_keys() -> None:
    compiled(document([text("t") | {"data_operations": {"k" * 1_000_000: [{}] * 1_000}}]))


@hostile("WorkflowSyntaxError")
def faults_below_keys_that_are_just_not_too_long() -> None:
    compiled(document([text("t") | {"data_operations": {f"{place:01000}": [{}] * 1_000 for place in range(40)}}]))


@hostile("WorkflowLimitError")
def a_hundred_thousand_inputs_that_are_none() -> None:
    compiled(document(inputs=[{}] * 100_000, outputs=[5] * 100_000))


@hostile("WorkflowSyntaxError")
def thousands_of_inputs_that_are_none() -> None:
    compiled(document(inputs=[{}] * 20_000, outputs=[5] * 20_000))


@hostile("WorkflowLimitError")
def a_hundred_thousand_inputs() -> None:
    compiled(document(inputs=[parameter(f"p{place}") for place in range(100_000)]))


@hostile()
def thousands_of_inputs() -> None:
    compiled(document(inputs=[parameter(f"p{place}") for place in range(9_000)]))


@hostile()
def the_interface_of_many_inputs() -> None:
    inputs = [parameter(f"p{place}") for place in range(4_000)]
    steps = [join(f"e{place}", **{f"v{at}": f"$inputs.p{at}" for at in range(100)}) for place in range(200)]
    describe_document(document(steps, inputs=inputs), Limits(), no_workflows)


@hostile()
def thousands_of_outputs() -> None:
    outputs = [output(f"o{place}", "$inputs.p") for place in range(9_000)]
    assert len(run(document([], outputs, [parameter("p", 1)]), {})[0]) == 9_000


@hostile("PayloadTooLarge")
def thousands_of_outputs_of_one_long_list() -> None:
    outputs = [output(f"o{place}", "$inputs.p") for place in range(9_000)]
    run(document([], outputs, [parameter("p")]), {"p": [[1] * 1_000] * 200})


@hostile()
def thousands_of_outputs_of_crops() -> None:
    outputs = [output(f"o{place}", "$steps.crop.predictions") for place in range(2_000)]
    run(document([detector(), crop()], outputs), {"image": [picture(2)] * 10})


@hostile()
def as_many_references_as_fit() -> None:
    steps = [text(f"s{place}", **{f"v{at}": f"$steps.s{at}.output" for at in range(max(0, place - 100), place)})
             for place in range(480)]  # fmt: skip
    compiled(document(steps))


@hostile()
def a_chain_of_a_thousand_steps() -> None:
    steps = [text("s0"), *(text(f"s{place}", "{x}", x=f"$steps.s{place - 1}.output") for place in range(1, 1_000))]
    assert run(document(steps, {"x": "$steps.s999.output"}, []), {}) == [{"x": "text"}]


@hostile()
def a_thousand_conditions_about_each_other() -> None:
    gates = [gate(f"g{place}", "$inputs.p", f"g{place + 1}") for place in range(998)]
    definition = document(
        [*gates, gate("g998", "$inputs.p", "t"), text("t")], {"t": "$steps.t.output"}, [parameter("p", 1)]
    )
    assert run(definition, {}) == [{"t": "text"}]


@hostile()
def a_condition_about_a_thousand_steps() -> None:
    names = [f"s{place}" for place in range(998)]
    run(document([gate("go", "$inputs.image", *names), *map(text, names)]) | {"steps": [
        gate("go", "$inputs.p", *names), *map(text, names)], "inputs": [parameter("p", 1)]}, {})  # fmt: skip


@hostile("ExecutionGraphStructureError")
def a_circle_of_a_thousand_steps() -> None:
    compiled(document([take(f"s{place}", f"$steps.s{(place + 1) % 1_000}.output") for place in range(1_000)]))


@hostile("ExecutionGraphStructureError")
def circles_everywhere() -> None:
    steps = [text(f"s{place}", **{f"v{at}": f"$steps.s{at}.output" for at in range(200)}) for place in range(200)]
    compiled(document(steps))


@pytest.mark.parametrize("name", hostile.names)
def test_bounded(name: str) -> None:
    hostile.check(name)
