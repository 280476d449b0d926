"""Which step needs which: references that exist, kinds that fit, an order without cycles."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from retinue.workflows.definition import Definition, Output, Step
from retinue.workflows.errors import (
    AssumptionError,
    BlockError,
    ExecutionGraphStructureError,
    InvalidReferenceTargetError,
    ReferenceTypeError,
)
from retinue.workflows.kinds import ANY
from retinue.workflows.manifest import Reference, Shape, references_of
from retinue.workflows.selectors import EVERY_OUTPUT, Selector, is_selector, parse_selector, step_of

_CONTEXT = "workflow_compilation | execution_graph_construction"


@dataclass(frozen=True, slots=True)
class Use:
    """A selector in a property of a step: where in it, and what the property takes there."""

    property_name: str
    key: int | str | None
    selector: Selector
    taken: tuple[Reference, ...]

    @property
    def is_step(self) -> bool:
        """Whether it names a step to go to, not data."""
        return self.selector.step is not None and self.selector.output is None


@dataclass(frozen=True, slots=True)
class Graph:
    """The steps in order, their selectors, and for each the flow-control steps that decide about it."""

    order: tuple[Step, ...]
    uses: Mapping[str, tuple[Use, ...]]
    controllers: Mapping[str, tuple[str, ...]]


def build_graph(definition: Definition) -> Graph:
    """Checks every reference of the definition and orders its steps.

    Steps come by the longest chain that leads to them, then as the document has them. Raises
    InvalidReferenceTargetError, ExecutionGraphStructureError, ReferenceTypeError, AssumptionError: of the first
    step in the document where something is wrong, of circles last.
    """
    uses = {name: tuple(_uses_of(step)) for name, step in definition.steps.items()}
    for name, step in definition.steps.items():
        for use in uses[name]:
            _check_target(definition, step, use)
            _check_kinds(definition, step, use)
    controllers = _controllers(definition, uses)
    for output in definition.outputs:
        check_output(definition, output)
    return Graph(_order(definition, uses, controllers), uses, controllers)


def kinds_of(definition: Definition, selector: Selector) -> tuple[str, ...] | None:
    """The kinds of what a selector of data means; None if the step has no such output."""
    if selector.input is not None:
        return definition.inputs[selector.input].kinds
    step = definition.steps[str(selector.step)]
    return step.block.outputs_of(step.manifest).get(str(selector.output))


def check_output(definition: Definition, output: Output) -> Selector:
    """The selector of an output. Raises where it means nothing."""
    selector = parse_selector(output.selector, is_output=True)
    if (
        selector is not None
        and selector.step is not None
        and selector.output is None
        and selector.step in definition.steps
    ):
        raise AssumptionError(
            f"Output '{output.name}' refers to the step '{output.selector}' as a whole; name one of its outputs, or "
            f"write '{output.selector}.*' for all of them.",
            context=f"{_CONTEXT} | retrieving_compiled_node",
        )
    is_input = output.selector.startswith("$inputs")
    exists = selector is not None and (
        selector.input in definition.inputs if selector.input is not None else selector.step in definition.steps
    )
    block = BlockError(
        block_id="$outputs",
        property_name=output.name,
        property_details=f"Invalid reference to {output.selector}",
    )
    if selector is None or not exists:
        raise InvalidReferenceTargetError(
            f"Workflow references '{output.selector}' which points to a non-existent "
            f"{'input parameter' if is_input else 'block'}.",
            context=_CONTEXT,
            blocks=(block,),
        )
    if selector.output not in (None, EVERY_OUTPUT) and kinds_of(definition, selector) is None:
        raise InvalidReferenceTargetError(
            f"Workflow output references '{output.selector}' which points to a non-existent block property.",
            context=_CONTEXT,
            blocks=(block,),
        )
    return selector


def _uses_of(step: Step) -> Iterable[Use]:
    """The selectors in the properties that take any."""
    for name, shapes in references_of(type(step.manifest)).items():
        value = getattr(step.manifest, name)
        for key, shape, item in _entries(value):
            taken = shapes.get(shape)
            if taken and is_selector(item):
                # Of another form, it is meant as a selector all the same: of a step that is not there.
                yield Use(name, key, parse_selector(item) or Selector(item, step=step_of(item)), taken)


def _entries(value: Any) -> Iterable[tuple[int | str | None, Shape, Any]]:
    if isinstance(value, list):
        yield from ((index, "list", item) for index, item in enumerate(value))
    elif isinstance(value, dict):
        yield from ((key, "dict", item) for key, item in value.items())
    else:
        yield None, "value", value


def _check_target(definition: Definition, step: Step, use: Use) -> None:
    selector = use.selector
    target = selector.input if selector.input is not None else selector.step
    if target not in (definition.inputs if selector.input is not None else definition.steps):
        raise InvalidReferenceTargetError(
            f"Workflow references '{selector.text}' which points to a non-existent "
            f"{'input parameter' if selector.text.startswith('$inputs') else 'block'}.",
            context=_CONTEXT,
            blocks=(
                BlockError(
                    block_id=step.name,
                    block_type=step.manifest.type,
                    property_name=use.property_name if use.key is None else None,
                    property_details=f"Invalid reference to {selector.text}",
                ),
            ),
        )
    if selector.output is not None and kinds_of(definition, selector) is None:
        raise ExecutionGraphStructureError(
            f"Found reference to non-existing property `{selector.output}` of step `{selector.step}`.",
            context=_CONTEXT,
            blocks=(
                BlockError(
                    block_id=step.name,
                    block_type=step.manifest.type,
                    property_name=use.property_name if use.key is None else None,
                    property_details=f"'{selector.step}.{selector.output}' is an invalid reference",
                ),
            ),
        )
    if use.is_step and not any(reference.element == "step" for reference in use.taken):
        raise ExecutionGraphStructureError(
            f"Step '{step.name}' refers to the step '{selector.text}' in '{use.property_name}', which takes data: "
            "name one of the outputs of that step.",
            context=_CONTEXT,
        )


def _check_kinds(definition: Definition, step: Step, use: Use) -> None:
    if use.is_step:
        return
    allowed = {kind for reference in use.taken for kind in reference.kinds}
    given = set(kinds_of(definition, use.selector) or ())
    if ANY in allowed or ANY in given or allowed & given:
        return
    raise ReferenceTypeError(
        f"Failed to validate reference provided for step: {step.selector} regarding property: {use.property_name} with "
        f"value: {use.selector.text}. Allowed kinds of references for this property: {sorted(allowed)}. Kinds of the "
        f"value referred to: {sorted(given)}",
        context=_CONTEXT,
    )


def _controllers(definition: Definition, uses: Mapping[str, tuple[Use, ...]]) -> dict[str, tuple[str, ...]]:
    """For each step the flow-control steps that may go to it."""
    controllers: dict[str, tuple[str, ...]] = dict.fromkeys(definition.steps, ())
    for name in definition.steps:
        for use in uses[name]:
            if not use.is_step:
                continue
            target = str(use.selector.step)
            if name in controllers[target]:
                raise ExecutionGraphStructureError(
                    f"Step '{name}' goes to the step '{target}' in more than one way: it would not be clear when that "
                    "step runs.",
                    context=_CONTEXT,
                )
            controllers[target] = (*controllers[target], name)
    return controllers


def _order(
    definition: Definition, uses: Mapping[str, tuple[Use, ...]], controllers: Mapping[str, tuple[str, ...]]
) -> tuple[Step, ...]:
    """The steps by the longest chain before them, then by their place in the document."""
    waiting_for = {
        name: {use.selector.step for use in uses[name] if use.selector.step is not None and not use.is_step}
        | set(controllers[name])
        for name in definition.steps
    }
    followers: dict[str, list[str]] = {name: [] for name in definition.steps}
    for name, needed in waiting_for.items():
        for other in needed:
            followers[str(other)].append(name)
    wave = [name for name, needed in waiting_for.items() if not needed]
    place = {name: index for index, name in enumerate(definition.steps)}
    order: list[Step] = []
    while wave:
        following: list[str] = []
        for name in sorted(wave, key=place.__getitem__):
            order.append(definition.steps[name])
            for follower in followers[name]:
                waiting_for[follower].discard(name)
                if not waiting_for[follower]:
                    following.append(follower)
        wave = following
    if len(order) < len(definition.steps):
        done = {step.name for step in order}
        rest = [name for name in definition.steps if name not in done]
        raise ExecutionGraphStructureError(
            "Detected cycle in execution graph: each of these steps needs, directly or through others, what it "
            f"produces itself: {', '.join(rest[:20])}.",
            context=_CONTEXT,
        )
    return tuple(order)
