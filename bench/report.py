"""The rows as a table for people and as a file for comparisons."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.machine import Machine
from bench.rows import Row
from bench.suite import Measurements

RESULTS = Path(__file__).with_name("results")
# Part of all cores' time that others may use before the times are worth a warning.
NOISY_SHARE = 0.05

_VERDICTS = {None: "", True: "[green]ok[/]", False: "[bold red]missed[/]"}


def print_table(rows: Sequence[Row], found: Measurements, machine: Machine, console: Console) -> None:
    """The table, and below it what was measured and on what."""
    table = Table(title="Retinue, built artefacts", title_justify="left")
    table.add_column("what", min_width=22)
    for name in ("median", "best", "budget"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("of it", style="dim")
    for row in rows:
        cells = (_text(value, row.unit) for value in (row.value, row.best, row.budget))
        table.add_row(row.label, *cells, _VERDICTS[row.is_ok], row.note, style="dim" if row.label[0] == " " else "")
    console.print(table)
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    console.print(f"{machine.cpu}, {machine.cores} cores; {versions}", style="dim")
    console.print(
        f"network of YOLOv8n's shape, {found.network_bytes / 1e6:.1f} MB, 640 x 640; "
        f"{found.picture} as 1280 x 720 JPEG, {found.picture_bytes / 1e3:.0f} kB",
        style="dim",
    )


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


def save(rows: Sequence[Row], found: Measurements, machine: Machine, others_share: float) -> Path:
    """Writes results/bench-DATE.json and results/latest.json; returns the former."""
    record: dict[str, Any] = {
        "machine": asdict(machine) | {"others_share": round(others_share, 3)},
        "rows": [asdict(row) | {"is_ok": row.is_ok} for row in rows],
        "measurements": asdict(found),
    }
    text = json.dumps(record, indent=1) + "\n"
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"bench-{machine.date[:19].replace(':', '')}.json"
    for target in (path, RESULTS / "latest.json"):
        target.write_text(text, encoding="utf-8")
    return path


def _text(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = 2 if unit == "x" else 1 if value < 100 else 0
    return f"{value:.{digits}f} {unit}"
