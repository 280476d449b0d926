"""Uploads and what becomes of them in S3: read in the version that an event tells of, written so that a later upload
under the same name wins and the same one counts once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from retinue.aws import boto3_errors
from retinue.errors import ImageTooLarge, StorageUnavailable, UploadGone
from retinue.uploads.events import Upload, is_later

_VERSION, _SEQUENCER = "source-version", "sequencer"
# On a result whose event is still to be sent.
_UNTOLD = "told=no"
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket"})
_CONFLICTS = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
_MOST_CONFLICTS = 8


class _Conflict(Exception):
    """Somebody else wrote in between."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What was uploaded."""

    content: bytes
    metadata: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Trace:
    """What an upload left behind: of which version, and when."""

    etag: str
    version: str
    sequencer: str
    age_s: float

    def is_of(self, upload: Upload) -> bool:
        """Whether this very version left it."""
        return (self.version, self.sequencer) == (upload.version, upload.sequencer)

    def is_older_than(self, upload: Upload) -> bool:
        """Whether an earlier version left it."""
        return not self.is_of(upload) and is_later(upload.sequencer, self.sequencer)


class UploadStore:
    """One uploads bucket. s3 is a boto3 client; every method raises StorageUnavailable when S3 refuses or is silent."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def read(self, upload: Upload, most_bytes: int) -> Picture:
        """The object, in the version of the upload. Raises UploadGone, ImageTooLarge."""
        version = {"VersionId": upload.version} if upload.version else {}
        place = {"Bucket": self._bucket, "Key": upload.key, **version}
        with _explained(f"reading {upload.key}"):
            answer = self._s3.get_object(**place)
            with answer["Body"] as body:
                if answer["ContentLength"] > most_bytes:
                    raise ImageTooLarge(
                        f"the uploaded file has {answer['ContentLength'] / 1e6:.1f} MB; the limit is "
                        f"{most_bytes / 1e6:g} MB (RETINUE_UPLOAD_MAX_MB)"
                    )
                content = body.read()
            tags = self._s3.get_object_tagging(**place)["TagSet"] if answer.get("TagCount") else []
        return Picture(content, answer["Metadata"], {tag["Key"]: tag["Value"] for tag in tags})

    def trace(self, key: str) -> Trace | None:
        """What lies under `key`, None for nothing."""
        try:
            with _explained(f"looking at {key}"):
                answer = self._s3.head_object(Bucket=self._bucket, Key=key)
        except UploadGone:
            return None
        metadata = answer["Metadata"]
        age_s = (datetime.now(UTC) - answer["LastModified"]).total_seconds()
        return Trace(answer["ETag"], metadata.get(_VERSION, ""), metadata.get(_SEQUENCER, ""), age_s)

    def put(
        self, key: str, body: bytes, upload: Upload, *, content_type: str = "application/json", is_untold: bool = False
    ) -> Literal["written", "same", "later"]:
        """Writes what the upload gives, unless the same version or a later one did. is_untold: mark it as such."""
        for _ in range(_MOST_CONFLICTS):
            there = self.trace(key)
            if there is not None and not there.is_older_than(upload):
                return "same" if there.is_of(upload) else "later"
            try:
                self._put(key, body, upload, there, content_type, is_untold)
                return "written"
            except _Conflict:
                continue
        raise StorageUnavailable(f"{key} was written by others {_MOST_CONFLICTS} times in a row")

    def replace(self, key: str, body: bytes, upload: Upload, there: Trace | None, *, is_untold: bool) -> bool:
        """Writes over `there`; False if something else lies there by now."""
        try:
            self._put(key, body, upload, there, "application/json", is_untold)
        except _Conflict:
            return False
        return True

    def is_untold(self, key: str) -> bool:
        """Whether what lies there is marked so."""
        try:
            with _explained(f"looking at the tags of {key}"):
                return bool(self._s3.get_object_tagging(Bucket=self._bucket, Key=key)["TagSet"])
        except UploadGone:
            return False

    def mark_told(self, key: str) -> None:
        """Takes the mark away."""
        with _explained(f"untagging {key}"):
            self._s3.delete_object_tagging(Bucket=self._bucket, Key=key)

    def content(self, key: str) -> bytes:
        """The object under `key`. Raises UploadGone."""
        with _explained(f"reading {key}"), self._s3.get_object(Bucket=self._bucket, Key=key)["Body"] as body:
            content: bytes = body.read()
        return content

    def delete(self, key: str) -> None:
        """Deletes what lies under `key`."""
        with _explained(f"deleting {key}"):
            self._s3.delete_object(Bucket=self._bucket, Key=key)

    def _put(
        self, key: str, body: bytes, upload: Upload, there: Trace | None, content_type: str, is_untold: bool
    ) -> None:
        """Raises _Conflict if something else than `there` lies there."""
        condition = {"IfNoneMatch": "*"} if there is None else {"IfMatch": there.etag}
        with _explained(f"writing {key}"):
            try:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    Metadata={_VERSION: upload.version, _SEQUENCER: upload.sequencer},
                    **({"Tagging": _UNTOLD} if is_untold else {}),
                    **condition,
                )
            except boto3_errors() as exc:
                if _code(exc) in _CONFLICTS or (there is not None and _code(exc) in _MISSING):
                    raise _Conflict from exc
                raise


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except boto3_errors() as exc:
        if _code(exc) in _MISSING:
            raise UploadGone(f"{what} failed: it does not exist (any more)") from exc
        raise StorageUnavailable(f"{what} failed: {exc}") from exc


def _code(exc: Exception) -> str:
    return str(getattr(exc, "response", {}).get("Error", {}).get("Code", ""))
