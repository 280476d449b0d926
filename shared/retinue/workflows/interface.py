"""What goes into a workflow and what comes out: contract/workflows.md 9.2."""

from collections.abc import Sequence
from typing import Any

from retinue.workflows.definition import Definition
from retinue.workflows.errors import WorkflowDefinitionError
from retinue.workflows.graph import Graph, Use
from retinue.workflows.kinds import ANY, KINDS
from retinue.workflows.plan import Plan
from retinue.workflows.schemas import schema_of_kind
from retinue.workflows.selectors import EVERY_OUTPUT


def describe_interface(definition: Definition, graph: Graph, plan: Plan) -> dict[str, Any]:
    """The kinds of all inputs and outputs, with a type and, where there is one, a JSON schema of each kind.

    The kinds of an input are those that all its users take. Raises WorkflowDefinitionError if there are none.
    """
    uses: dict[str, list[Use]] = {name: [] for name in definition.inputs}
    for use in (use for step in definition.steps for use in graph.uses[step]):
        if use.selector.input is not None:
            uses[use.selector.input].append(use)
    inputs = {name: _kinds_of_input(name, uses[name]) for name in definition.inputs}
    outputs: dict[str, Any] = {}
    for output in plan.outputs:
        if output.selector.input is not None:
            outputs[output.name] = list(definition.inputs[output.selector.input].kinds)
        elif output.selector.output == EVERY_OUTPUT:
            outputs[output.name] = {name: list(kinds) for name, kinds in output.kinds.items()}
        else:
            outputs[output.name] = list(output.kinds[output.name])
    named = dict.fromkeys(_names([*inputs.values(), *outputs.values()]))
    schemas = {name: schema_of_kind(name) for name in named}
    return {
        "inputs": inputs,
        "outputs": outputs,
        "typing_hints": {name: KINDS[name].serialised_data_type for name in named if name in KINDS},
        "kinds_schemas": {name: schema for name, schema in schemas.items() if schema is not None},
    }


def _kinds_of_input(name: str, uses: Sequence[Use]) -> list[str]:
    """The kinds that every property takes that refers to the input; any without such a property."""
    taken = [_taken(use) for use in uses]
    demanding = [kinds for kinds in taken if ANY not in kinds]
    if not demanding:
        return [ANY]
    common = [kind for kind in demanding[0] if all(kind in kinds for kinds in demanding)]
    if not common:
        raise WorkflowDefinitionError(
            f"No kind of value fits everything that uses the input `{name}`: {demanding}.",
            context="describing_workflow_inputs",
        )
    return common


def _taken(use: Use) -> list[str]:
    return list(dict.fromkeys(kind for reference in use.taken for kind in reference.kinds))


def _names(kinds: list[Any]) -> list[str]:
    names: list[str] = []
    for item in kinds:
        for group in item.values() if isinstance(item, dict) else [item]:
            names += group
    return names
