"""DETR-style outputs (RF-DETR, RT-DETR, D-FINE): boxes (1, queries, 4) as cx, cy, w, h in 0..1 of the network's input,
class logits (1, queries, classes), and for segmentation mask logits (1, queries, mh, mw). Nothing is suppressed.
"""

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.candidates import Candidates, cxcywh_to_xyxy, of_wanted_classes
from retinue.models.families.objects import as_prediction
from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.pipeline.thresholds import confidence_per_class, sigmoid


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The objects of one picture, best first. A query may appear with several classes.

    Older RT-DETR exports of Ultralytics join boxes and scores in one output, and give a query its best class only.
    """
    is_joined = len(raw) == 1
    boxes, logits = (raw[0][0][:, :4], raw[0][0][:, 4:]) if is_joined else (raw[0][0], raw[1][0])
    scores = logits if manifest.is_activated else sigmoid(logits)
    if is_joined:
        scores = np.where(scores == scores.max(axis=1, keepdims=True), scores, -1)
    query, class_id, confidence = _best_pairs(scores, manifest)
    passed = np.flatnonzero(confidence > confidence_per_class(manifest, thresholds)[class_id])
    passed = passed[: max(0, thresholds.max_detections)]
    query, class_id = query[passed], class_id[passed]
    size = np.array([placement.network_width, placement.network_height] * 2, np.float32)
    # The query travels along in place of columns: masks are found by it.
    extra = query[:, None].astype(np.float32)
    candidates = Candidates(cxcywh_to_xyxy(boxes[query]) * size, confidence[passed], class_id, extra)
    candidates = of_wanted_classes(candidates, manifest, thresholds)
    masks = [output[0][candidates.extra[:, 0].astype(np.intp)] for output in raw[2:]]
    return as_prediction(candidates, manifest, placement, thresholds, masks)


def _best_pairs(
    scores: NDArray[np.float32], manifest: Manifest
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Query, class and score of the best pairs, as many as there are queries; pairs without a named class go.

    scores (queries, columns). Columns of removed classes, and those behind the last name, are no class.
    """
    queries, columns = scores.shape
    best = np.argsort(-scores, axis=None, kind="stable")[:queries]
    query, column = np.divmod(best, columns)
    class_of_column = np.full(columns, -1)
    named = [column for column in range(columns) if column not in manifest.removed_classes]
    named = named[: len(manifest.class_names)]
    class_of_column[named] = np.arange(len(named))
    class_id = class_of_column[column]
    is_named = class_id >= 0
    return query[is_named], class_id[is_named], scores.ravel()[best[is_named]]
