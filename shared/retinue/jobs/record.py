"""A job as a state machine, and what its records hold. Pure: `store.py` keeps it in DynamoDB.

submitted -> planning -> running -> succeeded | partly_failed | failed, and cancelled from any that is not final. A
job may fail from every state that is not final: a source that cannot be listed, a shard that died.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

State = Literal["submitted", "planning", "running", "succeeded", "partly_failed", "failed", "cancelled"]
ShardState = Literal["running", "finished", "failed"]

STATES: tuple[State, ...] = get_args(State)
FINAL: frozenset[State] = frozenset({"succeeded", "partly_failed", "failed", "cancelled"})
OPEN: tuple[State, ...] = tuple(state for state in STATES if state not in FINAL)
NEXT: dict[State, frozenset[State]] = {
    "submitted": frozenset({"planning", "failed", "cancelled"}),
    "planning": frozenset({"running", "failed", "cancelled"}),
    "running": FINAL,
    **{state: frozenset() for state in FINAL},
}


def before(state: State) -> tuple[State, ...]:
    """The states from which a job may come into `state`, in the order of a job's life."""
    return tuple(old for old in STATES if state in NEXT[old])


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The record of a job. Times are ISO 8601 in UTC; counts of items are those of the shards that have ended."""

    job_id: str
    workspace: str
    state: State
    created_at: str
    updated_at: str
    request: str = ""  # the accepted request as JSON; empty in lists
    target_name: str = ""  # the model or workflow, for people
    reason: str = ""  # why it failed, or what failed in it
    items_total: int = 0
    items_skipped: int = 0  # objects of the source that are no pictures
    shards_total: int = 0
    shards_finished: int = 0  # ended, well or not
    shards_failed: int = 0
    done: int = 0
    failed: int = 0
    queue: str = ""  # "cpu" or "gpu"
    batch_job_id: str = ""
    started_at: str = ""
    ended_at: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The record of one shard. `done` counts all items that have an answer, `failed` those whose answer is an error.

    `started_at` is the start of the attempt that runs, `started_done` what had been done by then, `attempt` counts
    from 1.
    """

    index: int
    state: ShardState
    done: int = 0
    failed: int = 0
    attempt: int = 1
    started_at: str = ""
    started_done: int = 0
    updated_at: str = ""
    reason: str = ""


def outcome(job: Job) -> tuple[State, str] | None:
    """How a running job ends and why, once all of its shards have ended; None before."""
    if not job.shards_total or job.shards_finished < job.shards_total:
        return None
    if job.shards_failed:
        shards = f"{job.shards_failed} of {job.shards_total} shards"
        return "failed", f"{shards} died. {job.reason}".strip()
    if job.failed and job.failed >= job.items_total:
        return "failed", f"all {job.items_total} items failed; each line of the results says why"
    if job.failed:
        return "partly_failed", f"{job.failed} of {job.items_total} items failed; their lines of the results say why"
    return "succeeded", ""


def timestamp(epoch_s: float) -> str:
    """Seconds since 1970 as the records write them; texts sort as times do."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def epoch_s(text: str) -> float:
    """The reverse of `timestamp`."""
    return datetime.fromisoformat(text).timestamp()
