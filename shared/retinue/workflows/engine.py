"""Runs the steps of a plan, one after another, over the elements of their batches (contract/workflows.md 4)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from retinue.errors import Busy, RetinueError
from retinue.workflows.block import Block, Branch, Runtime
from retinue.workflows.errors import (
    BlockError,
    ClientCausedStepExecutionError,
    ExecutionEngineRuntimeError,
    InvalidBlockBehaviourError,
    StepExecutionError,
    WorkflowError,
    WorkflowLimitError,
    message_of_step,
)
from retinue.workflows.plan import Binding, Lineage, Plan, PlannedStep
from retinue.workflows.selectors import Selector

Index = tuple[int, ...]
"""Where an element is in its batches: picture 0, crop 3 is (0, 3); () is the one element of scalars."""

Result = Mapping[str, Any] | None
Results = Iterable[tuple[Index, Any]]
OnResults = Callable[[str, Mapping[Index, Result]], None]
_CONTEXT = "workflow_execution | step_execution"


@dataclass(slots=True)
class RunState:
    """What is known while a workflow runs.

    elements: the indices that exist at each lineage. inputs: the values of each input by index. results: what each step
    gave, by index; where it did not run there is nothing. branches: where each flow-control step went.
    """

    elements: dict[Lineage, list[Index]]
    inputs: Mapping[str, Mapping[Index, Any]]
    results: dict[str, dict[Index, Result]] = field(default_factory=dict)
    branches: dict[str, dict[Index, Branch]] = field(default_factory=dict)

    def value(self, selector: Selector, index: Index) -> Any:
        """What the selector means for one element; None where nothing was made."""
        if selector.input is not None:
            return self.inputs[selector.input].get(index)
        result = self.results[str(selector.step)].get(index)
        return None if result is None else result.get(str(selector.output))


Trace = Callable[[str, str], AbstractContextManager[None]]
"""Measures what happens inside: called with a name and a category."""


def run_plan(
    plan: Plan,
    state: RunState,
    runtime: Runtime,
    trace: Trace = lambda *_: nullcontext(),
    on_results: OnResults = lambda *_: None,
) -> None:
    """Runs all steps; their results are then in `state`. Raises the WorkflowError of the first step that fails.

    on_results: called after each step with its name and what it gave.
    """
    for planned in plan.steps:
        _check_time(planned, runtime)
        with trace(planned.step.name, "step"):
            _StepRun(plan, planned, state, runtime).run()
        on_results(planned.step.name, state.results[planned.step.name])
        for name in planned.releases:
            state.results[name].clear()


def _check_time(planned: PlannedStep, runtime: Runtime) -> None:
    if runtime.deadline.remaining_s <= 0:
        raise WorkflowLimitError(
            f"The time of the request was up before step '{planned.step.name}'. Send fewer or smaller images, or a "
            "shorter workflow.",
            context=_CONTEXT,
        )


class _StepRun:
    """One step, over all its elements."""

    def __init__(self, plan: Plan, planned: PlannedStep, state: RunState, runtime: Runtime) -> None:
        self.planned, self.state, self.runtime = planned, state, runtime
        self.step, self.block = planned.step, planned.step.block
        self.run_lineages = {other.step.name: other.lineage for other in plan.steps}
        self.children = {
            binding.lineage: children_of(state.elements.get(binding.lineage, ()))
            for binding in planned.bindings
            if len(binding.lineage) > len(planned.lineage)
        }
        self.passes = self._masks()
        names = type(self.step.manifest).model_fields.keys() - {"type", "name"}
        self.static = {name: getattr(self.step.manifest, name) for name in names}

    def run(self) -> None:
        """Leaves the results in the state."""
        state, name = self.state, self.step.name
        state.results[name] = {}
        state.branches[name] = {}
        inputs = {}
        for index in state.elements.get(self.planned.lineage, ()):
            if self._is_let_through(index) and (properties := self._properties(index)) is not None:
                inputs[index] = properties
        if inputs:
            block = self._guarded(partial(self.block, self.runtime))
            block.consumed = self.planned.consumed
            self._register(self._run_batch(block, inputs) if self.block.is_batched else self._run_each(block, inputs))
        elif self.block.output_offset > 0:
            state.elements.setdefault(self.planned.output_lineage, [])

    def _masks(self) -> list[tuple[int, frozenset[Index]]]:
        """For each controller the depth at which it decides, and the elements that it lets through."""
        masks = []
        for controller in self.planned.controllers:
            branches = self.state.branches[controller]
            passing = frozenset(index for index, branch in branches.items() if self.step.name in branch.targets)
            masks.append((len(self.run_lineages[controller]), passing))
        # Upstream ignores a condition that holds nowhere beside another at the same depth that does (4.3, observed).
        held = {depth for depth, passing in masks if passing and depth}
        return [(depth, passing) for depth, passing in masks if passing or depth not in held]

    def _is_let_through(self, index: Index) -> bool:
        return all(index[:depth] in passing for depth, passing in self.passes if depth <= len(index))

    def _properties(self, index: Index) -> dict[str, Any] | None:
        """The values of all properties for one element; None if one is missing and the block does not take that."""
        properties = dict(self.static)
        for name in {binding.property_name for binding in self.planned.bindings if binding.key is not None}:
            properties[name] = properties[name].copy()
        for binding in self.planned.bindings:
            value = self._value(binding, index)
            if value is None and not self.block.takes_null and self._is_needed(binding):
                return None
            if binding.key is None:
                properties[binding.property_name] = value
            else:
                properties[binding.property_name][binding.key] = value
        return properties

    def _value(self, binding: Binding, index: Index) -> Any:
        if not binding.lineage:
            value = self.state.value(binding.selector, ())
            if binding.offset > 0:
                return value if isinstance(value, list) else [value]
            return [value] if self.block.output_offset < 0 else value
        if len(binding.lineage) <= len(index):
            return self.state.value(binding.selector, index[: len(binding.lineage)])
        below = self.children[binding.lineage].get(index, ())
        if not below and not self.block.takes_null:
            return None
        values = [self.state.value(binding.selector, child) for child in below if self._is_let_through(child)]
        if self.block.takes_null:
            return values
        present = [value for value in values if value is not None]
        return present if present or index else None  # as upstream: a scalar is not made of nothing

    @staticmethod
    def _is_needed(binding: Binding) -> bool:
        """Whether a missing value stops the step: a parameter may be null, what a step or a batch lacks may not."""
        return binding.selector.input is None or bool(binding.lineage)

    def _run_each(self, block: Block, inputs: Mapping[Index, dict[str, Any]]) -> Results:
        for index, properties in inputs.items():
            _check_time(self.planned, self.runtime)
            yield index, self._guarded(partial(block.run, **properties))

    def _run_batch(self, block: Block, inputs: Mapping[Index, dict[str, Any]]) -> Results:
        """One call: a list in each property that holds batches, of as many values as there are elements."""
        rows = list(inputs.values())
        properties = dict(rows[0])
        batched = {binding.property_name for binding in self.planned.bindings if binding.lineage}
        properties |= {name: [row[name] for row in rows] for name in batched | self.block.batches}
        results = self._guarded(partial(block.run, **properties))
        if not isinstance(results, list) or len(results) != len(rows):
            raise self._misbehaviour(f"{len(rows)} elements", results)
        return zip(inputs, results, strict=True)

    def _register(self, results: Results) -> None:
        state, name = self.state, self.step.name
        if self.block.is_flow_control:
            for index, branch in results:
                if not isinstance(branch, Branch):
                    raise self._misbehaviour("a branch", branch)
                state.branches[name][index] = branch
        elif self.block.output_offset > 0:
            self._register_lists(results)
        else:
            state.results[name] |= results

    def _register_lists(self, results: Results) -> None:
        """A new level: the results of an element lie below it. Too many end the step before it makes yet more."""
        elements: list[Index] = []
        for index, rows in results:
            if not isinstance(rows, list):
                raise self._misbehaviour("a list", rows)
            if len(elements) + len(rows) > self.runtime.limits.elements:
                raise WorkflowLimitError(
                    f"Step '{self.step.name}' makes more than {self.runtime.limits.elements:,} elements, the limit of "
                    "one request. Filter before it, or send fewer images.",
                    context=_CONTEXT,
                )
            for position, row in enumerate(rows):
                elements.append((*index, position))
                self.state.results[self.step.name][elements[-1]] = row
        self.state.elements[self.planned.output_lineage] = elements

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """The result of the call; what it raises becomes the error of this step."""
        try:
            return call()
        except (WorkflowError, Busy, MemoryError):  # busy storage is nothing that a workflow could be told about
            raise
        except RetinueError as exc:
            message = message_of_step(self.step.name, exc)
            raise ClientCausedStepExecutionError(
                message, context=_CONTEXT, inner=exc, blocks=(self._block_error(),)
            ) from exc
        except Exception as exc:
            raise StepExecutionError(str(exc), context=_CONTEXT, inner=exc, blocks=(self._block_error(),)) from exc

    def _block_error(self) -> BlockError:
        return BlockError(block_id=self.step.name, block_type=self.step.manifest.type)

    def _misbehaviour(self, wanted: str, got: object) -> WorkflowError:
        size = f" of {len(got)}" if isinstance(got, Sequence) else ""
        error = InvalidBlockBehaviourError if self.planned.lineage else ExecutionEngineRuntimeError  # as upstream
        return error(
            f"Step '{self.step.name}' should answer with {wanted}; it answered with {type(got).__name__}{size}.",
            context="workflow_execution | step_output_registration",
        )


def children_of(indices: Iterable[Index]) -> Mapping[Index, list[Index]]:
    """The indices of one level by those of the level above."""
    below: dict[Index, list[Index]] = defaultdict(list)
    for index in indices:
        below[index[:-1]].append(index)
    return below
