"""A planner with everything it needs, in moto's server: buckets, table, queue, and AWS Batch that runs nothing."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
import orjson

from retinue.deadline import Deadline
from retinue.jobs.layout import new_job_id, plan_key, shard_key
from retinue.jobs.plan import Planner, Snapshot
from retinue.jobs.record import Job, timestamp
from retinue.jobs.request import JobRequest
from retinue.jobs.source import Buckets
from retinue.jobs.store import JobStore
from retinue.jobs.submit import Batch, BatchQueues, job_name
from tests.unit.job_tables import create_jobs_table

MODELS = "models-of-the-stack"
SOON = Deadline.after(3600)


def client(url: str, service: str) -> Any:
    """A boto3 client of the server."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def model_snapshot(request: JobRequest, access: Any) -> dict[str, Any]:
    """What the plan says of a model."""
    return {"type": "model", "model_id": request.target.model_id}  # type: ignore[union-attr]


@dataclass
class PlanningWorld:
    """Two buckets (one is the stack's), a table and Batch queues of their own."""

    url: str
    snapshot: Snapshot = model_snapshot
    uploads: str = field(default_factory=lambda: f"uploads-{uuid.uuid4().hex}")
    photos: str = field(default_factory=lambda: f"photos-{uuid.uuid4().hex}")

    def __post_init__(self) -> None:
        self.clients = {name: client(self.url, name) for name in ("s3", "dynamodb", "batch")}
        self.s3, self.batch_client = self.clients["s3"], self.clients["batch"]
        for bucket in (self.uploads, self.photos):
            self.s3.create_bucket(Bucket=bucket)
        self.store = JobStore(create_jobs_table(self.clients["dynamodb"]), self.clients["dynamodb"])
        self.queues = BatchQueues(("cpu", "cpu"), ("gpu", "gpu"))
        make_queues(self.url)
        self.batch = Batch(self.batch_client, self.queues, {"RETINUE_UPLOADS_BUCKET": self.uploads}, "jobs")
        self.planner = self.planner_with(self.s3, self.batch)

    def planner_with(self, s3: Any, batch: Any) -> Planner:
        """A planner over other clients."""
        return Planner(self.store, s3, batch, self.buckets, lambda *args: self.snapshot(*args))

    def buckets(self, workspace: str) -> Buckets:
        """Who may read and write where."""
        return Buckets(self.uploads, MODELS, workspace)

    def put(self, *keys: str, bucket: str = "", body: bytes = b"x") -> None:
        """Objects, in the bucket of the photos unless another is named."""
        for key in keys:
            self.s3.put_object(Bucket=bucket or self.photos, Key=key, Body=body)

    def submit(self, **body: Any) -> str:
        """A job as the route accepts it; returns its id."""
        given = {"target": {"type": "model", "model_id": "shapes/1"}, "source": {"prefix": "", "bucket": self.photos}}
        request = JobRequest.model_validate({**given, **body})
        job_id = new_job_id()
        output = self.buckets("default").output(job_id, request)
        accepted = {"body": request.model_dump(), "scopes": ["*"], "output": output}
        self.store.create(
            Job(
                job_id=job_id,
                workspace="default",
                state="submitted",
                created_at=timestamp(0),
                updated_at=timestamp(0),
                request=orjson.dumps(accepted).decode(),
                queue="cpu",
            )
        )
        return job_id

    def plan(self, job_id: str, attempt: int = 1) -> Job:
        """The job after the planner has had its message."""
        self.planner.plan(job_id, attempt, SOON)
        return self.store.get(job_id)

    def plan_of(self, job_id: str) -> dict[str, Any]:
        """The plan that was written."""
        return orjson.loads(self.read(plan_key(job_id)))

    def items(self, job_id: str, shard: int) -> list[dict[str, Any]]:
        """The lines of a shard file."""
        return [orjson.loads(line) for line in self.read(shard_key(job_id, shard)).splitlines()]

    def read(self, key: str) -> bytes:
        """An object of the uploads bucket."""
        return self.s3.get_object(Bucket=self.uploads, Key=key)["Body"].read()

    def batch_jobs(self, job_id: str) -> list[str]:
        """What Batch was asked to run for a job; moto lists the children of an array too."""
        named = [{"name": "JOB_NAME", "values": [job_name(job_id)]}]
        found = self.batch_client.list_jobs(jobQueue="cpu", filters=named)["jobSummaryList"]
        return [job["jobId"] for job in found if ":" not in job["jobId"]]

    @property
    def soon(self) -> Deadline:
        """More time than any plan takes."""
        return SOON

    def close(self) -> None:
        """Closes the clients."""
        for one in self.clients.values():
            one.close()


def make_queues(url: str) -> None:
    """The queues and job definitions `cpu` and `gpu`, unless they are there."""
    batch, iam = client(url, "batch"), client(url, "iam")
    try:
        httpx.post(f"{url}/moto-api/config", json={"batch": {"use_docker": False}})  # runs nothing, says it did
        if batch.describe_job_queues(jobQueues=["cpu"])["jobQueues"]:
            return
        role = iam.create_role(RoleName="batch", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        batch.create_compute_environment(
            computeEnvironmentName="all", type="UNMANAGED", state="ENABLED", serviceRole=role
        )
        for name in ("cpu", "gpu"):
            batch.create_job_queue(
                jobQueueName=name,
                state="ENABLED",
                priority=1,
                computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "all"}],
            )
            batch.register_job_definition(
                jobDefinitionName=name,
                type="container",
                containerProperties={"image": "worker", "vcpus": 1, "memory": 128},
            )
    finally:
        for one in (batch, iam):
            one.close()


class Failing:
    """A boto3 client one of whose methods fails, after it has worked `after` times."""

    def __init__(self, real: Any, method: str, error: Callable[[], Exception], *, after: int = 0, does: bool = False):
        """`does`: the call takes effect before it fails, as when the answer is lost."""
        self._real, self._method, self._error, self._left, self._does = real, method, error, after, does

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name != self._method:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left >= 0:
                return found(*args, **kwargs)
            if self._does:
                found(*args, **kwargs)
            raise self._error()

        return call
