"""How deep the data of each step is nested, and along which levels: contract/workflows.md 2.5 and 2.6."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from retinue.workflows.definition import Definition, Output, Step
from retinue.workflows.errors import (
    AssumptionError,
    BlockError,
    ControlFlowDefinitionError,
    ExecutionGraphStructureError,
    StepInputDimensionalityError,
    StepInputLineageError,
)
from retinue.workflows.graph import Graph, Use, check_output, kinds_of
from retinue.workflows.plan import (
    WORKFLOW_INPUT,
    Binding,
    Lineage,
    Plan,
    PlannedOutput,
    PlannedStep,
)
from retinue.workflows.selectors import EVERY_OUTPUT, Selector

MOST_DEPTH = 32
"""How deep an input may be nested."""

_CONTEXT = "workflow_compilation | execution_graph_construction"


def plan_steps(definition: Definition, graph: Graph) -> Plan:
    """The steps with the lineage of their data. Raises what a step cannot be fed with."""
    _check_inputs(definition)
    input_lineages = {name: _input_lineage(name, item.depth) for name, item in definition.inputs.items()}
    output_lineages: dict[str, Lineage] = {}
    run_lineages: dict[str, Lineage] = {}

    def lineage_of(selector: Selector) -> Lineage:
        if selector.input is not None:
            return input_lineages[selector.input]
        return output_lineages[str(selector.step)]

    planned: list[PlannedStep] = []
    for step in graph.order:
        bindings = tuple(
            Binding(use.property_name, use.key, use.selector, lineage_of(use.selector), _offset(step, use))
            for use in graph.uses[step.name]
            if not use.is_step
        )
        controllers = graph.controllers[step.name]
        lineage = _run_lineage(step, bindings, [run_lineages[name] for name in controllers])
        run_lineages[step.name] = lineage
        output_lineages[step.name] = _output_lineage(step, lineage)
        planned.append(
            PlannedStep(
                step=step,
                bindings=bindings,
                lineage=lineage,
                output_lineage=output_lineages[step.name],
                controllers=controllers,
            )
        )
    outputs = tuple(_planned_output(definition, item, lineage_of) for item in definition.outputs)
    return Plan(
        inputs=definition.inputs,
        steps=tuple(_with_releases(_with_consumed(planned, outputs), outputs)),
        outputs=outputs,
        input_lineages=input_lineages,
    )


def _input_lineage(name: str, depth: int) -> Lineage:
    """The first level is common to all batch inputs; deeper ones are the input's own."""
    return (WORKFLOW_INPUT, *(f"{WORKFLOW_INPUT}.{name}.{level}" for level in range(2, depth + 1)))[:depth]


def _check_inputs(definition: Definition) -> None:
    for item in definition.inputs.values():
        if item.is_batch and not 1 <= item.depth <= MOST_DEPTH:
            raise ExecutionGraphStructureError(
                f"Detected batch oriented input `{item.name}` with declared dimensionality below 1 or above "
                f"{MOST_DEPTH}.",
                context=_CONTEXT,
            )


def _offset(step: Step, use: Use) -> int:
    return step.block.offsets.get(use.property_name, 0)


def _run_lineage(step: Step, bindings: Sequence[Binding], controllers: Sequence[Lineage]) -> Lineage:
    """The lineage of the elements that the step runs over."""
    batched = [binding for binding in bindings if binding.lineage]
    _check_batch_properties(step, batched)
    _check_depths(step, batched)
    lineages = list(dict.fromkeys(binding.lineage for binding in batched))
    _check_compound_properties(step, batched)
    _check_shared(step, lineages)
    _check_controllers(step, lineages, controllers)
    if not batched:
        return _lineage_of_controllers(step, controllers)
    if step.block.output_offset < 0:
        return max(lineages, key=len)[: step.block.output_offset]
    at_reference = [binding.lineage for binding in batched if not binding.offset]
    return at_reference[0] if at_reference else batched[0].lineage[:-1]


def _check_batch_properties(step: Step, batched: Sequence[Binding]) -> None:
    block = step.block
    if not block.batches:
        return
    for binding in batched:
        if binding.property_name not in block.batches | block.batches_or_scalars:
            raise ExecutionGraphStructureError(
                f"Property `{binding.property_name}` of step `{step.name}` takes one value for the whole request, but "
                f"{binding.selector.text} has one for each element.",
                context=_CONTEXT,
            )


def _check_depths(step: Step, batched: Sequence[Binding]) -> None:
    """All data at the reference's depth, those with an offset one deeper."""
    if step.block.reference is not None:
        _check_offsets(step, batched)
        return
    depths = {len(binding.lineage) for binding in batched}
    if len(depths) > 1:
        found = sorted({(binding.property_name, len(binding.lineage)) for binding in batched})
        raise StepInputDimensionalityError(
            f"For step {step.name} attempted to plug input data that are in different dimensions: "
            f"{', '.join(f'{name} {depth}' for name, depth in found)}; the block needs them equal. Collapse the deeper "
            "ones with dimension_collapse first.",
            context=f"{_CONTEXT} | collecting_step_input_data",
            blocks=(
                BlockError(
                    block_id=step.name,
                    block_type=step.manifest.type,
                    block_details=f"Detected dimensions: {found}",
                ),
            ),
        )


def _check_offsets(step: Step, batched: Sequence[Binding]) -> None:
    """Some properties one level deeper than the reference."""
    at_reference = [len(binding.lineage) for binding in batched if not binding.offset]
    base = at_reference[0] if at_reference else max(1, *(len(binding.lineage) - 1 for binding in batched), 1)
    for binding in batched:
        wanted, depth = base + binding.offset, len(binding.lineage)
        if depth != wanted:
            raise StepInputDimensionalityError(
                f"Data fed into step `{step.name}` property `{binding.property_name}` has actual dimensionality "
                f"{depth}, but {wanted} is expected: one level below {step.block.reference}.",
                context=f"{_CONTEXT} | denoting_step_inputs_dimensionality",
                blocks=(
                    BlockError(
                        block_id=step.name,
                        block_type=step.manifest.type,
                        property_name=binding.property_name,
                        property_details=f"Expected dimensionality {wanted}, but received dimensionality {depth}",
                    ),
                ),
            )


def _check_compound_properties(step: Step, batched: Sequence[Binding]) -> None:
    by_property: dict[str, set[Lineage]] = {}
    for binding in batched:
        by_property.setdefault(binding.property_name, set()).add(binding.lineage)
    for name, lineages in by_property.items():
        if len(lineages) > 1:
            raise StepInputLineageError(
                f"Property `{name}` of step `{step.name}` mixes data of different things: {_text(lineages)}.",
                context=f"{_CONTEXT} | collecting_step_inputs_lineage",
            )


def _check_shared(step: Step, lineages: Sequence[Lineage]) -> None:
    """All lineages of a step are the longest one or its parent."""
    if not lineages:
        return
    longest = max(lineages, key=len)
    if any(lineage not in (longest, longest[:-1]) for lineage in lineages):
        raise StepInputLineageError(
            f"Inputs of step `{step.name}` belong to different things that cannot be matched: {_text(lineages)}. "
            "Collapse one of them with dimension_collapse first.",
            context=f"{_CONTEXT} | collecting_step_inputs_lineage",
        )


def _check_controllers(step: Step, lineages: Sequence[Lineage], controllers: Sequence[Lineage]) -> None:
    if not lineages:
        return
    for controller in controllers:
        if controller and not any(lineage[: len(controller)] == controller for lineage in lineages):
            raise ControlFlowDefinitionError(
                f"Step `{step.name}` runs over {_text(lineages)}, but a condition on {_text([controller])} decides "
                "about it: it would never run.",
                context=f"{_CONTEXT} | verification_of_control_flow_lineage",
            )


def _lineage_of_controllers(step: Step, controllers: Sequence[Lineage]) -> Lineage:
    """A step without batches runs once for each element that a condition lets through."""
    deepest = max(controllers, key=len, default=())
    if any(deepest[: len(controller)] != controller for controller in controllers):
        raise AssumptionError(
            f"Conditions on different things decide about step `{step.name}`, which has no data of its own: "
            f"{_text(dict.fromkeys(controllers))}.",
            context=f"{_CONTEXT} | collecting_step_inputs_lineage",
        )
    return deepest


def _output_lineage(step: Step, lineage: Lineage) -> Lineage:
    return (*lineage, step.selector) if step.block.output_offset > 0 else lineage


def _planned_output(definition: Definition, output: Output, lineage_of: Callable[[Selector], Lineage]) -> PlannedOutput:
    selector = check_output(definition, output)
    kinds: Mapping[str, tuple[str, ...]]
    if selector.output == EVERY_OUTPUT:
        step = definition.steps[str(selector.step)]
        kinds = step.block.outputs_of(step.manifest)
    else:
        kinds = {output.name: kinds_of(definition, selector) or ()}
    return PlannedOutput(
        name=output.name, selector=selector, lineage=lineage_of(selector), kinds=kinds, is_own=output.is_own
    )


def _with_releases(planned: Sequence[PlannedStep], outputs: Sequence[PlannedOutput]) -> list[PlannedStep]:
    """Each step with those whose results it is the last to need: pictures are large."""
    kept = {output.selector.step for output in outputs}
    last_user: dict[str, str] = {}
    for plan in planned:
        last_user[plan.step.name] = plan.step.name
        last_user |= {
            binding.selector.step: plan.step.name for binding in plan.bindings if binding.selector.step is not None
        }
    releases: dict[str, list[str]] = {}
    for name, user in last_user.items():
        if name not in kept:
            releases.setdefault(user, []).append(name)
    return [replace(plan, releases=tuple(releases.get(plan.step.name, ()))) for plan in planned]


def _with_consumed(planned: Sequence[PlannedStep], outputs: Sequence[PlannedOutput]) -> list[PlannedStep]:
    """Each step with the properties in which it alone reads what another one made for no other use."""
    readers = Counter(binding.selector.step for plan in planned for binding in plan.bindings)
    readers.update(output.selector.step for output in outputs)
    own = {plan.step.name for plan in planned if plan.step.block.gives_own and readers[plan.step.name] == 1}
    return [
        replace(
            plan,
            consumed=frozenset(
                binding.property_name
                for binding in plan.bindings
                if binding.selector.step in own and binding.key is None and binding.lineage == plan.lineage
            ),
        )
        for plan in planned
    ]


def _text(lineages: Iterable[Lineage]) -> str:
    return "; ".join(" > ".join(lineage) for lineage in lineages)
