"""A workflow from its document and inputs to the rows of the answer: what routes, uploads and jobs share."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from retinue.errors import PayloadTooLarge
from retinue.workflows.block import Runtime
from retinue.workflows.compile import PlanCache
from retinue.workflows.engine import Trace, run_plan
from retinue.workflows.errors import WorkflowLimitError
from retinue.workflows.inner import Lookup
from retinue.workflows.inputs import assemble_inputs
from retinue.workflows.outputs import EarlyPictures, build_rows
from retinue.workflows.values import ValueReader


def _untraced(name: str, category: str) -> AbstractContextManager[None]:
    return nullcontext()


def run_workflow(
    document: dict[str, Any],
    inputs: Mapping[str, Any],
    *,
    plans: PlanCache,
    look_up: Lookup,
    read: ValueReader,
    runtime: Runtime,
    excluded: Collection[str] = (),
    trace: Trace = _untraced,
) -> list[dict[str, Any]]:
    """One row of outputs for each picture, as JSON values. Raises WorkflowError, RetinueError."""
    with trace("compile", "workflow"):
        plan = plans.get(document, runtime.limits, look_up)
    with trace("inputs", "workflow"):
        state = assemble_inputs(plan, inputs, read, runtime.limits)
    run_plan(plan, state, runtime, trace, EarlyPictures(plan, excluded).take)
    with trace("outputs", "workflow"):
        return build_rows(plan, state, excluded, _Allowance(runtime).spend)


class _Allowance:
    """What an answer may take."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, self._spent = runtime, 0

    def spend(self, size_bytes: int) -> None:
        """Counts the bytes of a value. Raises PayloadTooLarge, WorkflowLimitError when time is up."""
        self._spent += size_bytes
        if self._spent > self._runtime.limits.answer_bytes:
            raise PayloadTooLarge(
                f"The answer is too large; {self._runtime.limits.answer_bytes / 1e6:g} MB can be sent "
                "(RETINUE_MAX_RESPONSE_MB). Leave out outputs (excluded_fields), filter before crops are made, or send "
                "fewer images."
            )
        if self._runtime.deadline.remaining_s <= 0:
            raise WorkflowLimitError(
                "The time of the request was up while its answer was written. Send fewer images, or leave out outputs.",
                context="workflow_execution | output_construction",
            )
