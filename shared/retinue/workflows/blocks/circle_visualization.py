"""Circles drawn on the picture."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import IntegerRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, PredictionDrawingManifest


class CircleManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    thickness: int | IntegerRef = Field(2, description="How thick the lines are, in pixels.")


class CircleVisualization(ColoredDrawing):
    """Draws a circle around each detection."""

    identifier = "roboflow_core/circle_visualization@v1"
    title = "Circle Visualization"
    manifest = CircleManifest

    def draw_detections(
        self, pixels: NDArray[np.uint8], table: DetectionTable, colors: NDArray[np.uint8], thickness: int
    ) -> None:
        from retinue.workflows.drawing.boxes import draw_circles

        draw_circles(pixels, table.xyxy, colors, thickness=thickness)
