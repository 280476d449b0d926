"""Predictions drawn on the picture."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from retinue.images.encode import encode_jpeg
from retinue.pipeline.polygons import longest_contour
from retinue.pipeline.prediction import Detections, Prediction, Segmentation

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
    """A JPEG of the picture (H, W, 3) uint8 RGB, same size, with what the prediction says.

    Boxes, outlines and keypoints; or the classes at the top left; or the classes' colours over the pixels, with a
    legend. colors: "#RRGGBB" per class id; without them the default palette. stroke_width in pixels, kept within 1..50.
    """
    picture = drawn(image, prediction, colors=colors, has_labels=has_labels, stroke_width=stroke_width)
    return encode_jpeg(np.asarray(picture), _JPEG_QUALITY)


def drawn(
    image: NDArray[np.uint8],
    prediction: Prediction,
    *,
    colors: tuple[str, ...] = (),
    has_labels: bool = False,
    stroke_width: int = 1,
    tracker_ids: Sequence[int] = (),
) -> Image.Image:
    """The same as a picture. tracker_ids: for the labels, one for each detection; 0 for one that has none."""
    width = min(max(1, stroke_width), _WIDEST_STROKE)
    palette = colors or DEFAULT_COLORS
    if prediction.segmentation is not None:
        image = _blended(image, prediction.segmentation, palette)
    picture = Image.fromarray(image)
    canvas = ImageDraw.Draw(picture)
    if prediction.detections is not None:
        _draw_detections(canvas, picture.size, prediction, prediction.detections, palette, width)
        if has_labels:
            _draw_labels(canvas, picture.size, prediction, prediction.detections, palette, tracker_ids)
    else:
        is_framed = prediction.classification is not None
        _draw_classes(canvas, picture.size, prediction.class_names, _classes(prediction), palette, width * is_framed)
    return picture


def _draw_detections(
    canvas: Any,
    picture_size: tuple[int, int],
    prediction: Prediction,
    detections: Detections,
    palette: tuple[str, ...],
    width: int,
) -> None:
    class_ids = detections.class_id.tolist()
    colors = [palette[class_id % len(palette)] for class_id in class_ids]
    boxes = detections.xyxy.astype(int).tolist()
    outlines = detections.polygons or [longest_contour(mask) for mask in detections.masks]
    for index, (color, box) in enumerate(zip(colors, boxes, strict=True)):
        canvas.rectangle(tuple(box), outline=color, width=width)
        points = [(int(x), int(y)) for x, y in outlines[index].tolist()] if outlines else []
        if len(points) > 2:
            canvas.line([*points, points[0]], fill=color, width=width, joint="curve")
        if detections.keypoints is not None and detections.is_keypoint_shown is not None:
            shown = detections.is_keypoint_shown[index].tolist()
            _draw_keypoints(canvas, detections.keypoints[index], shown, prediction.keypoint_edges, color, width)


def _draw_labels(
    canvas: Any,
    picture_size: tuple[int, int],
    prediction: Prediction,
    detections: Detections,
    palette: tuple[str, ...],
    tracker_ids: Sequence[int],
) -> None:
    """After all boxes, so that none crosses a label."""
    numbers = tracker_ids or [0] * len(detections)
    for number, class_id, box, confidence in zip(
        numbers,
        detections.class_id.tolist(),
        detections.xyxy.astype(int).tolist(),
        detections.confidence.tolist(),
        strict=True,
    ):
        text = f"{prediction.class_names[class_id]} {confidence:.2f}"
        text = f"#{number} {text}" if number else text
        _draw_label(canvas, picture_size, (box[0], box[1]), text, palette[class_id % len(palette)])


def _draw_keypoints(
    canvas: Any,
    keypoints: NDArray[np.float32],
    shown: list[bool],
    edges: tuple[tuple[int, int], ...],
    color: str,
    width: int,
) -> None:
    """Filled circles, and lines along the edges between two that are shown. keypoints (slots, 3)."""
    places = [(round(x), round(y)) for x, y in keypoints[:, :2].tolist()]
    for start, end in edges:
        if max(start, end) < len(shown) and shown[start] and shown[end]:
            canvas.line((places[start], places[end]), fill=color, width=width)
    radius = width + 1
    for (x, y), is_shown in zip(places, shown, strict=True):
        if is_shown:
            canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color, outline="white")


def _classes(prediction: Prediction) -> list[tuple[int, str]]:
    """Class id and figure of each line at the top left."""
    if (classification := prediction.classification) is not None:
        best = list(zip(classification.class_id.tolist(), classification.confidence.tolist(), strict=True))[:1]
        return [(class_id, f"{confidence:.2f}") for class_id, confidence in best]
    if (labels := prediction.labels) is not None:
        order = np.argsort(-labels.confidence, kind="stable")
        return [(class_id, f"{labels.confidence[class_id]:.2f}") for class_id in order if labels.is_predicted[class_id]]
    assert prediction.segmentation is not None
    shares = np.bincount(prediction.segmentation.class_id.ravel(), minlength=1) / prediction.segmentation.class_id.size
    return [(int(class_id), f"{shares[class_id]:.0%}") for class_id in np.flatnonzero(shares)]


def _draw_classes(
    canvas: Any,
    picture_size: tuple[int, int],
    class_names: tuple[str, ...],
    classes: list[tuple[int, str]],
    palette: tuple[str, ...],
    frame_width: int,
) -> None:
    """One line per class at the top left; a frame in the colour of the first, if it has a width."""
    if classes and frame_width:
        color = palette[classes[0][0] % len(palette)]
        canvas.rectangle((0, 0, picture_size[0] - 1, picture_size[1] - 1), outline=color, width=frame_width)
    y = 0
    for class_id, figure in classes:
        color = palette[class_id % len(palette)]
        y = _draw_label(canvas, picture_size, (0, y), f"{class_names[class_id]} {figure}", color, is_below=True)


def _blended(image: NDArray[np.uint8], segmentation: Segmentation, palette: tuple[str, ...]) -> NDArray[np.uint8]:
    """The picture half covered by the colour of each pixel's class; pixels of confidence 0 stay as they are."""
    rgb = np.array([[int(color[place : place + 2], 16) for place in (1, 3, 5)] for color in palette], np.uint8)
    cover = rgb[segmentation.class_id % len(rgb)]
    mixed = ((image.astype(np.uint16) + cover) // 2).astype(np.uint8)
    return np.where((segmentation.confidence > 0)[..., None], mixed, image)


def _draw_label(
    canvas: Any,
    picture_size: tuple[int, int],
    corner_xy: tuple[int, int],
    text: str,
    color: str,
    *,
    is_below: bool = False,
) -> int:
    """Text on a filled box at the corner that never leaves the picture: above the corner where there is room, or below.

    Returns the row below the box.
    """
    font = _font(min(max(round(min(picture_size) / _LINES_PER_PICTURE), _SMALLEST_FONT), _LARGEST_FONT))
    left, top, right, bottom = canvas.textbbox((0, 0), text, font=font)
    box_width, box_height = right - left + 2 * _LABEL_PADDING, bottom - top + 2 * _LABEL_PADDING
    x = max(0, min(corner_xy[0], picture_size[0] - box_width - 1))
    y = corner_xy[1] if is_below or corner_xy[1] < box_height else corner_xy[1] - box_height
    canvas.rectangle((x, y, x + box_width, y + box_height), fill=color)
    ink = "black" if _luminance(color) > 140 else "white"
    canvas.text((x + _LABEL_PADDING - left, y + _LABEL_PADDING - top), text, fill=ink, font=font)
    return y + box_height + 1


def _luminance(color: str) -> float:
    """Brightness 0..255 of "#RRGGBB" (ITU-R BT.601)."""
    red, green, blue = (int(color[index : index + 2], 16) for index in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


@cache
def _font(size: int) -> Any:
    """The font that Pillow carries inside, in pixels."""
    return ImageFont.load_default(size)
