"""Flat ellipses below objects."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import IntegerRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, PredictionDrawingManifest


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

    def draw_detections(
        self,
        pixels: NDArray[np.uint8],
        table: DetectionTable,
        colors: NDArray[np.uint8],
        thickness: int,
        start_angle: int,
        end_angle: int,
    ) -> None:
        from retinue.workflows.drawing.boxes import draw_ellipses

        draw_ellipses(pixels, table.xyxy, colors, thickness=thickness, start_angle=start_angle, end_angle=end_angle)
