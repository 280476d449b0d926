"""From pictures to predictions: prepare, infer, decode. Plain functions over arrays; no AWS, no HTTP."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinue.models.families import decoder_of
from retinue.models.session import LoadedModel
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.pipeline.preprocess import prepare


@dataclass(slots=True)
class StageTimes:
    """Milliseconds by stage of one request."""

    prepare_ms: float = 0.0
    infer_ms: float = 0.0
    decode_ms: float = 0.0
    runs: int = 0


# More pictures in one run save little time, and cost memory for each.
_MOST_PER_RUN = 8


def pictures_per_run(model: LoadedModel) -> int:
    """How many pictures to give to `predict` at once: the batch of the graph, or a few if it takes any number."""
    return model.manifest.network_input.batch or _MOST_PER_RUN


def predict(
    model: LoadedModel, images: list[NDArray[np.uint8]], thresholds: Thresholds, times: StageTimes | None = None
) -> list[Prediction]:
    """One prediction per picture (H, W, 3) uint8 RGB, in order, from one run of the network.

    At most `pictures_per_run(model)` pictures. Stage times are added to `times`.
    """
    times = times or StageTimes()
    decode = decoder_of(model.manifest)
    started = time.perf_counter()
    # Pictures of one size can share a rectangle that fits them.
    is_tight = len({image.shape for image in images}) == 1
    prepared = [prepare(image, model.manifest, model.threads, is_tight=is_tight) for image in images]
    tensor = prepared[0][0] if len(prepared) == 1 else np.concatenate([tensor for tensor, _ in prepared])
    prepared_at = time.perf_counter()
    raw = model.infer(tensor)
    inferred_at = time.perf_counter()
    predictions = [
        decode([output[index : index + 1] for output in raw], model.manifest, placement, thresholds)
        for index, (_, placement) in enumerate(prepared)
    ]
    times.prepare_ms += (prepared_at - started) * 1e3
    times.infer_ms += (inferred_at - prepared_at) * 1e3
    times.decode_ms += (time.perf_counter() - inferred_at) * 1e3
    times.runs += 1
    return predictions
