"""The queues of the template, and what AWS runs between a queue and a function: the poller of an event source mapping.

moto's own mapping takes messages off the queue without running anything. How long a message stays hidden and when it
becomes a dead letter is the queue's business, here as in the cloud.
"""

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.data_plane import Queue, QueueSource
from local.intrinsics import ACCOUNT_ID, REGION
from local.runtime_api import Outcome

logger = logging.getLogger(__name__)

MOST_PER_CALL = 10  # messages that SQS gives or takes at once
WAIT_S = 5  # for a first message; a poller that waits costs next to nothing
# Between two tries when the queue does not answer: it is gone, or moto stumbled over itself.
PAUSE_S = 0.5

Message = dict[str, Any]
Submit = Callable[[bytes, str, str], Awaitable[Outcome]]  # event, request id, trace id


def create_queues(sqs: Any, queues: Iterable[Queue]) -> None:
    """Makes each queue; those that others name as their dead-letter queue first."""
    for queue in sorted(queues, key=lambda queue: "RedrivePolicy" in queue.attributes):
        sqs.create_queue(QueueName=queue.name, Attributes=dict(queue.attributes))


def empty_queues(sqs: Any, queues: Iterable[Queue]) -> None:
    """Drops what is in the queues: the bucket's test events, which would start a function in a stack at rest."""
    for queue in queues:
        sqs.purge_queue(QueueUrl=queue.url)


class Poller:
    """Feeds a function with the messages of a queue. `run` ends when it is cancelled."""

    def __init__(self, sqs: Any, queue: Queue, source: QueueSource, submit: Submit, max_workers: int) -> None:
        """`max_workers`: processes of the function; more batches would lose their time in its waiting line."""
        self._sqs = sqs
        self._queue = queue
        self._source = source
        self._submit = submit
        self._slots = asyncio.Semaphore(min(source.most_at_once or max_workers, max_workers))
        self._threads = ThreadPoolExecutor(1 + max_workers, thread_name_prefix=f"poll-{queue.logical_id}")
        self._batches: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Receives for ever, and hands over batch by batch."""
        try:
            while True:
                await self._slots.acquire()
                messages = await self._receive_batch()
                if not messages:
                    self._slots.release()
                    continue
                batch = asyncio.create_task(self._serve(messages))
                self._batches.add(batch)
                batch.add_done_callback(self._batches.discard)
        finally:
            for batch in self._batches:
                batch.cancel()
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _receive_batch(self) -> list[Message]:
        """Up to BatchSize messages: what comes at once, or within the window if there is one."""
        messages = await self._receive(self._source.batch_size)
        until = asyncio.get_running_loop().time() + self._source.window_s
        while messages and (missing := self._source.batch_size - len(messages)) > 0:
            if self._source.window_s and asyncio.get_running_loop().time() >= until:
                break
            more = await self._receive(missing, wait_s=1 if self._source.window_s else 0)
            if not more and not self._source.window_s:
                break
            messages += more
        return messages

    async def _receive(self, count: int, wait_s: int = WAIT_S) -> list[Message]:
        def receive() -> list[Message]:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue.url,
                MaxNumberOfMessages=min(count, MOST_PER_CALL),
                WaitTimeSeconds=wait_s,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            return list(answer.get("Messages", ()))

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, receive)
        except Exception as exc:  # whatever boto3 raises: the poller lives as long as the stack
            logger.debug("%s: receiving failed: %s", self._queue.logical_id, exc)
            await asyncio.sleep(PAUSE_S)
            return []

    async def _serve(self, messages: list[Message]) -> None:
        """Runs the function on a batch and takes off the queue what it has done."""
        try:
            event = json.dumps({"Records": [self._record(message) for message in messages]}).encode()
            outcome = await self._submit(event, str(uuid.uuid4()), "Root=1-00000000-000000000000000000000000")
            failed = self._failed(outcome, {message["MessageId"] for message in messages})
            done = [message for message in messages if message["MessageId"] not in failed]
            logger.debug("%s: %d of %d messages done", self._queue.logical_id, len(done), len(messages))
            with contextlib.suppress(Exception):  # what is not taken off comes again, as in the cloud
                await asyncio.get_running_loop().run_in_executor(self._threads, self._delete, done)
        finally:
            self._slots.release()

    def _record(self, message: Message) -> dict[str, Any]:
        """A message as Lambda gets it."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": message.get("MessageAttributes", {}),
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{self._queue.name}",
            "awsRegion": REGION,
        }

    def _failed(self, outcome: Outcome, ids: set[str]) -> set[str]:
        """The ids of the messages that stay. A malformed report fails the whole batch, as AWS does it."""
        if outcome.error:
            return ids
        if not self._source.reports_failures:
            return set()
        try:
            report = json.loads(outcome.payload)
            entries = (report or {}).get("batchItemFailures") or ()
            failed = {entry["itemIdentifier"] for entry in entries}
        except (ValueError, AttributeError, KeyError, TypeError):
            return ids
        return failed if failed <= ids else ids

    def _delete(self, messages: list[Message]) -> None:
        for start in range(0, len(messages), MOST_PER_CALL):
            entries = [
                {"Id": str(position), "ReceiptHandle": message["ReceiptHandle"]}
                for position, message in enumerate(messages[start : start + MOST_PER_CALL])
            ]
            self._sqs.delete_message_batch(QueueUrl=self._queue.url, Entries=entries)
