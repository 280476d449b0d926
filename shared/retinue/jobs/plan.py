"""The planner: from a source to shard files, a plan and an AWS Batch job. Each step may happen twice without harm.

Shard files are written as they fill, so memory holds one page of the listing and one shard, whatever the source holds.
The plan is written last. A planner that is killed starts over and overwrites what it had written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from retinue.aws import boto3_errors
from retinue.deadline import Deadline
from retinue.errors import Busy, RequestError, RetinueError
from retinue.jobs.layout import fetched_video_key, is_picture, item_id, plan_key, shard_key
from retinue.jobs.record import Job
from retinue.jobs.request import MOST_SHARDS, FolderSource, JobRequest, VideoSource
from retinue.jobs.source import Buckets, Item, explained, head_video, item_of, list_objects, nothing_there
from retinue.jobs.store import JobStore
from retinue.jobs.submit import Batch, Queue
from retinue.keys import Access

PLAN_VERSION = 1
# Attempts at planning; what comes after the last one only writes down that they were cut off.
MOST_ATTEMPTS = 3
# Left for the plan, the submission and the record.
_MARGIN_S = 20.0

Snapshot = Callable[[JobRequest, Access], dict[str, Any]]
"""The target as the plan names it, for what may be used. Raises RetinueError."""


@dataclass
class Listing:
    """What was found while the items went by."""

    shards: list[int] = field(default_factory=list)  # items of each
    skipped: int = 0

    @property
    def items(self) -> int:
        """Items of all shards."""
        return sum(self.shards)


class Planner:
    """Plans the jobs of one stack."""

    def __init__(
        self, store: JobStore, s3: Any, batch: Batch, buckets: Callable[[str], Buckets], snapshot: Snapshot
    ) -> None:
        """`s3`: boto3. `buckets(workspace)` says who may read and write where."""
        self._store, self._s3, self._batch = store, s3, batch
        self._buckets, self._snapshot = buckets, snapshot

    def plan(self, job_id: str, attempt: int, deadline: Deadline) -> None:
        """Plans and submits a job; one that is past that stays as it is. `attempt` counts from 1.

        What is wrong with the request ends the job with the reason. What may pass (Busy, boto3's errors) is raised,
        and ends the job only at the last attempt. Raises JobNotFound.
        """
        job = self._store.begin_planning(job_id)
        if job.is_final or job.batch_job_id:
            return
        if attempt > MOST_ATTEMPTS:
            self._give_up(
                job_id, f"planning ended {MOST_ATTEMPTS} times without a word (time, memory, or a defect: see its log)"
            )
            return
        try:
            running = self._run(job, deadline) if job.state == "planning" else job
            if running is not None:
                self._submit(running, is_first=job.state == "planning")
        except Busy as exc:
            self._give_up_at_last(job_id, attempt, exc.message)
            raise
        except RetinueError as exc:
            self._give_up(job_id, exc.public)
        except boto3_errors() as exc:
            self._give_up_at_last(job_id, attempt, str(exc))
            raise

    def _give_up_at_last(self, job_id: str, attempt: int, reason: str) -> None:
        if attempt == MOST_ATTEMPTS:
            self._give_up(job_id, f"planning failed {MOST_ATTEMPTS} times, the last time with: {reason}")

    def _give_up(self, job_id: str, reason: str) -> None:
        self._store.change(job_id, "failed", reason=reason, ended_at=self._store.now())

    def _run(self, job: Job, deadline: Deadline) -> Job | None:
        """Writes the plan. Returns the job, now running; None if it was cancelled meanwhile."""
        accepted = orjson.loads(job.request)
        request = JobRequest.model_validate(accepted["body"])
        buckets = self._buckets(job.workspace)
        bucket, place = buckets.source(request)
        target = self._snapshot(request, Access(job.workspace, frozenset(accepted["scopes"])))
        if isinstance(request.source, VideoSource):
            listing, source = self._plan_video(job.job_id, bucket, place, request.source)
        else:
            listing = self._plan_folder(job.job_id, bucket, request.source, request.shard_size, deadline)
            source = {"type": "s3", "bucket": bucket, "prefix": place}
        output_bucket, prefix = buckets.output(job.job_id, request)
        plan = {
            "version": PLAN_VERSION,
            "job_id": job.job_id,
            "workspace": job.workspace,
            "scopes": accepted["scopes"],
            "target": target,
            "parameters": request.parameters,
            "source": source,
            "device": request.device,
            "batch_size": request.batch_size,
            "part_size": request.part_size,
            "shards": [{"items": items} for items in listing.shards],
            "output": {"bucket": output_bucket, "prefix": prefix},
            "draw": request.draw,
            "track": request.track and request.track.model_dump(),
        }
        self._put(plan_key(job.job_id), orjson.dumps(plan))
        items = 0 if isinstance(request.source, VideoSource) else listing.items  # of a video the container counts them
        return self._store.change(
            job.job_id,
            "running",
            items_total=items,
            items_skipped=listing.skipped,
            shards_total=len(listing.shards),
        )

    def _submit(self, job: Job, *, is_first: bool) -> None:
        """Hands the job to Batch, unless an attempt before this one did; ends it there if it was cancelled."""
        queue: Queue = "gpu" if job.queue == "gpu" else "cpu"
        known = "" if is_first else self._batch.find(job.job_id, queue)
        batch_job_id = known or self._batch.submit(job.job_id, queue, job.shards_total)
        if self._store.attach(job.job_id, batch_job_id) is None:
            self._batch.terminate(batch_job_id, "the job was cancelled")

    def _plan_folder(
        self, job_id: str, bucket: str, source: FolderSource, shard_size: int, deadline: Deadline
    ) -> Listing:
        """Lists the pictures and writes the shard files as they fill."""
        listing, others = Listing(), 0

        def pictures() -> Iterator[Item]:
            nonlocal others
            for entry in list_objects(self._s3, bucket, source.prefix):
                if is_picture(entry["Key"]):
                    yield item_of(bucket, entry["Key"], None, entry["Size"])
                else:
                    others += 1

        with explained("Listing", f"s3://{bucket}/{source.prefix}", "SourceBuckets"):
            for index, lines in enumerate(shards_of(pictures(), shard_size)):
                if index == MOST_SHARDS:
                    raise RequestError(
                        f"There are more than {MOST_SHARDS * shard_size:,} pictures under s3://{bucket}/"
                        f"{source.prefix}: {MOST_SHARDS:,} shards of {shard_size:,}. Ask for a larger shard_size "
                        "(10,000 at most), or split the prefix."
                    )
                if deadline.remaining_s < _MARGIN_S:
                    raise RequestError(
                        f"Listing s3://{bucket}/{source.prefix} took too long: time was enough for "
                        f"{listing.items:,} pictures. Split the prefix into several jobs."
                    )
                self._put(shard_key(job_id, index), b"".join(lines))
                listing.shards.append(len(lines))
        if not listing.shards:
            raise nothing_there(bucket, source.prefix, others)
        listing.skipped = others
        return listing

    def _plan_video(self, job_id: str, bucket: str, key: str, source: VideoSource) -> tuple[Listing, Mapping[str, Any]]:
        """One shard with one item: frames depend on each other, so a video is not split."""
        plan = {"type": "video", "infer_fps": source.infer_fps}
        if source.url is not None:  # the container fetches it: it has the room, and the time
            item = item_of(self._buckets("").uploads, fetched_video_key(job_id), None, 0)
            item["id"] = item_id("", source.url, None)
            plan["url"] = source.url
        else:
            found = head_video(self._s3, bucket, key, source)
            version = source.version or found.get("VersionId")
            item = item_of(bucket, key, version, found["ContentLength"])
            plan |= {"bucket": bucket, "key": key, "version": version}
        self._put(shard_key(job_id, 0), _line(item))
        return Listing([1]), plan

    def _put(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=self._buckets("").uploads, Key=key, Body=body, ContentType="application/json")


def shards_of(items: Iterable[Item], size: int) -> Iterator[list[bytes]]:
    """The items as lines of JSON, `size` at a time; only those of one shard are held."""
    lines: list[bytes] = []
    for item in items:
        lines.append(_line(item))
        if len(lines) == size:
            yield lines
            lines = []
    if lines:
        yield lines


def _line(item: Item) -> bytes:
    return orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE)
