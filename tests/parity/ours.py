"""Retinue's answers, in process: recognised as `retinue publish` does, run through the pipeline, rendered for HTTP."""

from pathlib import Path
from typing import Any

from retinue.http.render import render_prediction
from retinue.images.decode import decode_image
from retinue.models.package import Manifest
from retinue.models.session import LoadedModel, load_model
from retinue.operator.graph import read_graph
from retinue.operator.publish import describe_file
from retinue.operator.recognise import recognise
from retinue.operator.source import read_source
from retinue.pipeline.predict import predict
from retinue.pipeline.prediction import Thresholds


def load(package: Path) -> LoadedModel:
    """The model that publishing `package` (a folder, or a bare .onnx file) gives, without the measuring run."""
    source = read_source(package)
    found = recognise(source, read_graph(source.weights))
    manifest = Manifest(
        model_id="parity/1",
        task=found.task,
        family=found.family,
        convention=found.convention,
        recognised=found.reason,
        class_names=found.class_names,
        network_input=found.network_input,
        preprocessing=found.preprocessing,
        weights=describe_file(source.weights, source.weights.name),
        is_activated=found.is_activated,
    )
    return load_model(manifest, source.weights, threads=1)


def answer(model: LoadedModel, picture: bytes, thresholds: Thresholds) -> dict[str, Any]:
    """The answer to one picture, given as the bytes of its file."""
    image = decode_image(picture, max_pixels=100_000_000, failure="not a picture")
    [prediction] = predict(model, [image], thresholds)
    return render_prediction(prediction, inference_id="", time_s=0.0)
