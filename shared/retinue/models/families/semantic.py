"""Semantic segmentation: one output (1, classes, h, w), logits or probabilities of each class."""

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.pipeline.semantic import segment
from retinue.pipeline.thresholds import confidence_per_class


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The class of each pixel of one picture."""
    names = [name.lower() for name in manifest.class_names]
    return Prediction(
        task=manifest.task,
        image_width=placement.image_width,
        image_height=placement.image_height,
        class_names=manifest.class_names,
        segmentation=segment(
            raw[0][0],
            placement,
            confidence_per_class(manifest, thresholds),
            background=names.index("background") if "background" in names else None,
            is_activated=manifest.is_activated,
        ),
    )
