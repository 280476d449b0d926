"""A branch that is taken where a condition holds."""

import time
from typing import Annotated, Any

from pydantic import Field

from retinue.workflows.block import Block, Branch, Runtime
from retinue.workflows.errors import InvalidBlockBehaviourError
from retinue.workflows.manifest import AnyRef, FloatRef, Manifest, StepRef
from retinue.workflows.query.evaluate import evaluate
from retinue.workflows.query.syntax import StatementGroup
from retinue.workflows.selectors import step_of


class ContinueIfManifest(Manifest):
    """A condition, the values it speaks of, and the steps to go to."""

    condition_statement: StatementGroup = Field(description="What must hold.")
    evaluation_parameters: dict[str, AnyRef] = Field(
        default_factory=dict, description="The values of the condition's operands, by name."
    )
    next_steps: list[StepRef] = Field(description="The steps to go on with.")
    stop_delay: FloatRef | Annotated[float, Field(gt=0)] = Field(
        0.0, description="Seconds for which the branch stays open after the condition last held."
    )


class ContinueIf(Block):
    """Goes on with the next steps for the elements of which the condition holds; for the others the branch ends."""

    identifier = "roboflow_core/continue_if@v1"
    title = "Continue If"
    category = "flow_control"
    manifest = ContinueIfManifest
    is_flow_control = True

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._held_at_s: float | None = None

    def run(
        self,
        condition_statement: StatementGroup,
        evaluation_parameters: dict[str, Any],
        next_steps: list[str],
        stop_delay: float,
    ) -> Branch:
        if not next_steps:
            raise InvalidBlockBehaviourError(
                "next_steps is empty: there is nothing to go on with",
                context="workflow_execution | step_output_registration",
            )
        now_s = time.monotonic()
        if evaluate(condition_statement, evaluation_parameters):
            self._held_at_s = now_s
        elif self._held_at_s is None or now_s - self._held_at_s >= stop_delay:
            return Branch()
        return Branch(tuple(step_of(selector) for selector in next_steps))
