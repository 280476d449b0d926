"""Boxes covered with colour."""

from typing import Any

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import Fraction, FractionRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, Colors, Pixels, PredictionDrawingManifest


class FilledBoxManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    opacity: Fraction | FractionRef = Field(0.5, description="How much of what is below it hides: 0 nothing, 1 all.")


class ColorVisualization(ColoredDrawing):
    """Covers the box of each detection with its colour."""

    identifier = "roboflow_core/color_visualization@v1"
    title = "Color Visualization"
    manifest = FilledBoxManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **look: Any) -> None:
        from retinue.workflows.drawing.boxes import fill_boxes

        fill_boxes(pixels, table.xyxy, colors, **look)
