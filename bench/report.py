"""The rows as a table for people and as a file for comparisons."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.cases import CASES
from bench.machine import Machine
from bench.measurements import Measurements
from bench.rows import Row
from bench.upstream import VARIABLE

LATEST = Path(__file__).with_name("results") / "latest.json"
# Part of all cores' time that others may use before the times are worth a warning.
NOISY_SHARE = 0.05

_VERDICTS = {None: "", True: "[green]ok[/]", False: "[bold red]missed[/]"}
_DIGITS = {"x": 2, "USD": 4}


def print_table(rows: Sequence[Row], found: Measurements, machine: Machine, console: Console) -> None:
    """The table, and below it what was measured and on what."""
    table = Table(title="Retinue, built artefacts", title_justify="left")
    table.add_column("what", min_width=22)
    for name in ("median", "best", "budget"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("of it", style="dim")
    for row in rows:
        cells = (*(value_text(value, row.unit) for value in (row.value, row.best)), budget_text(asdict(row)))
        table.add_row(row.label, *cells, _VERDICTS[row.is_ok], row.note, style="dim" if row.label[0] == " " else "")
    console.print(table)
    for line in conditions(found, machine):
        console.print(line, style="dim")


def conditions(found: Measurements, machine: Machine) -> list[str]:
    """What the figures were measured on and with, a sentence or two a line."""
    lines = [f"{machine.cpu}, {machine.cores} cores, {machine.date[:10]}.", f"Ours: {_versions(found.versions)}."]
    if found.upstream:
        lines.append(
            f"Upstream: {_versions(found.upstream.facts.versions)}; one process of its own server, its newer engine."
        )
    else:
        lines.append(f"Upstream not given: {VARIABLE} names no Python that has it.")
    lines.append(f"Threads of a network run: {found.threads}{' on both sides' if found.upstream else ''}.")
    networks = (
        f"{case.name} ({found.network_bytes[case.key] / 1e6:.1f} MB{'; ' + case.detail if case.detail else ''})"
        for case in CASES
    )
    lines.append(f"Networks with random weights: {', '.join(networks)}.")
    pictures = ", ".join(f"{picture.size} ({picture.size_bytes / 1e3:.0f} kB)" for picture in found.pictures)
    lines.append(f"Pictures: {found.pictures[0].source} as JPEG, {pictures}.")
    return lines


def warn_if_busy(machine: Machine, console: Console) -> None:
    """A line, before anything is measured, if the machine is busy."""
    if machine.is_busy:
        console.print(
            f"[yellow]The load average is {machine.load_average} on {machine.cores} cores: times will be long."
        )


def warn_of_others(share: float, console: Console) -> None:
    """A line, afterwards, if others used much of the machine meanwhile."""
    if share > NOISY_SHARE:
        console.print(
            f"[yellow]Others used {share:.0%} of the cores meanwhile: times are too long. Ratios, CPU time and the best"
            " values say more."
        )


def save(path: Path, rows: Sequence[Row], found: Measurements, machine: Machine, others_share: float) -> None:
    """Writes everything as JSON. Raises OSError."""
    record: dict[str, Any] = {
        "machine": asdict(machine) | {"others_share": round(others_share, 3)},
        "conditions": conditions(found, machine),
        "rows": [asdict(row) | {"is_ok": row.is_ok} for row in rows],
        "measurements": asdict(found),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def value_text(value: float | None, unit: str) -> str:
    """A value with its unit: `0.71 x`, `18.5 ms`, `676 ms`; empty for none."""
    if value is None:
        return ""
    digits = _DIGITS.get(unit, 1 if value < 100 else 0)
    return f"{value:,.{digits}f} {unit}"


def budget_text(row: dict[str, Any]) -> str:
    """What a row allows: `0.75 x` at most, `>= 0.95 x` at least; empty for none. `row` as `save` writes it."""
    text = value_text(row["budget"], row["unit"])
    return f">= {text}" if text and row.get("is_least") else text


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
