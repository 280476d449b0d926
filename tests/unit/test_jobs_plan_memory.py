"""The planner's memory does not grow with what it lists."""

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retinue.jobs.record import Job
from tests.unit.job_planning import PlanningWorld, client

BUCKET = "full"
SCRIPT = Path(__file__).with_name("full_bucket.py")


@contextmanager
def full_bucket(count: int) -> Iterator[str]:
    """The address of a server whose bucket `full` holds `count` pictures."""
    process = subprocess.Popen(
        [sys.executable, "-P", str(SCRIPT), BUCKET, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def planned(ordered_url: str, count: int) -> tuple[Job, int, float]:
    """The job, the peak of Python's memory in bytes above what there was before, and the seconds it took."""
    world = PlanningWorld(ordered_url)
    with full_bucket(count) as url:
        s3 = client(url, "s3")
        s3.create_bucket(Bucket=world.uploads)
        s3.list_objects_v2(Bucket=BUCKET, MaxKeys=1)  # botocore reads its models of S3
        job_id = world.submit(source={"bucket": BUCKET, "prefix": "folder/"})
        planner = world.planner_with(s3, world.batch)
        tracemalloc.start()
        started = time.monotonic()
        planner.plan(job_id, 1, world.soon)
        took_s = time.monotonic() - started
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        s3.close()
    job = world.store.get(job_id)
    world.close()
    return job, peak, took_s


@pytest.mark.timeout(300)
def test_twenty_thousand_keys_take_the_memory_of_one_page_and_one_shard(ordered_url: str) -> None:
    peaks = {}
    for count in (2_000, 20_000):
        job, peaks[count], _ = planned(ordered_url, count)
        assert (job.state, job.items_total, job.shards_total) == ("running", count, count // 1000)
    assert peaks[20_000] < peaks[2_000] + 2_000_000, peaks
