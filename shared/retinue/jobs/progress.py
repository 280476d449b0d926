"""How far a job is: counts, rate and the time that is left. Pure: from the records of the job and of its shards."""

from collections.abc import Iterable
from dataclasses import dataclass

from retinue.jobs.record import Job, Shard, epoch_s

MOST_DEATHS = 20  # shards that died, each with its reason, in one answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counts of items and shards, items a second, seconds left. `done` counts the failed items too.

    rate_per_s is that of the shards at work, or the average of a job that has ended; None where nothing is known yet.
    """

    done: int
    failed: int
    total: int
    rate_per_s: float | None
    eta_s: float | None
    shards_running: int
    shards_finished: int
    shards_failed: int
    shards_total: int
    deaths: tuple[tuple[int, str], ...]  # index and reason of shards that died

    @property
    def shards_waiting(self) -> int:
        """Shards that have not started."""
        return self.shards_total - self.shards_running - self.shards_finished - self.shards_failed


def progress_of(job: Job, shards: Iterable[Shard]) -> Progress:
    """How far the job is. Reads the shards once, in any order."""
    done = failed = 0
    states = {"running": 0, "finished": 0, "failed": 0}
    deaths: list[tuple[int, str]] = []
    rate_per_s = 0.0
    for shard in shards:
        done, failed = done + shard.done, failed + shard.failed
        states[shard.state] += 1
        if shard.state == "failed" and len(deaths) < MOST_DEATHS:
            deaths.append((shard.index, shard.reason))
        if shard.state == "running":
            rate_per_s += _rate_per_s(shard.done - shard.started_done, shard.started_at, shard.updated_at)
    if job.is_final:
        rate_per_s = _rate_per_s(done, job.started_at, job.ended_at)
    left = max(0, job.items_total - done)
    has_eta = bool(rate_per_s and job.items_total) and not job.is_final
    return Progress(
        done=done,
        failed=failed,
        total=job.items_total,
        rate_per_s=rate_per_s or None,
        eta_s=left / rate_per_s if has_eta else None,
        shards_running=0 if job.is_final else states["running"],
        shards_finished=states["finished"],
        shards_failed=states["failed"],
        shards_total=job.shards_total,
        deaths=tuple(deaths),
    )


def _rate_per_s(count: int, since: str, until: str) -> float:
    """Items a second between two times; 0.0 where there is no time between them."""
    if not since or not until:
        return 0.0
    took_s = epoch_s(until) - epoch_s(since)
    return count / took_s if took_s > 0 and count > 0 else 0.0
