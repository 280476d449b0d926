"""From pictures to predictions: prepare, infer, decode. Plain functions over arrays; no AWS, no HTTP."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from retinue.models.families import decoder_of
from retinue.models.package import Step
from retinue.models.session import LoadedModel
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.pipeline.preprocess import prepare


@dataclass(slots=True)
class StageTimes:
    """Milliseconds by stage of one request."""

    prepare_ms: float = 0.0
    infer_ms: float = 0.0
    decode_ms: float = 0.0
    runs: int = 0


def pictures_per_run(model: LoadedModel, memory_bytes: int) -> int:
    """How many pictures to give to `predict` at once: the batch of the graph, or, if it takes any number, as many as
    fit into `memory_bytes`, by what publishing measured for one."""
    manifest = model.manifest
    network = manifest.network_input
    if network.batch:
        return network.batch
    tensor_bytes = 12 * network.height * network.width
    return max(1, memory_bytes // max(tensor_bytes, manifest.memory_bytes - manifest.weights.size_bytes))


def predict(
    model: LoadedModel,
    images: Sequence[NDArray[np.uint8]],
    thresholds: Thresholds,
    times: StageTimes | None = None,
    *,
    skipped: frozenset[Step] = frozenset(),
) -> list[Prediction]:
    """One prediction per picture (H, W, 3) uint8 RGB, in order.

    At most `pictures_per_run(model)` pictures: they go through the network in one run, unless it takes any size and
    they need different ones. `skipped`: steps of the preprocessing to leave out. Stage times are added to `times`.
    """
    times = times or StageTimes()
    started = time.perf_counter()
    prepared = [prepare(image, model.manifest, model.threads, skipped=skipped) for image in images]
    times.prepare_ms += (time.perf_counter() - started) * 1e3
    return predict_prepared(model, prepared, thresholds, times)


def predict_prepared(
    model: LoadedModel,
    prepared: Sequence[tuple[NDArray[np.float32], Placement]],
    thresholds: Thresholds,
    times: StageTimes,
) -> list[Prediction]:
    """The same for pictures that went through `prepare` before."""
    predictions = []
    for _, group in groupby(prepared, key=lambda pair: pair[0].shape):
        predictions += _predict_run(model, list(group), thresholds, times)
    return predictions


def _predict_run(
    model: LoadedModel,
    prepared: list[tuple[NDArray[np.float32], Placement]],
    thresholds: Thresholds,
    times: StageTimes,
) -> list[Prediction]:
    decode = decoder_of(model.manifest)
    started = time.perf_counter()
    tensor = prepared[0][0] if len(prepared) == 1 else np.concatenate([tensor for tensor, _ in prepared])
    raw = model.infer(tensor)
    inferred_at = time.perf_counter()
    predictions = [
        decode([output[index : index + 1] for output in raw], model.manifest, placement, thresholds)
        for index, (_, placement) in enumerate(prepared)
    ]
    times.infer_ms += (inferred_at - started) * 1e3
    times.decode_ms += (time.perf_counter() - inferred_at) * 1e3
    times.runs += 1
    return predictions
