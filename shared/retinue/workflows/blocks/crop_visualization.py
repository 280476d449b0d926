"""Enlarged crops pasted beside their objects."""

from typing import Any

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import FloatRef, IntegerRef, StringRef
from retinue.workflows.visualization import (
    Anchor,
    ColoredDrawing,
    ColorManifest,
    Colors,
    Pixels,
    PredictionDrawingManifest,
)


class CropManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    position: Anchor | StringRef = Field("TOP_CENTER", description="Where on the box it is.")
    scale_factor: float | FloatRef = Field(2.0, description="How much larger than in the picture.")
    border_thickness: int | IntegerRef = Field(2, description="Of the frame, in pixels.")


class CropVisualization(ColoredDrawing):
    """Shows each detection enlarged, beside its box."""

    identifier = "roboflow_core/crop_visualization@v1"
    title = "Crop Visualization"
    manifest = CropManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **look: Any) -> None:
        from retinue.workflows.drawing.crops import draw_crops

        draw_crops(pixels, table.xyxy, colors, masks=table.masks, **look)
