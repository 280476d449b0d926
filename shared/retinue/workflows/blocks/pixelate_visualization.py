"""Objects made unrecognisable by large pixels."""

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import IntegerRef
from retinue.workflows.visualization import Drawing, Pixels, PredictionDrawingManifest


class PixelateManifest(PredictionDrawingManifest):
    """How large the pixels are."""

    pixel_size: int | IntegerRef = Field(20, description="Side of the squares, in pixels of the picture.")


class PixelateVisualization(Drawing):
    """Shows the box of each detection in large squares."""

    identifier = "roboflow_core/pixelate_visualization@v1"
    title = "Pixelate Visualization"
    manifest = PixelateManifest

    def draw(self, pixels: Pixels, predictions: DetectionTable, pixel_size: int) -> Pixels:
        from retinue.workflows.drawing.obscure import pixelate_regions

        if len(predictions):
            pixelate_regions(pixels, predictions.xyxy, pixel_size=pixel_size)
        return pixels
