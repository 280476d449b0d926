"""All measurements, in the order that leaves the least behind for the next."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.calls import MODEL_ID, Call, detect_call, task_call
from bench.floor import BareStart, Floor, start_floor
from bench.networks import write_detector
from bench.pictures import Picture, load_picture
from bench.size import Unpacked, unpacked
from bench.traffic import Traffic, send_traffic
from bench.workers import Answer, BenchWorker, ColdStart, cold_start, cpu_time_ms, settings_of, start_worker
from local.processes import Guardian
from local.runtime_api import WorkerSettings
from local.samples import Sample, create_key, publish
from local.stack import Stack

NETWORK_SIZE = 640
CLIENTS = (1, 4)
_WARM_UP = 5

# Called with what goes on now, and the steps that were done since the last call.
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each thing is done."""

    cold_starts: int
    requests: int

    @property
    def steps(self) -> int:
        """What the progress function is told in all."""
        return 1 + self.cold_starts + self.requests + 2 * len(CLIENTS) * self.steps_per_traffic

    @property
    def steps_per_traffic(self) -> int:
        """How many of them one series of requests through HTTP counts for."""
        return max(1, self.requests // 2)


DEFAULT = Plan(cold_starts=9, requests=60)
QUICK = Plan(cold_starts=3, requests=16)


@dataclass(frozen=True, slots=True)
class Warm:
    """Answers of a warm process, each followed by one bare `session.run` of the same network (milliseconds).

    The CPU times are means of one request and of one run.
    """

    answers: tuple[Answer, ...]
    bare_ms: tuple[float, ...]
    cpu_ms: float
    bare_cpu_ms: float


@dataclass(frozen=True, slots=True)
class Measurements:
    """Everything that was measured, raw."""

    picture: str
    picture_bytes: int
    network_bytes: int
    versions: dict[str, str]
    unpacked: Unpacked
    cold: tuple[ColdStart, ...]
    bare_cold: tuple[BareStart, ...]
    warm: Warm
    traffic: tuple[Traffic, ...]


def measure(plan: Plan, progress: Progress) -> Measurements:
    """Starts the built stack and measures it.

    Raises MeasurementError, NetworkError, OperatorError, InterpreterError (nothing is built), TemplateError, OSError.
    """
    progress("Making a network and a picture", 0)
    picture = load_picture()
    with tempfile.TemporaryDirectory(prefix="retinue-bench-") as name, Stack(artefacts="built") as stack:
        folder = Path(name)
        weights = folder / "detector.onnx"
        write_detector(weights, picture.tensor(NETWORK_SIZE))
        publish(stack, Sample(MODEL_ID, weights, "detect", ()))
        key = create_key(stack)
        calls = (detect_call(picture.jpeg, key), task_call(picture.jpeg, key))
        send_traffic(stack.url, calls[0], clients=1, requests=1)  # there must be a process to learn from
        progress("Cold starts", 1)
        guardian = Guardian(folder / "workers")
        try:
            (folder / "workers").mkdir()
            settings = settings_of(stack, guardian, folder / "workers")
            single = asyncio.run(_measure_processes(settings, calls[0].event(stack.template), weights, plan, progress))
        finally:
            guardian.close()
        traffic = _measure_traffic(stack.url, calls, plan, progress)
        return _measurements(picture, weights, single, traffic)


def _measure_traffic(url: str, calls: tuple[Call, ...], plan: Plan, progress: Progress) -> tuple[Traffic, ...]:
    results = []
    for call in calls:
        for clients in CLIENTS:
            name = f"{call.name}, {clients} client{'s' if clients > 1 else ''}"
            progress(name, 0)
            results.append(send_traffic(url, call, clients=clients, requests=max(4, plan.requests // clients)))
            progress(name, plan.steps_per_traffic)
    return tuple(results)


@dataclass(frozen=True, slots=True)
class _Processes:
    """What single processes gave."""

    cold: tuple[ColdStart, ...]
    bare_cold: tuple[BareStart, ...]
    warm: Warm
    versions: dict[str, str]


async def _measure_processes(
    settings: WorkerSettings, event: bytes, weights: Path, plan: Plan, progress: Progress
) -> _Processes:
    """Cold starts and warm answers, each beside onnxruntime alone: what disturbs one disturbs the other."""
    cold, bare_cold = [], []
    for _ in range(plan.cold_starts):
        cold.append(await cold_start(settings, event))
        async with start_floor(settings, weights) as floor:
            bare_cold.append(floor.start)
        progress("Cold starts", 1)
    async with start_worker(settings) as worker, start_floor(settings, weights) as floor:
        warm = await _measure_warm(worker, floor, event, plan, progress)
    return _Processes(tuple(cold), tuple(bare_cold), warm, floor.versions)


async def _measure_warm(worker: BenchWorker, floor: Floor, event: bytes, plan: Plan, progress: Progress) -> Warm:
    for _ in range(_WARM_UP):
        await worker.invoke(event)
        await floor.run_ms()
    answers, bare_ms = [], []
    before_ms, bare_before_ms = cpu_time_ms(worker.pid), cpu_time_ms(floor.pid)
    for _ in range(plan.requests):
        answers.append(await worker.invoke(event))
        bare_ms.append(await floor.run_ms())
        progress("Warm requests", 1)
    cpu_ms = (cpu_time_ms(worker.pid) - before_ms) / plan.requests
    return Warm(tuple(answers), tuple(bare_ms), cpu_ms, (cpu_time_ms(floor.pid) - bare_before_ms) / plan.requests)


def _measurements(picture: Picture, weights: Path, single: _Processes, traffic: tuple[Traffic, ...]) -> Measurements:
    return Measurements(
        picture=picture.source,
        picture_bytes=len(picture.jpeg),
        network_bytes=weights.stat().st_size,
        versions=single.versions,
        unpacked=unpacked(),
        cold=single.cold,
        bare_cold=single.bare_cold,
        warm=single.warm,
        traffic=traffic,
    )
