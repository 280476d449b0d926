"""Predictions drawn on the picture."""

import io
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from retinue.pipeline.prediction import Classification, Detections, Prediction

# Roboflow's default colours, by class id modulo 9 (contract/models.md 1.2).
DEFAULT_COLORS = (
    "#4892EA", "#00EEC3", "#FE4EF0", "#F4004E", "#FA7200", "#EEEE17", "#90FF00", "#78C1D2", "#8C29FF",
)  # fmt: skip
_JPEG_QUALITY = 90
_WIDEST_STROKE = 50
_LABEL_PADDING = 3


def draw_prediction(
    image: NDArray[np.uint8],
    prediction: Prediction,
    *,
    colors: tuple[str, ...] = (),
    has_labels: bool = False,
    stroke_width: int = 1,
) -> bytes:
    """A JPEG of the picture (H, W, 3) uint8 RGB, same size, with boxes and outlines, or the classes at the top left.

    colors: "#RRGGBB" per class id; without them the default palette. stroke_width in pixels, kept within 1..50.
    """
    picture = Image.fromarray(image)
    canvas = ImageDraw.Draw(picture)
    width = min(max(1, stroke_width), _WIDEST_STROKE)
    palette = colors or DEFAULT_COLORS
    if prediction.detections is not None:
        _draw_detections(canvas, prediction.detections, prediction.class_names, palette, width, has_labels)
    if prediction.classification is not None:
        _draw_classification(canvas, picture, prediction.classification, prediction.class_names, palette, width)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _draw_detections(
    canvas: Any,
    detections: Detections,
    class_names: tuple[str, ...],
    palette: tuple[str, ...],
    width: int,
    has_labels: bool,
) -> None:
    boxes = detections.xyxy.astype(int).tolist()
    class_ids = detections.class_id.tolist()
    for index, (class_id, (x1, y1, x2, y2)) in enumerate(zip(class_ids, boxes, strict=True)):
        color = palette[class_id % len(palette)]
        canvas.rectangle((x1, y1, x2, y2), outline=color, width=width)
        points = detections.polygons[index].astype(int) if detections.polygons else []
        if len(points) > 2:
            outline = [*map(tuple, points.tolist()), tuple(points[0].tolist())]
            canvas.line(outline, fill=color, width=width, joint="curve")
    if has_labels:  # after all boxes, so that none crosses a label
        for class_id, (x1, y1, _, _), confidence in zip(class_ids, boxes, detections.confidence.tolist(), strict=True):
            _draw_label(canvas, (x1, y1), f"{class_names[class_id]} {confidence:.2f}", palette[class_id % len(palette)])


def _draw_classification(
    canvas: Any,
    picture: Image.Image,
    classification: Classification,
    class_names: tuple[str, ...],
    palette: tuple[str, ...],
    width: int,
) -> None:
    """The best class at the top left, in a frame of its colour; nothing if no class passed the threshold."""
    if not len(classification.class_id):
        return
    class_id, confidence = int(classification.class_id[0]), float(classification.confidence[0])
    color = palette[class_id % len(palette)]
    canvas.rectangle((0, 0, picture.width - 1, picture.height - 1), outline=color, width=width)
    _draw_label(canvas, (0, 0), f"{class_id} - {class_names[class_id]} {confidence:.2f}", color)


def _draw_label(canvas: Any, corner_xy: tuple[int, int], text: str, color: str) -> None:
    """Text on a filled box that sits on the corner, above it where there is room."""
    left, top, right, bottom = canvas.textbbox((0, 0), text, font=_font())
    box_width, box_height = right - left + 2 * _LABEL_PADDING, bottom - top + 2 * _LABEL_PADDING
    x = corner_xy[0]
    y = corner_xy[1] - box_height if corner_xy[1] >= box_height else corner_xy[1]
    canvas.rectangle((x, y, x + box_width, y + box_height), fill=color)
    ink = "black" if _luminance(color) > 140 else "white"
    canvas.text((x + _LABEL_PADDING - left, y + _LABEL_PADDING - top), text, fill=ink, font=_font())


def _luminance(color: str) -> float:
    """Brightness 0..255 of "#RRGGBB" (ITU-R BT.601)."""
    red, green, blue = (int(color[index : index + 2], 16) for index in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


@cache
def _font() -> Any:
    """The font that Pillow carries inside."""
    return ImageFont.load_default(13)
