"""Single processes of a built function, started and called as the local stack does, with the time of every step."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil

from bench.answers import predictions_of, stages_of
from local.processes import Guardian
from local.runtime_api import Invocation, Worker, WorkerSettings
from local.stack import Stack

DETECT, WORKFLOW = "DetectFunction", "WorkflowFunction"
# Different for each process.
_OWN_VARIABLES = frozenset({"AWS_LAMBDA_RUNTIME_API", "TMPDIR"})


class MeasurementError(Exception):
    """Something that was to be measured did not run; the message says what came instead."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered event: milliseconds from handing the event over to having the answer, and what the answer says.

    `stages_ms` are those of its Server-Timing header, `handler_ms` is its own X-Processing-Time.
    """

    duration_ms: float
    handler_ms: float
    stages_ms: dict[str, float]
    detections: int


@dataclass(frozen=True, slots=True)
class ColdStart:
    """A process from its start to its first answer; CPU time is user and system, of all its threads."""

    init_ms: float
    first: Answer
    cpu_ms: float
    rss_bytes: int
    pss_bytes: int
    uss_bytes: int

    @property
    def total_ms(self) -> float:
        """From the start of the process to having its first answer."""
        return self.init_ms + self.first.duration_ms


def settings_of(stack: Stack, function: str, guardian: Guardian, folder: Path) -> WorkerSettings:
    """How `stack` starts processes of the function with this logical id, read from one that runs now.

    Raises MeasurementError if none does.
    """
    pids = stack.workers(function)
    if not pids:
        raise MeasurementError(f"no process of {function} is running")
    process = psutil.Process(pids[0])
    environment = {name: value for name, value in process.environ().items() if name not in _OWN_VARIABLES}
    return WorkerSettings(stack.template.functions[function], process.cmdline(), environment, guardian, folder)


class BenchWorker:
    """One process of a function, which this owns. Made by `start_worker`."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._is_ready = asyncio.Event()
        self._started_s = time.perf_counter()
        self._worker = Worker(settings, self._on_ready, self._on_ready)
        self.init_ms = 0.0  # from the start of the process until it asked for its first event

    async def invoke(self, event: bytes) -> Answer:
        """Sends an event and reads the answer. Raises MeasurementError unless that is a 200 with timings."""
        await self._is_ready.wait()
        self._is_ready.clear()
        if self._worker.error:
            raise MeasurementError(f"the function's process ended: {self._worker.error}")
        started_s = time.perf_counter()
        invocation = Invocation(event, str(uuid.uuid4()), "Root=1-00000000-000000000000000000000000")
        self._worker.assign(invocation)
        outcome = await invocation.outcome
        duration_ms = (time.perf_counter() - started_s) * 1e3
        if outcome.error:
            raise MeasurementError(f"the function failed: {outcome.error}")
        return _read_answer(outcome.payload, duration_ms)

    async def stop(self) -> None:
        """Ends the process."""
        await self._worker.stop()

    @property
    def pid(self) -> int:
        """The process, once it has answered. Raises MeasurementError if it is not running."""
        if self._worker.pid is None:
            raise MeasurementError(f"the function's process is not running: {self._worker.error}")
        return self._worker.pid

    def _on_ready(self, _: Worker) -> None:
        """It asks for an event, or it has ended."""
        self.init_ms = self.init_ms or (time.perf_counter() - self._started_s) * 1e3
        self._is_ready.set()


@asynccontextmanager
async def start_worker(settings: WorkerSettings) -> AsyncIterator[BenchWorker]:
    """A fresh process with an empty temporary folder, ended afterwards."""
    worker = BenchWorker(settings)
    try:
        yield worker
    finally:
        await worker.stop()


def cpu_time_ms(pid: int) -> float:
    """Milliseconds of CPU, user and system, that all threads of a process have used. Others do not lengthen it much."""
    times = psutil.Process(pid).cpu_times()
    return (times.user + times.system) * 1e3


async def cold_start(settings: WorkerSettings, event: bytes) -> ColdStart:
    """Starts a process, has it answer `event`, looks at its memory, ends it. Raises MeasurementError."""
    async with start_worker(settings) as worker:
        first = await worker.invoke(event)
        cpu_ms, memory = cpu_time_ms(worker.pid), psutil.Process(worker.pid).memory_full_info()
    # Where the system does not tell what is shared, everything counts.
    pss, uss = (int(getattr(memory, name, memory.rss)) for name in ("pss", "uss"))
    return ColdStart(worker.init_ms, first, cpu_ms, memory.rss, pss, uss)


def _read_answer(payload: bytes, duration_ms: float) -> Answer:
    answer = orjson.loads(payload)
    if answer.get("statusCode") != 200:
        raise MeasurementError(f"the function answered {payload[:500].decode('utf-8', 'replace')}")
    headers = answer["headers"]
    return Answer(
        duration_ms=duration_ms,
        handler_ms=float(headers["x-processing-time"]) * 1e3,
        stages_ms=stages_of(headers["server-timing"]),
        detections=len(predictions_of(orjson.loads(answer["body"]))),
    )
