"""Triangles drawn on the picture."""

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


class TriangleManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    position: Anchor | StringRef = Field("TOP_CENTER", description="Where on the box it is.")
    base: int | IntegerRef = Field(10, description="How wide the triangle is, in pixels.")
    height: int | IntegerRef = Field(10, description="How high the triangle is, in pixels.")
    outline_thickness: int | IntegerRef = Field(0, description="How thick the black outline is, in pixels; 0: none.")


class TriangleVisualization(ColoredDrawing):
    """Draws a triangle that points to each detection."""

    identifier = "roboflow_core/triangle_visualization@v1"
    title = "Triangle Visualization"
    manifest = TriangleManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **look: Any) -> None:
        from retinue.workflows.drawing.boxes import draw_triangles

        draw_triangles(pixels, table.xyxy, colors, masks=table.masks, **look)
