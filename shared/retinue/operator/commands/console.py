"""What the subcommands share: where they print, the bucket, and how errors become words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from retinue.aws import boto3_errors
from retinue.errors import RetinueError

console = Console()
problems = Console(stderr=True)

Bucket = Annotated[
    str,
    typer.Option(envvar="RETINUE_MODELS_BUCKET", help="Models bucket: output ModelsBucketName of the stack."),
]


@contextmanager
def explained(bucket: str = "") -> Iterator[None]:
    """Turns what goes wrong into one sentence and exit status 1."""
    try:
        yield
    except RetinueError as exc:
        problems.print(Text.assemble(("Refused: ", "red"), exc.message))
        raise typer.Exit(1) from exc
    except boto3_errors() as exc:
        problems.print(Text.assemble(("Failed: ", "red"), f"bucket {bucket or '(none given)'}: {exc}"))
        raise typer.Exit(1) from exc


def add_row(table: Table, *cells: str) -> None:
    """Adds plain text: names may hold brackets, which rich would take for markup."""
    table.add_row(*map(Text, cells))
