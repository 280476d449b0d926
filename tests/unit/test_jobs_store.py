"""Jobs in DynamoDB: transitions, races, lists. Against moto's server, with a client per thread."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from retinue.errors import JobConflict, JobNotFound, RequestError
from retinue.jobs.layout import new_job_id
from retinue.jobs.record import FINAL, NEXT, STATES, Job, State, before, outcome, timestamp
from retinue.jobs.store import JobStore
from tests.unit.job_tables import create_jobs_table

RACES = 8


@pytest.fixture(scope="module")
def clients(ordered_url: str) -> Iterator[Callable[[], Any]]:
    """Makes DynamoDB clients."""
    import boto3

    made: list[Any] = []

    def client() -> Any:
        made.append(
            boto3.client(
                "dynamodb",
                endpoint_url=ordered_url,
                region_name="us-east-1",
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
            )
        )
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def table(clients: Callable[[], Any]) -> str:
    return create_jobs_table(clients())


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(table: str, clients: Callable[[], Any], clock: Clock) -> JobStore:
    return JobStore(table, clients(), clock)


def a_job(**values: Any) -> Job:
    given = {"job_id": new_job_id(), "workspace": "default", "created_at": timestamp(0), "updated_at": timestamp(0)}
    return Job(**{**given, "state": "submitted", **values})


def running(store: JobStore, *, shards: int, items: int = 10) -> str:
    """A job in running."""
    job_id = store.create(a_job()).job_id
    store.begin_planning(job_id)
    assert store.change(job_id, "running", shards_total=shards, items_total=items)
    return job_id


def in_state(store: JobStore, state: State) -> str:
    return store.create(a_job(state=state, shards_total=1, items_total=1)).job_id


@pytest.mark.parametrize("new", STATES)
@pytest.mark.parametrize("old", STATES)
def test_a_transition_is_made_exactly_if_the_table_has_it(store: JobStore, old: State, new: State) -> None:
    job_id = in_state(store, old)
    changed = store.change(job_id, new)
    assert (changed is not None) == (new in NEXT[old])
    assert store.get(job_id).state == (new if changed else old)


def test_every_state_can_be_reached_and_the_final_ones_have_no_way_out() -> None:
    assert {state for state in STATES if not NEXT[state]} == FINAL
    assert {state for state in STATES if not before(state)} == {"submitted"}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param({"shards_finished": 1}, None, id="a shard is still at work"),
        pytest.param({"shards_total": 0}, None, id="not planned yet"),
        pytest.param({"done": 10}, "succeeded", id="no failures"),
        pytest.param({"done": 10, "failed": 1}, "partly_failed", id="one failed item"),
        pytest.param({"done": 10, "failed": 10}, "failed", id="every item failed"),
        pytest.param({"done": 5, "shards_failed": 1}, "failed", id="a shard died"),
    ],
)
def test_how_a_job_ends(counts: dict[str, int], expected: str | None) -> None:
    values = {"state": "running", "items_total": 10, "shards_total": 2, "shards_finished": 2, **counts}
    ending = outcome(a_job(**values))
    assert (ending and ending[0]) == expected


def test_an_unknown_job_is_not_found(store: JobStore) -> None:
    for call in (store.get, store.cancel, store.begin_planning, lambda job_id: store.start_shard(job_id, 0)):
        with pytest.raises(JobNotFound):
            call(new_job_id())


def test_a_record_keeps_what_it_was_given(store: JobStore) -> None:
    job = a_job(request='{"a": 1.5}', target_name="shapes/1", items_total=7)
    assert store.create(job) == job == store.get(job.job_id)


class TestIdempotency:
    def test_the_same_request_gives_the_same_job(self, store: JobStore) -> None:
        first = store.create(a_job(), key="nightly", digest="a")
        assert store.create(a_job(), key="nightly", digest="a") == first

    def test_another_request_is_refused(self, store: JobStore) -> None:
        first = store.create(a_job(), key="weekly", digest="a")
        with pytest.raises(JobConflict, match=first.job_id):
            store.create(a_job(), key="weekly", digest="b")

    def test_a_key_is_of_one_workspace(self, store: JobStore) -> None:
        first = store.create(a_job(), key="daily", digest="a")
        other = store.create(a_job(workspace="other"), key="daily", digest="b")
        assert other.job_id != first.job_id

    def test_of_many_at_once_one_makes_the_job(self, table: str, clients: Callable[[], Any]) -> None:
        stores = [JobStore(table, clients()) for _ in range(RACES)]
        start = threading.Barrier(RACES)

        def submit(store: JobStore) -> str:
            start.wait()
            return store.create(a_job(), key="race", digest="a").job_id

        with ThreadPoolExecutor(RACES) as threads:
            assert len(set(threads.map(submit, stores))) == 1


class TestShards:
    def test_a_job_ends_with_its_last_shard(self, store: JobStore) -> None:
        job_id = running(store, shards=2)
        assert store.start_shard(job_id, 0) and store.start_shard(job_id, 1)
        assert store.finish_shard(job_id, 0, 5, 0) == "running"
        assert store.finish_shard(job_id, 1, 5, 1) == "partly_failed"
        job = store.get(job_id)
        assert (job.done, job.failed, job.shards_finished, job.shards_failed) == (10, 1, 2, 0)
        assert job.ended_at and "1 of 10 items" in job.reason

    def test_a_shard_counts_once(self, store: JobStore) -> None:
        job_id = running(store, shards=2)
        store.start_shard(job_id, 0)
        for _ in range(3):
            assert store.finish_shard(job_id, 0, 5, 0) == "running"
        assert store.fail_shard(job_id, 0, "late") == "running"
        assert store.get(job_id).shards_finished == 1
        assert [shard.state for shard in store.shards(job_id)] == ["finished"]

    def test_a_shard_that_died_fails_the_job_with_its_reason(self, store: JobStore) -> None:
        job_id = running(store, shards=3)
        store.start_shard(job_id, 0)
        store.finish_shard(job_id, 0, 5, 0)
        store.fail_shard(job_id, 2, "Host EC2 (instance i-1) terminated.")
        assert store.fail_shard(job_id, 1, "OutOfMemory") == "failed"
        job = store.get(job_id)
        assert "2 of 3 shards died" in job.reason and "Shard 2: Host EC2" in job.reason

    def test_a_shard_that_has_ended_does_not_run_again(self, store: JobStore) -> None:
        job_id = running(store, shards=2)
        assert store.start_shard(job_id, 0)
        store.finish_shard(job_id, 0, 5, 0)
        assert not store.start_shard(job_id, 0)

    def test_starting_again_counts_the_attempt_and_what_was_done(self, store: JobStore, clock: Clock) -> None:
        job_id = running(store, shards=1)
        store.start_shard(job_id, 0)
        assert not store.report_shard(job_id, 0, 4, 1)
        clock.now += 60
        assert store.start_shard(job_id, 0)
        (shard,) = store.shards(job_id)
        assert (shard.attempt, shard.started_done, shard.done, shard.failed) == (2, 4, 4, 1)
        assert shard.started_at == timestamp(clock.now)

    def test_a_shard_may_be_faster_than_the_planners_last_word(self, store: JobStore) -> None:
        job_id = store.create(a_job(state="planning", shards_total=1, items_total=1)).job_id
        assert store.start_shard(job_id, 0)
        assert store.finish_shard(job_id, 0, 1, 0) == "succeeded"

    def test_who_died_between_counting_and_ending_is_made_up_for(self, store: JobStore) -> None:
        job_id = running(store, shards=1)
        store.start_shard(job_id, 0)
        store.settle = lambda job_id: "running"  # type: ignore[method-assign]  # the process dies here
        store.finish_shard(job_id, 0, 10, 0)
        del store.settle
        assert store.get(job_id).state == "running"
        assert not store.start_shard(job_id, 0)
        assert store.get(job_id).state == "succeeded"

    def test_a_cancelled_job_stops_its_shards(self, store: JobStore) -> None:
        job_id = running(store, shards=2)
        store.start_shard(job_id, 0)
        assert store.cancel(job_id).state == "cancelled"
        assert store.report_shard(job_id, 0, 3, 0)
        assert not store.start_shard(job_id, 1)
        assert store.finish_shard(job_id, 0, 5, 0) == "cancelled"
        with pytest.raises(JobConflict, match="cancelled already"):
            store.cancel(job_id)

    def test_all_shards_may_end_at_once(self, table: str, clients: Callable[[], Any], store: JobStore) -> None:
        job_id = running(store, shards=RACES, items=5 * RACES)
        start = threading.Barrier(RACES)

        def finish(index: int) -> None:
            own = JobStore(table, clients())
            own.start_shard(job_id, index)
            start.wait()
            own.finish_shard(job_id, index, 5, 0)

        with ThreadPoolExecutor(RACES) as threads:
            list(threads.map(finish, range(RACES)))
        job = store.get(job_id)
        assert (job.state, job.done, job.shards_finished) == ("succeeded", 5 * RACES, RACES)

    def test_one_shard_finished_by_many_counts_once(
        self, table: str, clients: Callable[[], Any], store: JobStore
    ) -> None:
        job_id = running(store, shards=2)
        start = threading.Barrier(RACES)

        def finish(_: int) -> None:
            own = JobStore(table, clients())
            start.wait()
            own.finish_shard(job_id, 1, 5, 0)

        with ThreadPoolExecutor(RACES) as threads:
            list(threads.map(finish, range(RACES)))
        job = store.get(job_id)
        assert (job.state, job.done, job.shards_finished) == ("running", 5, 1)

    def test_cancel_against_finish_has_one_winner(
        self, table: str, clients: Callable[[], Any], store: JobStore
    ) -> None:
        for _ in range(RACES):
            job_id = running(store, shards=1)
            store.start_shard(job_id, 0)
            start = threading.Barrier(2)

            def cancel(job_id: str = job_id, start: threading.Barrier = start) -> str:
                own = JobStore(table, clients())
                start.wait()
                try:
                    return own.cancel(job_id).state
                except JobConflict:
                    return "too late"

            def finish(job_id: str = job_id, start: threading.Barrier = start) -> str:
                own = JobStore(table, clients())
                start.wait()
                return own.finish_shard(job_id, 0, 10, 0)

            with ThreadPoolExecutor(2) as threads:
                cancelled, finished = threads.submit(cancel), threads.submit(finish)
                outcomes = cancelled.result(), finished.result()
            state = store.get(job_id).state
            assert outcomes in {("cancelled", "cancelled"), ("too late", "succeeded")}
            assert outcomes[1] == state


class TestPlanning:
    def test_it_may_begin_again(self, store: JobStore) -> None:
        job_id = store.create(a_job()).job_id
        assert [store.begin_planning(job_id).state for _ in range(3)] == ["planning"] * 3

    def test_a_job_that_is_past_it_stays_as_it_is(self, store: JobStore) -> None:
        job_id = running(store, shards=1)
        assert store.begin_planning(job_id).state == "running"

    def test_what_batch_calls_a_cancelled_job_is_refused(self, store: JobStore) -> None:
        job_id = running(store, shards=1)
        assert store.attach(job_id, "b-1")
        store.cancel(job_id)
        assert store.attach(job_id, "b-2") is None
        assert store.get(job_id).batch_job_id == "b-1"


@pytest.fixture(scope="module")
def jobs(table: str, clients: Callable[[], Any]) -> list[Job]:
    """Of one workspace, oldest first; every third failed."""
    store = JobStore(table, clients())
    return [
        store.create(
            a_job(
                workspace="listed",
                created_at=timestamp(1_800_000_000 + number),
                state="failed" if number % 3 == 0 else "succeeded",
                request="{}",
                target_name="shapes/1",
            )
        )
        for number in range(25)
    ]


class TestLists:
    @pytest.mark.parametrize("state", [None, "failed", "cancelled"])
    @pytest.mark.parametrize("limit", [1, 4, 9, 25, 100])
    def test_pages_hold_every_job_once_newest_first(
        self, store: JobStore, jobs: list[Job], limit: int, state: State | None
    ) -> None:
        found: list[Job] = []
        token = ""
        while True:
            page, token = store.list_jobs("listed", state=state, limit=limit, token=token)
            assert len(page) <= limit
            found += page
            if not token:
                break
        wanted = [replace(job, request="") for job in reversed(jobs) if state in (None, job.state)]
        assert found == wanted

    def test_a_workspace_sees_its_own_only(self, store: JobStore, jobs: list[Job]) -> None:
        assert store.list_jobs("nobody") == ([], "")

    @pytest.mark.parametrize("token", ["x", "e30=", "bm90IGpzb24="])
    def test_a_token_of_somebodys_own_making_is_refused(self, store: JobStore, token: str) -> None:
        with pytest.raises(RequestError, match="token"):
            store.list_jobs("default", token=token)
