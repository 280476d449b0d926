"""From raw measurements to the lines that people read: size, cold start, memory, warm requests of this service."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.cases import DETECTOR
from bench.documents import FILTER_CROP_DRAW
from bench.jobs import Run
from bench.measurements import Measurements, Warm
from bench.workers import Answer, ColdStart

MIB = 1024 * 1024

# What may be spent at most; the README promises it. The budget of the size is the build's own.
BUDGET_COLD_START_MS = 700.0
BUDGET_RESIDENT_MIB = 200.0
BUDGET_OVERHEAD_MS = 8.0
BUDGET_SOAK_GROWTH = 1.05
# And what must be reached at least.
LEAST_JOB_SHARE = 0.95
LEAST_SHARDS_GAIN = 1.7

# The stages of Server-Timing, in their order.
STAGES = {
    "auth": "key looked up in S3",
    "parse": "JSON body checked",
    "model": "manifest, download, sha256, session",
    "load": "base64, JPEG",
    "prepare": "resize, pad, scale",
    "infer": "session.run",
    "decode": "boxes, suppression, masks",
    "render": "JSON",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: the typical value (a median where there are several), the best one, what is allowed at most, or, if
    `is_least`, must be reached at least.

    `value` is None where it was not measured; the note says why.
    """

    key: str
    label: str
    value: float | None
    unit: str  # MiB, ms, x (a ratio), USD
    best: float | None = None
    budget: float | None = None
    note: str = ""
    is_least: bool = False

    @property
    def is_ok(self) -> bool | None:
        """Whether it keeps its budget, None without one or without a value."""
        if self.budget is None or self.value is None:
            return None
        return self.value >= self.budget if self.is_least else self.value <= self.budget


def times_row(key: str, label: str, times_ms: Sequence[float], *, budget: float | None = None, note: str = "") -> Row:
    """The median and the best of times in milliseconds."""
    return Row(key=key, label=label, value=median(times_ms), unit="ms", best=min(times_ms), budget=budget, note=note)


def own_rows(found: Measurements) -> Iterator[Row]:
    """Size, cold start, memory and warm requests."""
    yield _size_row(found)
    yield from _cold_rows(found)
    yield _memory_row("resident", "Resident memory after the first answer", found.cold)
    yield from _workflow_cold_rows(found)
    for warm in found.warm:
        yield from _warm_rows(warm)
    yield from _soak_rows(found)
    yield from _job_rows(found)


def _size_row(found: Measurements) -> Row:
    size = found.unpacked
    note = ", ".join(f"{name} {mib}" for name, mib in size.parts_mib.items())
    label = "Layers + largest function, unpacked"
    return Row(key="unpacked", label=label, value=size.total_mib, unit="MiB", budget=size.budget_mib, note=note)


def _cold_rows(found: Measurements) -> Iterator[Row]:
    starts, bare = found.cold, [start.total_ms for start in found.bare_cold]
    total = [start.total_ms for start in starts]
    label, note = "Cold start to the first answer", f"{len(total)} starts, {DETECTOR.name}"
    yield times_row("cold_start", label, total, budget=BUDGET_COLD_START_MS, note=note)
    yield times_row("cold_init", "  init", [start.init_ms for start in starts], note="Python, imports")
    answers = [start.first for start in starts]
    for stage in _stages_in(answers):
        times_ms = [answer.stages_ms[stage] for answer in answers]
        yield times_row(f"cold_{stage}", f"  {stage}", times_ms, note=STAGES[stage])
    rest = [answer.duration_ms - sum(answer.stages_ms.values()) for answer in answers]
    yield times_row("cold_rest", "  rest", rest, note="event, logger, log line, Runtime API")
    label = "Bare start: Python, onnxruntime, one run"
    yield times_row("bare_start", label, bare, note="same network, interleaved")
    yield _ratio("cold_over_bare", "Cold start over bare start", total, bare)
    cpu, bare_cpu = ([start.cpu_ms for start in each] for each in (starts, found.bare_cold))
    note = f"user and system; bare start {median(bare_cpu):.0f}, best {min(bare_cpu):.0f}"
    yield times_row("cold_cpu", "CPU time of a cold start", cpu, note=note)


def _workflow_cold_rows(found: Measurements) -> Iterator[Row]:
    """The same of the workflow function; its stages lie inside each other, so they have no rows."""
    starts, total = found.workflow_cold, [start.total_ms for start in found.workflow_cold]
    label, note = "Workflow function: cold start to the first answer", f"{len(starts)} starts, {FILTER_CROP_DRAW.name}"
    yield times_row("workflow_cold_start", label, total, budget=BUDGET_COLD_START_MS, note=note)
    yield times_row("workflow_cold_init", "  init", [start.init_ms for start in starts], note="Python, imports")
    detect_cpu = [start.cpu_ms for start in found.cold]
    note = f"user and system; detect function {median(detect_cpu):.0f}, best {min(detect_cpu):.0f}"
    yield times_row("workflow_cold_cpu", "  CPU time", [start.cpu_ms for start in starts], note=note)
    yield _memory_row("workflow_resident", "Workflow function: resident memory after it", starts)


def _memory_row(key: str, label: str, starts: Sequence[ColdStart]) -> Row:
    rss, pss, uss = (
        [getattr(start, name) / MIB for start in starts] for name in ("rss_bytes", "pss_bytes", "uss_bytes")
    )
    return Row(
        key=key,
        label=label,
        value=median(rss),
        unit="MiB",
        best=min(rss),
        budget=BUDGET_RESIDENT_MIB,
        note=f"proportional {median(pss):.0f}, unique {median(uss):.0f}",
    )


def _warm_rows(warm: Warm) -> Iterator[Row]:
    key, answers, bare = warm.case.key, warm.answers, warm.bare_ms
    duration = [answer.duration_ms for answer in answers]
    note = f"{len(answers)} requests, {answers[0].detections} objects; infer stage {_stage_ms(answers, 'infer'):.1f}"
    yield times_row(f"function/{key}", f"Function, warm, {warm.case.name}", duration, note=note)
    yield times_row(f"bare_run/{key}", "  bare session.run", bare, note="same network and threads, interleaved")
    over = [answer.duration_ms - answer.stages_ms["infer"] for answer in answers]
    handler_ms = median(answer.handler_ms - answer.stages_ms["infer"] for answer in answers)
    stages = ", ".join(f"{name} {_stage_ms(answers, name):.1f}" for name in _stages_in(answers) if name != "infer")
    label, note = f"  function over its session.run, {warm.case.name}", f"in the handler {handler_ms:.1f}: {stages}"
    budget = BUDGET_OVERHEAD_MS if warm.case is DETECTOR else None
    yield times_row(f"overhead/{key}", label, over, budget=budget, note=note)
    yield _ratio(f"function_over_bare/{key}", "  over bare session.run", duration, bare)
    note = f"function {warm.cpu_ms:.1f}, bare {warm.bare_cpu_ms:.1f}"
    value = warm.cpu_ms - warm.bare_cpu_ms
    yield Row(key=f"overhead_cpu/{key}", label="  the same as CPU time", value=value, unit="ms", note=note)


def _soak_rows(found: Measurements) -> Iterator[Row]:
    if found.soak is None:
        return
    resident = [looked / MIB for looked in found.soak.resident_bytes]
    label = f"Memory after {found.soak.requests:,} requests over {found.soak.models} models"
    note = ", ".join(f"{mib:.0f}" for mib in resident[:: max(1, len(resident) // 10)])
    yield Row(key="soak", label=label, value=resident[-1], unit="MiB", note=f"on the way: {note}")
    middle = median(resident[len(resident) // 3 : 2 * len(resident) // 3])
    end = median(resident[-len(resident) // 5 :])
    note = "last fifth over middle third: flat is 1"
    label = "  end over middle"
    yield Row(key="soak_growth", label=label, value=end / middle, unit="x", budget=BUDGET_SOAK_GROWTH, note=note)


def _job_rows(found: Measurements) -> Iterator[Row]:
    if (jobs := found.jobs) is None:
        return
    rates = {name: median(run.rate for run in runs) for name, runs in jobs.sides().items()}
    cpu = {name: median(run.cpu_ms for run in runs) for name, runs in jobs.sides().items()}
    note = f"{rates['ours']:.1f} images/s, {DETECTOR.name}; CPU for one {cpu['ours']:.1f} ms, bare {cpu['bare']:.1f}"
    yield _gain("job_over_bare", "Job over a bare loop, images/s", jobs.ours, jobs.bare, LEAST_JOB_SHARE, note)
    note = f"one thread each: {rates['double']:.1f} and {rates['single']:.1f} images/s"
    yield _gain("job_shards", "Two shards over one, images/s", jobs.double, jobs.single, LEAST_SHARDS_GAIN, note)


def _gain(key: str, label: str, runs: Sequence[Run], others: Sequence[Run], least: float, note: str) -> Row:
    """How many times as fast: each run over the one that was measured beside it."""
    ratios = [run.rate / other.rate for run, other in zip(runs, others, strict=True)]
    value, best = median(ratios), max(ratios)
    return Row(key=key, label=label, value=value, unit="x", best=best, budget=least, note=note, is_least=True)


def _stages_in(answers: Sequence[Answer]) -> list[str]:
    """The stages that these answers went through."""
    return [name for name in STAGES if name in answers[0].stages_ms]


def _stage_ms(answers: Sequence[Answer], name: str) -> float:
    """Median milliseconds of a stage."""
    return median(answer.stages_ms[name] for answer in answers)


def _ratio(key: str, label: str, times_ms: Sequence[float], bare_ms: Sequence[float]) -> Row:
    """How many times as long: each time over the one that was measured right after it, so that noise hits both."""
    ratios = [took_ms / bare for took_ms, bare in zip(times_ms, bare_ms, strict=True)]
    best = min(times_ms) / min(bare_ms)
    return Row(key=key, label=label, value=median(ratios), unit="x", best=best, note="best: the best over the best")
