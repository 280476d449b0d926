"""Detections that fulfil a condition."""

from retinue.workflows.transformation import Transformation


class DetectionsFilter(Transformation):
    """Keeps the detections that the operations leave, mostly those of which a condition holds."""

    identifier = "roboflow_core/detections_filter@v1"
    title = "Detections Filter"
