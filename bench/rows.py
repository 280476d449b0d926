"""From raw measurements to the lines that people read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from bench.suite import Measurements
from bench.traffic import Traffic
from bench.workers import Answer

MIB = 1024 * 1024

# What may be spent at most; the README promises it. The budget of the size is the build's own.
BUDGET_COLD_START_MS = 700.0
BUDGET_RESIDENT_MIB = 200.0
BUDGET_OVERHEAD_MS = 8.0

# The stages of Server-Timing, in their order.
STAGES = {
    "auth": "key looked up in S3",
    "parse": "JSON body checked",
    "model": "manifest, download, sha256, session",
    "load": "base64, JPEG",
    "prepare": "resize, letterbox",
    "infer": "session.run",
    "decode": "boxes, suppression",
    "render": "JSON",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: the typical value (a median where there are several), the best one, what is allowed at most."""

    key: str
    label: str
    value: float
    unit: str  # MiB, ms, x (a ratio)
    best: float | None = None
    budget: float | None = None
    note: str = ""

    @property
    def is_ok(self) -> bool | None:
        """Whether it keeps its budget, None without one."""
        return None if self.budget is None else self.value <= self.budget


def rows_of(found: Measurements) -> tuple[Row, ...]:
    """Every row, in the order of the table."""
    return (*_size_rows(found), *_cold_rows(found), *_warm_rows(found), *_traffic_rows(found))


def _size_rows(found: Measurements) -> Iterator[Row]:
    size = found.unpacked
    yield Row(
        key="unpacked",
        label="Layers + largest function, unpacked",
        value=size.total_mib,
        unit="MiB",
        budget=size.budget_mib,
        note=", ".join(f"{name} {mib}" for name, mib in size.parts_mib.items()),
    )


def _cold_rows(found: Measurements) -> Iterator[Row]:
    starts, bare = found.cold, [start.total_ms for start in found.bare_cold]
    total = [start.total_ms for start in starts]
    yield _times("cold_start", "Cold start to the first answer", total, BUDGET_COLD_START_MS, f"{len(total)} starts")
    yield _times("cold_init", "  init", [start.init_ms for start in starts], note="Python, imports")
    answers = [start.first for start in starts]
    for stage in _stages_in(answers):
        yield _times(f"cold_{stage}", f"  {stage}", [answer.stages_ms[stage] for answer in answers], note=STAGES[stage])
    rest = [answer.duration_ms - sum(answer.stages_ms.values()) for answer in answers]
    yield _times("cold_rest", "  rest", rest, note="event, logger, log line, Runtime API")
    yield _times("bare_start", "Bare start: Python, onnxruntime, one run", bare, note="same network, interleaved")
    yield _ratio("cold_over_bare", "Cold start over bare start", total, bare)
    cpu, bare_cpu = ([start.cpu_ms for start in each] for each in (starts, found.bare_cold))
    note = f"user and system; bare start {median(bare_cpu):.0f}, best {min(bare_cpu):.0f}"
    yield _times("cold_cpu", "CPU time of a cold start", cpu, note=note)
    yield _memory_row(found)


def _memory_row(found: Measurements) -> Row:
    rss, pss, uss = (
        [getattr(start, name) / MIB for start in found.cold] for name in ("rss_bytes", "pss_bytes", "uss_bytes")
    )
    return Row(
        key="resident",
        label="Resident memory after the first answer",
        value=median(rss),
        unit="MiB",
        best=min(rss),
        budget=BUDGET_RESIDENT_MIB,
        note=f"proportional {median(pss):.0f}, unique {median(uss):.0f}",
    )


def _warm_rows(found: Measurements) -> Iterator[Row]:
    answers, bare = found.warm.answers, found.warm.bare_ms
    duration = [answer.duration_ms for answer in answers]
    note = f"{len(answers)} requests, {answers[0].detections} boxes; infer stage {_stage_ms(answers, 'infer'):.1f}"
    yield _times("function", "Function duration, warm", duration, note=note)
    yield _times("bare_run", "Bare session.run", bare, note="same network and threads, interleaved")
    over = [answer.duration_ms - answer.stages_ms["infer"] for answer in answers]
    handler_ms = median(answer.handler_ms - answer.stages_ms["infer"] for answer in answers)
    stages = ", ".join(f"{name} {_stage_ms(answers, name):.1f}" for name in _stages_in(answers) if name != "infer")
    note = f"in the handler {handler_ms:.1f}: {stages}"
    yield _times("overhead", "Function duration over session.run", over, BUDGET_OVERHEAD_MS, note)
    yield _ratio("function_over_bare", "Function duration over bare session.run", duration, bare)
    cpu_ms, bare_cpu_ms = found.warm.cpu_ms, found.warm.bare_cpu_ms
    note = f"function {cpu_ms:.1f}, bare {bare_cpu_ms:.1f}"
    label = "CPU time of a request over bare session.run"
    yield Row(key="overhead_cpu", label=label, value=cpu_ms - bare_cpu_ms, unit="ms", note=note)


def _traffic_rows(found: Measurements) -> Iterator[Row]:
    for traffic in found.traffic:
        people = "1 client" if traffic.clients == 1 else f"{traffic.clients} clients"
        key, label = f"http {traffic.call} {traffic.clients}", f"HTTP {traffic.call}, {people}"
        yield _times(key, label, traffic.times_ms, note=_traffic_note(traffic))


def _traffic_note(traffic: Traffic) -> str:
    p95 = quantiles(traffic.times_ms, n=20, method="inclusive")[-1]
    over = ""
    if traffic.clients == 1:  # several wait for each other
        pairs = zip(traffic.times_ms, traffic.infer_ms, strict=True)
        over = f", over session.run {median(took_ms - infer_ms for took_ms, infer_ms in pairs):.1f}"
    cold = f", {traffic.cold} of them cold" if traffic.cold else ""
    return f"p95 {p95:.1f}, {traffic.per_s:.1f} requests/s{over}{cold}"


def _stages_in(answers: Sequence[Answer]) -> list[str]:
    """The stages that these answers went through."""
    return [name for name in STAGES if name in answers[0].stages_ms]


def _stage_ms(answers: Sequence[Answer], name: str) -> float:
    """Median milliseconds of a stage."""
    return median(answer.stages_ms[name] for answer in answers)


def _times(key: str, label: str, times_ms: Sequence[float], budget: float | None = None, note: str = "") -> Row:
    return Row(key=key, label=label, value=median(times_ms), unit="ms", best=min(times_ms), budget=budget, note=note)


def _ratio(key: str, label: str, times_ms: Sequence[float], bare_ms: Sequence[float]) -> Row:
    """How many times as long: each time over the one that was measured right after it, so that noise hits both."""
    ratios = [took_ms / bare for took_ms, bare in zip(times_ms, bare_ms, strict=True)]
    best = min(times_ms) / min(bare_ms)
    return Row(key=key, label=label, value=median(ratios), unit="x", best=best, note="best: the best over the best")
