"""YOLOv8-style detection (also v9, v11, v12): one output (1, 4 + classes, anchors): cx, cy, w, h, class scores.

Boxes are in pixels of the network's input, scores are probabilities; nothing is suppressed yet.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.nms import non_maximum_suppression
from retinue.pipeline.prediction import Detections, Prediction, Thresholds
from retinue.pipeline.thresholds import confidence_per_class, passes_class_filter


@dataclass(frozen=True, slots=True)
class Candidates:
    """What survives threshold and suppression, in pixels of the network's input, best first.

    xyxy (n, 4), confidence (n,), class_id (n,), extra (n, e): the columns after the class scores.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    extra: NDArray[np.float32]


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The detections of one picture; raw[0] is (1, 4 + classes, anchors)."""
    candidates = select_candidates(raw[0][0], manifest, thresholds)
    detections = Detections(
        xyxy=to_picture(candidates.xyxy, manifest, placement),
        confidence=candidates.confidence,
        class_id=candidates.class_id,
    )
    return as_prediction(passes_class_filter(detections, manifest, thresholds), manifest, placement)


def select_candidates(output: NDArray[np.float32], manifest: Manifest, thresholds: Thresholds) -> Candidates:
    """Threshold (strictly above), best class of each anchor, suppression. output: (4 + classes + extra, anchors)."""
    classes = len(manifest.class_names)
    scores = output[4 : 4 + classes]
    limits = confidence_per_class(manifest, thresholds)
    # Most anchors fail: look at the best score of each before looking for its class.
    best = scores.max(axis=0)
    likely = np.flatnonzero(best > limits.min())
    class_id = scores[:, likely].argmax(axis=0)
    passed = best[likely] > limits[class_id]
    likely, class_id = likely[passed], class_id[passed]
    rows = output[:, likely].T
    half = rows[:, 2:4] / 2
    xyxy = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
    kept = non_maximum_suppression(
        xyxy,
        best[likely],
        class_id,
        iou_threshold=thresholds.iou_threshold,
        max_detections=thresholds.max_detections,
        is_class_agnostic=thresholds.is_class_agnostic,
    )
    return Candidates(xyxy[kept], best[likely][kept], class_id[kept], rows[kept, 4 + classes :])


def to_picture(xyxy: NDArray[np.float32], manifest: Manifest, placement: Placement) -> NDArray[np.float32]:
    """Boxes in pixels of the picture, clipped; Roboflow packages answer whole pixels (half to even), others
    fractions."""
    boxes = placement.boxes_to_image(xyxy)
    return np.rint(boxes) if manifest.convention == "roboflow" else boxes


def as_prediction(detections: Detections, manifest: Manifest, placement: Placement) -> Prediction:
    """The prediction that holds `detections`."""
    return Prediction(
        task=manifest.task,
        image_width=placement.image_width,
        image_height=placement.image_height,
        class_names=manifest.class_names,
        detections=detections,
    )
