"""AWS Batch on this machine, seen through boto3: jobs, arrays, retries, ends, events. The jobs are tiny scripts."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import batch as local_batch
from local.batch import Batch
from local.batch_api import BatchApi
from local.batch_definitions import EventRule, ExitRule, JobDefinition, JobQueue
from local.processes import Guardian

RULES = [ExitRule("RETRY", exit_code="75"), ExitRule("EXIT", exit_code="7*")]
QUEUE = JobQueue("JobQueueCpu", "q")
DEFINITION = JobDefinition("JobDefinitionCpu", "d", {"FROM_DEFINITION": "yes"}, attempts=3, rules=RULES)
HASTY = JobDefinition("Hasty", "hasty", {}, attempts=3, rules=RULES, timeout_s=0.5)
# What a job does: leaves a mark for each attempt, then does what SCRIPT says.
PROGRAM = """
import os, pathlib, signal, sys, time
index, attempt = os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "-"), int(os.environ["AWS_BATCH_JOB_ATTEMPT"])
marks = pathlib.Path(os.environ["MARKS"])
def mark(text):
    (marks / f"{index}.{attempt}.{text}").touch()
mark("began")
exec(os.environ["SCRIPT"])
"""


class Running:
    """A Batch in a loop of its own, with a client of it."""

    def __init__(self, folder: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self.marks = folder / "marks"
        self.marks.mkdir()
        self._folder = folder
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)))
        self._thread.start()
        assert started.wait(10)
        self.client = boto3.client(
            "batch", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        guardian = Guardian(self._folder / "gone")
        batch = Batch(
            [QUEUE],
            [DEFINITION, HASTY],
            command=[sys.executable, "-c", PROGRAM],
            environment={"MARKS": str(self.marks), "FROM_DEFINITION": "no"},
            folder=self._folder,
            guardian=guardian,
            on_change=self.events.append,
            most_at_once=2,
        )
        api = BatchApi(batch)
        self.url = await api.listen()
        started.set()
        await self._stop.wait()
        await batch.close()
        api.close()
        guardian.close()

    def close(self) -> None:
        self.client.close()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def submit(self, script: str, size: int = 0, definition: str = DEFINITION.arn) -> str:
        array = {"arrayProperties": {"size": size}} if size else {}
        environment = [{"name": "SCRIPT", "value": script}]
        return str(
            self.client.submit_job(
                jobName="job",
                jobQueue=QUEUE.arn,
                jobDefinition=definition,
                containerOverrides={"environment": environment},
                **array,
            )["jobId"]
        )

    def describe(self, job_id: str) -> dict[str, Any]:
        (job,) = self.client.describe_jobs(jobs=[job_id])["jobs"]
        return dict(job)

    def ended(self, job_id: str) -> dict[str, Any]:
        """The job once it has ended."""
        deadline = time.monotonic() + 30
        while (job := self.describe(job_id))["status"] not in ("SUCCEEDED", "FAILED"):
            assert time.monotonic() < deadline, job
            time.sleep(0.02)
        return job

    def wait_for(self, mark: str) -> None:
        deadline = time.monotonic() + 30
        while not (self.marks / mark).exists():
            assert time.monotonic() < deadline, sorted(path.name for path in self.marks.iterdir())
            time.sleep(0.02)

    def marked(self) -> list[str]:
        return sorted(path.name for path in self.marks.iterdir())


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.close()


@pytest.mark.parametrize(
    ("script", "status", "attempts"),
    [
        pytest.param("pass", "SUCCEEDED", 1, id="done"),
        pytest.param("sys.exit(75 if attempt == 1 else 0)", "SUCCEEDED", 2, id="tried again, then done"),
        pytest.param("sys.exit(75)", "FAILED", 3, id="tried as often as allowed"),
        pytest.param("sys.exit(78)", "FAILED", 1, id="not to be tried again"),
        pytest.param("sys.exit(1)", "FAILED", 3, id="what no rule names is tried again"),
        pytest.param("if attempt < 3: os.kill(os.getpid(), signal.SIGKILL)", "SUCCEEDED", 3, id="killed twice"),
    ],
)
def test_attempts_follow_the_rules(running: Running, script: str, status: str, attempts: int) -> None:
    job = running.ended(running.submit(script))
    assert (job["status"], len(job["attempts"])) == (status, attempts)
    assert running.marked() == [f"-.{attempt}.began" for attempt in range(1, attempts + 1)]


def test_exit_codes_are_those_of_containers(running: Running) -> None:
    job = running.ended(running.submit("os.kill(os.getpid(), signal.SIGKILL) if attempt < 3 else sys.exit(78)"))
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [137, 137, 78]
    assert job["container"]["exitCode"] == 78


def test_the_definitions_variables_win_over_the_surroundings(running: Running) -> None:
    running.ended(running.submit("mark(os.environ['FROM_DEFINITION'])"))
    assert "-.1.yes" in running.marked()


def test_an_array_has_a_child_for_each_index_and_two_run_at_once(running: Running) -> None:
    script = """
mark("in")
time.sleep(0.3)
mark(str(len(list(marks.glob("*.in"))) - len(list(marks.glob("*.out")))))
mark("out")
"""
    job_id = running.submit(script, size=5)
    job = running.ended(job_id)
    assert (job["status"], job["arrayProperties"]["size"]) == ("SUCCEEDED", 5)
    assert job["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 5
    assert sorted(path.name[0] for path in running.marks.glob("*.began")) == list("01234")
    assert max(int(path.suffix[1:]) for path in running.marks.glob("*.[0-9]")) == 2
    children = running.client.list_jobs(arrayJobId=job_id, jobStatus="SUCCEEDED")["jobSummaryList"]
    assert [child["jobId"] for child in children] == [f"{job_id}:{index}" for index in range(5)]


def test_an_array_fails_with_one_child_and_tells_which(running: Running) -> None:
    job_id = running.submit("sys.exit(78 if index == '1' else 0)", size=3)
    assert running.ended(job_id)["status"] == "FAILED"
    rule = EventRule({"source": ["aws.batch"], "detail": {"status": ["FAILED"]}}, ())
    failed = [event["detail"] for event in running.events if rule.matches(event)]
    assert [detail["jobId"] for detail in failed] == [f"{job_id}:1", job_id]
    child = failed[0]
    assert child["arrayProperties"]["index"] == 1
    assert (child["jobName"], child["container"]["exitCode"]) == ("job", 78)
    assert {"name": "SCRIPT", "value": "sys.exit(78 if index == '1' else 0)"} in child["container"]["environment"]
    assert failed[1]["arrayProperties"]["size"] == 3


def test_terminating_stops_what_runs_and_what_waits(running: Running) -> None:
    script = """
def stop(*_):
    mark("stopped")
    sys.exit(75)
signal.signal(signal.SIGTERM, stop)
mark("ready")
time.sleep(60)
"""
    job_id = running.submit(script, size=4)
    running.wait_for("0.1.ready")
    running.wait_for("1.1.ready")
    running.client.terminate_job(jobId=job_id, reason="enough")
    job = running.ended(job_id)
    assert job["status"] == "FAILED"
    assert running.marked() == [f"{index}.1.{what}" for index in "01" for what in ("began", "ready", "stopped")]
    assert {running.describe(f"{job_id}:{index}")["statusReason"] for index in range(4)} == {"enough"}


def test_whoever_ignores_sigterm_is_killed(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_batch, "GRACE_S", 0.3)
    job_id = running.submit("signal.signal(signal.SIGTERM, signal.SIG_IGN); mark('deaf'); time.sleep(60)")
    running.wait_for("-.1.deaf")
    running.client.terminate_job(jobId=job_id, reason="enough")
    assert running.ended(job_id)["container"]["exitCode"] == 137


def test_cancelling_leaves_alone_what_runs(running: Running) -> None:
    job_id = running.submit("mark('ready'); time.sleep(0.5)", size=3)
    running.wait_for("0.1.ready")
    running.wait_for("1.1.ready")
    running.client.cancel_job(jobId=job_id, reason="not needed")
    running.ended(job_id)
    statuses = [running.describe(f"{job_id}:{index}")["status"] for index in range(3)]
    assert statuses == ["SUCCEEDED", "SUCCEEDED", "FAILED"]


def test_an_attempt_may_take_too_long(running: Running) -> None:
    job = running.ended(running.submit("time.sleep(60)", definition=HASTY.name))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert len(job["attempts"]) == 1


def test_jobs_are_found_by_name_whatever_their_status(running: Running) -> None:
    job_id = running.submit("pass")
    running.ended(job_id)
    by_name = [{"name": "JOB_NAME", "values": ["job"]}]
    (found,) = running.client.list_jobs(jobQueue=QUEUE.arn, filters=by_name)["jobSummaryList"]
    assert found["jobId"] == job_id
    other = [{"name": "JOB_NAME", "values": ["another"]}]
    assert running.client.list_jobs(jobQueue=QUEUE.arn, filters=other)["jobSummaryList"] == []
    assert running.client.list_jobs(jobQueue=QUEUE.arn)["jobSummaryList"] == []  # RUNNING, unless asked otherwise
    assert running.client.describe_jobs(jobs=["unknown"])["jobs"] == []


@pytest.mark.parametrize("changes", [{"jobQueue": "x"}, {"jobDefinition": "x"}, {"arrayProperties": {"size": 1}}])
def test_what_aws_refuses_is_refused(running: Running, changes: dict[str, Any]) -> None:
    given = {"jobName": "job", "jobQueue": QUEUE.name, "jobDefinition": DEFINITION.name} | changes
    with pytest.raises(running.client.exceptions.ClientException):
        running.client.submit_job(**given)
