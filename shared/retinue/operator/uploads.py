"""Uploads as an operator sees them: sent, waited for, failed, and sent through again."""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from retinue.errors import NotFound, UnreadableMessage, UploadGone
from retinue.uploads.events import Upload, uploads_of
from retinue.uploads.failure import FailureRecord
from retinue.uploads.layout import INBOX, Target, failure_key, result_key
from retinue.uploads.store import UploadStore

_FAILURES = "failures/"
_MOST_PER_CALL = 10
# How long dead letters are hidden from others while they are looked at or sent again.
_HELD_S = 60
_READERS = 16
ANSWERED = "Answered meanwhile, by a later upload or another delivery; `retinue uploads redrive` clears it."
NO_REASON = "No reason was written: the function died each time (out of memory or time); its log says more."


@dataclass(frozen=True, slots=True)
class Queues:
    """The queue of an uploads bucket and its dead-letter queue, by URL."""

    work: str
    dead: str

    @classmethod
    def of(cls, s3: Any, sqs: Any, bucket: str) -> Self:
        """Those that the bucket's own notifications name. Raises NotFound if it tells no queue of its inbox."""
        told = s3.get_bucket_notification_configuration(Bucket=bucket).get("QueueConfigurations", [])
        arns = [entry["QueueArn"] for entry in told if INBOX in json.dumps(entry.get("Filter", {}))]
        if not arns:
            raise NotFound(f"bucket {bucket} tells no queue of what is put into {INBOX}; is it an uploads bucket?")
        work = _queue_url(sqs, arns[0])
        attributes = sqs.get_queue_attributes(QueueUrl=work, AttributeNames=["RedrivePolicy"])["Attributes"]
        return cls(work, _queue_url(sqs, json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"]))


@dataclass(frozen=True, slots=True)
class FailedUpload:
    """An upload without an answer. is_dead: it is in the dead-letter queue; otherwise it is tried again by itself, or
    its dead letter is gone."""

    record: FailureRecord
    is_dead: bool


def count_messages(sqs: Any, queue_url: str) -> int:
    """How many messages a queue holds, hidden ones too; about."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def list_failed(s3: Any, sqs: Any, bucket: str, *, prefix: str = "", most: int = 1000) -> list[FailedUpload]:
    """Uploads below `prefix` (what follows `inbox/`) that failed, by key; `most` of them and of the dead letters."""
    records = {record.key: record for record in _records(s3, bucket, prefix, most)}
    queues, store = Queues.of(s3, sqs, bucket), UploadStore(s3, bucket)
    dead: dict[str, FailureRecord] = {}
    with _held(sqs, queues.dead, most) as messages:
        for message in messages:
            dead |= {record.key: record for record in _dead_letter(message, prefix, records, store)}
    failed = [FailedUpload(record, key in dead) for key, record in (dead | records).items()]
    return sorted(failed, key=lambda item: item.record.key)


def redrive(
    s3: Any, sqs: Any, bucket: str, *, prefix: str = "", keys: Collection[str] = (), progress: Callable[[int], None]
) -> int:
    """Sends dead letters back to the queue: those of `keys`, or below `prefix`, or all. Returns how many.

    `progress` is told how many were looked at. The reason of each is deleted first: if it fails again, a new one is
    written, and told.
    """
    queues, store = Queues.of(s3, sqs, bucket), UploadStore(s3, bucket)
    sent = 0
    with _held(sqs, queues.dead, count_messages(sqs, queues.dead)) as messages:
        for message in messages:
            progress(1)
            uploads = _uploads_in(message)
            if not (any(_is_meant(upload, prefix, keys) for upload in uploads) or not (uploads or prefix or keys)):
                continue
            for upload in uploads:
                if store.trace(failure_key(upload.key)) is not None:
                    store.delete(failure_key(upload.key))
            sqs.send_message(QueueUrl=queues.work, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=queues.dead, ReceiptHandle=message["ReceiptHandle"])
            sent += 1
    return sent


def put_upload(s3: Any, bucket: str, path: Path, target: Target, wishes: Mapping[str, str]) -> Upload:
    """Puts a picture into the inbox. wishes: names and values as in the query of a URL route."""
    key = f"{INBOX}{target}/{path.name}"
    version = s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), Metadata=dict(wishes)).get("VersionId", "")
    return Upload(bucket, key, version, "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an upload: the answer, or why there is none."""

    state: Literal["waiting", "done", "failed"]
    answer: bytes = b""
    reason: str = ""


def outcome_of(store: UploadStore, upload: Upload) -> Outcome:
    """What became of this version of an upload by now."""
    there = store.trace(result_key(upload.key))
    if there is not None and there.version == upload.version:
        return Outcome("done", answer=store.content(result_key(upload.key)))
    try:
        record = FailureRecord.parse(store.content(failure_key(upload.key)))
    except UploadGone:
        return Outcome("waiting")
    if record.version == upload.version and record.is_final:
        return Outcome("failed", reason=f"{record.error_type}: {record.reason}")
    return Outcome("waiting")


def wait_for(
    store: UploadStore, uploads: Collection[Upload], timeout_s: float, pause_s: float = 0.5
) -> Iterator[tuple[Upload, Outcome]]:
    """The outcomes as they come; after `timeout_s` those that still wait, as waiting."""
    until, waiting = time.monotonic() + timeout_s, list(uploads)
    with ThreadPoolExecutor(_READERS) as readers:
        while waiting:
            outcomes = list(zip(waiting, readers.map(lambda upload: outcome_of(store, upload), waiting), strict=True))
            is_over = time.monotonic() >= until
            yield from ((upload, outcome) for upload, outcome in outcomes if is_over or outcome.state != "waiting")
            waiting = [] if is_over else [upload for upload, outcome in outcomes if outcome.state == "waiting"]
            if waiting:
                time.sleep(pause_s)


def _records(s3: Any, bucket: str, prefix: str, most: int) -> list[FailureRecord]:
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{_FAILURES}{prefix}", PaginationConfig={"MaxItems": most}
    )
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def read(key: str) -> FailureRecord | None:
        try:
            return FailureRecord.parse(UploadStore(s3, bucket).content(key))
        except (UploadGone, ValueError):  # answered meanwhile, or not ours
            return None

    with ThreadPoolExecutor(_READERS) as readers:
        return [record for record in readers.map(read, keys) if record is not None]


class _held:
    """The messages of a queue, at most `most`; those that are not deleted are visible again at the end."""

    def __init__(self, sqs: Any, queue_url: str, most: int) -> None:
        self._sqs, self._queue_url, self._most = sqs, queue_url, most
        self._received: list[dict[str, Any]] = []

    def __enter__(self) -> Iterator[dict[str, Any]]:
        return self._messages()

    def __exit__(self, *_: object) -> None:
        for start in range(0, len(self._received), _MOST_PER_CALL):
            entries = [
                {"Id": str(position), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                for position, message in enumerate(self._received[start : start + _MOST_PER_CALL])
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)

    def _messages(self) -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        while len(seen) < self._most:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=min(_MOST_PER_CALL, self._most - len(seen)),
                VisibilityTimeout=_HELD_S,
                WaitTimeSeconds=1,  # a short poll asks some of the servers only
            )
            messages = [m for m in answer.get("Messages", ()) if m["MessageId"] not in seen]
            if not messages:
                return
            seen.update(message["MessageId"] for message in messages)
            self._received += messages
            yield from messages


def _dead_letter(
    message: Mapping[str, Any], prefix: str, records: Mapping[str, FailureRecord], store: UploadStore
) -> Iterator[FailureRecord]:
    """What is known of a dead letter; nothing if it is not of an upload below `prefix`."""
    try:
        uploads = uploads_of(message["Body"])
    except UnreadableMessage as exc:
        if not prefix:
            yield _unexplained(message["MessageId"], type(exc).__name__, exc.message)
        return
    for upload in uploads:
        if upload.key in records:
            yield records[upload.key]
        elif _is_meant(upload, prefix, ()):
            is_answered = store.trace(result_key(upload.key)) is not None
            yield _unexplained(upload.key, reason=ANSWERED if is_answered else NO_REASON)


def _uploads_in(message: Mapping[str, Any]) -> list[Upload]:
    try:
        return uploads_of(message["Body"])
    except UnreadableMessage:
        return []


def _is_meant(upload: Upload, prefix: str, keys: Collection[str]) -> bool:
    name = upload.key.removeprefix(INBOX)
    return name.startswith(prefix) and (not keys or upload.key in keys or name in keys)


def _unexplained(name: str, error_type: str = "Unknown", reason: str = NO_REASON) -> FailureRecord:
    """A record for a dead letter without one."""
    return FailureRecord(
        bucket="",
        key=name,
        version="",
        target="",
        error_type=error_type,
        reason=reason,
        attempt=0,
        is_final=True,
        message_id="",
        time="",
    )


def _queue_url(sqs: Any, arn: str) -> str:
    *_, account, name = arn.split(":")
    url: str = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    return url
