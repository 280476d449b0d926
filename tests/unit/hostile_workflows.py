"""What documents and inputs that mean harm, or mean nothing, may take: nothing but a proper error comes out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from retinue.errors import RetinueError
from retinue.workflows.block import Limits
from retinue.workflows.compile import PlanCache
from retinue.workflows.errors import WorkflowError
from tests.unit.measured_runs import Outcome, is_in_time, measured
from tests.unit.workflow_documents import compiled

MOST_SECONDS, MOST_MEGABYTES = 2.0, 300.0
MOST_TEXT = 20_000

Case = Callable[[], Any]


@dataclass
class Hostile:
    """The cases of a module: functions by name, and the error that each ends with, if it may not pass."""

    cases: dict[str, Case] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def __call__(self, error: str = "") -> Callable[[Case], Case]:
        """Registers a case by the name of its function."""

        def register(case: Case) -> Case:
            self.cases[case.__name__] = case
            self.errors[case.__name__] = error
            return case

        return register

    @property
    def names(self) -> list[str]:
        return list(self.cases)

    def check(self, name: str) -> None:
        """Runs a case in a process of its own: it ends as it should, in time, and takes little memory."""
        outcome: Outcome = measured(run_case, self.cases[name], timeout_s=15)
        wanted = self.errors[name]
        if wanted:
            assert outcome.error, "it was not refused"
            assert wanted in outcome.error, (outcome.error, outcome.text)
            assert outcome.text.strip() and len(outcome.text) < MOST_TEXT
        else:
            assert not outcome.error, (outcome.error[0], outcome.text)
        assert is_in_time(outcome.seconds, MOST_SECONDS), outcome.seconds
        assert outcome.megabytes < MOST_MEGABYTES


def run_case(case: Case) -> None:
    """Runs a case. What it raises is raised once it was written as the body of an answer."""
    try:
        case()
    except WorkflowError as exc:
        body = exc.render()
        assert len(orjson.dumps(body)) < 6_000_000, "the error does not fit into an answer"
        raise


def no_workflows(*_: Any) -> Any:
    raise RetinueError("there are none")


def each_refused(definitions: list[Any]) -> None:
    """Compiles each, and raises the last error. AssertionError if one of them compiles, or its error cannot be sent."""
    assert definitions
    for definition in definitions:
        for get in (compiled, lambda document: PlanCache().get(document, Limits(), no_workflows)):
            try:
                get(definition)
            except WorkflowError as exc:
                body = orjson.dumps(exc.render())
                assert len(exc.public) < MOST_TEXT and len(body) < 1_000_000, f"{type(exc).__name__} says too much"
            else:
                raise AssertionError(f"this was not refused: {str(definition)[:300]}")
    raise_last()


def raise_last() -> None:
    raise WorkflowError("each was refused", context="test")
