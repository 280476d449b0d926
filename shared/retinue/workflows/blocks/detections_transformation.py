"""Detections changed by operations."""

from retinue.workflows.transformation import Transformation


class DetectionsTransformation(Transformation):
    """Changes detections by operations: boxes moved or grown, classes renamed, rows sorted or chosen."""

    identifier = "roboflow_core/detections_transformation@v1"
    title = "Detections Transformation"
