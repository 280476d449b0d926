"""AWS Batch: where a planned job runs, and how it is ended early."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from retinue.config import Settings
from retinue.errors import NotDeployed, RequestError

Queue = Literal["cpu", "gpu"]

_NAME = "retinue-"
TAG = "retinue-jobs"  # with the name of the jobs table: by it the roles of a stack know their own Batch jobs
_MOST_REASON = 1000  # characters that Batch takes


@dataclass(frozen=True, slots=True)
class BatchQueues:
    """The queues and job definitions of the stack (names or ARNs); empty where the stack has none."""

    cpu: tuple[str, str]
    gpu: tuple[str, str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those that the settings name."""
        return cls(
            (settings.job_queue_cpu, settings.job_definition_cpu), (settings.job_queue_gpu, settings.job_definition_gpu)
        )

    @property
    def are_off(self) -> bool:
        """Whether the stack was deployed without AWS Batch."""
        return not self.cpu[0] and not self.gpu[0]

    def require(self) -> None:
        """Raises NotDeployed if the stack was deployed without AWS Batch."""
        if self.are_off:
            raise NotDeployed("Jobs are off in this stack: deploy with BatchCompute=cpu or gpu")

    def choose(self, device: str, *, wants_gpu: bool) -> Queue:
        """The queue for a wish: auto takes the GPU queue for models that want one, where there is one.

        Raises RequestError for a device that the stack does not have.
        """
        wish = device if device != "auto" else "gpu" if wants_gpu and self.gpu[0] else "cpu"
        if not (self.gpu if wish == "gpu" else self.cpu)[0]:
            raise RequestError(f"This stack has no {wish} queue: deploy with BatchCompute={wish}, or say device auto.")
        return "gpu" if wish == "gpu" else "cpu"


def job_name(job_id: str) -> str:
    """What Batch calls the job for people."""
    return f"{_NAME}{job_id}"


def job_id_of(name: str) -> str:
    """The reverse of `job_name`; empty if the name is not one of ours."""
    return name.removeprefix(_NAME) if name.startswith(_NAME) else ""


class Batch:
    """Submits and ends the Batch jobs of one stack."""

    def __init__(self, client: Any, queues: BatchQueues, environment: Mapping[str, str], tag: str) -> None:
        """`client`: boto3, Batch. `environment` is what every container gets; `tag` marks the jobs of this stack."""
        self._client, self._queues, self._environment, self._tag = client, queues, environment, tag

    def submit(self, job_id: str, queue: Queue, shards: int) -> str:
        """Submits a job, an array if it has several shards, and returns what Batch calls it."""
        name, definition = self._queues.gpu if queue == "gpu" else self._queues.cpu
        environment = {**self._environment, "RETINUE_JOB_ID": job_id}
        array = {"arrayProperties": {"size": shards}} if shards > 1 else {}
        answer = self._client.submit_job(
            jobName=job_name(job_id),
            jobQueue=name,
            jobDefinition=definition,
            containerOverrides={
                "environment": [{"name": key, "value": value} for key, value in sorted(environment.items())]
            },
            tags={TAG: self._tag},
            **array,
        )
        return str(answer["jobId"])

    def find(self, job_id: str, queue: Queue) -> str:
        """What Batch calls a job that was submitted before; empty if it does not know it. SubmitJob knows no
        idempotency token, so whoever tries again looks first."""
        name = self._queues.gpu[0] if queue == "gpu" else self._queues.cpu[0]
        answer = self._client.list_jobs(
            jobQueue=name, filters=[{"name": "JOB_NAME", "values": [job_name(job_id)]}], maxResults=10
        )
        # Children of an array are named `parent:index`.
        return next((str(job["jobId"]).partition(":")[0] for job in answer["jobSummaryList"]), "")

    def terminate(self, batch_job_id: str, reason: str) -> None:
        """Ends a job with all its children; one that has ended already is fine."""
        self._client.terminate_job(jobId=batch_job_id, reason=reason[:_MOST_REASON])
