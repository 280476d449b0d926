"""Candidates: what the families of detectors make of raw outputs, before boxes, masks and keypoints go to the
picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Manifest
from retinue.pipeline.nms import non_maximum_suppression
from retinue.pipeline.prediction import Thresholds
from retinue.pipeline.thresholds import confidence_per_class, wanted_classes

Array = NDArray[np.float32]
# Pixels between two classes in Ultralytics' suppression, more than any input has.
_CLASS_SHIFT = np.float32(7680)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What survives threshold, suppression and the filter of classes, in pixels of the network's input, best first.

    xyxy (n, 4), confidence (n,), class_id (n,), extra (n, e): what the network says besides (mask coefficients,
    keypoints).
    """

    xyxy: Array
    confidence: Array
    class_id: NDArray[np.int64]
    extra: Array

    def select(self, indices: NDArray[np.intp] | NDArray[np.bool_]) -> "Candidates":
        """The candidates at `indices`, in that order."""
        return Candidates(self.xyxy[indices], self.confidence[indices], self.class_id[indices], self.extra[indices])


def best_classes(scores: Array, manifest: Manifest, thresholds: Thresholds) -> tuple[NDArray[np.intp], ...]:
    """Indices (k,) of the anchors whose best class is strictly above its threshold, and that class (k,).

    scores (classes, n).
    """
    limits = confidence_per_class(manifest, thresholds)
    # Most anchors fail: look at the best score of each before looking for its class.
    best = scores.max(axis=0)
    likely = np.flatnonzero(best > limits.min())
    class_id = scores[:, likely].argmax(axis=0)
    passed = best[likely] > limits[class_id]
    return likely[passed], class_id[passed]


def suppress(candidates: Candidates, manifest: Manifest, thresholds: Thresholds) -> Candidates:
    """The candidates that stay after suppression, best first, of the classes that are asked for."""
    xyxy = candidates.xyxy
    if manifest.convention == "native" and not thresholds.is_class_agnostic:
        # Ultralytics shifts the classes apart, which rounds: it decides where an overlap equals the threshold.
        xyxy = xyxy + candidates.class_id[:, None].astype(np.float32) * _CLASS_SHIFT
    kept = non_maximum_suppression(
        xyxy,
        candidates.confidence,
        candidates.class_id,
        iou_threshold=thresholds.iou_threshold,
        max_detections=thresholds.max_detections,
        is_class_agnostic=thresholds.is_class_agnostic,
    )
    return of_wanted_classes(candidates.select(kept), manifest, thresholds)


def of_wanted_classes(candidates: Candidates, manifest: Manifest, thresholds: Thresholds) -> Candidates:
    """Without the classes that are not asked for. Applied last, as upstream does."""
    wanted = wanted_classes(manifest, thresholds)
    return candidates if wanted is None else candidates.select(np.isin(candidates.class_id, wanted))


def cxcywh_to_xyxy(boxes: Array) -> Array:
    """Boxes (n, 4) given by centre and size as corners."""
    half = boxes[:, 2:4] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
