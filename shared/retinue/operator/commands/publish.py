"""`retinue publish`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from retinue.aws import boto3_client
from retinue.errors import UnsupportedModel
from retinue.models.package import ModelId
from retinue.operator.commands import options
from retinue.operator.commands.console import Bucket, console, explained
from retinue.operator.commands.tables import manifest_table
from retinue.operator.publish import Candidate, examine, publish
from retinue.operator.quantize import LEAST_AGREEMENT, quantize


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
    int8: Annotated[
        Path | None,
        typer.Option(
            help="Make the weights int8, calibrated on the pictures of this folder: a third of the size, faster on "
            "processors with VNNI. The agreement with the original is measured on every second picture.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    int8_agreement: Annotated[
        float, typer.Option(help="Share of the original's answers that int8 must find again.", min=0, max=1)
    ] = LEAST_AGREEMENT,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Too slow without a GPU: requests are refused, jobs run it on the GPU queue.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and measure only.")] = False,
) -> None:
    """Check a model, measure it, and make it available as PROJECT/VERSION."""
    with explained(bucket), TemporaryDirectory(prefix="retinue-") as scratch:
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
            candidate = examine(ModelId.parse(model_id), path, said, device="gpu" if gpu else "cpu")
        if int8 is not None:
            candidate = _int8(candidate, int8, Path(scratch) / "weights.onnx", int8_agreement)
        console.print(manifest_table(candidate.manifest))
        if dry_run:
            console.print("Dry run: nothing was uploaded.")
            return
        _upload(candidate, boto3_client("s3"), bucket, tuple(alias or ()))
        console.print(Text.assemble(("Published ", "green"), model_id))


def _int8(candidate: Candidate, pictures: Path, target: Path, least_agreement: float) -> Candidate:
    """The candidate with int8 weights. Raises UnsupportedModel if they answer too differently."""
    with console.status(Text(f"Making int8 weights with the pictures of {pictures}, and comparing ...")):
        quantised, agreement = quantize(candidate, pictures, target)
    if agreement.share < least_agreement:
        raise UnsupportedModel(
            f"{quantised.manifest.quantization}. {least_agreement:.0%} are asked for; calibrate with more pictures, "
            "lower --int8-agreement, or publish without --int8"
        )
    return quantised


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
