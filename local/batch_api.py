"""The API of AWS Batch in front of `local.batch`: the five calls with which jobs are submitted, watched and ended.

SDKs find it through AWS_ENDPOINT_URL_BATCH. Signatures are not checked, as moto does not.
"""

from typing import Any

import orjson

from local.batch import Batch, BatchError, Job, job_detail, task_detail
from local.http1 import Limits, Request, Response, Server, json_response

LIMITS = Limits(head_bytes=16 * 1024, body_bytes=1024 * 1024)


class BatchApi:
    """Answers requests of AWS SDKs for jobs."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._server = Server(self._answer, LIMITS)

    async def listen(self) -> str:
        """Starts to serve and returns the URL."""
        return f"http://127.0.0.1:{await self._server.listen('127.0.0.1', 0)}"

    def close(self) -> None:
        """Stops serving."""
        self._server.close()

    async def _answer(self, request: Request) -> Response:
        calls = {
            "/v1/submitjob": self._submit,
            "/v1/describejobs": self._describe,
            "/v1/listjobs": self._list,
            "/v1/terminatejob": self._terminate,
            "/v1/canceljob": self._cancel,
        }
        call = calls.get(request.target.partition("?")[0])
        if call is None:
            return _refusal(404, "UnknownOperationException", f"the local stack has no {request.target}")
        try:
            return json_response(200, orjson.dumps(call(orjson.loads(request.body))))
        except BatchError as exc:
            return _refusal(400, "ClientException", str(exc))
        except (orjson.JSONDecodeError, KeyError, TypeError) as exc:
            return _refusal(400, "ClientException", f"not a request of AWS Batch: {exc!r}")

    def _submit(self, body: dict[str, Any]) -> dict[str, Any]:
        overrides = body.get("containerOverrides") or {}
        environment = {entry["name"]: entry["value"] for entry in overrides.get("environment", ())}
        size = (body.get("arrayProperties") or {}).get("size")
        job = self._batch.submit(body["jobName"], body["jobQueue"], body["jobDefinition"], environment, size)
        return {"jobArn": job_detail(job)["jobArn"], "jobId": job.job_id, "jobName": job.name}

    def _describe(self, body: dict[str, Any]) -> dict[str, Any]:
        found = [self._batch.find(job_id) for job_id in body["jobs"]]
        return {
            "jobs": [
                job_detail(job) if task is None else task_detail(job, task)
                for job, task in (each for each in found if each is not None)
            ]
        }

    def _list(self, body: dict[str, Any]) -> dict[str, Any]:
        """Children of an array, or jobs of a queue; of one status, by default RUNNING, or of a name and any status."""
        if "arrayJobId" in body:
            found = self._batch.find(body["arrayJobId"])
            details = [task_detail(found[0], task) for task in found[0].tasks] if found else []
        else:
            details = [job_detail(job) for job in self._batch.jobs() if _is_of(job, body.get("jobQueue", ""))]
        filters = body.get("filters") or ()
        status = None if filters else body.get("jobStatus", "RUNNING")
        names = ("jobId", "jobArn", "jobName", "status", "statusReason", "createdAt", "arrayProperties")
        return {
            "jobSummaryList": [
                {name: detail[name] for name in names if name in detail}
                for detail in details
                if status in (None, detail["status"]) and all(_passes(detail, each) for each in filters)
            ]
        }

    def _terminate(self, body: dict[str, Any]) -> dict[str, Any]:
        self._batch.end(body["jobId"], body["reason"])
        return {}

    def _cancel(self, body: dict[str, Any]) -> dict[str, Any]:
        self._batch.end(body["jobId"], body["reason"], only_waiting=True)
        return {}


def _passes(detail: dict[str, Any], condition: dict[str, Any]) -> bool:
    if condition["name"] != "JOB_NAME":
        raise BatchError(f"the local stack filters jobs by JOB_NAME, not by {condition['name']}")
    return detail["jobName"] in condition["values"]


def _is_of(job: Job, queue: str) -> bool:
    return queue in (job.queue.name, job.queue.arn)


def _refusal(status: int, kind: str, message: str) -> Response:
    response = json_response(status, orjson.dumps({"message": message}))
    response.headers.append(("x-amzn-errortype", kind))
    return response
