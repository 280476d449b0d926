"""What a run of the bench found, raw."""

from dataclasses import dataclass

from bench.cases import Case
from bench.documents import Document
from bench.floor import BareStart
from bench.jobs import JobRuns
from bench.size import Unpacked
from bench.soak import Soak
from bench.traffic import OURS, UPSTREAM, Traffic
from bench.upstream import UpstreamFacts, UpstreamStart
from bench.workers import Answer, ColdStart


@dataclass(frozen=True, slots=True)
class Warm:
    """Answers of a warm process, each followed by one bare `session.run` of the same network (milliseconds).

    The CPU times are means of one request and of one run.
    """

    case: Case
    answers: tuple[Answer, ...]
    bare_ms: tuple[float, ...]
    cpu_ms: float
    bare_cpu_ms: float


@dataclass(frozen=True, slots=True)
class Series:
    """One network, one picture, so many clients: ours, and upstream's in turns with it where there is one."""

    case: Case
    picture_size: str
    clients: int
    sides: tuple[Traffic, ...]

    @property
    def ours(self) -> Traffic:
        """Our side."""
        return next(side for side in self.sides if side.side == OURS)

    @property
    def upstream(self) -> Traffic | None:
        """Upstream's side."""
        return next((side for side in self.sides if side.side == UPSTREAM), None)


@dataclass(frozen=True, slots=True)
class WorkflowSeries:
    """Runs of one document, and in turns with them requests of its detector alone: the same picture, one client."""

    document: Document
    runs: Series
    alone: Series


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """A picture that was sent."""

    source: str
    size: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class UpstreamFound:
    """Upstream's environment and its starts."""

    facts: UpstreamFacts
    starts: tuple[UpstreamStart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Everything that was measured. `threads` of a network run are the same on both sides."""

    pictures: tuple[PictureFacts, ...]
    network_bytes: dict[str, int]
    versions: dict[str, str]
    memory_mb: int
    threads: int
    unpacked: Unpacked
    cold: tuple[ColdStart, ...]
    bare_cold: tuple[BareStart, ...]
    workflow_cold: tuple[ColdStart, ...]
    warm: tuple[Warm, ...]
    series: tuple[Series, ...]
    workflows: tuple[WorkflowSeries, ...]
    upstream: UpstreamFound | None
    soak: Soak | None
    jobs: JobRuns | None = None
