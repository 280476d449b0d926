"""Boxes drawn on the picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import Fraction, FractionRef, IntegerRef
from retinue.workflows.visualization import ColorManifest, Drawing, PredictionDrawingManifest, detection_colors


class BoundingBoxManifest(PredictionDrawingManifest, ColorManifest):
    """How the boxes look."""

    thickness: int | IntegerRef = Field(2, description="How thick the lines are, in pixels.")
    roundness: Fraction | FractionRef = Field(0.0, description="How round the corners are: 0 not, 1 fully.")


class BoundingBoxVisualization(Drawing):
    """Draws the box of each detection."""

    identifier = "roboflow_core/bounding_box_visualization@v1"
    title = "Bounding Box Visualization"
    manifest = BoundingBoxManifest

    def draw(
        self, pixels: NDArray[np.uint8], predictions: DetectionTable, thickness: int, roundness: float, **colors: Any
    ) -> NDArray[np.uint8]:
        from retinue.workflows.drawing.boxes import draw_boxes

        draw_boxes(pixels, predictions.xyxy, detection_colors(predictions, **colors), thickness, roundness)
        return pixels
