"""Classification: one output (1, classes), logits or probabilities; one label, or any number of them."""

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Classification, Labels, Prediction, Thresholds
from retinue.pipeline.thresholds import confidence_per_class, sigmoid

# A confidence mode ("best", "default") counts as this for single-label classifiers (contract/models.md 3.8).
_MODE_CONFIDENCE = 0.5


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The classes of one picture."""
    is_single = manifest.task == "classification"
    return Prediction(
        task=manifest.task,
        image_width=placement.image_width,
        image_height=placement.image_height,
        class_names=manifest.class_names,
        classification=_classification(raw[0][0], manifest, thresholds) if is_single else None,
        labels=None if is_single else _labels(raw[0][0], manifest, thresholds),
    )


def _classification(output: NDArray[np.float32], manifest: Manifest, thresholds: Thresholds) -> Classification:
    """The classes at or above the threshold, sorted by the rounded confidence; equals in class order."""
    scores = output if manifest.is_activated else _softmax(output)
    limit = _MODE_CONFIDENCE if isinstance(thresholds.confidence, str) else thresholds.confidence
    probabilities = scores.astype(np.float64)  # compared as doubles: 0.7 as float32 is below 0.7
    class_id = np.flatnonzero(probabilities >= limit)
    confidence = np.round(probabilities[class_id], 4)
    order = np.argsort(-confidence, kind="stable")
    return Classification(class_id=class_id[order], confidence=confidence[order])


def _labels(output: NDArray[np.float32], manifest: Manifest, thresholds: Thresholds) -> Labels:
    scores = output if manifest.is_activated else sigmoid(output)
    is_predicted = scores >= confidence_per_class(manifest, thresholds)
    return Labels(confidence=scores.astype(np.float64), is_predicted=is_predicted)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    exponentials = np.exp(logits - logits.max())
    probabilities: NDArray[np.float32] = exponentials / exponentials.sum()
    return probabilities
