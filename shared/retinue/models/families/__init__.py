"""Families: how the raw outputs of a network become a prediction. One module per family; this table finds it."""

from collections.abc import Callable
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Family, Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds

Decoder = Callable[[list[NDArray[np.float32]], Manifest, Placement, Thresholds], Prediction]

_MODULES: dict[Family, str] = {
    "yolov8": "yolov8",
    "yolov5": "yolov5",
    "yolox": "yolox",
    "yolonas": "yolonas",
    "end-to-end": "end_to_end",
    "detr": "detr",
    "boxes": "boxes",
    "classifier": "classifier",
    "semantic": "semantic",
}


def decoder_of(manifest: Manifest) -> Decoder:
    """The family's `decode(raw outputs of one picture, manifest, placement, thresholds)`."""
    decode: Decoder = import_module(f"retinue.models.families.{_MODULES[manifest.family]}").decode
    return decode
