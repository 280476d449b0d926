"""What a job reads and where it writes: who may name which bucket, and what S3 says when it cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retinue.errors import Forbidden, RequestError
from retinue.jobs.layout import PICTURE_SUFFIXES, is_picture, item_id, output_prefix

if TYPE_CHECKING:  # pydantic: 90 ms, which routes that only look at jobs never pay
    from retinue.jobs.request import FolderSource, JobRequest, VideoSource

Item = dict[str, Any]

# What S3 says -> what is wrong with the request, for people. Anything else is not the caller's doing.
_REFUSALS = {
    "NoSuchBucket": "there is no such bucket",
    "404": "there is no such object",
    "NoSuchKey": "there is no such object",
    "NoSuchVersion": "the object has no such version",
    "AccessDenied": "access is denied",
    "403": "access is denied",
    "AllAccessDisabled": "access is denied",
    "PermanentRedirect": "the bucket lies in another region",
    "301": "the bucket lies in another region",
    "IllegalLocationConstraintException": "the bucket lies in another region",
    "InvalidBucketName": "no bucket can have this name",
}


@dataclass(frozen=True, slots=True)
class Buckets:
    """The stack's own buckets, and the workspace for which they are looked at."""

    uploads: str
    models: str
    workspace: str

    def source(self, request: "JobRequest") -> tuple[str, str]:
        """Bucket and prefix, or bucket and key, of what the request names; both empty for a URL.

        Raises Forbidden for what is not its own.
        """
        source = request.source
        if source.type == "video" and source.url is not None:
            return "", ""
        place = source.key_of(self.workspace) if source.type == "video" else source.prefix
        bucket = source.bucket or self.uploads
        own = tuple(f"{folder}/{self.workspace}/" for folder in ("sources", "uploads"))
        if bucket == self.models or (bucket == self.uploads and not place.startswith(own)):
            raise Forbidden(
                f"s3://{bucket}/{place} is not for workspace {self.workspace}; of this stack's buckets a job reads "
                f"{' and '.join(f's3://{self.uploads}/{folder}' for folder in own)}."
            )
        return bucket, place

    def output(self, job_id: str, request: "JobRequest") -> tuple[str, str]:
        """Bucket and prefix of the results. Raises Forbidden for the stack's own buckets."""
        if request.output is None:
            return self.uploads, output_prefix(job_id)
        if request.output.bucket in (self.uploads, self.models):
            raise Forbidden(
                f"Results cannot be written to s3://{request.output.bucket}: leave `output` out to have them kept "
                "by this stack, or name a bucket of your own."
            )
        return request.output.bucket, output_prefix(job_id, request.output.prefix)


@contextmanager
def explained(what: str, place: str, parameter: str) -> Iterator[None]:
    """Turns a refusal of S3 into RequestError: `what` (listing, reading, writing) of `place` failed and why.

    `parameter` is the stack's parameter that lets it in. Errors that are not the caller's doing pass.
    """
    from retinue.aws import boto3_errors

    try:
        yield
    except boto3_errors() as exc:
        response = getattr(exc, "response", None) or {}
        code = str(response.get("Error", {}).get("Code", ""))
        if code not in _REFUSALS:
            raise
        hint = f" Name the bucket in the stack's parameter {parameter}." if "denied" in _REFUSALS[code] else ""
        raise RequestError(f"{what} {place} failed: {_REFUSALS[code]}.{hint}") from exc


def check_source(s3: Any, bucket: str, place: str, source: "FolderSource | VideoSource") -> None:
    """Raises RequestError for what can be seen with one call: no such bucket, no access, nothing there."""
    if source.type == "video":
        if source.url is None:
            head_video(s3, bucket, place, source)
        return
    with explained("Listing", f"s3://{bucket}/{source.prefix}", "SourceBuckets"):
        page = s3.list_objects_v2(Bucket=bucket, Prefix=source.prefix, MaxKeys=1000)
    if not page.get("IsTruncated") and not any(is_picture(entry["Key"]) for entry in page.get("Contents", ())):
        raise nothing_there(bucket, source.prefix, len(page.get("Contents", ())))


def head_video(s3: Any, bucket: str, key: str, source: "VideoSource") -> dict[str, Any]:
    """What S3 says of a video without giving it. Raises RequestError."""
    version = {"VersionId": source.version} if source.version else {}
    with explained("Reading", f"s3://{bucket}/{key}", "SourceBuckets"):
        found: dict[str, Any] = s3.head_object(Bucket=bucket, Key=key, **version)
    return found


def check_output(s3: Any, bucket: str, prefix: str) -> None:
    """Writes the folder of the results as an empty object. Raises RequestError if that is refused."""
    with explained("Writing to", f"s3://{bucket}/{prefix}", "OutputBuckets"):
        s3.put_object(Bucket=bucket, Key=prefix, Body=b"")


def nothing_there(bucket: str, prefix: str, others: int) -> RequestError:
    """Why a folder without pictures makes no job."""
    there = f"{others} objects, but no pictures" if others else "nothing"
    return RequestError(
        f"There is {there} under s3://{bucket}/{prefix}; pictures end in {', '.join(PICTURE_SUFFIXES)}."
    )


def list_objects(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Every object below the prefix in S3's order, a page of 1,000 at a time; folder markers are left out."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        yield from (entry for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))


def item_of(bucket: str, key: str, version: str | None, size_bytes: int) -> Item:
    """A line of a shard file."""
    return {
        "id": item_id(bucket, key, version),
        "bucket": bucket,
        "key": key,
        "version": version,
        "size_bytes": size_bytes,
    }
