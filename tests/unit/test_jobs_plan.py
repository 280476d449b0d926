"""The planner: what it writes, what it refuses, and what happens to it when it is stopped anywhere."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from retinue.deadline import Deadline
from retinue.errors import JobNotFound, ModelNotFound, StorageUnavailable
from retinue.jobs.layout import item_id, new_job_id
from retinue.jobs.plan import MOST_ATTEMPTS, shards_of
from retinue.jobs.request import MOST_SHARDS
from tests.unit.job_planning import Failing, PlanningWorld


@pytest.fixture
def world(ordered_url: str) -> Iterator[PlanningWorld]:
    made = PlanningWorld(ordered_url)
    yield made
    made.close()


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


def test_a_folder_becomes_shards_a_plan_and_a_batch_job(world: PlanningWorld) -> None:
    world.put(*(f"a/{number:02}.jpg" for number in range(5)), "a/notes.txt", "a/", "b/other.jpg")
    job_id = world.submit(
        source={"bucket": world.photos, "prefix": "a/"}, shard_size=2, batch_size=4, part_size=3, draw=True,
        parameters={"confidence": "0.5"},
    )  # fmt: skip
    job = world.plan(job_id)
    assert (job.state, job.items_total, job.items_skipped, job.shards_total) == ("running", 5, 1, 3)
    assert job.started_at
    assert world.plan_of(job_id) == {
        "version": 1,
        "job_id": job_id,
        "workspace": "default",
        "scopes": ["*"],
        "target": {"type": "model", "model_id": "shapes/1"},
        "parameters": {"confidence": "0.5"},
        "source": {"type": "s3", "bucket": world.photos, "prefix": "a/"},
        "device": "auto",
        "batch_size": 4,
        "part_size": 3,
        "shards": [{"items": 2}, {"items": 2}, {"items": 1}],
        "output": {"bucket": world.uploads, "prefix": f"jobs/{job_id}/results/"},
        "draw": True,
        "track": None,
    }
    lines = [line for shard in range(3) for line in world.items(job_id, shard)]
    assert [line["key"] for line in lines] == [f"a/{number:02}.jpg" for number in range(5)]
    assert lines[0] == {
        "id": item_id(world.photos, "a/00.jpg", None),
        "bucket": world.photos,
        "key": "a/00.jpg",
        "version": None,
        "size_bytes": 1,
    }
    (batch_job_id,) = world.batch_jobs(job_id)
    assert job.batch_job_id == batch_job_id
    (described,) = world.batch_client.describe_jobs(jobs=[batch_job_id])["jobs"]
    variables = {item["name"]: item["value"] for item in described["container"]["environment"]}
    assert variables["RETINUE_JOB_ID"] == job_id and variables["RETINUE_UPLOADS_BUCKET"] == world.uploads


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        ("a.jpg", True),
        ("a.JPEG", True),
        ("a.png", True),
        ("a.webp", True),
        ("a.bmp", True),
        ("a.gif", True),
        ("a.tif", True),
        ("a.Tiff", True),
        ("a.npy", True),
        ("deep/er/a.jpg", True),
        ("with space + plus & ü 图.jpg", True),
        (".jpg", True),
        ("jpg", False),
        ("a.jpg.txt", False),
        ("a.mp4", False),
        ("a", False),
    ],
)
def test_what_counts_as_a_picture(world: PlanningWorld, name: str, is_taken: bool) -> None:
    world.put("first.jpg", name)
    job_id = world.submit()
    job = world.plan(job_id)
    assert {line["key"] for line in world.items(job_id, 0)} == {"first.jpg"} | ({name} if is_taken else set())
    assert job.items_skipped == (0 if is_taken else 1)


def test_results_go_where_the_request_says_in_a_folder_of_the_job(world: PlanningWorld) -> None:
    world.put("a.jpg")
    job_id = world.submit(output={"bucket": "elsewhere", "prefix": "answers/"})
    world.plan(job_id)
    assert world.plan_of(job_id)["output"] == {"bucket": "elsewhere", "prefix": f"answers/{job_id}/"}


def test_a_video_is_one_shard_with_one_item(world: PlanningWorld) -> None:
    world.put("clip.mp4", body=b"frames")
    job_id = world.submit(source={"type": "video", "bucket": world.photos, "key": "clip.mp4", "infer_fps": 5})
    job = world.plan(job_id)
    assert (job.state, job.shards_total, job.items_total) == ("running", 1, 0)
    plan = world.plan_of(job_id)
    assert plan["shards"] == [{"items": 1}]
    assert plan["source"] == {
        "type": "video", "bucket": world.photos, "key": "clip.mp4", "version": None, "infer_fps": 5,
    }  # fmt: skip
    assert world.items(job_id, 0)[0]["size_bytes"] == 6


class TestRefused:
    """Ends the job with the reason in its record; nothing is submitted, and nothing is raised."""

    def refused(self, world: PlanningWorld, job_id: str, reason: str) -> None:
        job = world.plan(job_id)
        assert job.state == "failed" and job.ended_at
        assert reason in job.reason
        assert world.batch_jobs(job_id) == []

    def test_an_empty_prefix(self, world: PlanningWorld) -> None:
        world.put("a.jpg")
        job_id = world.submit(source={"bucket": world.photos, "prefix": "b/"})
        self.refused(world, job_id, f"nothing under s3://{world.photos}/b/")

    def test_no_pictures_among_many(self, world: PlanningWorld) -> None:
        world.put("b/a.txt", "b/c.txt")
        self.refused(world, world.submit(), "2 objects, but no pictures")

    def test_no_such_bucket(self, world: PlanningWorld) -> None:
        job_id = world.submit(source={"bucket": "no-such-bucket", "prefix": "a/"})
        self.refused(world, job_id, "no such bucket")

    def test_no_such_video(self, world: PlanningWorld) -> None:
        job_id = world.submit(source={"type": "video", "bucket": world.photos, "key": "clip.mp4"})
        self.refused(world, job_id, "no such object")

    def test_access_denied(self, world: PlanningWorld) -> None:
        denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")
        world.planner = world.planner_with(Failing(world.s3, "get_paginator", lambda: denied), world.batch)
        self.refused(world, world.submit(), "access is denied. Name the bucket in the stack's parameter SourceBuckets")

    def test_the_stacks_own_buckets(self, world: PlanningWorld) -> None:
        for bucket, prefix in (("models-of-the-stack", "keys/"), (world.uploads, "sources/other/")):
            job_id = world.submit(source={"bucket": bucket, "prefix": prefix})
            self.refused(world, job_id, "is not for workspace default")

    def test_a_target_that_is_gone(self, world: PlanningWorld) -> None:
        def gone(*args: Any) -> dict[str, Any]:
            raise ModelNotFound("no version or alias shapes/1")

        world.snapshot = gone
        world.put("a.jpg")
        self.refused(world, world.submit(), "no version or alias shapes/1")

    def test_more_shards_than_batch_takes(self, world: PlanningWorld) -> None:
        entry = {"Size": 1}
        pages = [
            {"Contents": [{"Key": f"{page}-{number}.jpg", **entry} for number in range(1000)]}
            for page in range(MOST_SHARDS // 1000 + 1)
        ]
        world.planner = world.planner_with(ListsOnly(pages), world.batch)
        self.refused(world, world.submit(shard_size=1), "more than 10,000 pictures")

    def test_a_listing_that_takes_too_long(self, world: PlanningWorld) -> None:
        world.put("a.jpg")
        job_id = world.submit()
        world.planner.plan(job_id, 1, Deadline.after(5))
        assert "Split the prefix" in world.store.get(job_id).reason


class ListsOnly:
    """S3 that lists these pages and forgets what is written: ten thousand shard files take long in moto."""

    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self._pages = pages

    def get_paginator(self, name: str) -> "ListsOnly":
        return self

    def paginate(self, **place: str) -> Iterator[dict[str, Any]]:
        return iter(self._pages)

    def put_object(self, **given: Any) -> None:
        """Nothing is kept."""


class TestTwice:
    """What a message that is delivered again, or a process that is killed, leaves behind."""

    def test_a_message_delivered_again_changes_nothing(self, world: PlanningWorld) -> None:
        world.put("a.jpg")
        job_id = world.submit()
        first = world.plan(job_id)
        assert world.plan(job_id, 2) == first
        assert len(world.batch_jobs(job_id)) == 1

    @pytest.mark.parametrize("put", range(4))
    def test_killed_at_any_file_it_starts_over(self, world: PlanningWorld, put: int) -> None:
        """Three shard files and the plan."""
        world.put(*(f"{number}.jpg" for number in range(5)))
        job_id = world.submit(shard_size=2)
        killed = world.planner_with(Failing(world.s3, "put_object", Killed, after=put), world.batch)
        with pytest.raises(Killed):
            killed.plan(job_id, 1, Deadline.after(600))
        assert world.store.get(job_id).state == "planning"
        job = world.plan(job_id, 2)
        assert (job.state, job.shards_total, job.items_total) == ("running", 3, 5)
        assert len(world.batch_jobs(job_id)) == 1

    @pytest.mark.parametrize("does", [False, True], ids=["before", "after"])
    def test_killed_at_the_submission_one_batch_job_runs(self, world: PlanningWorld, does: bool) -> None:
        world.put("a.jpg")
        job_id = world.submit()
        killed = world.planner_with(world.s3, Failing(world.batch, "submit", Killed, does=does))
        with pytest.raises(Killed):
            killed.plan(job_id, 1, Deadline.after(600))
        assert world.store.get(job_id).state == "running"
        job = world.plan(job_id, 2)
        assert world.batch_jobs(job_id) == [job.batch_job_id]

    def test_cancelled_while_it_lists_nothing_is_submitted(self, world: PlanningWorld) -> None:
        world.put("a.jpg")
        job_id = world.submit()

        def cancels(*args: Any) -> dict[str, Any]:
            world.store.cancel(job_id)
            return {"type": "model", "model_id": "shapes/1"}

        world.snapshot = cancels
        assert world.plan(job_id).state == "cancelled"
        assert world.batch_jobs(job_id) == []

    def test_cancelled_while_it_submits_the_batch_job_is_ended(self, world: PlanningWorld) -> None:
        world.put("a.jpg")
        job_id = world.submit()
        ended: list[str] = []

        class Slow:
            """Batch whose answer comes after the user has cancelled."""

            def submit(self, *args: Any) -> str:
                world.store.cancel(job_id)
                return "batch-1"

            def terminate(self, batch_job_id: str, reason: str) -> None:
                ended.append(batch_job_id)

        world.planner_with(world.s3, Slow()).plan(job_id, 1, Deadline.after(600))
        assert ended == ["batch-1"] and world.store.get(job_id).state == "cancelled"


class TestPassing:
    """What may pass is tried again, and written down when it does not."""

    @pytest.mark.parametrize(
        "error",
        [
            EndpointConnectionError(endpoint_url="https://s3"),
            ClientError({"Error": {"Code": "SlowDown", "Message": "Please reduce your request rate."}}, "PutObject"),
        ],
        ids=["S3 cannot be reached", "S3 asks for patience"],
    )
    def test_s3(self, world: PlanningWorld, error: Exception) -> None:
        world.put("a.jpg")
        job_id = world.submit()
        planner = world.planner_with(Failing(world.s3, "put_object", lambda: error), world.batch)
        for attempt in range(1, MOST_ATTEMPTS + 1):
            assert world.store.get(job_id).state in ("submitted", "planning")
            with pytest.raises(type(error)):
                planner.plan(job_id, attempt, Deadline.after(600))
        job = world.store.get(job_id)
        assert job.state == "failed" and "planning failed 3 times" in job.reason and str(error) in job.reason

    def test_the_storage_of_workflows(self, world: PlanningWorld) -> None:
        def silent(*args: Any) -> dict[str, Any]:
            raise StorageUnavailable("reading workflows/default/count.json failed at try 4")

        world.put("a.jpg")
        world.snapshot = silent
        job_id = world.submit()
        with pytest.raises(StorageUnavailable):
            world.plan(job_id)
        world.snapshot = lambda *args: {"type": "model", "model_id": "shapes/1"}
        assert world.plan(job_id, 2).state == "running"

    def test_batch_that_refuses_for_good(self, world: PlanningWorld) -> None:
        world.put("a.jpg")
        job_id = world.submit()
        refusal = ClientError({"Error": {"Code": "ClientException", "Message": "JobQueue is disabled"}}, "SubmitJob")
        planner = world.planner_with(world.s3, Failing(world.batch, "submit", lambda: refusal))
        for attempt in range(1, MOST_ATTEMPTS + 1):
            with pytest.raises(ClientError):
                planner.plan(job_id, attempt, Deadline.after(600))
        assert "JobQueue is disabled" in world.store.get(job_id).reason

    def test_attempts_that_ended_without_a_word(self, world: PlanningWorld) -> None:
        world.put("a.jpg")
        job = world.plan(world.submit(), MOST_ATTEMPTS + 1)
        assert job.state == "failed" and "ended 3 times without a word" in job.reason

    def test_a_job_that_runs_is_not_ended_by_late_messages(self, world: PlanningWorld) -> None:
        world.put("a.jpg")
        job_id = world.submit()
        world.plan(job_id)
        assert world.plan(job_id, MOST_ATTEMPTS + 1).state == "running"


def test_a_job_that_nobody_knows(world: PlanningWorld) -> None:
    with pytest.raises(JobNotFound):
        world.plan(new_job_id())


@pytest.mark.parametrize(
    ("count", "size", "expected"), [(0, 2, []), (1, 2, [1]), (2, 2, [2]), (3, 2, [2, 1]), (3, 1, [1, 1, 1])]
)
def test_shards_fill_one_after_another(count: int, size: int, expected: list[int]) -> None:
    assert [len(lines) for lines in shards_of(({"n": number} for number in range(count)), size)] == expected
