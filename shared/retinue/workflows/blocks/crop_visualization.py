"""Enlarged crops pasted beside their objects."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import FloatRef, IntegerRef, StringRef
from retinue.workflows.visualization import Anchor, ColoredDrawing, ColorManifest, PredictionDrawingManifest


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

    def draw_detections(
        self,
        pixels: NDArray[np.uint8],
        table: DetectionTable,
        colors: NDArray[np.uint8],
        position: Anchor,
        scale_factor: float,
        border_thickness: int,
    ) -> None:
        from retinue.workflows.drawing.crops import draw_crops

        draw_crops(
            pixels,
            table.xyxy,
            colors,
            position=position,
            scale_factor=scale_factor,
            border_thickness=border_thickness,
            masks=table.masks,
        )
