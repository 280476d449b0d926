"""Objects made unrecognisable by blur."""

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import IntegerRef
from retinue.workflows.visualization import Drawing, Pixels, PredictionDrawingManifest


class BlurManifest(PredictionDrawingManifest):
    """How strong the blur is, and how far it reaches."""

    kernel_size: int | IntegerRef = Field(15, description="Over how many pixels the mean is taken.")
    padding: int | IntegerRef = Field(0, description="By how many pixels the blurred regions grow.")


class BlurVisualization(Drawing):
    """Blurs each detection: its mask if it has one, else its box."""

    identifier = "roboflow_core/blur_visualization@v1"
    title = "Blur Visualization"
    manifest = BlurManifest

    def draw(self, pixels: Pixels, predictions: DetectionTable, kernel_size: int, padding: int) -> Pixels:
        from retinue.workflows.drawing.obscure import blur_regions

        if len(predictions):
            blur_regions(pixels, predictions.xyxy, predictions.masks, kernel_size=kernel_size, padding=padding)
        return pixels
