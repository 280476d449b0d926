"""The Lambda handler of the queue: messages in, the ids of those that failed out (partial batch response)."""

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from retinue.aws import boto3_client, boto3_errors
from retinue.config import ConfigurationError
from retinue.deadline import Deadline
from retinue.errors import RetinueError
from retinue.http.errors import status_and_body
from retinue.observe import RequestRecord
from retinue.process import process_service
from retinue.service import NO_UPLOADS_BUCKET, Service
from retinue.uploads.announce import Announcer
from retinue.uploads.events import uploads_of
from retinue.uploads.failure import is_permanent, reason_of
from retinue.uploads.ingest import Delivery, Ingest
from retinue.uploads.store import UploadStore

Message = dict[str, Any]

# Left for the report on the batch.
_MARGIN_S = 1.0
# With less time than this no further message is begun, nor with less than twice what the slowest one took.
_LEAST_S = 2.0
_ROUTE = "ingest"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The Lambda handler. Never raises for a message: the others of its batch would fail with it."""
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1e3 - _MARGIN_S)
    failed, slowest_s = [], 0.0
    for message in _in_order(event["Records"]):
        needed_s = max(_LEAST_S, 2 * slowest_s)
        if slowest_s and deadline.remaining_s < needed_s:
            failed.append(message)  # not begun: it comes again
            continue
        started = time.monotonic()
        if not _is_done(message, deadline):
            failed.append(message)
        elif _attempt_of(message) > 1:
            _take_off(message)
        slowest_s = max(slowest_s, time.monotonic() - started)
    return {"batchItemFailures": [{"itemIdentifier": message["messageId"]} for message in failed]}


def _in_order(messages: Sequence[Message]) -> list[Message]:
    """Those that failed before come last, in a new order each time: what kills the process takes others along, and not
    always the same."""
    return sorted(random.sample(messages, len(messages)), key=_attempt_of)


def _take_off(message: Message) -> None:
    """Takes a message off the queue at once. One that comes again may have died with its neighbours; were it to wait
    for the end of the batch, it might do so until it is a dead letter, although it has its answer."""
    *_, account, name = message["eventSourceARN"].split(":")
    with suppress(*boto3_errors()):  # then it is taken off with the batch
        url = _sqs().get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        _sqs().delete_message(QueueUrl=url, ReceiptHandle=message["receiptHandle"])


@cache
def _sqs() -> Any:
    return boto3_client("sqs")


def _attempt_of(message: Message) -> int:
    return int(message.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _is_done(message: Message, deadline: Deadline) -> bool:
    """Works on one message and logs it; False if it has to come again."""
    service, record = process_service(), RequestRecord()
    status, reason = 200, ""
    try:
        for upload in uploads_of(message["body"]):
            record.facts["key"] = upload.key
            _ingest()(Delivery(upload, message["messageId"], _attempt_of(message), deadline, record))
    except RetinueError as exc:
        status, reason = status_and_body(exc)[0] if is_permanent(exc) else 503, reason_of(exc)
    except Exception as exc:  # the outermost function
        service.observer.failure("unexpected error")
        status, reason = 500, reason_of(exc)
    record.facts["attempt"] = _attempt_of(message)
    service.observer.request_done(record, route=_ROUTE, request_id=message["messageId"], status=status, reason=reason)
    return status == 200


@cache
def _ingest() -> Ingest:
    """That of this process. Raises ConfigurationError."""
    service: Service = process_service()
    if not service.settings.uploads_bucket:
        raise ConfigurationError(NO_UPLOADS_BUCKET)
    store = UploadStore(service.s3, service.settings.uploads_bucket)
    return Ingest(service, store, Announcer(boto3_client("events")))
