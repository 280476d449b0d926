"""YOLOv5- and YOLOv7-style outputs: (1, anchors, 5 + classes + extra): cx, cy, w, h, objectness, class scores, extra.

Boxes are in pixels of the network's input. Segmentation adds prototypes (1, 32, h/4, w/4) as a second output.
"""

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.candidates import Candidates, best_classes, cxcywh_to_xyxy, suppress
from retinue.models.families.objects import as_prediction
from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.pipeline.thresholds import confidence_per_class


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The objects of one picture.

    Upstream's new engine asks the objectness for the threshold and reports the best class score alone; the
    repositories of YOLOv5 and YOLOv7 multiply the two, and so do bare exports here.
    """
    select = _by_objectness if manifest.convention == "roboflow" else select_by_product
    candidates = select(raw[0][0], manifest, thresholds)
    return as_prediction(candidates, manifest, placement, thresholds, [output[0] for output in raw[1:]])


def _by_objectness(output: NDArray[np.float32], manifest: Manifest, thresholds: Thresholds) -> Candidates:
    classes = len(manifest.class_names)
    limits = confidence_per_class(manifest, thresholds)
    rows = output[output[:, 4] > limits.min()]
    class_id = rows[:, 5 : 5 + classes].argmax(axis=1)
    passed = rows[:, 4] > limits[class_id]
    rows, class_id = rows[passed], class_id[passed]
    confidence = np.take_along_axis(rows, 5 + class_id[:, None], axis=1)[:, 0]
    candidates = Candidates(cxcywh_to_xyxy(rows), confidence, class_id, rows[:, 5 + classes :])
    return suppress(candidates, manifest, thresholds)


def select_by_product(output: NDArray[np.float32], manifest: Manifest, thresholds: Thresholds) -> Candidates:
    """Threshold (strictly above) on objectness times class score, suppression. output: (anchors, 5 + classes + ...)."""
    classes = len(manifest.class_names)
    # A product cannot exceed the objectness, so most anchors go before anything is multiplied.
    rows = output[output[:, 4] > confidence_per_class(manifest, thresholds).min()]
    scores = rows[:, 5 : 5 + classes] * rows[:, 4:5]
    passed, class_id = best_classes(scores.T, manifest, thresholds)
    rows = rows[passed]
    candidates = Candidates(cxcywh_to_xyxy(rows), scores[passed, class_id], class_id, rows[:, 5 + classes :])
    return suppress(candidates, manifest, thresholds)
