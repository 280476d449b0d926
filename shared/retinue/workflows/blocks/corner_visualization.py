"""Corners of boxes drawn on the picture."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import IntegerRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, PredictionDrawingManifest


class CornerManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    thickness: int | IntegerRef = Field(4, description="How thick the lines are, in pixels.")
    corner_length: int | IntegerRef = Field(15, description="How long the lines are, in pixels.")


class CornerVisualization(ColoredDrawing):
    """Draws the corners of each box."""

    identifier = "roboflow_core/corner_visualization@v1"
    title = "Corner Visualization"
    manifest = CornerManifest

    def draw_detections(
        self,
        pixels: NDArray[np.uint8],
        table: DetectionTable,
        colors: NDArray[np.uint8],
        thickness: int,
        corner_length: int,
    ) -> None:
        from retinue.workflows.drawing.boxes import draw_corners

        draw_corners(pixels, table.xyxy, colors, thickness=thickness, corner_length=corner_length)
