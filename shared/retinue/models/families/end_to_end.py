"""Outputs that need no suppression (YOLOv10, YOLO26, exports with nms=True): (1, n, 6 + extra): x1, y1, x2, y2, score,
class, extra. Boxes are in pixels of the network's input; those of RT-DETR are cx, cy, w, h in 0..1 of it."""

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.candidates import Candidates, cxcywh_to_xyxy, of_wanted_classes
from retinue.models.families.objects import as_prediction
from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.pipeline.thresholds import confidence_per_class


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The objects of one picture, in the order of the network. Classes that have no name are dropped."""
    rows = raw[0][0]
    limits = confidence_per_class(manifest, thresholds)
    rows = rows[(rows[:, 5] >= 0) & (rows[:, 5] < len(limits))]
    class_id = rows[:, 5].astype(np.int64)
    compare = np.greater_equal if manifest.is_inclusive else np.greater
    passed = np.flatnonzero(compare(rows[:, 4], limits[class_id]))[: max(0, thresholds.max_detections)]
    boxes = rows[passed, :4]
    if manifest.has_fractional_boxes:
        size = np.array([placement.network_width, placement.network_height] * 2, np.float32)
        boxes = cxcywh_to_xyxy(boxes) * size
    candidates = Candidates(boxes, rows[passed, 4], class_id[passed], rows[passed, 6:])
    candidates = of_wanted_classes(candidates, manifest, thresholds)
    return as_prediction(candidates, manifest, placement, thresholds, [output[0] for output in raw[1:]])
