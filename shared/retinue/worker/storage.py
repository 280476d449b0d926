"""The files of a shard in S3: what it reads first, its parts, and its result.

An object of S3 exists whole or not at all, so a part that exists is complete, and the parts that exist are the
checkpoint.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retinue.aws import boto3_errors
from retinue.errors import StorageUnavailable
from retinue.jobs.layout import part_folder, part_key, plan_key, result_key, shard_key
from retinue.worker.plan import Plan, PlanError

# S3's rules for uploads in pieces: 5 MiB at least, 10,000 pieces at most.
_PIECE_BYTES = 8 * 1024 * 1024
_MOST_PIECES = 9_000
_FAILED = "failed"  # metadata of a part: how many of its items failed
_JSON_LINES = "application/x-ndjson"
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "404"})
_REFUSED = frozenset({"AccessDenied", "403", "InvalidBucketName", "PermanentRedirect", "AllAccessDisabled"})


class ShardFiles:
    """The objects of one shard. Every method raises StorageUnavailable when S3 does not answer after all tries, and
    PlanError when it refuses for good."""

    def __init__(self, client: Any, bucket: str, job_id: str, shard: int) -> None:
        """`client` is a boto3 S3 client, `bucket` the one of uploads and jobs."""
        self._client, self._bucket, self._job_id, self._shard = client, bucket, job_id, shard

    def read_plan(self) -> bytes:
        """plan.json."""
        return self._read(plan_key(self._job_id))

    def read_items(self) -> bytes:
        """The shard file."""
        return self._read(shard_key(self._job_id, self._shard))

    def parts(self) -> dict[int, int]:
        """Sizes in bytes of the parts that exist, by number."""
        folder = part_folder(self._job_id, self._shard)
        with _explained(f"listing s3://{self._bucket}/{folder}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder)
            found = [item for page in pages for item in page.get("Contents", [])]
        return {_number(item["Key"]): int(item["Size"]) for item in found}

    def failed_in(self, part: int) -> int:
        """How many items of a part that exists failed."""
        key = part_key(self._job_id, self._shard, part)
        with _explained(f"looking at s3://{self._bucket}/{key}"):
            return int(self._client.head_object(Bucket=self._bucket, Key=key)["Metadata"].get(_FAILED, 0))

    def write_part(self, part: int, lines: bytes, failed: int) -> None:
        """Writes a part, `failed` of whose items failed."""
        key = part_key(self._job_id, self._shard, part)
        with _explained(f"writing s3://{self._bucket}/{key}"):
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=lines, ContentType=_JSON_LINES, Metadata={_FAILED: str(failed)}
            )

    def write_drawing(self, plan: Plan, item_id: str, jpeg: bytes) -> None:
        """Writes a drawn picture below the output's `drawn/`."""
        key = f"{plan.output_prefix}drawn/{item_id}.jpg"
        with _explained(f"writing s3://{plan.output_bucket}/{key}"):
            self._client.put_object(Bucket=plan.output_bucket, Key=key, Body=jpeg, ContentType="image/jpeg")

    def check_output(self, plan: Plan) -> None:
        """Raises PlanError now, not after hours, if the output must not be written: begins an upload and drops it."""
        place = {"Bucket": plan.output_bucket, "Key": result_key(plan.output_prefix, self._shard)}
        with _explained(f"writing to s3://{place['Bucket']}/{place['Key']}"):
            upload = self._client.create_multipart_upload(**place)["UploadId"]
            self._client.abort_multipart_upload(**place, UploadId=upload)

    def join(self, plan: Plan, sizes: dict[int, int]) -> int:
        """Makes the shard's result of its parts, in order; returns its bytes. Never holds more than a part or two."""
        place = {"Bucket": plan.output_bucket, "Key": result_key(plan.output_prefix, self._shard)}
        total = sum(sizes.values())
        with _explained(f"writing s3://{place['Bucket']}/{place['Key']}"):
            if total <= _PIECE_BYTES:
                body = b"".join(self._chunks(sorted(sizes)))
                self._client.put_object(**place, Body=body, ContentType=_JSON_LINES)
            else:
                self._join_in_pieces(place, sorted(sizes), max(_PIECE_BYTES, -(-total // _MOST_PIECES)))
        return total

    def read_part(self, part: int) -> bytes:
        """The lines of a part that exists."""
        return self._read(part_key(self._job_id, self._shard, part))

    def download(self, bucket: str, key: str, version: str | None, path: Path) -> None:
        """Writes an object to a file."""
        extra = {"VersionId": version} if version else {}
        with _explained(f"reading s3://{bucket}/{key}"):
            self._client.download_file(bucket, key, str(path), ExtraArgs=extra)

    def upload(self, path: Path, bucket: str, key: str, content_type: str) -> None:
        """Writes a file to an object."""
        with _explained(f"writing s3://{bucket}/{key}"):
            self._client.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": content_type})

    def size_of(self, bucket: str, key: str) -> int | None:
        """The size of an object in bytes; None if there is none."""
        try:
            with _explained(f"looking at s3://{bucket}/{key}"):
                return int(self._client.head_object(Bucket=bucket, Key=key)["ContentLength"])
        except PlanError as exc:
            code = getattr(exc.__cause__, "response", {}).get("Error", {}).get("Code")
            if code in _MISSING:
                return None
            raise

    def _join_in_pieces(self, place: dict[str, str], parts: list[int], piece_bytes: int) -> None:
        upload = self._client.create_multipart_upload(**place, ContentType=_JSON_LINES)["UploadId"]
        try:
            done = []
            for number, piece in enumerate(_pieces(self._chunks(parts), piece_bytes), 1):
                answer = self._client.upload_part(**place, UploadId=upload, PartNumber=number, Body=piece)
                done.append({"PartNumber": number, "ETag": answer["ETag"]})
            self._client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": done})
        except BaseException:
            self._client.abort_multipart_upload(**place, UploadId=upload)
            raise

    def _chunks(self, parts: list[int]) -> Iterator[bytes]:
        for part in parts:
            yield self._read(part_key(self._job_id, self._shard, part))

    def _read(self, key: str) -> bytes:
        with _explained(f"reading s3://{self._bucket}/{key}"):
            return bytes(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turns boto3's errors into ours: those that stay, and those that may pass."""
    try:
        yield
    except boto3_errors() as exc:
        code = str(getattr(exc, "response", {}).get("Error", {}).get("Code", ""))
        if code in _MISSING:
            raise PlanError(f"{what} failed: there is no such object or bucket ({code})") from exc
        if code in _REFUSED:
            raise PlanError(f"{what} failed: the role of the container may not ({code})") from exc
        raise StorageUnavailable(f"{what} failed: {exc}") from exc


def _pieces(chunks: Iterator[bytes], piece_bytes: int) -> Iterator[bytes]:
    """The same bytes in pieces of that size; the last one may be shorter."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= piece_bytes:
            yield bytes(held[:piece_bytes])
            del held[:piece_bytes]
    if held:
        yield bytes(held)


def _number(key: str) -> int:
    return int(key.rpartition("/")[2].removesuffix(".jsonl"))
