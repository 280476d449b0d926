"""Predictions drawn on the picture."""

import io
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from retinue.pipeline.prediction import Prediction

# Roboflow's default colours, by class id modulo 9 (contract/models.md 1.2).
DEFAULT_COLORS = (
    "#4892EA", "#00EEC3", "#FE4EF0", "#F4004E", "#FA7200", "#EEEE17", "#90FF00", "#78C1D2", "#8C29FF",
)  # fmt: skip
_JPEG_QUALITY = 90
_WIDEST_STROKE = 50
_LABEL_PADDING = 2
# The height of a label follows that of the picture.
_LINES_PER_PICTURE = 32
_SMALLEST_FONT, _LARGEST_FONT = 10, 28


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
        _draw_detections(canvas, picture.size, prediction, palette, width, has_labels)
    else:
        _draw_classification(canvas, picture.size, prediction, palette, width)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _draw_detections(
    canvas: Any,
    picture_size: tuple[int, int],
    prediction: Prediction,
    palette: tuple[str, ...],
    width: int,
    has_labels: bool,
) -> None:
    detections = prediction.detections
    assert detections is not None
    colors = [palette[class_id % len(palette)] for class_id in detections.class_id.tolist()]
    boxes = detections.xyxy.astype(int).tolist()
    for index, (color, box) in enumerate(zip(colors, boxes, strict=True)):
        canvas.rectangle(tuple(box), outline=color, width=width)
        points = [(int(x), int(y)) for x, y in detections.polygons[index].tolist()] if detections.polygons else []
        if len(points) > 2:
            canvas.line([*points, points[0]], fill=color, width=width, joint="curve")
    if not has_labels:
        return
    names = [prediction.class_names[class_id] for class_id in detections.class_id.tolist()]
    # After all boxes, so that none crosses a label.
    for color, (x1, y1, _, _), name, confidence in zip(
        colors, boxes, names, detections.confidence.tolist(), strict=True
    ):
        _draw_label(canvas, picture_size, (x1, y1), f"{name} {confidence:.2f}", color)


def _draw_classification(
    canvas: Any, picture_size: tuple[int, int], prediction: Prediction, palette: tuple[str, ...], width: int
) -> None:
    """The best class at the top left, in a frame of its colour; nothing if no class passed the threshold."""
    classification = prediction.classification
    if classification is None or not len(classification.class_id):
        return
    class_id, confidence = int(classification.class_id[0]), float(classification.confidence[0])
    color = palette[class_id % len(palette)]
    canvas.rectangle((0, 0, picture_size[0] - 1, picture_size[1] - 1), outline=color, width=width)
    _draw_label(canvas, picture_size, (0, 0), f"{prediction.class_names[class_id]} {confidence:.2f}", color)


def _draw_label(canvas: Any, picture_size: tuple[int, int], corner_xy: tuple[int, int], text: str, color: str) -> None:
    """Text on a filled box that sits on the corner, above it where there is room, and never leaves the picture."""
    font = _font(min(max(round(min(picture_size) / _LINES_PER_PICTURE), _SMALLEST_FONT), _LARGEST_FONT))
    left, top, right, bottom = canvas.textbbox((0, 0), text, font=font)
    box_width, box_height = right - left + 2 * _LABEL_PADDING, bottom - top + 2 * _LABEL_PADDING
    x = max(0, min(corner_xy[0], picture_size[0] - box_width - 1))
    y = corner_xy[1] - box_height if corner_xy[1] >= box_height else corner_xy[1]
    canvas.rectangle((x, y, x + box_width, y + box_height), fill=color)
    ink = "black" if _luminance(color) > 140 else "white"
    canvas.text((x + _LABEL_PADDING - left, y + _LABEL_PADDING - top), text, fill=ink, font=font)


def _luminance(color: str) -> float:
    """Brightness 0..255 of "#RRGGBB" (ITU-R BT.601)."""
    red, green, blue = (int(color[index : index + 2], 16) for index in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


@cache
def _font(size: int) -> Any:
    """The font that Pillow carries inside, in pixels."""
    return ImageFont.load_default(size)
