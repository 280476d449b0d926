"""What a compiled workflow is: the order of its steps, and how deep the data of each is nested."""

from collections.abc import Mapping
from dataclasses import dataclass

from retinue.workflows.definition import Input, Step
from retinue.workflows.selectors import Selector

Lineage = tuple[str, ...]
"""The levels of nesting of a batch, outermost first: what made each. () is a scalar: one value for the request."""

WORKFLOW_INPUT = "<workflow_input>"
"""The outermost level of everything that has one value for each picture."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A place in a property of a step that holds a selector: the whole value (key None), or one entry of it.

    lineage: of the data; offset: how many levels deeper it is than the step's elements.
    """

    property_name: str
    key: int | str | None
    selector: Selector
    lineage: Lineage = ()
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step ready to run.

    lineage: of the elements that it runs over; output_lineage: of what it gives. controllers: the steps that decide for
    which elements it runs. releases: steps whose results nobody needs after it. consumed: properties whose values were
    made for this step alone.
    """

    step: Step
    bindings: tuple[Binding, ...]
    lineage: Lineage
    output_lineage: Lineage
    controllers: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    consumed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOutput:
    """An output of the workflow: where its value is, and of which kinds.

    kinds: one tuple under the output's own name; for `$steps.s.*` one for each output of the step.
    """

    name: str
    selector: Selector
    lineage: Lineage
    kinds: Mapping[str, tuple[str, ...]]
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A compiled workflow: steps in the order in which they run."""

    inputs: Mapping[str, Input]
    steps: tuple[PlannedStep, ...]
    outputs: tuple[PlannedOutput, ...]
    input_lineages: Mapping[str, Lineage]
