"""The classes of a picture written on it."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from retinue.workflows.manifest import ClassificationRef, FloatRef, IntegerRef, StringRef
from retinue.workflows.visualization import ColorManifest, Drawing, DrawingManifest, Pixels

Corner = Literal[
    "CENTER", "CENTER_LEFT", "CENTER_RIGHT", "TOP_CENTER", "TOP_LEFT", "TOP_RIGHT", "BOTTOM_LEFT", "BOTTOM_CENTER",
    "BOTTOM_RIGHT",
]  # fmt: skip


class ClassificationLabelManifest(DrawingManifest, ColorManifest):
    """Whose classes, what is written, and how it looks."""

    predictions: ClassificationRef = Field(description="The classes to write.")
    text: Literal["Class", "Confidence", "Class and Confidence"] | StringRef = Field(
        "Class", description="What is written."
    )
    text_position: Corner | StringRef = Field("TOP_LEFT", description="Where in the picture it is written.")
    text_color: str | StringRef = Field("WHITE", description="A name, '#RRGGBB' or 'rgb(r, g, b)'.")
    text_scale: float | FloatRef = Field(1.0, description="How large the text is.")
    text_thickness: int | IntegerRef = Field(1, description="How thick the text is, in pixels.")
    text_padding: int | IntegerRef = Field(10, description="Room around the text, in pixels.")
    border_radius: int | IntegerRef = Field(0, description="How round the labels' corners are, in pixels.")


class ClassificationLabelVisualization(Drawing):
    """Writes the best class, or all classes that apply, on the picture."""

    identifier = "roboflow_core/classification_label_visualization@v1"
    title = "Classification Label Visualization"
    manifest = ClassificationLabelManifest

    def draw(
        self,
        pixels: Pixels,
        predictions: dict[str, Any],
        text: str,
        text_position: Corner,
        text_color: str,
        border_radius: int,
        color_palette: str,
        palette_size: int,
        custom_colors: list[str],
        color_axis: str,
        **look: Any,
    ) -> Pixels:
        from retinue.workflows.drawing.colors import look_up, palette, parse_color
        from retinue.workflows.drawing.labels import classification_boxes, draw_labels

        classes = _classes(predictions)
        if text_position.startswith("BOTTOM"):  # lines are placed from the bottom up
            classes.reverse()
        if not classes:
            return pixels
        labels = [_label(text, name, confidence) for name, _, confidence in classes]
        ids = [class_id if color_axis == "CLASS" else index for index, (_, class_id, _) in enumerate(classes)]
        colors = look_up(palette(color_palette, size=palette_size, custom_colors=custom_colors), np.array(ids))
        size = predictions["image"]["width"], predictions["image"]["height"]
        boxes = classification_boxes(labels, size, position=text_position, **look)
        draw_labels(
            pixels,
            boxes,
            labels,
            colors,
            position=text_position,
            text_color=parse_color(text_color),
            border_radius=border_radius,
            **look,
        )
        return pixels


def _classes(predictions: dict[str, Any]) -> list[tuple[str, int, float]]:
    """Name, id and confidence: of the best class, or of all that were predicted, best first."""
    found = predictions["predictions"]
    if isinstance(found, dict):
        chosen = [
            (name, found[name]["class_id"], found[name]["confidence"])
            for name in predictions["predicted_classes"]
            if name in found
        ]
        return sorted(chosen, key=lambda item: item[2], reverse=True)
    ordered = sorted(found, key=lambda item: item["confidence"], reverse=True)
    return [(item["class"], item["class_id"], item["confidence"]) for item in ordered[:1]]


def _label(text: str, name: str, confidence: float) -> str:
    match text:
        case "Class":
            return name
        case "Confidence":
            return f"{confidence:.2f}"
        case "Class and Confidence":
            return f"{name} {confidence:.2f}"
    raise ValueError(f"text is {text!r}; it can be Class, Confidence, or Class and Confidence")
