"""`python -m bench`: measures the built stack, prints a table, writes bench/results/*.json."""

import logging
import signal
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.machine import OthersMeter, look_at_machine
from bench.networks import NetworkError
from bench.report import print_table, save, warn_if_busy, warn_of_others
from bench.rows import rows_of
from bench.suite import DEFAULT, QUICK, Measurements, Plan, measure
from bench.workers import MeasurementError
from local.interpreter import InterpreterError
from local.intrinsics import TemplateError
from local.samples import OperatorError

app = typer.Typer(add_completion=False)


@app.command()
def main(
    cold_starts: Annotated[int, typer.Option(min=1, help="Fresh processes that are measured.")] = DEFAULT.cold_starts,
    requests: Annotated[int, typer.Option(min=4, help="Warm requests per measurement.")] = DEFAULT.requests,
    quick: Annotated[bool, typer.Option("--quick", help="A third of everything: to see that it runs.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 if a budget is missed.")] = False,
) -> None:
    """Measure what `make build` built: size, cold start, memory, time per request."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # unwinds, so that every process is ended
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    machine = look_at_machine()
    warn_if_busy(machine, console)
    others = OthersMeter()
    try:
        found = _measure(QUICK if quick else Plan(cold_starts, requests), console)
    except (MeasurementError, NetworkError, OperatorError, InterpreterError, TemplateError, OSError) as exc:
        console.print(f"[bold red]Not measured:[/] {exc}")
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Stopped.")
        sys.exit(130)
    share = others.share()
    rows = rows_of(found)
    print_table(rows, found, machine, console)
    warn_of_others(share, console)
    console.print(f"Written to {save(rows, found, machine, share)}")
    sys.exit(int(strict and any(row.is_ok is False for row in rows)))


def _measure(plan: Plan, console: Console) -> Measurements:
    """The measurements, behind a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=plan.steps)
        return measure(plan, lambda text, steps: progress.update(task, description=text, advance=steps))


if __name__ == "__main__":
    app(prog_name="python -m bench")
