"""A job's progress on the screen: a bar in a terminal, a line now and then anywhere else."""

import time
from collections.abc import Iterable
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from retinue.operator.commands.console import console

EXIT_STATUS = {"succeeded": 0, "partly_failed": 3, "failed": 1, "cancelled": 1}
# Between two lines of a log, unless the state changes.
_LINE_EVERY_S = 10.0
_STYLES = {"succeeded": "green", "partly_failed": "yellow", "failed": "red", "cancelled": "yellow"}


def follow(states: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Shows a job as it comes, and returns it as it was at last."""
    return _bar(states) if console.is_terminal else _lines(states)


def told(job: dict[str, Any]) -> Text:
    """How a job ended, in a sentence."""
    items = job["items"]
    text = Text.assemble(
        (job["state"].replace("_", " ").capitalize(), _STYLES.get(job["state"], "")),
        f": {items['done']:,} of {items['total']:,} items, {items['failed']:,} failed",
    )
    if job["reason"]:
        text.append(f". {job['reason']}")
    for failure in job["failures"]:
        text.append(f"\n  shard {failure['shard']}: {failure['reason']}")
    return text


def progress_text(job: dict[str, Any]) -> str:
    """Counts, rate and time left, for a line."""
    items, shards = job["items"], job["shards"]
    parts = [f"{items['done']:,} of {items['total']:,}" if items["total"] else f"{items['done']:,}"]
    if job["rate_per_s"]:
        parts.append(f"{job['rate_per_s']:,.1f}/s")
    if job["eta_s"] is not None:
        parts.append(f"{duration_text(job['eta_s'])} left")
    parts.append(f"{items['failed']:,} failed")
    if shards["total"] > 1:
        parts.append(f"shards: {shards['running']} running, {shards['finished']} of {shards['total']} finished")
    return ", ".join(parts)


def duration_text(seconds: float) -> str:
    """A duration for people: 5 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _bar(states: Iterable[dict[str, Any]]) -> dict[str, Any]:
    job: dict[str, Any] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[counts]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("submitted", total=None, counts="")
        for job in states:
            items = job["items"]
            progress.update(
                task,
                description=job["state"],
                total=items["total"] or None,
                completed=items["done"],
                counts=progress_text(job) if job["shards"]["total"] else "",
            )
    return job


def _lines(states: Iterable[dict[str, Any]]) -> dict[str, Any]:
    job: dict[str, Any] = {}
    state, said = "", 0.0
    for job in states:
        if job["state"] != state or time.monotonic() - said > _LINE_EVERY_S:
            state, said = job["state"], time.monotonic()
            counts = f": {progress_text(job)}" if job["shards"]["total"] else ""
            console.print(Text(f"{state}{counts}"), soft_wrap=True)
    return job
