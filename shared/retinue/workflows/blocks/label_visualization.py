"""Labels drawn on the picture."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.label_texts import LabelText, label_texts
from retinue.workflows.manifest import FloatRef, IntegerRef, Manifest, StringRef
from retinue.workflows.visualization import (
    Anchor,
    ColoredDrawing,
    ColorManifest,
    Colors,
    Pixels,
    PredictionDrawingManifest,
)


class LabelManifest(PredictionDrawingManifest, ColorManifest):
    """What the labels say and how they look."""

    text: LabelText | StringRef = Field("Class", description="What the labels say, or the name of a column.")
    text_position: Anchor | StringRef = Field("TOP_LEFT", description="Where on the box the label is.")
    text_color: str | StringRef = Field("WHITE", description="A name, '#RRGGBB' or 'rgb(r, g, b)'.")
    text_scale: float | FloatRef = Field(1.0, description="How large the text is.")
    text_thickness: int | IntegerRef = Field(1, description="How thick the text is, in pixels.")
    text_padding: int | IntegerRef = Field(10, description="Room around the text, in pixels.")
    border_radius: int | IntegerRef = Field(0, description="How round the label's corners are, in pixels.")


class AutomaticLabelManifest(LabelManifest):
    """What the labels say and how they look, in proportion to the picture if wanted."""

    text_size_mode: Literal["Manual", "Automatic"] | StringRef = Field(
        "Manual", description="Automatic: the text keeps its proportion to the picture."
    )


class LabelVisualizationV1(ColoredDrawing):
    """Writes on each detection what it is."""

    identifier = "roboflow_core/label_visualization@v1"
    title = "Label Visualization"
    manifest: ClassVar[type[Manifest]] = LabelManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **look: Any) -> None:
        _draw(pixels, table, colors, **look)


class LabelVisualizationV2(LabelVisualizationV1):
    """Writes on each detection what it is, as large as the picture needs it."""

    identifier = "roboflow_core/label_visualization@v2"
    manifest = AutomaticLabelManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **look: Any) -> None:
        from retinue.workflows.drawing.labels import automatic_text_scale

        if look.pop("text_size_mode") == "Automatic":
            look["text_scale"] = automatic_text_scale(pixels, look["text_scale"])
        _draw(pixels, table, colors, **look)


def _draw(
    pixels: Pixels,
    table: DetectionTable,
    colors: Colors,
    text: str,
    text_position: Anchor,
    text_color: str,
    **look: Any,
) -> None:
    from retinue.workflows.drawing.colors import parse_color
    from retinue.workflows.drawing.labels import draw_labels

    draw_labels(
        pixels,
        table.xyxy,
        label_texts(table, text),
        colors,
        position=text_position,
        text_color=parse_color(text_color),
        masks=table.masks,
        **look,
    )
