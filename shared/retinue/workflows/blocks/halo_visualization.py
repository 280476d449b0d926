"""A glow around objects."""

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import Fraction, FractionRef, IntegerRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, Colors, MaskDrawingManifest, Pixels


class HaloManifest(MaskDrawingManifest, ColorManifest):
    """How bright and wide the glow is."""

    opacity: Fraction | FractionRef = Field(0.8, description="How bright the glow is, from 0 to 1.")
    kernel_size: int | IntegerRef = Field(40, description="Twice the reach of the glow, in pixels.")


class HaloVisualizationV1(ColoredDrawing):
    """Draws a glow around each mask, always 20 pixels wide."""

    identifier = "roboflow_core/halo_visualization@v1"
    title = "Halo Visualization"
    manifest = HaloManifest

    def draw_detections(
        self,
        pixels: Pixels,
        table: DetectionTable,
        colors: Colors,
        opacity: float,
        kernel_size: int,
    ) -> None:
        from retinue.workflows.drawing.regions import draw_halos_v1

        draw_halos_v1(pixels, table.xyxy, table.masks, colors, opacity=opacity)


class HaloVisualizationV2(ColoredDrawing):
    """Draws a glow around each mask."""

    identifier = "roboflow_core/halo_visualization@v2"
    title = "Halo Visualization"
    manifest = HaloManifest

    def draw_detections(
        self,
        pixels: Pixels,
        table: DetectionTable,
        colors: Colors,
        opacity: float,
        kernel_size: int,
    ) -> None:
        from retinue.workflows.drawing.regions import draw_halos_v2

        if table.masks is not None:
            draw_halos_v2(pixels, table.masks, colors, opacity=opacity, kernel_size=kernel_size)
