"""From the `inputs` of a request to the values of a run: contract/workflows.md 4.1."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from retinue.workflows.block import Limits
from retinue.workflows.definition import Input
from retinue.workflows.engine import Index, RunState
from retinue.workflows.errors import RuntimeInputError, WorkflowLimitError
from retinue.workflows.nesting import (
    MOST_INPUT_ELEMENTS,
    MOST_KEY_CHARACTERS,
    MOST_NESTED,
    is_too_deep,
    is_too_large,
)
from retinue.workflows.plan import WORKFLOW_INPUT, Lineage, Plan
from retinue.workflows.values import ValueReader

_CONTEXT = "workflow_execution | runtime_input_validation"


def assemble_inputs(plan: Plan, given: Mapping[str, Any], read: ValueReader, limits: Limits) -> RunState:
    """The state in which a run starts: the values of all inputs by index.

    A batch input is a value, which stands for all pictures, or a list with one for each. Parameters that are not given
    have their default. Raises RuntimeInputError, WorkflowLimitError.
    """
    if is_too_large(given, MOST_INPUT_ELEMENTS):
        raise WorkflowLimitError(
            f"The lists and objects of the inputs hold more than {MOST_INPUT_ELEMENTS:,} elements together, or keys of "
            f"more than {MOST_KEY_CHARACTERS:,} characters. Send them in several requests.",
            context=_CONTEXT,
        )
    if is_too_deep(given):
        raise RuntimeInputError(
            f"The inputs nest lists and objects more than {MOST_NESTED} levels deep.", context=_CONTEXT
        )
    check_parameters(plan, given)
    size = _batch_size(plan, given, limits)
    elements: dict[Lineage, list[Index]] = {(): [()], (WORKFLOW_INPUT,): [(position,) for position in range(size)]}
    inputs: dict[str, dict[Index, Any]] = {}
    for name, item in plan.inputs.items():
        if not item.is_batch:
            inputs[name] = {(): given.get(name, item.default)}
            continue
        values = _batch(item, given[name], size, read, limits)
        inputs[name] = values
        _register(elements, plan.input_lineages[name], values)
    return RunState(elements, inputs)


def check_parameters(plan: Plan, given: Mapping[str, Any]) -> None:
    """Validates what a parameter holds against every property that it is the value of. Raises RuntimeInputError."""
    for planned in plan.steps:
        for binding in planned.bindings:
            name = binding.selector.input
            if name is None or binding.key is not None or plan.inputs[name].is_batch:
                continue
            value = given.get(name, plan.inputs[name].default)
            manifest = planned.step.manifest
            try:
                type(manifest).__pydantic_validator__.validate_assignment(
                    manifest.model_copy(), binding.property_name, value
                )
            except ValidationError as exc:
                raise RuntimeInputError(
                    f"Provided input is incompatible with manifest of step {planned.step.name} regarding property "
                    f"{binding.property_name} provided in input parameter named {name}. Details available in inner "
                    "error object.",
                    context=_CONTEXT,
                    inner=exc,
                ) from exc


def _batch_size(plan: Plan, given: Mapping[str, Any], limits: Limits) -> int:
    """The length of the lists among the batch inputs; 1 without any."""
    lengths = {}
    for name, item in plan.inputs.items():
        if not item.is_batch:
            continue
        value = given.get(name)
        if value is None:
            raise RuntimeInputError(
                f"Detected runtime parameter `{name}` defined as `{item.type}` (of kind `{list(item.kinds)}`), but "
                "value is not provided.",
                context=_CONTEXT,
            )
        lengths[name] = len(value) if isinstance(value, list) else 1
    size = next((length for length in lengths.values() if length > 1), 1)
    if any(length not in (1, size) for length in lengths.values()):
        raise RuntimeInputError(
            "Expected all batch-oriented workflow inputs be the same length, or of length 1, but the lengths are: "
            f"{lengths}.",
            context=_CONTEXT,
        )
    if size > limits.images:
        raise WorkflowLimitError(
            f"{size:,} elements in one request; the limit is {limits.images:,}. Send them in several requests.",
            context=_CONTEXT,
        )
    return size


def _batch(item: Input, value: Any, size: int, read: ValueReader, limits: Limits) -> dict[Index, Any]:
    """The values of a batch input by index; one alone stands for all."""
    rows = value if isinstance(value, list) else [value]
    values: dict[Index, Any] = {(place,): element for place, element in enumerate(rows)}
    for depth in range(1, item.depth):
        values = _below(item, values, depth, limits)
    for index, element in values.items():
        if element is not None:
            places = index if isinstance(value, list) else index[1:]
            values[index] = read(item.kinds, ".".join([item.name, *(f"[{place}]" for place in places)]), element)
    if len(rows) < size:
        values = {(place, *index[1:]): element for place in range(size) for index, element in values.items()}
    return values


def _below(item: Input, values: Mapping[Index, Any], depth: int, limits: Limits) -> dict[Index, Any]:
    """What the lists at one level hold, by the longer indices. Raises RuntimeInputError for what is no list."""
    if not all(isinstance(element, list) for element in values.values()):
        raise RuntimeInputError(
            f"Workflow input `{item.name}` is declared to be nested batch with dimensionality `{item.depth}`. Input "
            f"data does not define batch at the {depth} dimensionality level.",
            context=_CONTEXT,
        )
    count = sum(map(len, values.values()))
    if count > limits.elements:
        raise WorkflowLimitError(
            f"{count:,} elements in the nested batch `{item.name}`; the limit is {limits.elements:,}. Send them in "
            "several requests.",
            context=_CONTEXT,
        )
    return {(*index, place): inner for index, element in values.items() for place, inner in enumerate(element)}


def _register(elements: dict[Lineage, list[Index]], lineage: Lineage, values: Mapping[Index, Any]) -> None:
    """The indices of a nested input at each of its levels below the first."""
    for depth in range(2, len(lineage) + 1):
        elements[lineage[:depth]] = list(dict.fromkeys(index[:depth] for index in values))
