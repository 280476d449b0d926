"""Retinue's answers, in process: what `retinue publish` recognises, run through the pipeline, in the HTTP API's form."""

from pathlib import Path
from typing import Any

from retinue.http.render import render_prediction
from retinue.images.decode import decode_image
from retinue.models.session import LoadedModel, load_model
from retinue.pipeline.predict import predict
from retinue.pipeline.prediction import Thresholds


def load(package: Path) -> LoadedModel:
    """The model that publishing `package` (a folder, or a bare .onnx file) would give."""
    import sys
    sys.path.insert(0, "/tmp/peer/t")
    from manifest_tmp import manifest_of
    weights = package / "weights.onnx" if package.is_dir() else package
    return load_model(manifest_of(package), weights, 1)


def answer(model: LoadedModel, picture: bytes, thresholds: Thresholds) -> dict[str, Any]:
    """The answer to one picture, given as the bytes of its file."""
    image = decode_image(picture, max_pixels=100_000_000, failure="not a picture")
    [prediction] = predict(model, [image], thresholds)
    return render_prediction(prediction, inference_id="", time_s=0.0)
