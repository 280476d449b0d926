"""From the results of the steps to the rows of the answer: contract/workflows.md 4.5 and 5.5."""

from collections.abc import Collection, Mapping
from typing import Any

from retinue.workflows.engine import Index, Result, RunState
from retinue.workflows.errors import ExecutionEngineRuntimeError
from retinue.workflows.image import WorkflowImage
from retinue.workflows.moves import to_root
from retinue.workflows.plan import WORKFLOW_INPUT, Lineage, Plan, PlannedOutput
from retinue.workflows.selectors import EVERY_OUTPUT
from retinue.workflows.serialise import Spend, serialise

# Of pictures that are encoded before it is sure that they are sent.
_MOST_PIXELS_AHEAD = 4_000_000

Sizes = Mapping[Index, int]
"""How many elements lie directly below each."""


class EarlyPictures:
    """Begins to encode the small pictures among the outputs when the step that makes them has run, in a thread beside
    the steps that follow."""

    def __init__(self, plan: Plan, excluded: Collection[str] = ()) -> None:
        self._sent = {
            (output.selector.step, output.selector.output) for output in plan.outputs if output.name not in excluded
        }
        self._pixels_left = _MOST_PIXELS_AHEAD

    def take(self, step: str, results: Mapping[Index, Result]) -> None:
        """Looks through what a step gave."""
        for result in results.values():
            for name, value in (result or {}).items():
                if isinstance(value, WorkflowImage) and not self._sent.isdisjoint({(step, name), (step, EVERY_OUTPUT)}):
                    self._pixels_left -= value.width * value.height
                    if self._pixels_left >= 0:
                        value.encode_ahead()


def build_rows(
    plan: Plan, state: RunState, excluded: Collection[str] = (), spend: Spend = lambda size_bytes: None
) -> list[dict[str, Any]]:
    """One row for each picture, or a single one if no output depends on pictures: the outputs as JSON values.

    excluded: outputs to leave out. spend: called with the bytes of each value, to stop in time. Raises
    ExecutionEngineRuntimeError for what has no JSON form.
    """
    has_batches = any(output.lineage[:1] == (WORKFLOW_INPUT,) for output in plan.outputs)
    rows: list[dict[str, Any]] = [{} for _ in (state.elements[(WORKFLOW_INPUT,)] if has_batches else ((),))]
    sizes = {lineage: _sizes(state, lineage) for lineage in {output.lineage for output in plan.outputs}}
    # What is the same in all rows comes first, as upstream has it.
    for output in sorted(plan.outputs, key=lambda output: output.lineage[:1] == (WORKFLOW_INPUT,)):
        if output.name in excluded:
            continue
        if output.lineage[:1] == (WORKFLOW_INPUT,):
            for position, row in enumerate(rows):
                row[output.name] = _nested(output, state, sizes[output.lineage], (position,), spend)
        else:
            value = _nested(output, state, sizes[output.lineage], (), spend)
            for row in rows:
                row[output.name] = value
    return rows


def _sizes(state: RunState, lineage: Lineage) -> Sizes:
    """At each level up to the last element that has any at the deepest one, as upstream; at the first one all."""
    sizes: dict[Index, int] = {(): len(state.elements.get(lineage[:1], ()))}
    for index in state.elements.get(lineage, ()):
        for depth in range(1, len(index)):
            sizes[index[:depth]] = max(sizes.get(index[:depth], 0), index[depth] + 1)
    return sizes


def _nested(output: PlannedOutput, state: RunState, sizes: Sizes, index: Index, spend: Spend) -> Any:
    """The value of one element, or the lists of those below it."""
    depth = len(index)
    if depth == len(output.lineage):
        return _rendered(output, state, index, spend)
    below = [_nested(output, state, sizes, (*index, position), spend) for position in range(sizes.get(index, 0))]
    return below or _nothing(len(output.lineage) - depth)


def _nothing(levels: int) -> list[Any]:
    """What stands for nothing, so many levels deep: [], [[]] and so on, as upstream has it."""
    return [_nothing(levels - 1)] if levels > 1 else []


def _rendered(output: PlannedOutput, state: RunState, index: Index, spend: Spend) -> Any:
    move = (lambda table: table) if output.is_own else to_root
    try:
        if output.selector.output == EVERY_OUTPUT:
            result = state.results[str(output.selector.step)].get(index) or dict.fromkeys(output.kinds)
            return {name: serialise(value, output.kinds[name], spend, move) for name, value in result.items()}
        return serialise(state.value(output.selector, index), output.kinds[output.name], spend, move)
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise ExecutionEngineRuntimeError(
            f"Output '{output.name}' ({output.selector.text}) cannot be sent: {exc}.",
            context="workflow_execution | output_construction",
            inner=exc,
        ) from exc
