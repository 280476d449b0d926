"""int8 weights: a smaller and, on processors with VNNI, faster network, with its agreement with the original measured
on the operator's own pictures."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from retinue.errors import ImageError, RequestError, UnsupportedModel
from retinue.images.decode import Image, decode_image
from retinue.models.package import Manifest
from retinue.models.session import LoadedModel, load_model
from retinue.operator.probe import measure
from retinue.operator.publish import WEIGHTS_NAME, Candidate, describe_file
from retinue.pipeline.nms import box_iou
from retinue.pipeline.predict import predict
from retinue.pipeline.prediction import Detections, Prediction, Thresholds
from retinue.pipeline.preprocess import prepare

LEAST_AGREEMENT = 0.9
_LEAST_PICTURES = 4
# Calibration holds the values of every layer for each picture.
_MOST_CALIBRATION_PICTURES = 64
_MOST_PIXELS = 200_000_000
_FOUND_IOU = 0.5
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
# What convolutional and transformer networks spend their time on; the arithmetic around the scores stays float.
_OPERATORS = ("Conv", "MatMul", "Gemm")
_PER_CHANNEL_OPSET = 13


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far int8 says what float said: the share of float's answers found again, and how many there were."""

    share: float
    answers: int
    pictures: int
    what: str


def quantize(candidate: Candidate, folder: Path, target: Path, *, threads: int = 2) -> tuple[Candidate, Agreement]:
    """The candidate with int8 weights, written to `target`, and how well they agree with the float ones.

    Every second picture of `folder` calibrates the ranges, the others judge. Raises RequestError for a folder with
    fewer than four pictures, UnsupportedModel for a network that cannot be quantised.
    """
    manifest, weights = candidate.manifest, candidate.source.weights
    if manifest.network_input.dtype != "float32":
        raise UnsupportedModel(f"the network takes {manifest.network_input.dtype}; int8 starts from a float32 export")
    pictures = _pictures(folder)
    _write_int8(manifest, weights, pictures[::2][:_MOST_CALIBRATION_PICTURES], target, threads)
    measured = measure(target, manifest.network_input, threads)
    small = replace(
        manifest,
        weights=describe_file(target, WEIGHTS_NAME),
        load_ms=measured.load_ms,
        latency_ms=measured.latency_ms,
        memory_bytes=measured.memory_bytes,
    )
    models = load_model(manifest, weights, threads), load_model(small, target, threads)
    agreement = _compare(*models, [decode(path) for path in pictures[1::2]])
    if not agreement.answers:
        raise RequestError(f"the network finds nothing on the pictures of {folder}; int8 cannot be judged by them")
    sizes = " -> ".join(f"{model.weights.size_bytes / 1e6:.1f}" for model in (manifest, small))
    times = " -> ".join(f"{model.latency_ms:.1f}" for model in (manifest, small))
    facts = (
        f"int8: {agreement.share:.1%} of {agreement.answers} {agreement.what} of the float network on "
        f"{agreement.pictures} pictures; {sizes} MB, {times} ms a run on the machine that published it"
    )
    source = replace(candidate.source, weights=target)
    return Candidate(replace(small, quantization=facts), source), agreement


def decode(path: Path) -> Image:
    """The picture in a file. Raises ImageError that names it."""
    return decode_image(path.read_bytes(), max_pixels=_MOST_PIXELS, failure=f"{path} is no picture")


def _pictures(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES) if folder.is_dir() else []
    if len(found) < _LEAST_PICTURES:
        raise RequestError(
            f"{folder} holds {len(found)} pictures; at least {_LEAST_PICTURES} are needed, and a hundred like those "
            "that the model will see are better"
        )
    return found


def _write_int8(manifest: Manifest, weights: Path, pictures: list[Path], target: Path, threads: int) -> None:
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Pictures(CalibrationDataReader):  # type: ignore[misc]
        """Hands the prepared pictures to the calibration, one at a time."""

        def __init__(self) -> None:
            self._tensors = _tensors(manifest, pictures, threads)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._tensors, None)

    model = _with_newer_opset(onnx.load(str(weights)))
    logging.disable(logging.WARNING)  # its advice about graph optimisation, once for every layer
    try:
        quantize_static(
            model,
            str(target),
            Pictures(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(_OPERATORS),
            nodes_to_exclude=_last_layers(model.graph),
            calibrate_method=CalibrationMethod.MinMax,
        )
    except (ImageError, UnsupportedModel):
        raise
    except Exception as exc:  # the tool raises whatever a graph makes it stumble over
        raise UnsupportedModel(f"{weights.name} cannot be quantised: {exc}; publish it without --int8") from exc
    finally:
        logging.disable(logging.NOTSET)


def _with_newer_opset(model: Any) -> Any:
    """The model in the first opset in which every channel can have a scale of its own, if its own is older."""
    from onnx import version_converter

    opset = max((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), default=0)
    return version_converter.convert_version(model, _PER_CHANNEL_OPSET) if opset < _PER_CHANNEL_OPSET else model


def _last_layers(graph: Any) -> list[str]:
    """The layers behind which only arithmetic follows: they make boxes and scores, which eight bits are too few for."""
    producers = {name: node for node in graph.node for name in node.output}
    waiting, seen, last = [output.name for output in graph.output], set(), []
    while waiting:
        node = producers.get(waiting.pop())
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if node.op_type in _OPERATORS:
            last.append(node.name)
        else:
            waiting += node.input
    return last


def _tensors(manifest: Manifest, pictures: list[Path], threads: int) -> Iterator[dict[str, np.ndarray]]:
    network = manifest.network_input
    whole = replace(manifest, network_input=replace(network, stride=None))
    for path in pictures:
        tensor, _ = prepare(decode(path), whole, threads)
        feeds: dict[str, np.ndarray] = {network.name: np.repeat(tensor, network.batch or 1, axis=0)}
        if network.picture_size_name:
            feeds[network.picture_size_name] = np.full((network.batch or 1, 2), (network.width, network.height))
        yield feeds


def _compare(float_model: LoadedModel, int8_model: LoadedModel, images: list[Image]) -> Agreement:
    found = answers = 0.0
    what = "objects found again (IoU 0.5, same class)"
    for image in images:
        [expected], [given] = (predict(model, [image], Thresholds()) for model in (float_model, int8_model))
        if expected.detections is not None and given.detections is not None:
            found += _found_again(expected.detections, given.detections)
            answers += len(expected.detections)
        else:
            what, share = _share_of_classes(expected, given)
            found, answers = found + share, answers + 1
    return Agreement(found / answers if answers else 0.0, int(answers), len(images), what)


def _found_again(expected: Detections, given: Detections) -> int:
    overlaps = box_iou(expected.xyxy, given.xyxy) >= _FOUND_IOU
    same_class = expected.class_id[:, None] == given.class_id[None]
    return int((overlaps & same_class).any(axis=1).sum())


def _share_of_classes(expected: Prediction, given: Prediction) -> tuple[str, float]:
    """What is compared for a picture without objects, and how far it agrees, 0..1."""
    if expected.segmentation is not None and given.segmentation is not None:
        return "pictures' pixels of the same class", float(
            (expected.segmentation.class_id == given.segmentation.class_id).mean()
        )
    if expected.labels is not None and given.labels is not None:
        return "pictures' labels", float((expected.labels.is_predicted == given.labels.is_predicted).mean())
    assert expected.classification is not None and given.classification is not None
    best = [prediction.class_id[:1].tolist() for prediction in (expected.classification, given.classification)]
    return "best classes", float(best[0] == best[1])
