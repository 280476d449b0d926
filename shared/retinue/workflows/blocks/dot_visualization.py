"""Dots drawn on the picture."""

from typing import Any

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import IntegerRef, StringRef
from retinue.workflows.visualization import (
    Anchor,
    ColoredDrawing,
    ColorManifest,
    Colors,
    Pixels,
    PredictionDrawingManifest,
)


class DotManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    position: Anchor | StringRef = Field("CENTER", description="Where on the box it is.")
    radius: int | IntegerRef = Field(4, description="Of the dot, in pixels.")
    outline_thickness: int | IntegerRef = Field(0, description="How thick the black outline is, in pixels; 0: none.")


class DotVisualization(ColoredDrawing):
    """Draws a dot on each detection."""

    identifier = "roboflow_core/dot_visualization@v1"
    title = "Dot Visualization"
    manifest = DotManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **look: Any) -> None:
        from retinue.workflows.drawing.boxes import draw_dots

        draw_dots(pixels, table.xyxy, colors, masks=table.masks, **look)
