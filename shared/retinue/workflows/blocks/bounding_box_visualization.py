"""Boxes drawn on the picture."""

from typing import Any

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import Fraction, FractionRef, IntegerRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, Colors, Pixels, PredictionDrawingManifest


class BoundingBoxManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    thickness: int | IntegerRef = Field(2, description="How thick the lines are, in pixels.")
    roundness: Fraction | FractionRef = Field(0.0, description="How round the corners are: 0 not, 1 fully.")


class BoundingBoxVisualization(ColoredDrawing):
    """Draws the box of each detection."""

    identifier = "roboflow_core/bounding_box_visualization@v1"
    title = "Bounding Box Visualization"
    manifest = BoundingBoxManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **look: Any) -> None:
        from retinue.workflows.drawing.boxes import draw_boxes

        draw_boxes(pixels, table.xyxy, colors, **look)
