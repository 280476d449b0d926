"""Masks drawn over the picture."""

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import AnyMasksRef, Fraction, FractionRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, Colors, DrawingManifest, Pixels


class MaskManifest(DrawingManifest, ColorManifest):
    """Whose masks, and how much they hide."""

    predictions: AnyMasksRef = Field(description="The detections whose masks are drawn.")
    opacity: Fraction | FractionRef = Field(0.5, description="How much of the picture is hidden: 0 nothing, 1 all.")


class MaskVisualization(ColoredDrawing):
    """Covers the mask of each detection with its colour."""

    identifier = "roboflow_core/mask_visualization@v1"
    title = "Mask Visualization"
    manifest = MaskManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, opacity: float) -> None:
        from retinue.workflows.drawing.regions import cover_masks

        if table.masks is not None:
            cover_masks(pixels, table.masks, colors, opacity=opacity)
