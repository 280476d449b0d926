"""Jobs: pictures a second of the container beside a bare loop, and of two shards at once beside one."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.cases import DETECTOR
from bench.pictures import Picture
from bench.workers import MeasurementError
from local.stack import ROOT, Stack
from retinue.jobs.layout import item_id, new_job_id, output_prefix, plan_key, shard_key
from retinue.jobs.record import Job, timestamp
from retinue.jobs.store import JobStore

# As exported, the network takes one picture at a time; the loop beside it does as well.
BATCH_SIZE = 1
_PART_SIZE = 20
STEPS_PER_ROUND = 2
_PREFIX = "bench/"
_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Run:
    """Pictures a second, and milliseconds of CPU (user and system, all threads) for one."""

    rate: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class JobRuns:
    """ours and bare in turns, with all threads; single and double in turns, one thread a shard, `double` of both
    shards together. What comes before the first part, above all loading, is left out."""

    pictures: int
    ours: tuple[Run, ...]
    bare: tuple[Run, ...]
    single: tuple[Run, ...]
    double: tuple[Run, ...]

    def sides(self) -> dict[str, tuple[Run, ...]]:
        """All runs, by name."""
        return {"ours": self.ours, "bare": self.bare, "single": self.single, "double": self.double}


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where the measurement takes place."""

    stack: Stack
    weights: Path
    environment: Mapping[str, str]
    store: JobStore
    pictures: int

    @property
    def bucket(self) -> str:
        return self.stack.buckets["UploadsBucket"]

    def container(self, shards: int, threads: int) -> Run:
        """A job of so many shards, all running at once. Raises MeasurementError."""
        job_id = self._plan(shards)
        command = [sys.executable, "-m", "retinue.worker", "--job", job_id, "--shard"]
        environment = {**self.environment, "RETINUE_THREADS": str(threads)}
        processes = [
            subprocess.Popen([*command, str(shard)], env=environment, stdout=subprocess.PIPE, text=True)
            for shard in range(shards)
        ]
        runs = [_run(process) for process in processes]
        return Run(sum(run.rate for run in runs), sum(run.cpu_ms for run in runs) / shards)

    def loop(self, threads: int) -> Run:
        """The bare loop. Raises MeasurementError."""
        numbers = [str(number) for number in (threads, BATCH_SIZE, self.pictures)]
        script = str(Path(__file__).with_name("bare_batch.py"))
        command = [sys.executable, "-P", script, str(self.weights), *numbers, self.bucket, _PREFIX]
        ran = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, timeout=_TIMEOUT_S)
        if ran.returncode:
            raise MeasurementError(f"{script} ended with {ran.returncode}; its message is above")
        rate, cpu_ms = ran.stdout.split()
        return Run(float(rate), float(cpu_ms))

    def _plan(self, shards: int) -> str:
        """Writes a job of shards of `pictures` each, as the planner would; returns its id."""
        job_id, s3, now = new_job_id(), self.stack.client("s3"), timestamp(0)
        keys = [f"{_PREFIX}{number:05d}.jpg" for number in range(self.pictures)]
        items = [{"id": item_id(self.bucket, key, None), "bucket": self.bucket, "key": key} for key in keys]
        body = b"".join(orjson.dumps(item | {"version": None, "size_bytes": 1}) + b"\n" for item in items)
        for shard in range(shards):
            s3.put_object(Bucket=self.bucket, Key=shard_key(job_id, shard), Body=body)
        plan = {
            "version": 1,
            "job_id": job_id,
            "workspace": "bench",
            "target": {"type": "model", "model_id": DETECTOR.model_id},
            "source": {"type": "s3", "bucket": self.bucket, "prefix": _PREFIX},
            "batch_size": BATCH_SIZE,
            "part_size": _PART_SIZE,
            "shards": [{"items": self.pictures}] * shards,
            "output": {"bucket": self.bucket, "prefix": output_prefix(job_id)},
        }
        s3.put_object(Bucket=self.bucket, Key=plan_key(job_id), Body=orjson.dumps(plan))
        self.store.create(
            Job(
                job_id=job_id,
                workspace="bench",
                state="running",
                created_at=now,
                updated_at=now,
                items_total=shards * self.pictures,
                shards_total=shards,
            )
        )
        return job_id


def run_jobs(
    stack: Stack,
    weights: Path,
    picture: Picture,
    folder: Path,
    pictures: int,
    rounds: int,
    progress: Callable[[str, int], None],
) -> JobRuns:
    """Measures on a running stack to which the detector, whose `weights` these are, was published.

    A shard has so many pictures, at least twice those of a part. Raises MeasurementError.
    """
    cores = os.cpu_count() or 1
    ours, bare, single, double = [], [], [], []
    with _ground(stack, weights, picture, folder, pictures) as ground:
        for _ in range(rounds):
            progress("Job beside a bare loop", 1)
            bare.append(ground.loop(cores))
            ours.append(ground.container(1, cores))
            progress("Two shards beside one", 1)
            single.append(ground.container(1, 1))
            double.append(ground.container(2, 1))
    return JobRuns(pictures, tuple(ours), tuple(bare), tuple(single), tuple(double))


@contextmanager
def _ground(stack: Stack, weights: Path, picture: Picture, folder: Path, pictures: int) -> Iterator[_Ground]:
    file = folder / "picture.jpg"
    file.write_bytes(picture.jpeg)
    bucket, table = stack.buckets["UploadsBucket"], stack.template.tables["JobsTable"].name
    environment = {
        **stack.environment(),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join((str(ROOT / "shared"), str(ROOT))),
        "RETINUE_JOBS_TABLE": table,
        "RETINUE_CACHE_DIR": str(folder / "weights"),
    }
    script = str(Path(__file__).with_name("picture_server.py"))
    server = subprocess.Popen(
        [sys.executable, "-P", script, stack.s3_url, f"/{bucket}/{_PREFIX}", str(file)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        environment["AWS_ENDPOINT_URL_S3"] = server.stdout.readline().strip()
        store = JobStore(table, stack.client("dynamodb"))
        yield _Ground(stack, weights, environment, store, pictures)
    finally:
        server.kill()
        server.communicate()


def _run(process: "subprocess.Popen[str]") -> Run:
    """From the container's log: from its first part to its last."""
    output, _ = process.communicate(timeout=_TIMEOUT_S)
    lines = [orjson.loads(line) for line in output.splitlines()]
    parts = [line for line in lines if line["message"] == "part"]
    if process.returncode or len(parts) < 2:
        raise MeasurementError(f"the container ended with {process.returncode}: {output[-500:]}")
    pictures = parts[-1]["done"] - parts[0]["done"]
    took_s = sum(part["took_s"] for part in parts[1:])
    return Run(pictures / took_s, (parts[-1]["cpu_s"] - parts[0]["cpu_s"]) / pictures * 1e3)
