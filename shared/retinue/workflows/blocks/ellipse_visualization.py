"""Flat ellipses below objects."""

from typing import Any

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import IntegerRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, Colors, Pixels, PredictionDrawingManifest


class EllipseManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    thickness: int | IntegerRef = Field(2, description="How thick the lines are, in pixels.")
    start_angle: int | IntegerRef = Field(-45, description="Where the arc starts, in degrees.")
    end_angle: int | IntegerRef = Field(235, description="Where the arc ends, in degrees.")


class EllipseVisualization(ColoredDrawing):
    """Draws an arc at the foot of each detection."""

    identifier = "roboflow_core/ellipse_visualization@v1"
    title = "Ellipse Visualization"
    manifest = EllipseManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **look: Any) -> None:
        from retinue.workflows.drawing.boxes import draw_ellipses

        draw_ellipses(pixels, table.xyxy, colors, **look)
