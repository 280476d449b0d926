"""Which candidates pass: confidence per class, and the filter of classes."""

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Manifest
from retinue.pipeline.prediction import Thresholds


def confidence_per_class(manifest: Manifest, thresholds: Thresholds) -> NDArray[np.float32]:
    """The confidence that each class must exceed: (classes,) float32."""
    count = len(manifest.class_names)
    if thresholds.confidence == "best" and manifest.class_confidence:
        return np.array(manifest.class_confidence, np.float32)
    if isinstance(thresholds.confidence, str):
        return np.full(count, manifest.default_confidence, np.float32)
    return np.full(count, thresholds.confidence, np.float32)


def wanted_classes(manifest: Manifest, thresholds: Thresholds) -> list[int] | None:
    """The ids of the classes that are asked for, None for all; names that the model does not have match nothing."""
    if thresholds.class_filter is None:
        return None
    return [index for index, name in enumerate(manifest.class_names) if name in thresholds.class_filter]


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-logit)); where the exponential overflows that is 0, as it should be."""
    with np.errstate(over="ignore"):
        probabilities: NDArray[np.float32] = np.reciprocal(1 + np.exp(-logits))
    return probabilities
