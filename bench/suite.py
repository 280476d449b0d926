"""All measurements, in the order that leaves the least behind for the next."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.calls import Call, json_call, url_call, workflow_call
from bench.cases import CASES, DETECTOR, SMALL_DETECTOR, Case, write_package
from bench.documents import DOCUMENTS, FILTER_CROP_DRAW
from bench.floor import BareStart, start_floor
from bench.jobs import STEPS_PER_ROUND, JobRuns, run_jobs
from bench.measurements import Measurements, PictureFacts, Series, UpstreamFound, Warm, WorkflowSeries
from bench.pictures import SIZES_WH, Picture, load_pictures
from bench.size import unpacked
from bench.soak import LOOKS, soak
from bench.traffic import OURS, UPSTREAM, Target, send_traffic
from bench.upstream import Upstream, UpstreamStart, start_upstream, upstream_facts
from bench.workers import DETECT, WORKFLOW, ColdStart, cold_start, cpu_time_ms, settings_of, start_worker
from local.processes import Guardian
from local.runtime_api import WorkerSettings
from local.samples import Sample, create_key, publish
from local.stack import Stack
from retinue.config import Settings

CLIENTS = (1, 4)
_WARM_UP = 5

# Called with what goes on now, and the steps that were done since the last call.
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each thing is done. `soak_requests` 0: no soak."""

    cold_starts: int
    requests: int
    upstream_starts: int
    job_pictures: int
    job_rounds: int
    soak_requests: int = 0

    def steps(self, has_upstream: bool) -> int:
        """What the progress function is told in all."""
        series = (len(CASES) * len(SIZES_WH) * len(CLIENTS) + 2 * len(DOCUMENTS)) * self.steps_per_series
        upstream = self.upstream_starts * self.steps_per_upstream_start
        here = len(CASES) * (1 + self.requests) + self.cold_starts + (LOOKS if self.soak_requests else 0)
        return here + series * (1 + has_upstream) + upstream * has_upstream + self.job_rounds * STEPS_PER_ROUND

    @property
    def steps_per_series(self) -> int:
        """How many of them one side of a series through HTTP counts for."""
        return max(1, self.requests // 2)

    @property
    def steps_per_upstream_start(self) -> int:
        """The same for one start of upstream, which takes as long as some twenty of our cold starts."""
        return 20


DEFAULT = Plan(cold_starts=9, requests=40, upstream_starts=2, job_pictures=200, job_rounds=3)
QUICK = Plan(cold_starts=3, requests=8, upstream_starts=1, job_pictures=40, job_rounds=1)


def measure(plan: Plan, python: str | None, progress: Progress) -> Measurements:
    """Starts the built stack, and upstream if a Python that has it is given, and measures them.

    Raises MeasurementError, NetworkError, OperatorError, InterpreterError (nothing is built), TemplateError, OSError.
    """
    progress("Looking at upstream's environment", 0)
    facts = upstream_facts(python) if python else None
    with _open(plan, progress) as bench, Stack(artefacts="built") as stack:
        key = bench.publish(stack)
        detect, workflow = bench.settings(stack, key)
        single = asyncio.run(_measure_processes(bench, detect, workflow, stack, key))
        threads = Settings.from_env(detect.environment).effective_threads
        with bench.upstream(python, threads, key) as (upstream, starts):
            series = tuple(bench.series(stack, upstream, key))
            workflows = tuple(bench.workflows(stack, upstream, key))
        jobs = bench.jobs(stack)
        stack.stop()
        return Measurements(
            pictures=tuple(PictureFacts(picture.source, picture.size, len(picture.jpeg)) for picture in bench.pictures),
            network_bytes={case.key: bench.weights(case).stat().st_size for case in CASES},
            versions=single.versions,
            memory_mb=stack.template.functions[DETECT].memory_mb,
            threads=threads,
            unpacked=unpacked(),
            cold=single.cold,
            bare_cold=single.bare_cold,
            workflow_cold=single.workflow_cold,
            warm=single.warm,
            series=series,
            workflows=workflows,
            upstream=UpstreamFound(facts, starts) if facts else None,
            soak=soak(plan.soak_requests, bench.pictures[0], progress) if plan.soak_requests else None,
            jobs=jobs,
        )


@dataclass(frozen=True, slots=True)
class _Bench:
    """What every measurement needs."""

    plan: Plan
    progress: Progress
    pictures: tuple[Picture, ...]
    folder: Path
    guardian: Guardian

    @property
    def packages(self) -> Path:
        """Where the networks lie, which upstream takes them from."""
        return self.folder / "packages"

    def weights(self, case: Case) -> Path:
        """The network's file."""
        return self.packages / case.model_id / "weights.onnx"

    def publish(self, stack: Stack) -> str:
        """Makes and publishes all networks; returns a key for them."""
        for case in CASES:
            self.progress(f"Making and publishing {case.name}", 0)
            package = write_package(self.packages, case, self.pictures[0])
            publish(stack, Sample(case.model_id, package, "detect", ()))
            self.progress("", 1)
        return create_key(stack)

    def settings(self, stack: Stack, key: str) -> tuple[WorkerSettings, WorkerSettings]:
        """How processes of the detect and the workflow function are started."""
        folder = self.folder / "workers"
        folder.mkdir()
        # There must be processes to learn from.
        calls = (json_call(DETECTOR, self.pictures[0].jpeg, key), self.first_run(key))
        send_traffic([Target(OURS, _port(stack), call) for call in calls], clients=1, requests=1)
        detect, workflow = (settings_of(stack, function, self.guardian, folder) for function in (DETECT, WORKFLOW))
        return detect, workflow

    def first_run(self, key: str) -> Call:
        """What a fresh process of the workflow function is asked: the network of the detect function's cold starts."""
        return workflow_call(FILTER_CROP_DRAW, DETECTOR, self.pictures[0].jpeg, key)

    @contextmanager
    def upstream(
        self, python: str | None, threads: int, key: str
    ) -> Iterator[tuple[Upstream | None, tuple[UpstreamStart, ...]]]:
        """Starts upstream as often as planned and lets the last one run meanwhile. Nothing without a Python for it."""
        if python is None:
            yield None, ()
            return
        starts: list[UpstreamStart] = []
        first = json_call(DETECTOR, self.pictures[0].jpeg, key)
        for _ in range(self.plan.upstream_starts - 1):
            self.progress("Upstream: cold start", 0)
            with start_upstream(python, self.packages, threads, first, self.guardian) as running:
                starts.append(running.start)
            self.progress("Upstream: cold start", self.plan.steps_per_upstream_start)
        with start_upstream(python, self.packages, threads, first, self.guardian) as running:
            self.progress("Upstream: cold start", self.plan.steps_per_upstream_start)
            yield running, (*starts, running.start)

    def series(self, stack: Stack, upstream: Upstream | None, key: str) -> Iterator[Series]:
        """Every network with every picture and number of clients, through HTTP."""
        for case in CASES:
            for picture in self.pictures:
                targets = _targets(stack, upstream, json_call(case, picture.jpeg, key))
                for clients in CLIENTS:
                    self.progress(f"{case.name}, {picture.size}, clients: {clients}", 0)
                    requests = max(3, self.plan.requests // clients)
                    sides = send_traffic(targets, clients=clients, requests=requests)
                    self.progress("", self.plan.steps_per_series * len(targets))
                    yield Series(case, picture.size, clients, sides)

    def workflows(self, stack: Stack, upstream: Upstream | None, key: str) -> Iterator[WorkflowSeries]:
        """Every document over the smaller detector, and that alone, by one client through HTTP."""
        case, picture = SMALL_DETECTOR, self.pictures[0]
        alone = _targets(stack, upstream, json_call(case, picture.jpeg, key))
        for document in DOCUMENTS:
            self.progress(f"Workflow: {document.name}", 0)
            runs = _targets(stack, upstream, workflow_call(document, case, picture.jpeg, key))
            sides = send_traffic([*alone, *runs], clients=1, requests=self.plan.requests)
            self.progress("", self.plan.steps_per_series * len(sides))
            of_alone, of_runs = (
                Series(case, picture.size, 1, part) for part in (sides[: len(alone)], sides[len(alone) :])
            )
            yield WorkflowSeries(document, of_runs, of_alone)

    def jobs(self, stack: Stack) -> JobRuns:
        """The container over one shard and over two, beside a bare loop."""
        weights, pictures, rounds = self.weights(DETECTOR), self.plan.job_pictures, self.plan.job_rounds
        return run_jobs(stack, weights, self.pictures[0], self.folder, pictures, rounds, self.progress)


@contextmanager
def _open(plan: Plan, progress: Progress) -> Iterator[_Bench]:
    """With a folder, and a guardian of what is started; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="retinue-bench-") as name:
        folder = Path(name)
        guardian = Guardian(folder)
        try:
            yield _Bench(plan, progress, load_pictures(), folder, guardian)
        finally:
            guardian.close()


@dataclass(frozen=True, slots=True)
class _Processes:
    """What single processes gave."""

    cold: tuple[ColdStart, ...]
    bare_cold: tuple[BareStart, ...]
    workflow_cold: tuple[ColdStart, ...]
    warm: tuple[Warm, ...]
    versions: dict[str, str]


async def _measure_processes(
    bench: _Bench, detect: WorkerSettings, workflow: WorkerSettings, stack: Stack, key: str
) -> _Processes:
    """Cold starts and warm answers, each beside onnxruntime alone: what disturbs one disturbs the other."""
    jpeg = bench.pictures[0].jpeg
    events = {case: url_call(case.model_id, jpeg, key).event(stack.template) for case in CASES}
    first_run = bench.first_run(key).event(stack.template)
    cold, bare_cold, workflow_cold = [], [], []
    bench.progress("Cold starts", 0)
    for _ in range(bench.plan.cold_starts):
        cold.append(await cold_start(detect, events[DETECTOR]))
        async with start_floor(detect, bench.weights(DETECTOR)) as floor:
            bare_cold.append(floor.start)
        workflow_cold.append(await cold_start(workflow, first_run))
        bench.progress("Cold starts", 1)
    warm = tuple([await _measure_warm(bench, detect, case, event) for case, event in events.items()])
    return _Processes(tuple(cold), tuple(bare_cold), tuple(workflow_cold), warm, floor.versions)


async def _measure_warm(bench: _Bench, settings: WorkerSettings, case: Case, event: bytes) -> Warm:
    requests, text = bench.plan.requests, f"Warm requests, {case.name}"
    async with start_worker(settings) as worker, start_floor(settings, bench.weights(case)) as floor:
        for _ in range(_WARM_UP):
            await worker.invoke(event)
            await floor.run_ms()
        answers, bare_ms = [], []
        before_ms, bare_before_ms = cpu_time_ms(worker.pid), cpu_time_ms(floor.pid)
        for _ in range(requests):
            answers.append(await worker.invoke(event))
            bare_ms.append(await floor.run_ms())
            bench.progress(text, 1)
        cpu_ms = (cpu_time_ms(worker.pid) - before_ms) / requests
        bare_cpu_ms = (cpu_time_ms(floor.pid) - bare_before_ms) / requests
        return Warm(case, tuple(answers), tuple(bare_ms), cpu_ms, bare_cpu_ms)


def _targets(stack: Stack, upstream: Upstream | None, call: Call) -> list[Target]:
    """The same request to this stack, and to upstream if it runs."""
    ours = [Target(OURS, _port(stack), call)]
    return [*ours, Target(UPSTREAM, upstream.port, call)] if upstream else ours


def _port(stack: Stack) -> int:
    return urlsplit(stack.url).port or 0
