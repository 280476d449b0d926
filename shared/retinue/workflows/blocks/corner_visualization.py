"""Corners of boxes drawn on the picture."""

from typing import Any

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import IntegerRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, Colors, Pixels, PredictionDrawingManifest


class CornerManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    thickness: int | IntegerRef = Field(4, description="How thick the lines are, in pixels.")
    corner_length: int | IntegerRef = Field(15, description="How long the lines are, in pixels.")


class CornerVisualization(ColoredDrawing):
    """Draws the corners of each box."""

    identifier = "roboflow_core/corner_visualization@v1"
    title = "Corner Visualization"
    manifest = CornerManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **look: Any) -> None:
        from retinue.workflows.drawing.boxes import draw_corners

        draw_corners(pixels, table.xyxy, colors, **look)
