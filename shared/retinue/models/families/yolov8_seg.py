"""YOLOv8-style instance segmentation: (1, 4 + classes + 32, anchors), and prototypes (1, 32, h/4, w/4)."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.yolov8 import as_prediction, select_candidates, to_picture
from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.masks import roboflow_polygons, ultralytics_polygons
from retinue.pipeline.prediction import Detections, Prediction, Thresholds
from retinue.pipeline.thresholds import passes_class_filter


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The detections of one picture with their polygons."""
    candidates = select_candidates(raw[0][0], manifest, thresholds)
    polygons_of = roboflow_polygons if manifest.convention == "roboflow" else ultralytics_polygons
    detections = Detections(
        xyxy=to_picture(candidates.xyxy, manifest, placement),
        confidence=candidates.confidence,
        class_id=candidates.class_id,
    )
    polygons = polygons_of(candidates.extra, raw[1][0], candidates.xyxy, placement)
    detections = replace(detections, polygons=polygons)
    if manifest.convention == "native":  # an object without a mask is none
        detections = detections.select(np.flatnonzero([len(polygon) for polygon in polygons]))
    return as_prediction(passes_class_filter(detections, manifest, thresholds), manifest, placement)
