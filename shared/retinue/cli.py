"""The operator's command: `retinue publish`, `retinue keys`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from retinue.aws import boto3_client, boto3_errors
from retinue.errors import RetinueError
from retinue.models.package import Manifest, ModelId
from retinue.operator.keys import create_key, list_keys, revoke_key
from retinue.operator.publish import Candidate, examine, publish

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Publish models and manage API keys of a Retinue stack."
)
keys_app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")
app.add_typer(keys_app, name="keys")
console = Console()
problems = Console(stderr=True)

Bucket = Annotated[
    str,
    typer.Option(envvar="RETINUE_MODELS_BUCKET", help="Models bucket: output ModelsBucketName of the stack."),
]


@app.command("publish")
def publish_command(
    model_id: Annotated[str, typer.Argument(help="PROJECT/VERSION, for example coins/1.")],
    path: Annotated[Path, typer.Argument(help="An .onnx export, or the folder of a Roboflow package.", exists=True)],
    bucket: Bucket,
    classes: Annotated[
        str,
        typer.Option(help="Class names, comma separated, or a file with one per line; needed if the model lacks them."),
    ] = "",
    alias: Annotated[
        list[str] | None, typer.Option(help="Alias to move to this version; may be repeated. `latest` always moves.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and measure only.")] = False,
) -> None:
    """Check a model, measure it, and make it available as PROJECT/VERSION."""
    with _explained(bucket):
        with console.status(Text(f"Reading and running {path} once ...")):
            candidate = examine(ModelId.parse(model_id), path, class_names=_class_names(classes))
        console.print(_manifest_table(candidate.manifest))
        if dry_run:
            console.print("Dry run: nothing was uploaded.")
            return
        _upload(candidate, boto3_client("s3"), bucket, tuple(alias or ()))
        console.print(Text.assemble(("Published ", "green"), model_id))


@keys_app.command("create")
def create_command(
    bucket: Bucket,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "unnamed",
    project: Annotated[list[str] | None, typer.Option(help="Project in scope; may be repeated. Default: all.")] = None,
    workspace: Annotated[str, typer.Option(help="Workspace that the key stands for.")] = "default",
) -> None:
    """Create a key and show it, once."""
    with _explained(bucket):
        key = create_key(boto3_client("s3"), bucket, name=name, workspace=workspace, scopes=tuple(project or ("*",)))
        problems.print("The key is shown only now; the bucket holds nothing but its SHA-256.")
        typer.echo(key)


@keys_app.command("list")
def list_command(bucket: Bucket) -> None:
    """List the keys: id, name, workspace, projects, age."""
    with _explained(bucket):
        table = Table("id", "name", "workspace", "projects", "created")
        for record in list_keys(boto3_client("s3"), bucket):
            _add_row(table, record.digest[:12], record.name, record.workspace, ", ".join(record.scopes), record.created)
        console.print(table)


@keys_app.command("revoke")
def revoke_command(
    key: Annotated[str, typer.Argument(help="The key, or its id from the list.")], bucket: Bucket
) -> None:
    """Revoke a key. Running copies of a function forget it within RETINUE_KEY_CACHE_S (60 s)."""
    with _explained(bucket):
        record = revoke_key(boto3_client("s3"), bucket, key)
        console.print(Text(f"Revoked {record.digest[:12]} ({record.name})."))


@contextmanager
def _explained(bucket: str) -> Iterator[None]:
    """Turns what goes wrong into one sentence and exit status 1."""
    try:
        yield
    except RetinueError as exc:
        problems.print(Text.assemble(("Refused: ", "red"), exc.message))
        raise typer.Exit(1) from exc
    except boto3_errors() as exc:
        problems.print(Text.assemble(("Failed: ", "red"), f"bucket {bucket or '(none given)'}: {exc}"))
        raise typer.Exit(1) from exc


def _add_row(table: Table, *cells: str) -> None:
    """Adds plain text: names may hold brackets, which rich would take for markup."""
    table.add_row(*map(Text, cells))


def _upload(candidate: Candidate, s3: Any, bucket: str, aliases: tuple[str, ...]) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Uploading", total=candidate.manifest.weights.size_bytes)
        publish(candidate, s3, bucket, aliases=aliases, progress=lambda sent: progress.advance(task, sent))


def _manifest_table(manifest: Manifest) -> Table:
    network, names = manifest.network_input, manifest.class_names
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    table = Table(show_header=False, title=Text(manifest.model_id), title_justify="left")
    _add_row(table, "task", manifest.task)
    _add_row(table, "recognised", manifest.recognised)
    _add_row(table, "classes", f"{len(names)}: {shown}")
    _add_row(table, "input", f"{network.width} x {network.height}, batch {network.batch or 'any'}, {network.dtype}")
    _add_row(table, "preprocessing", f"{manifest.preprocessing.resize_mode}, rules of {manifest.convention}")
    memory, load = f"{manifest.memory_bytes / 2**20:.0f} MiB", f"load {manifest.load_ms:.0f} ms"
    _add_row(table, "measured here", f"{manifest.latency_ms:.1f} ms a run, {memory}, {load}")
    _add_row(table, "weights", f"{manifest.weights.size_bytes / 1e6:.2f} MB, sha256 {manifest.weights.sha256[:16]}")
    return table


def _class_names(text: str) -> tuple[str, ...]:
    lines = Path(text).read_text("utf-8").splitlines() if text and Path(text).is_file() else text.split(",")
    return tuple(line.strip() for line in lines if line.strip())


def main() -> None:
    """Entry point of the `retinue` command."""
    app()


if __name__ == "__main__":
    main()
