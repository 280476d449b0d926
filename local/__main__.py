"""`python -m local run` and `python -m local demo`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The local stack of Retinue: no account, no Docker, no configuration.", no_args_is_help=True)

Built = Annotated[bool, typer.Option("--built", help="Run what `make build` built, not the sources.")]


@app.command()
def run(
    port: Annotated[int, typer.Option(help="Port of the front door; 0 takes a free one.")] = 9001,
    built: Built = False,
    samples: Annotated[bool, typer.Option(help="Publish the sample models at start.")] = True,
    log_level: Annotated[
        str, typer.Option(help="debug shows what the functions print; info, warning, error.")
    ] = "info",
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of the banner.")] = False,
) -> None:
    """Serve the stack until Ctrl-C."""
    from local.serve import serve

    sys.exit(serve(port=port, built=built, with_samples=samples, log_level=log_level, as_json=json))


@app.command()
def demo(
    built: Built = False,
    output: Annotated[Path, typer.Option(help="Folder for the drawn pictures.")] = Path("demo-output"),
) -> None:
    """Start the stack, send it the sample photos, show what comes back, stop."""
    from local.demo import demo as run_demo

    sys.exit(run_demo(output, built=built))


if __name__ == "__main__":
    app(prog_name="python -m local")
