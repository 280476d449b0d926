"""Boxes covered with colour."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import Fraction, FractionRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, PredictionDrawingManifest


class FilledBoxManifest(PredictionDrawingManifest, ColorManifest):
    """How it looks."""

    opacity: Fraction | FractionRef = Field(0.5, description="How much of what is below it hides: 0 nothing, 1 all.")


class ColorVisualization(ColoredDrawing):
    """Covers the box of each detection with its colour."""

    identifier = "roboflow_core/color_visualization@v1"
    title = "Color Visualization"
    manifest = FilledBoxManifest

    def draw_detections(
        self, pixels: NDArray[np.uint8], table: DetectionTable, colors: NDArray[np.uint8], opacity: float
    ) -> None:
        from retinue.workflows.drawing.boxes import fill_boxes

        fill_boxes(pixels, table.xyxy, colors, opacity=opacity)
