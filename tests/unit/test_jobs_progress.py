"""Rate, time left, and what AWS Batch says of the dead."""

from typing import Any

import pytest

from retinue.jobs.deaths import Death, death_of
from retinue.jobs.layout import new_job_id
from retinue.jobs.progress import MOST_DEATHS, progress_of
from retinue.jobs.record import Job, Shard, ShardState, State, epoch_s, timestamp

START = 1_800_000_000.0


def job(state: State = "running", **values: Any) -> Job:
    given = {"items_total": 100, "shards_total": 4, "started_at": timestamp(START), "created_at": timestamp(START)}
    return Job(job_id="1", workspace="default", state=state, updated_at=timestamp(START), **{**given, **values})


def shard(index: int, state: ShardState, done: int, took_s: float = 10, **values: Any) -> Shard:
    """A shard whose attempt started at START and reported last `took_s` later."""
    given = {"started_at": timestamp(START), "updated_at": timestamp(START + took_s), **values}
    return Shard(index=index, state=state, done=done, **given)


def test_nothing_yet() -> None:
    progress = progress_of(job(), ())
    assert (progress.done, progress.total, progress.rate_per_s, progress.eta_s) == (0, 100, None, None)
    assert progress.shards_waiting == 4


def test_shards_at_work_add_their_rates() -> None:
    progress = progress_of(job(), [shard(0, "running", 20), shard(1, "running", 10), shard(2, "finished", 25)])
    assert progress.done == 55
    assert progress.rate_per_s == pytest.approx(3.0)  # the finished one is done with
    assert progress.eta_s == pytest.approx(45 / 3)
    assert (progress.shards_running, progress.shards_finished, progress.shards_waiting) == (2, 1, 1)


def test_what_an_attempt_found_done_is_not_its_own_speed() -> None:
    progress = progress_of(job(), [shard(0, "running", 50, started_done=40)])
    assert progress.rate_per_s == pytest.approx(1.0)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(shard(0, "running", 0), id="nothing done"),
        pytest.param(shard(0, "running", 5, 0), id="no time between"),
        pytest.param(shard(0, "running", 5, -1), id="clocks that differ"),
        pytest.param(shard(0, "running", 5, started_done=5), id="just started again"),
        pytest.param(shard(0, "failed", 5), id="dead"),
    ],
)
def test_no_rate_is_better_than_a_wrong_one(one: Shard) -> None:
    progress = progress_of(job(), [one])
    assert (progress.rate_per_s, progress.eta_s) == (None, None)


def test_a_job_that_ended_has_its_average() -> None:
    ended = job("succeeded", ended_at=timestamp(START + 50))
    progress = progress_of(ended, [shard(index, "finished", 25) for index in range(4)])
    assert (progress.rate_per_s, progress.eta_s, progress.shards_waiting) == (pytest.approx(2.0), None, 0)


def test_a_video_has_no_total_until_somebody_has_counted() -> None:
    progress = progress_of(job(items_total=0, shards_total=1), [shard(0, "running", 30)])
    assert (progress.done, progress.total, progress.rate_per_s, progress.eta_s) == (30, 0, 3.0, None)


def test_the_dead_are_told_but_not_all_of_thousands() -> None:
    dead = [shard(index, "failed", 1, reason=f"why {index}") for index in range(1000)]
    progress = progress_of(job("failed", shards_total=1000), dead)
    assert progress.shards_failed == 1000
    assert progress.deaths == tuple((index, f"why {index}") for index in range(MOST_DEATHS))


@pytest.mark.parametrize("time_s", [0.0, 1.5, START, START + 0.123])
def test_times_survive_and_sort(time_s: float) -> None:
    assert epoch_s(timestamp(time_s)) == pytest.approx(time_s, abs=0.001)
    assert timestamp(time_s) < timestamp(time_s + 0.001) < timestamp(time_s + 3600)


JOB = new_job_id()


def event(**detail: Any) -> dict[str, Any]:
    """As EventBridge sends it."""
    given = {"jobName": f"retinue-{JOB}", "status": "FAILED", "statusReason": "Essential container in task exited"}
    return {"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": {**given, **detail}}


@pytest.mark.parametrize(
    ("told", "death"),
    [
        pytest.param(event(), Death(JOB, 0, "Essential container in task exited"), id="a job of one shard"),
        pytest.param(
            event(arrayProperties={"index": 7}), Death(JOB, 7, "Essential container in task exited"), id="a child"
        ),
        pytest.param(
            event(
                container={"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},
                attempts=[{}, {}],
            ),
            Death(
                JOB,
                0,
                "Essential container in task exited; OutOfMemoryError: Container killed due to memory usage; "
                "exit code 137; 2 attempts",
            ),
            id="with all that is known",
        ),
        pytest.param(event(statusReason=None), Death(JOB, 0, "AWS Batch gave no reason"), id="without a reason"),
        pytest.param(event(arrayProperties={"size": 3}), None, id="the parent of an array"),
        pytest.param(event(status="RUNNABLE"), None, id="it is tried again"),
        pytest.param(event(status="SUCCEEDED"), None, id="it is well"),
        pytest.param(event(jobName="training-run"), None, id="somebody else's job"),
        pytest.param(event(jobName="retinue-../../x"), None, id="no id"),
        pytest.param({"detail-type": "EC2 Spot Instance Interruption Warning", "detail": {}}, None, id="other news"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_which_shard_died(told: dict[str, Any], death: Death | None) -> None:
    assert death_of(told) == death
