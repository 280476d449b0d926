"""The jobs of one stack, as its routes use them: accepted, shown, cancelled. The planner does the rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import orjson

from retinue.aws import boto3_client, boto3_errors
from retinue.config import Settings
from retinue.errors import JobNotFound, RequestError, StorageUnavailable
from retinue.jobs.layout import drawn_video_key, is_job_id, new_job_id, published_video_key, result_key
from retinue.jobs.record import Job
from retinue.jobs.source import Buckets, check_output, check_source
from retinue.jobs.store import JobStore
from retinue.jobs.submit import Batch, BatchQueues

if TYPE_CHECKING:
    from retinue.jobs.request import JobRequest
    from retinue.jobs.target import Catalogue

LINK_LIFETIME_S = 3600
MOST_LINKS = 100  # in one answer


@dataclass(frozen=True)
class Link:
    """Where the results of one shard can be had for a while."""

    shard: int
    url: str


class JobControl:
    """Everything that the routes do with jobs. Holds boto3 clients: made once per process."""

    def __init__(self, settings: Settings, *, dynamodb: Any, s3: Any, sqs: Any, batch: Any) -> None:
        """The clients are boto3's."""
        self._settings, self._s3, self._sqs = settings, s3, sqs
        self.queues = BatchQueues.of(settings)
        self.store = JobStore(settings.jobs_table, dynamodb)
        self.batch = batch_of(settings, batch)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """With clients of boto3's usual configuration."""
        names = ("dynamodb", "s3", "sqs", "batch")
        return cls(settings, **{name: boto3_client(name) for name in names})

    def buckets(self, workspace: str) -> Buckets:
        """Who may read and write where."""
        return buckets_of(self._settings, workspace)

    def submit(self, request: "JobRequest", catalogue: "Catalogue") -> tuple[Job, bool]:
        """The job of a request, and whether it is new: the same idempotency key gives the same job.

        Raises RetinueError for all that can be seen to be wrong at once.
        """
        access, digest, key = catalogue.access, request.digest(), request.idempotency_key or ""
        known = self.store.made_by(access.workspace, key, digest) if key else None
        if known is not None:
            if known.state == "submitted":  # perhaps whoever made it died before it told the planner
                self._tell_planner(known.job_id)
            return known, False
        queue = self.queues.choose(request.device, wants_gpu=catalogue.accept(request))
        buckets, job_id = self.buckets(access.workspace), new_job_id()
        if request.source.type == "video" and request.source.url is not None and not self._settings.url_input:
            raise RequestError("Videos by URL are off in this stack (RETINUE_URL_INPUT); upload the video instead.")
        check_source(self._s3, *buckets.source(request), request.source)
        output = buckets.output(job_id, request)
        if request.output is not None:
            check_output(self._s3, *output)
        accepted = {"body": request.model_dump(), "scopes": sorted(access.scopes), "output": output}
        now = self.store.now()
        job = Job(
            job_id=job_id,
            workspace=access.workspace,
            state="submitted",
            created_at=now,
            updated_at=now,
            request=orjson.dumps(accepted).decode(),
            target_name=request.target_name,
            queue=queue,
        )
        made = self.store.create(job, key=key, digest=digest)
        if made.job_id == job_id:
            self._tell_planner(job_id)
        return made, made.job_id == job_id

    def get(self, job_id: str, workspace: str) -> Job:
        """A job of the workspace. Raises JobNotFound, also for jobs of others."""
        if is_job_id(job_id):
            job = self.store.get(job_id)
            if job.workspace == workspace:
                return job
        raise JobNotFound(f"There is no job {job_id[:80]} in workspace {workspace}.")

    def cancel(self, job_id: str, workspace: str) -> Job:
        """The job, cancelled: its shards stop at their next report, and AWS Batch ends them. Raises JobNotFound,
        JobConflict."""
        self.get(job_id, workspace)
        job = self.store.cancel(job_id)
        if job.batch_job_id:
            self.batch.terminate(job.batch_job_id, "cancelled on request")
        return job

    def links(self, job: Job, first: int) -> Iterator[Link]:
        """Links to the results of the shards that have finished, from shard `first` on."""
        bucket, prefix = orjson.loads(job.request)["output"]
        for shard in self.store.shards(job.job_id):
            if shard.state == "finished" and shard.index >= first:
                place = {"Bucket": bucket, "Key": result_key(prefix, shard.index)}
                url = self._s3.generate_presigned_url("get_object", Params=place, ExpiresIn=LINK_LIFETIME_S)
                yield Link(shard.index, url)

    def video_links(self, job: Job) -> dict[str, str]:
        """Links to what a job over a video makes beside its result: the hosted API's JSON, and the drawn video."""
        accepted = orjson.loads(job.request)
        bucket, prefix = accepted["output"]
        keys = {"output_signed_url": published_video_key(prefix)}
        if accepted["body"]["draw"]:
            keys["drawn_signed_url"] = drawn_video_key(prefix)
        return {
            name: self._s3.generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=LINK_LIFETIME_S
            )
            for name, key in keys.items()
        }

    def _tell_planner(self, job_id: str) -> None:
        try:
            body = orjson.dumps({"job_id": job_id}).decode()
            self._sqs.send_message(QueueUrl=self._settings.plan_queue_url, MessageBody=body)
        except boto3_errors() as exc:
            # The record stays: the same idempotency key tells the planner again.
            raise StorageUnavailable(
                f"telling the planner of job {job_id} failed: {exc}",
                public=f"Job {job_id} is kept but cannot be queued at the moment - retry the request with the same "
                "idempotency key.",
            ) from exc


def buckets_of(settings: Settings, workspace: str) -> Buckets:
    """The stack's own buckets, looked at for a workspace."""
    return Buckets(settings.uploads_bucket, settings.models_bucket, workspace)


def batch_of(settings: Settings, client: Any) -> Batch:
    """The Batch jobs of the stack. `client`: boto3, Batch."""
    environment = {"RETINUE_UPLOADS_BUCKET": settings.uploads_bucket, "RETINUE_JOBS_TABLE": settings.jobs_table}
    return Batch(client, BatchQueues.of(settings), environment, settings.jobs_table)
