"""YOLO-NAS: boxes (1, anchors, 4) as x1, y1, x2, y2 in pixels of the network's input, and scores (1, anchors,
classes)."""

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.candidates import Candidates, best_classes, suppress
from retinue.models.families.objects import as_prediction
from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The objects of one picture."""
    boxes, scores = raw[0][0], raw[1][0]
    anchors, class_id = best_classes(scores.T, manifest, thresholds)
    extra = np.empty((len(anchors), 0), np.float32)
    candidates = Candidates(boxes[anchors], scores[anchors, class_id], class_id, extra)
    return as_prediction(suppress(candidates, manifest, thresholds), manifest, placement, thresholds)
