"""`python -m bench` measures the built stack and prints a table; `python -m bench chart` draws what it found."""

import logging
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.comparison import comparison_rows
from bench.cost import Prices, cost_rows
from bench.machine import OthersMeter, look_at_machine
from bench.measurements import Measurements
from bench.networks import NetworkError
from bench.page import ResultsError, write_page
from bench.report import LATEST, print_table, save, warn_if_busy, warn_of_others
from bench.rows import own_rows
from bench.suite import DEFAULT, QUICK, Plan, measure
from bench.upstream import upstream_python
from bench.workers import MeasurementError
from local.interpreter import InterpreterError
from local.intrinsics import TemplateError
from local.samples import OperatorError

app = typer.Typer(add_completion=False)
_PRICES = Prices()


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    cold_starts: Annotated[int, typer.Option(min=1, help="Fresh processes that are measured.")] = DEFAULT.cold_starts,
    requests: Annotated[int, typer.Option(min=4, help="Warm requests per measurement.")] = DEFAULT.requests,
    soak: Annotated[int, typer.Option(min=0, help="Requests over 20 models while memory is watched.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A fifth of everything: to see that it runs.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 if a budget is missed.")] = False,
    output: Annotated[Path, typer.Option(help="Where the results are written as JSON.")] = LATEST,
    price_per_gb_second: Annotated[float, typer.Option(min=0, help="USD.")] = _PRICES.gb_second,
    price_per_request: Annotated[float, typer.Option(min=0, help="USD per million.")] = _PRICES.million_requests,
    price_per_api_request: Annotated[
        float, typer.Option(min=0, help="USD per million requests of the HTTP API.")
    ] = _PRICES.million_api_requests,
) -> None:
    """Measure what `make build` built: size, cold start, memory, time and cost per request, beside upstream.

    Upstream is measured in the same run where RETINUE_PEER_PYTHON names a Python that has inference-cpu and uvicorn.
    """
    if context.invoked_subcommand:
        return
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # unwinds, so that every process is ended
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    machine = look_at_machine()
    warn_if_busy(machine, console)
    others = OthersMeter()
    plan = QUICK if quick else replace(DEFAULT, cold_starts=cold_starts, requests=requests)
    found = _measure(replace(plan, soak_requests=soak), console)
    share = others.share()
    prices = Prices(price_per_gb_second, price_per_request, price_per_api_request)
    rows = (*own_rows(found), *cost_rows(found, prices), *comparison_rows(found))
    print_table(rows, found, machine, console)
    warn_of_others(share, console)
    save(output, rows, found, machine, share)
    console.print(f"Written to {output}")
    sys.exit(int(strict and any(row.is_ok is False for row in rows)))


@app.command()
def chart(
    results: Annotated[Path, typer.Option(help="What a run has written.")] = LATEST,
) -> None:
    """Draw docs/performance.svg from the last results, and write its table into docs/performance.md."""
    try:
        for path in write_page(results):
            print(f"Written to {path}")
    except (ResultsError, OSError) as exc:
        print(f"Not written: {exc}", file=sys.stderr)
        sys.exit(1)


def _measure(plan: Plan, console: Console) -> Measurements:
    """The measurements, behind a progress bar. Ends the program with a message if they fail."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        python = upstream_python()
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("", total=plan.steps(has_upstream=python is not None))

            def report(text: str, steps: int) -> None:
                progress.update(task, description=text or None, advance=steps)

            return measure(plan, python, report)
    except (MeasurementError, NetworkError, OperatorError, InterpreterError, TemplateError, OSError) as exc:
        console.print(f"[bold red]Not measured:[/] {exc}")
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Stopped.")
        sys.exit(130)


if __name__ == "__main__":
    app(prog_name="python -m bench")
