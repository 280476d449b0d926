"""Labels in place on pictures: text on filled boxes, at boxes or for a whole picture."""

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from retinue.pipeline.prediction import Mask
from retinue.workflows.drawing import shapes
from retinue.workflows.drawing.anchors import Position, anchor_points, label_box
from retinue.workflows.drawing.colors import Rgb
from retinue.workflows.drawing.text import draw_text, font_of, text_size

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float64]
Colors = NDArray[np.uint8]

# A picture whose shorter side has this many pixels shows automatic text at the size that is asked for.
_REFERENCE_SIDE = 1080
_TEXT_SCALES = (0.3, 5.0)
_FONT_SIZES = (8, 128)
# Letters are drawn whole before they are cut to the picture; larger ones would fill the memory.
_LARGEST_FONT = 1024


def automatic_text_scale(picture: Picture, text_scale: float) -> float:
    """The text scale that keeps its proportion to the picture, within 0.3..5."""
    smallest, largest = _TEXT_SCALES
    return max(smallest, min(largest, min(picture.shape[:2]) / _REFERENCE_SIDE * text_scale))


def automatic_font_size(picture: Picture, font_size: int) -> int:
    """The font size in pixels that keeps its proportion to the picture, within 8..128."""
    smallest, largest = _FONT_SIZES
    return max(smallest, min(largest, round(min(picture.shape[:2]) / _REFERENCE_SIDE * font_size)))


def draw_labels(
    picture: Picture,
    xyxy: Boxes,
    labels: Sequence[str],
    colors: Colors,
    *,
    position: Position = "TOP_LEFT",
    text_color: Rgb = (255, 255, 255),
    text_scale: float = 1.0,
    text_thickness: int = 1,
    text_padding: int = 10,
    border_radius: int = 0,
    masks: Sequence[Mask] | None = None,
) -> None:
    """A label (n,) on a box of its colour (n, 3) at each of the boxes (n, 4); lines of text one below the other.

    Sizes in pixels. border_radius is kept within half the shorter side. masks: for CENTER_OF_MASS. Labels may leave the
    picture.
    """
    line_height = text_size("", text_scale, text_thickness).height + text_padding
    for anchor, label, color in zip(anchor_points(xyxy, position, masks).tolist(), labels, colors, strict=True):
        lines = label.splitlines() or [""]
        width = max(text_size(line, text_scale, text_thickness).width for line in lines)
        size = (width + 2 * text_padding, len(lines) * line_height + text_padding)
        x1, y1, x2, y2 = label_box(anchor, size, position)
        shapes.fill_round_rectangle(picture, (x1, y1, x2, y2), color, border_radius)
        for number, line in enumerate(lines, 1):
            origin = (x1 + text_padding, y1 + number * line_height)
            draw_text(picture, line, origin, text_color, scale=text_scale, thickness=text_thickness)


def classification_boxes(
    labels: Sequence[str],
    size: tuple[int, int],
    *,
    position: Position = "TOP_LEFT",
    text_scale: float = 1.0,
    text_thickness: int = 1,
    text_padding: int = 10,
) -> Boxes:
    """The boxes (n, 4) that make draw_labels list the labels of a whole picture of `size` (width, height).

    The first label is the topmost, save at BOTTOM_*, where the first is the lowest. The arithmetic is that of
    contract/workflows.md 8.3 (classification_label).
    """
    width, height = size
    spacing = 20 * text_scale + 2 * text_padding + 2 * text_thickness + 5
    line = np.arange(len(labels)) * spacing
    boxes = np.tile(np.array([0, 0, width, height], np.float64), (len(labels), 1))
    if position.startswith("TOP"):
        boxes[:, 1] = spacing + line
    elif position.startswith("BOTTOM"):
        boxes[:, 3] = height - (spacing + line)
    else:
        start = max(0, min((height - spacing * len(labels)) / 2, height - spacing * len(labels)))
        boxes[:, 1], boxes[:, 3] = start + line, start + line + spacing
        longest = max((len(label) for label in labels), default=0)
        inset = longest * 15 * text_scale + 2 * text_padding + 20 + 3 * max(0, 10 - text_padding)
        if position == "CENTER_LEFT":
            boxes[:, 0] = inset
        elif position == "CENTER_RIGHT":
            boxes[:, 2] = width - inset
    return boxes


def draw_rich_labels(
    picture: Picture,
    xyxy: Boxes,
    labels: Sequence[str],
    colors: Colors,
    *,
    position: Position = "TOP_LEFT",
    text_color: Rgb = (255, 255, 255),
    font_size: int = 14,
    text_padding: int = 10,
    border_radius: int = 0,
    max_line_length: int | None = None,
    masks: Sequence[Mask] | None = None,
) -> None:
    """As draw_labels, in a TrueType font of font_size pixels. max_line_length: characters after which lines break.

    Raises ValueError for a max_line_length below 1, and for a font_size outside 1..1024.
    """
    if not 1 <= font_size <= _LARGEST_FONT:
        raise ValueError(f"font_size is 1..{_LARGEST_FONT}, and is {font_size}")
    font = font_of(font_size)
    text_left, text_top = font.getbbox("Tg")[:2]
    for anchor, label, color in zip(anchor_points(xyxy, position, masks).tolist(), labels, colors, strict=True):
        lines = _wrapped(label, max_line_length)
        boxes = [font.getbbox(line) for line in lines]
        width = max(right - left for left, _, right, _ in boxes)
        heights = [int(bottom - top) for _, top, _, bottom in boxes]
        height = sum(heights) + (len(lines) - 1) * text_padding
        box = label_box(anchor, (int(width) + 2 * text_padding, height + 2 * text_padding), position)
        region, (left, top) = _surroundings(picture, box, margin=font_size)
        if not region.size:
            continue
        image = Image.fromarray(np.ascontiguousarray(region))
        canvas = ImageDraw.Draw(image)
        x1, y1, x2, y2 = box[0] - left, box[1] - top, box[2] - left, box[3] - top
        canvas.rounded_rectangle((x1, y1, x2, y2), radius=border_radius, fill=tuple(color.tolist()))
        y = y1 + text_padding - text_top
        for line, line_height in zip(lines, heights, strict=True):
            canvas.text((x1 + text_padding - text_left, y), line, font=font, fill=text_color)
            y += line_height + text_padding
        region[:] = np.asarray(image)


def _surroundings(picture: Picture, box: tuple[int, int, int, int], margin: int) -> tuple[Picture, tuple[int, int]]:
    """The part of the picture within a margin around the box, and where it starts (x, y)."""
    height, width = picture.shape[:2]
    left, right = (max(0, min(edge, width)) for edge in (box[0] - margin, box[2] + margin))
    top, bottom = (max(0, min(edge, height)) for edge in (box[1] - margin, box[3] + margin))
    return picture[top:bottom, left:right], (left, top)


def _wrapped(label: str, max_line_length: int | None) -> list[str]:
    """The label's lines, at least one."""
    if max_line_length is None:
        return label.splitlines() or [""]
    if max_line_length < 1:
        raise ValueError(f"max_line_length must be positive, and is {max_line_length}")
    lines: list[str] = []
    for paragraph in label.split("\n"):
        lines += textwrap.wrap(paragraph, width=max_line_length, replace_whitespace=False) or [""]
    return lines
