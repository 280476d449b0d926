"""A branch for each value."""

from collections import Counter
from typing import Any, Self

from pydantic import Field, model_validator

from retinue.workflows.block import Block, Branch
from retinue.workflows.manifest import AnyRef, Manifest, StepRef
from retinue.workflows.query.limits import text_of
from retinue.workflows.selectors import step_of


class SwitchCaseManifest(Manifest):
    """The value, and the steps to go to."""

    value: AnyRef | str | int | float | bool = Field(description="The value that decides; compared as text.")
    cases: dict[str, StepRef] = Field(default_factory=dict, description="The step to go on with, by value.")
    case_insensitive: bool = Field(False, description="Whether capital and small letters count as the same.")
    default_next_steps: list[StepRef] = Field(
        default_factory=list, title="Default Steps", description="The steps to go on with for any other value."
    )

    @model_validator(mode="after")
    def check_targets(self) -> Self:
        uses = Counter([*self.cases.values(), *self.default_next_steps])
        if repeated := sorted(target for target, count in uses.items() if count > 1):
            raise ValueError(
                "Each step may be targeted at most once across `cases` and `default_next_steps`. "
                f"Duplicated targets: {repeated}"
            )
        if self.case_insensitive and len({key.lower() for key in self.cases}) < len(self.cases):
            raise ValueError("`cases` contains keys that collide when case_insensitive is enabled")
        return self


class SwitchCase(Block):
    """Goes on with the step of the value's case, or with the default steps; without any the branch ends."""

    identifier = "roboflow_core/switch_case@v1"
    title = "Switch Case"
    category = "flow_control"
    manifest = SwitchCaseManifest
    is_flow_control = True

    def run(
        self, value: Any, cases: dict[str, str], case_insensitive: bool, default_next_steps: list[str]
    ) -> Branch | None:
        if not cases and not default_next_steps:
            return None  # there is nothing to go on with, which the engine tells
        key = text_of(value)
        if case_insensitive:
            key, cases = key.lower(), {case.lower(): target for case, target in cases.items()}
        targets = [cases[key]] if key in cases else default_next_steps
        return Branch(tuple(map(step_of, targets)))
