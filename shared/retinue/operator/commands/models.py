"""`retinue models list | show | test`."""

import os
import time
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import Progress
from rich.text import Text

from retinue.aws import boto3_client
from retinue.errors import RequestError
from retinue.images.decode import decode_image
from retinue.models.package import ModelId
from retinue.models.session import LoadedModel, load_model
from retinue.operator.commands import options
from retinue.operator.commands.console import Bucket, console, explained
from retinue.operator.commands.tables import manifest_table, models_table, prediction_table
from retinue.operator.models import find_model, list_models, open_model
from retinue.operator.publish import examine
from retinue.pipeline.draw import draw_prediction
from retinue.pipeline.predict import StageTimes, predict
from retinue.pipeline.prediction import Thresholds

app = typer.Typer(no_args_is_help=True, help="List, explain and try models.")

_MOST_PIXELS = 200_000_000
_AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@app.command("list")
def list_command(
    bucket: Bucket,
    project: Annotated[str, typer.Option(help="Only the versions of this project.")] = "",
    as_json: _AsJson = False,
) -> None:
    """List the published models: task, input, classes, size, latency, aliases."""
    with explained(bucket):
        models = list_models(boto3_client("s3"), bucket, project)
        if as_json:
            records = [orjson.loads(model.manifest.to_json()) | {"aliases": model.aliases} for model in models]
            typer.echo(orjson.dumps(records, option=orjson.OPT_INDENT_2).decode())
        elif models:
            console.print(models_table(models))
        else:
            console.print(Text("No models yet; `retinue publish PROJECT/VERSION model.onnx` makes the first."))


@app.command("show")
def show_command(
    model_id: Annotated[str, typer.Argument(help="PROJECT/VERSION or PROJECT/ALIAS.")],
    bucket: Bucket,
    as_json: _AsJson = False,
) -> None:
    """Show what a model is, how its pictures are prepared, and what it costs."""
    with explained(bucket):
        model = find_model(boto3_client("s3"), bucket, ModelId.parse(model_id))
        if as_json:
            typer.echo(model.manifest.to_json().decode())
        else:
            console.print(manifest_table(model.manifest, model.aliases))


@app.command("test")
def test_command(
    model: Annotated[str, typer.Argument(help="PROJECT/VERSION, or an .onnx file or package that is not published.")],
    pictures: Annotated[list[Path], typer.Argument(help="Pictures to try it on.", exists=True, dir_okay=False)],
    bucket: Annotated[str, typer.Option(envvar="RETINUE_MODELS_BUCKET", help="Models bucket.")] = "",
    output: Annotated[Path, typer.Option(help="Folder for the drawn answers.")] = Path("retinue-test"),
    confidence: Annotated[float, typer.Option(help="Least confidence of what is shown.", min=0, max=1)] = 0.4,
    iou: Annotated[float, typer.Option(help="Overlap from which boxes are one object.", min=0, max=1)] = 0.3,
    classes: options.Classes = "",
    normalization: options.Normalization = "",
) -> None:
    """Run a model here on pictures, print what it says, and draw it."""
    with explained(bucket):
        loaded = _load(model, bucket, classes, normalization)
        output.mkdir(parents=True, exist_ok=True)
        thresholds = Thresholds(confidence=confidence, iou_threshold=iou)
        with Progress(console=console, transient=True) as progress:
            for picture in progress.track(pictures, description="Running"):
                _test_picture(loaded, picture, thresholds, output / f"{picture.stem}.jpg")


def _load(model: str, bucket: str, classes: str, normalization: str) -> LoadedModel:
    if Path(model).exists():
        said = options.recognise_options(classes=classes, normalization=normalization)
        candidate = examine(ModelId("local", "1"), Path(model), said)
        console.print(manifest_table(candidate.manifest))
        return load_model(candidate.manifest, candidate.source.weights, os.cpu_count() or 1)
    if not bucket:
        raise RequestError(f"{model} is no file here; for a published model give --bucket or RETINUE_MODELS_BUCKET")
    s3 = boto3_client("s3")
    found = find_model(s3, bucket, ModelId.parse(model))
    return open_model(s3, bucket, found.manifest, Path(typer.get_app_dir("retinue")) / "weights", os.cpu_count() or 1)


def _test_picture(model: LoadedModel, path: Path, thresholds: Thresholds, target: Path) -> None:
    started = time.perf_counter()
    image = decode_image(path.read_bytes(), max_pixels=_MOST_PIXELS, failure=f"{path} is no picture")
    load_ms = (time.perf_counter() - started) * 1e3
    times = StageTimes()
    [prediction] = predict(model, [image], thresholds, times)
    target.write_bytes(
        draw_prediction(image, prediction, colors=model.manifest.colors, has_labels=True, stroke_width=2)
    )
    console.print(Text(f"{path} -> {target}"))
    console.print(prediction_table(prediction))
    console.print(
        Text(
            f"load {load_ms:.1f} ms, prepare {times.prepare_ms:.1f} ms, network {times.infer_ms:.1f} ms, "
            f"decode {times.decode_ms:.1f} ms"
        )
    )
