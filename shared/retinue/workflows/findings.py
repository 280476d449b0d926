"""What is wrong with a document, collected: the caller learns all of it at once, shortened where there is much."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pydantic import ValidationError

from retinue.workflows.errors import BlockError, WorkflowSyntaxError

PARSING = "workflow_compilation | workflow_definition_parsing"
MOST_PROBLEMS = 50
MOST_PROBLEMS_OF_PART = 1_000
MOST_BLOCKS = 500


class ProblemsOfDocument(Exception):
    """What is wrong with a document: how much, and of the first the places and what should be there."""

    type = "ValidationError"

    def __init__(self, problems: Sequence[tuple[str, str]], count: int) -> None:
        lines = [f"{count} validation error{'s' * (count > 1)} for workflow"]
        lines += [f"{place}\n  {message}" for place, message in problems]
        super().__init__("\n".join(lines))


class Findings:
    """What is wrong with a document: the first places, and for each property of a step the first thing."""

    def __init__(self, problems: Iterable[tuple[str, str]] = ()) -> None:
        self.count = 0
        self._problems: list[tuple[str, str]] = []
        self._blocks: dict[tuple[str | None, str | None], BlockError] = {}
        for place, message in problems:
            self.add(place, message)

    def add(self, place: str, message: str, block: BlockError | None = None) -> None:
        """Counts a problem, and keeps it while there are few."""
        self.count += 1
        if self.count <= MOST_PROBLEMS:
            self._problems.append((place, message))
        if block is not None and len(self._blocks) < MOST_BLOCKS:
            key = block.block_id, block.property_name
            if key not in self._blocks:
                self._blocks[key] = replace(block, property_details=message)

    def error(self) -> WorkflowSyntaxError:
        """What tells them."""
        return WorkflowSyntaxError(
            "Could not parse workflow definition. Details provided in inner error.",
            context=PARSING,
            inner=ProblemsOfDocument(self._problems, self.count),
            blocks=tuple(self._blocks.values()),
        )


def problems_of(exc: ValidationError, place: str = "") -> Iterable[tuple[str, str]]:
    """The places and messages; of very many, which take long to tell, only the number."""
    if exc.error_count() > MOST_PROBLEMS_OF_PART:
        yield place, f"{exc.error_count():,} validation errors"
        return
    for error in exc.errors(include_url=False, include_input=False, include_context=False):
        yield ".".join([*([place] if place else []), *map(str, error["loc"])]), error["msg"]
