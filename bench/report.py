"""From raw measurements to the rows that people read, as a table and as a file."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.machine import Machine
from bench.suite import Measurements
from bench.traffic import Traffic
from bench.workers import Answer

RESULTS = Path(__file__).with_name("results")
MIB = 1024 * 1024

# What may be spent at most; the README promises it. The budget of the size is the build's own.
BUDGET_COLD_START_MS = 700.0
BUDGET_RESIDENT_MIB = 200.0
BUDGET_OVERHEAD_MS = 8.0


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
    total = [start.total_ms for start in found.cold]
    bare = [start.total_ms for start in found.bare_cold]
    cpu, bare_cpu = ([start.cpu_ms for start in starts] for starts in (found.cold, found.bare_cold))
    yield _times(
        "cold_start", "Cold start to the first answer", total, budget=BUDGET_COLD_START_MS, note=f"{len(total)} starts"
    )
    yield _times(
        "cold_init", "  until it asks for an event", [start.init_ms for start in found.cold], note="Python, imports"
    )
    for stage, meaning in _STAGES.items():
        if stage in found.cold[0].first.stages_ms:
            yield _times(
                f"cold_{stage}", f"  {stage}", [start.first.stages_ms[stage] for start in found.cold], note=meaning
            )
    rest = [start.first.duration_ms - sum(start.first.stages_ms.values()) for start in found.cold]
    yield _times("cold_rest", "  rest", rest, note="event, logger, log line, Runtime API")
    yield _times("bare_start", "Bare start: Python, onnxruntime, one run", bare, note="same network, interleaved")
    yield Row(
        key="cold_over_bare",
        label="Cold start over bare start",
        value=median(total) / median(bare),
        unit="x",
        best=min(total) / min(bare),
    )
    yield _times(
        "cold_cpu", "CPU time of a cold start", cpu, note=f"bare {median(bare_cpu):.0f}, best {min(bare_cpu):.0f}"
    )
    resident = [start.rss_bytes / MIB for start in found.cold]
    pss, uss = (median(getattr(start, name) / MIB for start in found.cold) for name in ("pss_bytes", "uss_bytes"))
    yield Row(
        key="resident",
        label="Resident memory after the first answer",
        value=median(resident),
        unit="MiB",
        best=min(resident),
        budget=BUDGET_RESIDENT_MIB,
        note=f"proportional {pss:.0f}, unique {uss:.0f}",
    )


# The stages of Server-Timing, in their order.
_STAGES = {
    "auth": "key looked up in S3",
    "parse": "JSON body checked",
    "model": "manifest, download, sha256, session",
    "load": "base64, JPEG",
    "prepare": "resize, letterbox",
    "infer": "session.run",
    "decode": "boxes, suppression",
    "render": "JSON",
}


def _warm_rows(found: Measurements) -> Iterator[Row]:
    answers, bare = found.warm.answers, found.warm.bare_ms
    duration = [answer.duration_ms for answer in answers]
    over = [answer.duration_ms - answer.stages_ms["infer"] for answer in answers]
    detections = f"{answers[0].detections} boxes"
    yield _times("function", "Function duration, warm", duration, note=f"{len(answers)} requests, {detections}")
    yield _times("bare_run", "Bare session.run", bare, note=f"interleaved; infer stage {_stage(answers, 'infer'):.1f}")
    stages = ", ".join(
        f"{name} {_stage(answers, name):.1f}" for name in _STAGES if name in answers[0].stages_ms and name != "infer"
    )
    handler = median(answer.handler_ms - answer.stages_ms["infer"] for answer in answers)
    note = f"in the handler {handler:.1f}: {stages}"
    yield _times("overhead", "Function duration over session.run", over, budget=BUDGET_OVERHEAD_MS, note=note)
    yield Row(
        key="function_over_bare",
        label="Function over bare session.run",
        value=median(duration) / median(bare),
        unit="x",
        best=min(duration) / min(bare),
    )


def _traffic_rows(found: Measurements) -> Iterator[Row]:
    bare_ms = median(found.warm.bare_ms)
    for traffic in found.traffic:
        people = "1 client" if traffic.clients == 1 else f"{traffic.clients} clients"
        ratio = f", {median(traffic.times_ms) / bare_ms:.2f} x bare" if traffic.clients == 1 else ""
        cold = f", {traffic.cold} cold" if traffic.cold else ""
        yield _times(
            f"http_{traffic.call}_{traffic.clients}",
            f"HTTP {traffic.call}, {people}",
            traffic.times_ms,
            note=f"p95 {_p95(traffic):.1f}, {traffic.per_s:.1f} requests/s{ratio}{cold}",
        )


def _times(key: str, label: str, times_ms: Sequence[float], *, budget: float | None = None, note: str = "") -> Row:
    return Row(key=key, label=label, value=median(times_ms), unit="ms", best=min(times_ms), budget=budget, note=note)


def _stage(answers: Sequence[Answer], name: str) -> float:
    """Median milliseconds of a stage."""
    return median(answer.stages_ms[name] for answer in answers)


def _p95(traffic: Traffic) -> float:
    return quantiles(traffic.times_ms, n=20, method="inclusive")[-1]


def print_table(rows: Sequence[Row], found: Measurements, machine: Machine, console: Console) -> None:
    """The table, with what it was measured on below it."""
    table = Table(title="Retinue, built artefacts", title_justify="left")
    table.add_column("what")
    for name in ("median", "best", "budget"):
        table.add_column(name, justify="right")
    table.add_column("")
    table.add_column("of it", style="dim")
    for row in rows:
        verdict = {None: "", True: "[green]ok[/]", False: "[bold red]missed[/]"}[row.is_ok]
        cells = (_text(value, row.unit) for value in (row.value, row.best, row.budget))
        table.add_row(row.label, *cells, verdict, row.note, style="dim" if row.label.startswith(" ") else "")
    console.print(table)
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    console.print(f"{machine.cpu}, {machine.cores} cores; {versions}", style="dim")
    console.print(
        f"network of YOLOv8n's shape, {found.network_bytes / 1e6:.1f} MB, 640 x 640; "
        f"{found.picture} as 1280 x 720 JPEG, {found.picture_bytes / 1e3:.0f} kB",
        style="dim",
    )
    warn_if_noisy(machine, console)


def warn_if_noisy(machine: Machine, console: Console) -> None:
    """A line if others kept the machine busy."""
    if machine.is_noisy:
        console.print(
            f"[yellow]The load average was {machine.load_average} on {machine.cores} cores at the start: times are too "
            "long. Ratios, the best values and CPU time say more."
        )


def _text(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:.2f} x" if unit == "x" else f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"


def save(rows: Sequence[Row], found: Measurements, machine: Machine) -> Path:
    """Writes results/bench-DATE.json and results/latest.json; returns the former."""
    record: dict[str, Any] = {
        "machine": asdict(machine) | {"is_noisy": machine.is_noisy},
        "rows": [asdict(row) | {"is_ok": row.is_ok} for row in rows],
        "measurements": asdict(found),
    }
    text = json.dumps(record, indent=1) + "\n"
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"bench-{machine.date[:19].replace(':', '')}.json"
    for target in (path, RESULTS / "latest.json"):
        target.write_text(text, encoding="utf-8")
    return path
