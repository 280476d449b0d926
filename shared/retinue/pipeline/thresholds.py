"""Which candidates pass: confidence per class, and the filter of classes."""

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Manifest
from retinue.pipeline.prediction import Detections, Thresholds


def confidence_per_class(manifest: Manifest, thresholds: Thresholds) -> NDArray[np.float32]:
    """The confidence that each class must exceed: (classes,) float32."""
    count = len(manifest.class_names)
    if thresholds.confidence == "best" and manifest.class_confidence:
        return np.array(manifest.class_confidence, np.float32)
    if isinstance(thresholds.confidence, str):
        return np.full(count, manifest.default_confidence, np.float32)
    return np.full(count, thresholds.confidence, np.float32)


def passes_class_filter(detections: Detections, manifest: Manifest, thresholds: Thresholds) -> Detections:
    """The detections whose class is asked for; names that the model does not have match nothing."""
    if thresholds.class_filter is None:
        return detections
    wanted = [index for index, name in enumerate(manifest.class_names) if name in thresholds.class_filter]
    return detections.select(np.flatnonzero(np.isin(detections.class_id, wanted)))
