"""Jobs in DynamoDB: every change of state is one conditional write, so redelivered messages and races change nothing.

The table: partition key `job_id`, sort key `item` ("job", or "shard#00000"); index `by-workspace` (workspace,
created_at) over the jobs. An idempotency key is an item of its own, written together with its job.
"""

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import orjson

from retinue.errors import JobConflict, JobNotFound, RequestError
from retinue.jobs.items import decoded, encoded, idempotency_key, item_of, job_key, job_of, shard_of
from retinue.jobs.record import OPEN, Job, Shard, State, before, outcome, timestamp
from retinue.jobs.table import JobTable


class JobStore:
    """Reads and writes the records of jobs. Safe to use from several threads, as its boto3 client is."""

    def __init__(self, table: str, client: Any, clock: Callable[[], float] = time.time) -> None:
        """`client` is a boto3 DynamoDB client."""
        self._table = JobTable(table, client)
        self._clock = clock

    def now(self) -> str:
        """The time as the records write it."""
        return timestamp(self._clock())

    @classmethod
    def open(cls, table: str) -> Self:
        """The store behind the table, with boto3's usual configuration."""
        from retinue.aws import boto3_client

        return cls(table, boto3_client("dynamodb"))

    # ------------------------------------------------------------ what the routes and the planner need

    def create(self, job: Job, *, key: str = "", digest: str = "") -> Job:
        """Writes a new job and returns it; under an idempotency key that is known already, the job that it made.

        Raises JobConflict if the key came with another request (`digest` is that of the request).
        """
        puts = [self._table.put(item_of(job))]
        if key:
            record = {**idempotency_key(job.workspace, key), **encoded({"made": job.job_id, "digest": digest})}
            puts.insert(0, self._table.put(record))
        if self._table.transact(puts):
            return job
        made = self.made_by(job.workspace, key, digest)
        if made is None:
            raise JobConflict(f"There is a job {job.job_id} already.")
        return made

    def made_by(self, workspace: str, key: str, digest: str) -> Job | None:
        """The job that an idempotency key made; None if it made none. Raises JobConflict as `create` does."""
        item = self._table.get(idempotency_key(workspace, key))
        if not item:
            return None
        made = decoded(item)
        if made["digest"] != digest:
            raise JobConflict(
                f"idempotency key {key!r} belongs to job {made['made']}, which was another request. "
                "Use a new key for a new request."
            )
        return self.get(str(made["made"]))

    def get(self, job_id: str) -> Job:
        """The job as it is now. Raises JobNotFound."""
        item = self._table.get(job_key(job_id))
        if not item:
            raise JobNotFound(f"There is no job {job_id}.")
        return job_of(item)

    def shards(self, job_id: str) -> Iterator[Shard]:
        """The shards that have started, by index."""
        return (shard_of(item) for item in self._table.shards(job_id))

    def list_jobs(
        self, workspace: str, *, state: State | None = None, limit: int = 50, token: str = ""
    ) -> tuple[list[Job], str]:
        """Jobs of a workspace, newest first, and the token of the next page, empty at the end.

        Raises RequestError if the token is not one of these.
        """
        jobs: list[Job] = []
        position = _position(token) if token else None
        while True:
            items, position = self._table.listed(workspace, state, limit, position)
            jobs += map(job_of, items)
            if len(jobs) > limit or (len(jobs) == limit and position):
                return jobs[:limit], _token(jobs[limit - 1])
            if not position:
                return jobs, ""

    def change(
        self, job_id: str, state: State, *, only_from: tuple[State, ...] | None = None, **values: str | int
    ) -> Job | None:
        """The job after it came into `state`, with further attributes; None if it was in no state that leads there."""
        old = before(state) if only_from is None else only_from
        stamps = {"started_at": self.now()} if state == "running" else {}
        return self._update(job_id, {**stamps, **values, "state": state}, allowed=old)

    def cancel(self, job_id: str) -> Job:
        """The job, cancelled. Raises JobNotFound, and JobConflict that says its state if it is final already."""
        job = self.change(job_id, "cancelled", reason="cancelled on request", ended_at=self.now())
        if job is None:
            state = self.get(job_id).state
            raise JobConflict(f"Job {job_id} is {state} already; nothing is left to cancel.")
        return job

    def begin_planning(self, job_id: str) -> Job:
        """The job, now or still in planning; as it is, if it is past that. Raises JobNotFound."""
        job = self._update(job_id, {"state": "planning"}, allowed=("submitted", "planning"))
        return job or self.get(job_id)

    def attach(self, job_id: str, batch_job_id: str) -> Job | None:
        """Writes down what AWS Batch calls the job; None if it was cancelled meanwhile and must be ended there."""
        allowed: tuple[State, ...] = ("running", "succeeded", "partly_failed", "failed")
        return self._update(job_id, {"batch_job_id": batch_job_id}, allowed=allowed)

    # ------------------------------------------------------------ what a shard needs

    def set_items_total(self, job_id: str, items: int) -> None:
        """Writes down how many items there are, where only the container can count them: the frames of a video."""
        self._update(job_id, {"items_total": items})

    def start_shard(self, job_id: str, index: int) -> bool:
        """Whether the shard has to run: not if the job is over (cancelled, failed) or the shard has ended before.

        Counts the attempt. Raises JobNotFound.
        """
        job = self.get(job_id)
        if job.is_final:
            return False
        started = self._table.update(self._table.shard_start(job_id, index, self.now()))
        if not started:  # its process died between counting itself and ending the job
            self.settle(job_id)
        return started is not None

    def report_shard(self, job_id: str, index: int, done: int, failed: int) -> bool:
        """Writes down how far the shard is (`done`: all items with an answer, the failed ones among them).

        Returns whether the job is over, so that the shard must stop.
        """
        values: dict[str, str | int] = {"done": done, "failed": failed, "updated_at": self.now()}
        self._table.update(self._table.shard_update(job_id, index, values))
        return self.get(job_id).is_final

    def finish_shard(self, job_id: str, index: int, done: int, failed: int) -> State:
        """Counts the shard as finished, once however often it is called; the last one ends the job.

        `done` counts all items with an answer, `failed` those whose answer is an error. Returns the job's state.
        """
        return self._end_shard(job_id, index, {"state": "finished", "done": done, "failed": failed})

    def fail_shard(self, job_id: str, index: int, reason: str) -> State:
        """Counts the shard as dead, once, unless it has finished; the last one ends the job. Returns its state."""
        return self._end_shard(job_id, index, {"state": "failed", "reason": reason})

    def settle(self, job_id: str) -> State:
        """Ends a running job all of whose shards have ended; anything else stays as it is. Returns the state."""
        job = self.get(job_id)
        ending = outcome(job)
        if job.is_final or ending is None:
            return job.state
        state, reason = ending
        # Also from planning: a shard can be faster than the planner's last word.
        changed = self.change(job_id, state, only_from=("planning", "running"), reason=reason, ended_at=self.now())
        return changed.state if changed else self.get(job_id).state

    # ------------------------------------------------------------ DynamoDB

    def _end_shard(self, job_id: str, index: int, ending: dict[str, str | int]) -> State:
        """One transaction: the shard ends if it has not ended, and the job's counters count it."""
        stamp = {"updated_at": self.now()}
        failed = ending["state"] == "failed"
        counts = {"shards_finished": 1, "shards_failed": int(failed)}
        counts |= {name: int(ending.get(name, 0)) for name in ("done", "failed")}
        words = {"reason": f"Shard {index}: {ending['reason']}"} if failed else {}
        self._table.transact(
            [
                {"Update": self._table.shard_update(job_id, index, {**ending, **stamp}, may_be_new=True)},
                {"Update": self._table.job_update(job_id, {**words, **stamp}, ("planning", "running"), counts)},
            ]
        )
        return self.settle(job_id)

    def _update(self, job_id: str, values: Mapping[str, str | int], *, allowed: tuple[State, ...] = OPEN) -> Job | None:
        """The job after the update; None if it is in no allowed state, or does not exist."""
        if not allowed:
            return None
        item = self._table.update(self._table.job_update(job_id, {**values, "updated_at": self.now()}, allowed))
        return job_of(item) if item else None


def _token(job: Job) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([job.job_id, job.created_at])).decode()


def _position(token: str) -> dict[str, Any]:
    try:
        job_id, created_at = orjson.loads(base64.urlsafe_b64decode(token))
        return {**job_key(str(job_id)), **encoded({"created_at": str(created_at)})}
    except ValueError as exc:
        raise RequestError("The token is not one that a list of jobs gave.") from exc
