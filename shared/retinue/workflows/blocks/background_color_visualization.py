"""Everything but the objects covered with a colour."""

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import Fraction, FractionRef, StringRef
from retinue.workflows.visualization import Drawing, Pixels, PredictionDrawingManifest


class BackgroundColorManifest(PredictionDrawingManifest):
    """The colour, and how much it hides."""

    color: str | StringRef = Field("BLACK", description="A name, '#RRGGBB' or 'rgb(r, g, b)'.")
    opacity: Fraction | FractionRef = Field(0.5, description="How much of the background is hidden: 0 nothing, 1 all.")


class BackgroundColorVisualization(Drawing):
    """Covers what is not part of a detection with a colour."""

    identifier = "roboflow_core/background_color_visualization@v1"
    title = "Background Color Visualization"
    manifest = BackgroundColorManifest

    def draw(self, pixels: Pixels, predictions: DetectionTable, color: str, opacity: float) -> Pixels:
        from retinue.workflows.drawing.colors import parse_color
        from retinue.workflows.drawing.regions import tint_background

        tint_background(pixels, predictions.xyxy, predictions.masks, parse_color(color), opacity=opacity)
        return pixels
