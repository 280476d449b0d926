"""`retinue publish`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from retinue.aws import boto3_client
from retinue.models.package import ModelId
from retinue.operator.commands import options
from retinue.operator.commands.console import Bucket, console, explained
from retinue.operator.commands.tables import manifest_table
from retinue.operator.publish import Candidate, examine, publish


def publish_command(
    model_id: Annotated[str, typer.Argument(help="PROJECT/VERSION, for example coins/1.")],
    path: Annotated[Path, typer.Argument(help="An .onnx export, or the folder of a Roboflow package.", exists=True)],
    bucket: Bucket,
    classes: options.Classes = "",
    alias: Annotated[
        list[str] | None, typer.Option(help="Alias to move to this version; may be repeated. `latest` always moves.")
    ] = None,
    task: options.TaskName = "",
    size: options.Size = "",
    normalization: options.Normalization = "",
    color_mode: options.ColorMode = "",
    resize: options.Resize = "",
    interpolation: options.Resampling = "",
    crop_fraction: options.CropFraction = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and measure only.")] = False,
) -> None:
    """Check a model, measure it, and make it available as PROJECT/VERSION."""
    with explained(bucket):
        said = options.recognise_options(
            classes=classes,
            task=task,
            size=size,
            normalization=normalization,
            color_mode=color_mode,
            resize=resize,
            interpolation=interpolation,
            crop_fraction=crop_fraction,
        )
        with console.status(Text(f"Reading and running {path} once ...")):
            candidate = examine(ModelId.parse(model_id), path, said)
        console.print(manifest_table(candidate.manifest))
        if dry_run:
            console.print("Dry run: nothing was uploaded.")
            return
        _upload(candidate, boto3_client("s3"), bucket, tuple(alias or ()))
        console.print(Text.assemble(("Published ", "green"), model_id))


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
