"""The planner's handler: messages of its queue in, the ids of those that failed out (partial batch response).

A message is a job to plan, `{"job_id": ...}`, or an event of AWS Batch, which EventBridge puts into the same queue.
"""

from contextlib import suppress
from functools import cache
from typing import Any

import orjson

from retinue.aws import boto3_client, boto3_errors
from retinue.deadline import Deadline
from retinue.errors import JobNotFound, RetinueError
from retinue.jobs.control import batch_of, buckets_of
from retinue.jobs.deaths import death_of
from retinue.jobs.layout import is_job_id
from retinue.jobs.plan import Planner
from retinue.jobs.store import JobStore
from retinue.observe import RequestRecord
from retinue.process import process_service
from retinue.service import Service

_PAUSE_S = 15  # before the second attempt; the queue itself would wait for six timeouts


class PlannerFunction:
    """The parts of a planner process; made once."""

    def __init__(self, service: Service) -> None:
        self._service, settings = service, service.settings
        self._sqs = boto3_client("sqs")
        self._store = JobStore.open(settings.jobs_table)
        self._s3 = boto3_client("s3")
        self._batch = batch_of(settings, boto3_client("batch"))

    def serve(self, message: dict[str, Any], deadline: Deadline) -> bool:
        """Whether the message is done. One that is not comes again soon; nothing is raised."""
        record, attempt, reason = RequestRecord(), int(message["attributes"]["ApproximateReceiveCount"]), ""
        try:
            self._do(orjson.loads(message["body"]), attempt, deadline, record)
        except JobNotFound as exc:  # nobody will ever plan it
            reason = exc.message
        except RetinueError as exc:
            reason = exc.message
            self._come_again(message, attempt)
            return self._told(message, record, 503, reason)
        except Exception as exc:  # the outermost function: the message comes again, at last as a dead letter
            self._service.observer.failure("unexpected error of the planner")
            self._come_again(message, attempt)
            return self._told(message, record, 500, type(exc).__name__)
        return self._told(message, record, 200, reason)

    def _do(self, body: Any, attempt: int, deadline: Deadline, record: RequestRecord) -> None:
        """One message; what is neither a job nor an event of Batch is nothing to do."""
        if not isinstance(body, dict):
            return
        if "detail-type" in body:
            if death := death_of(body):
                record.facts |= {"job_id": death.job_id, "shard": death.shard}
                self._store.fail_shard(death.job_id, death.shard, death.reason)
        elif is_job_id(str(body.get("job_id"))):
            record.facts |= {"job_id": body["job_id"], "attempt": attempt}
            with record.stage("plan"):
                self._planner(deadline).plan(body["job_id"], attempt, deadline)

    def _planner(self, deadline: Deadline) -> Planner:
        settings = self._service.settings
        return Planner(
            self._store,
            self._s3,
            self._batch,
            lambda workspace: buckets_of(settings, workspace),
            lambda request, access: self._service.catalogue(access, deadline).snapshot(request),
        )

    def _come_again(self, message: dict[str, Any], attempt: int) -> None:
        with suppress(*boto3_errors()):  # it comes again anyway, only later
            self._sqs.change_message_visibility(
                QueueUrl=self._service.settings.plan_queue_url,
                ReceiptHandle=message["receiptHandle"],
                VisibilityTimeout=_PAUSE_S * attempt,
            )

    def _told(self, message: dict[str, Any], record: RequestRecord, status: int, reason: str) -> bool:
        self._service.observer.request_done(
            record, route="plan", request_id=message["messageId"], status=status, reason=reason
        )
        return status == 200


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serves the messages of one batch."""
    planner = _process_planner()
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000)
    failed = [message["messageId"] for message in event["Records"] if not planner.serve(message, deadline)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@cache
def _process_planner() -> PlannerFunction:
    return PlannerFunction(process_service())
