"""YOLOv8-style outputs (also v5u, v9, v11, v12): (1, 4 + classes + extra, anchors): cx, cy, w, h, class scores, extra.

Boxes are in pixels of the network's input, scores are probabilities; nothing is suppressed yet. Segmentation adds
prototypes (1, 32, h/4, w/4) as a second output.
"""

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.candidates import Candidates, best_classes, cxcywh_to_xyxy, suppress
from retinue.models.families.objects import as_prediction
from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The objects of one picture."""
    candidates = select_candidates(raw[0][0], manifest, thresholds)
    return as_prediction(candidates, manifest, placement, thresholds, [output[0] for output in raw[1:]])


def select_candidates(output: NDArray[np.float32], manifest: Manifest, thresholds: Thresholds) -> Candidates:
    """Threshold (strictly above), best class of each anchor, suppression. output: (4 + classes + extra, anchors)."""
    classes = len(manifest.class_names)
    anchors, class_id = best_classes(output[4 : 4 + classes], manifest, thresholds)
    rows = output[:, anchors].T
    confidence = np.take_along_axis(rows, 4 + class_id[:, None], axis=1)[:, 0]
    candidates = Candidates(cxcywh_to_xyxy(rows), confidence, class_id, rows[:, 4 + classes :])
    return suppress(candidates, manifest, thresholds)
