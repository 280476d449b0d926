"""Circles drawn on the picture."""

from typing import Any

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import IntegerRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, Colors, Pixels, PredictionDrawingManifest


class CircleManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    thickness: int | IntegerRef = Field(2, description="How thick the lines are, in pixels.")


class CircleVisualization(ColoredDrawing):
    """Draws a circle around each detection."""

    identifier = "roboflow_core/circle_visualization@v1"
    title = "Circle Visualization"
    manifest = CircleManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **look: Any) -> None:
        from retinue.workflows.drawing.boxes import draw_circles

        draw_circles(pixels, table.xyxy, colors, **look)
