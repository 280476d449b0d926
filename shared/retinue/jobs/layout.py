"""Where a job keeps its files in S3. One place, because the planner, the container and the HTTP routes all go by it.

Everything lies under `jobs/{job_id}/` of the uploads bucket, except the results, which a request may want elsewhere.
"""

import re
import uuid

# What a job looks at in a folder; the rest is counted and skipped.
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".npy")

_JOB_ID = re.compile(r"[0-9a-f]{32}")
# Ids of items are uuid5 in this namespace: the same object has the same id in every job and at every attempt.
_ITEMS = uuid.UUID("6a7d2a4e-6a0f-5d0e-9a86-0e8a1f2d7c11")


def new_job_id() -> str:
    """A fresh id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def is_job_id(text: str) -> bool:
    """Whether `text` can be the id of a job. What is not never reaches S3 or DynamoDB."""
    return _JOB_ID.fullmatch(text) is not None


def item_id(bucket: str, key: str, version: str | None) -> str:
    """The id of an object as an item of a job."""
    return str(uuid.uuid5(_ITEMS, f"{bucket}/{key}/{version or ''}"))


def is_picture(key: str) -> bool:
    """Whether the name of an object ends like that of a picture."""
    return key.lower().endswith(PICTURE_SUFFIXES)


def job_folder(job_id: str) -> str:
    """Everything of one job, with a trailing slash."""
    return f"jobs/{job_id}/"


def plan_key(job_id: str) -> str:
    """The plan: written last, so a plan that exists is complete."""
    return f"{job_folder(job_id)}plan.json"


def shard_key(job_id: str, index: int) -> str:
    """The items of one shard as JSON lines."""
    return f"{job_folder(job_id)}shards/{index:05d}.jsonl"


def fetched_video_key(job_id: str) -> str:
    """A video that came from a URL: fetched once, so that every attempt reads the same."""
    return f"{job_folder(job_id)}video"


def part_folder(job_id: str, shard: int) -> str:
    """The parts of one shard, with a trailing slash."""
    return f"{job_folder(job_id)}parts/{shard:05d}/"


def part_key(job_id: str, shard: int, part: int) -> str:
    """The answers of one checkpoint interval as JSON lines."""
    return f"{part_folder(job_id, shard)}{part:06d}.jsonl"


def output_prefix(job_id: str, wanted: str | None = None) -> str:
    """The folder of the results: the job's own, or one named after the job below the prefix that a request wants.

    Two jobs with the same output therefore never overwrite each other.
    """
    if wanted is None:
        return f"{job_folder(job_id)}results/"
    return f"{wanted.rstrip('/')}/{job_id}/" if wanted else f"{job_id}/"


def result_key(prefix: str, shard: int) -> str:
    """The results of one shard, below the `output.prefix` of the plan."""
    return f"{prefix}{shard:05d}.jsonl"


def published_video_key(prefix: str) -> str:
    """The results of a video in the shape of the hosted video API: one JSON object of lists."""
    return f"{prefix}video.json"


def drawn_video_key(prefix: str) -> str:
    """The video with what was found in it drawn."""
    return f"{prefix}video.mp4"
