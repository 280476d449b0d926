"""Graphs that decode everything (the exporters of RT-DETR, D-FINE and DEIM): labels (1, n), boxes (1, n, 4) as x1, y1,
x2, y2 in pixels of the picture, whose size is an input of the graph, and scores (1, n)."""

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.candidates import Candidates, of_wanted_classes
from retinue.models.families.objects import as_prediction
from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.pipeline.thresholds import confidence_per_class


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The objects of one picture, best first. Classes that have no name are dropped."""
    labels, boxes, scores = (output[0] for output in raw)
    limits = confidence_per_class(manifest, thresholds)
    named = np.flatnonzero((labels >= 0) & (labels < len(limits)))
    class_id = labels[named].astype(np.int64)
    passed = scores[named] > limits[class_id]
    named, class_id = named[passed], class_id[passed]
    order = np.argsort(-scores[named], kind="stable")[: max(0, thresholds.max_detections)]
    named, class_id = named[order], class_id[order]
    # The graph was told the size of the network's input, so that boxes come back like those of every other family.
    candidates = Candidates(boxes[named], scores[named], class_id, np.empty((len(named), 0), np.float32))
    return as_prediction(of_wanted_classes(candidates, manifest, thresholds), manifest, placement, thresholds)
