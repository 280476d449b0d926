"""AWS Batch on this machine: submitted jobs run as processes of `python -m retinue.worker`, as many at once as there
are processors.

moto's Batch cannot stand in here: without Docker its jobs succeed by themselves a moment after they were submitted, so
that nobody could tell whether one runs, and a job that is terminated leaves no trace.
"""

import asyncio
import logging
import os
import signal
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from local.batch_definitions import JobDefinition, JobQueue
from local.intrinsics import ACCOUNT_ID, REGION
from local.processes import Child, Guardian

logger = logging.getLogger(__name__)

Status = Literal["RUNNABLE", "RUNNING", "SUCCEEDED", "FAILED"]
ENDED: frozenset[Status] = frozenset({"SUCCEEDED", "FAILED"})
# Between SIGTERM and SIGKILL, as AWS Batch has it.
GRACE_S = 30.0


class BatchError(Exception):
    """A request that AWS Batch would refuse (ClientException)."""


@dataclass
class Task:
    """A job that is one process at a time: a single job, or one child of an array."""

    job_id: str
    index: int | None
    status: Status = "RUNNABLE"
    reason: str = ""
    attempts: list[dict[str, Any]] = field(default_factory=list)
    child: Child | None = None
    is_terminated: bool = False
    running: "asyncio.Task[None] | None" = None


@dataclass
class Job:
    """A submitted job with the tasks that it consists of."""

    job_id: str
    name: str
    queue: JobQueue
    definition: JobDefinition
    environment: dict[str, str]
    is_array: bool
    created_at_ms: int
    tasks: list[Task]

    @property
    def status(self) -> Status:
        """Of an array: failed once all children have ended and one of them failed."""
        states = {task.status for task in self.tasks}
        if states <= ENDED:
            return "FAILED" if "FAILED" in states else "SUCCEEDED"
        return "RUNNABLE" if states == {"RUNNABLE"} else "RUNNING"


class Batch:
    """Takes jobs and runs them. Used from one event loop."""

    def __init__(
        self,
        queues: Sequence[JobQueue],
        definitions: Sequence[JobDefinition],
        *,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        guardian: Guardian,
        on_change: Callable[[dict[str, Any]], None] = lambda event: None,
        most_at_once: int | None = None,
    ) -> None:
        """Jobs run `command` with exactly `environment`, the definition's and their own; `on_change` gets the events
        that EventBridge would carry."""
        self._queues = {name: queue for queue in queues for name in (queue.name, queue.arn)}
        self._definitions = {
            name: definition
            for definition in definitions
            for name in (definition.name, definition.arn, definition.arn.rpartition(":")[0])
        }
        self._command, self._environment, self._folder, self._guardian = command, environment, folder, guardian
        self._on_change = on_change
        self._slots = asyncio.Semaphore(most_at_once or os.cpu_count() or 1)
        self._jobs: dict[str, Job] = {}

    def submit(
        self, name: str, queue: str, definition: str, environment: Mapping[str, str], size: int | None = None
    ) -> Job:
        """Takes a job; `size`: of its array. Raises BatchError."""
        if queue not in self._queues or definition not in self._definitions:
            known = ", ".join(sorted({*self._queues, *self._definitions}))
            raise BatchError(f"Job queue {queue} or job definition {definition} not found (there are {known})")
        if size is not None and not 2 <= size <= 10_000:
            raise BatchError(f"Array size {size} is not between 2 and 10000.")
        job_id = str(uuid.uuid4())
        indices = [None] if size is None else list(range(size))
        tasks = [Task(job_id if index is None else f"{job_id}:{index}", index) for index in indices]
        job = Job(
            job_id,
            name,
            self._queues[queue],
            self._definitions[definition],
            dict(environment),
            size is not None,
            int(time.time() * 1000),
            tasks,
        )
        self._jobs[job_id] = job
        for task in tasks:
            task.running = asyncio.create_task(self._run(job, task))
        return job

    def jobs(self) -> list[Job]:
        """All jobs, in the order in which they came."""
        return list(self._jobs.values())

    def find(self, job_id: str) -> tuple[Job, Task | None] | None:
        """The job, or the child of an array with its job; None if there is none."""
        job = self._jobs.get(job_id.partition(":")[0])
        if job is None or job_id == job.job_id:
            return (job, None) if job else None
        return next(((job, task) for task in job.tasks if task.job_id == job_id), None)

    def end(self, job_id: str, reason: str, *, only_waiting: bool = False) -> None:
        """Terminates a job: SIGTERM to what runs, and nothing is tried again. `only_waiting`: cancels what waits."""
        found = self.find(job_id)
        if found is None:
            return
        job, task = found
        for each in job.tasks if task is None else [task]:
            if each.status in ENDED or (only_waiting and each.child is not None):
                continue
            each.is_terminated, each.reason = True, reason
            if each.child is not None:
                asyncio.get_running_loop().create_task(_stop(each.child))
            elif each.running is not None:
                each.running.cancel()

    async def close(self) -> None:
        """Kills everything that runs and forgets what waits."""
        running = [task.running for job in self._jobs.values() for task in job.tasks if task.running is not None]
        for job in self._jobs.values():
            for task in job.tasks:
                task.is_terminated = True
                if task.child is not None:
                    task.child.kill()
                elif task.running is not None:
                    task.running.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, job: Job, task: Task) -> None:
        """All attempts of a task."""
        try:
            while True:
                async with self._slots:
                    code = await self._attempt(job, task)
                status_reason = "Essential container in task exited"
                attempt = len(task.attempts)
                if code == 0:
                    return self._change(job, task, "SUCCEEDED", status_reason)
                if task.is_terminated or not job.definition.tries_again(status_reason, "", code, attempt):
                    return self._change(job, task, "FAILED", task.reason or status_reason)
                logger.warning("job %s: attempt %d ended with %d; it is tried again", task.job_id, attempt, code)
                task.status = "RUNNABLE"
        except asyncio.CancelledError:
            self._change(job, task, "FAILED", task.reason or "Cancelled")
        except OSError as exc:
            self._change(job, task, "FAILED", f"CannotStartContainerError: {exc}")

    async def _attempt(self, job: Job, task: Task) -> int:
        """Runs the process once; returns its exit code as a container's: 128 + n for signal n."""
        started_ms = int(time.time() * 1000)
        environment = {**self._environment, **job.definition.environment, **job.environment}
        environment |= {"AWS_BATCH_JOB_ID": task.job_id, "AWS_BATCH_JOB_ATTEMPT": str(len(task.attempts) + 1)}
        environment |= {"AWS_BATCH_JQ_NAME": job.queue.name}
        if task.index is not None:
            environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(task.index)
        temporary = self._folder / task.job_id.replace(":", "-")  # a container has a /tmp of its own
        temporary.mkdir(exist_ok=True)
        environment["TMPDIR"] = str(temporary)
        name = f"{job.name}:{task.index or 0}"
        task.child = await Child.start(name, self._command, self._folder, environment, self._guardian)
        self._change(job, task, "RUNNING", "")
        try:
            if task.is_terminated:  # while it was being started
                task.child.kill()
            async with asyncio.timeout(job.definition.timeout_s):
                status = await task.child.wait()
        except TimeoutError:
            task.reason, task.is_terminated = "Job attempt duration exceeded timeout", True
            task.child.kill()
            status = await task.child.wait()
        finally:
            task.child = None
        code = status if status >= 0 else 128 - status
        stopped_ms = int(time.time() * 1000)
        container = {"exitCode": code, "logStreamName": name}
        task.attempts.append({"container": container, "startedAt": started_ms, "stoppedAt": stopped_ms})
        return code

    def _change(self, job: Job, task: Task, status: Status, reason: str) -> None:
        task.status, task.reason = status, reason
        self._on_change(state_change(task_detail(job, task)))
        if job.is_array and job.status in ENDED and status in ENDED:
            self._on_change(state_change(job_detail(job)))


async def _stop(child: Child) -> None:
    """SIGTERM, and SIGKILL to whoever is still there after the grace."""
    pid = child.pid
    child.signal(signal.SIGTERM)
    for _ in range(int(GRACE_S * 10)):
        await asyncio.sleep(0.1)
        if not child.is_running:
            return
    logger.warning("process %d did not stop within %.0f s and is killed", pid, GRACE_S)
    child.kill()


def job_detail(job: Job) -> dict[str, Any]:
    """A whole job as DescribeJobs has it."""
    if not job.is_array:
        return task_detail(job, job.tasks[0])
    counts = {status: sum(task.status == status for task in job.tasks) for status in ("RUNNABLE", "RUNNING", *ENDED)}
    reason = "Array Child Job failed" if job.status == "FAILED" else ""
    return _common(job) | {
        "jobId": job.job_id,
        "jobArn": _arn(job.job_id),
        "status": job.status,
        "statusReason": reason,
        "attempts": [],
        "arrayProperties": {"size": len(job.tasks), "statusSummary": counts},
    }


def task_detail(job: Job, task: Task) -> dict[str, Any]:
    """A job without an array, or a child of one, as DescribeJobs has it."""
    detail = _common(job) | {
        "jobId": task.job_id,
        "jobArn": _arn(task.job_id),
        "status": task.status,
        "statusReason": task.reason,
        "attempts": list(task.attempts),
        "container": {
            "environment": [{"name": name, "value": value} for name, value in job.environment.items()],
            **(task.attempts[-1]["container"] if task.attempts else {}),
        },
    }
    if task.attempts:
        detail |= {"startedAt": task.attempts[0]["startedAt"], "stoppedAt": task.attempts[-1]["stoppedAt"]}
    if task.index is not None:
        detail["arrayProperties"] = {"index": task.index, "statusSummary": {}}
    return detail


def state_change(detail: dict[str, Any]) -> dict[str, Any]:
    """The event that EventBridge carries when the state of a job changes."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": ACCOUNT_ID,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": REGION,
        "resources": [detail["jobArn"]],
        "detail": detail,
    }


def _common(job: Job) -> dict[str, Any]:
    return {
        "jobName": job.name,
        "jobQueue": job.queue.arn,
        "jobDefinition": job.definition.arn,
        "createdAt": job.created_at_ms,
        "parameters": {},
        "tags": {},
    }


def _arn(job_id: str) -> str:
    return f"arn:aws:batch:{REGION}:{ACCOUNT_ID}:job/{job_id}"
