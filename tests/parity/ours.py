"""Retinue's answers, in process: recognised as `retinue publish` does, run through the pipeline, rendered for HTTP."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from retinue.http.render import render_prediction
from retinue.images.decode import decode_image
from retinue.models.package import Manifest, Step
from retinue.models.session import LoadedModel, load_model
from retinue.operator.graph import read_graph
from retinue.operator.network_input import network_input
from retinue.operator.probe import probe, read_measured
from retinue.operator.publish import describe_file
from retinue.operator.recognise import recognise
from retinue.operator.source import read_source
from retinue.pipeline.predict import predict
from retinue.pipeline.prediction import Thresholds


def load(package: Path) -> LoadedModel:
    """The model that publishing `package` (a folder, or a bare .onnx file) gives, measured in this process."""
    source = read_source(package)
    graph = read_graph(source.weights)
    network = network_input(source, graph)
    order = {"weights": str(source.weights), "network": asdict(network), "threads": 1}
    measured = read_measured(probe(order), source.weights.name)
    found = recognise(source, graph, network, measured.outputs)
    manifest = Manifest(
        **{item.name: getattr(found, item.name) for item in fields(found)},
        model_id="parity/1",
        weights=describe_file(source.weights, source.weights.name),
    )
    return load_model(manifest, source.weights, threads=1)


def answer(
    model: LoadedModel, picture: bytes, thresholds: Thresholds, skipped: frozenset[Step] = frozenset()
) -> dict[str, Any]:
    """The answer to one picture, given as the bytes of its file."""
    image = decode_image(picture, max_pixels=100_000_000, failure="not a picture")
    [prediction] = predict(model, [image], thresholds, skipped=skipped)
    return render_prediction(prediction, inference_id="", time_s=0.0)
