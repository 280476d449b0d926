"""Boxes marked in place on pictures: frames, corners, circles, ellipses, dots, triangles, and filled boxes.

All take the picture (H, W, 3) uint8, xyxy (n, 4) in its pixels, and colors (n, 3) uint8 in the order of its channels.
Later boxes are drawn over earlier ones. Coordinates are cut off to whole pixels.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask
from retinue.workflows.drawing import shapes
from retinue.workflows.drawing.anchors import Position, anchor_points
from retinue.workflows.drawing.blend import weighted

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float64]
Colors = NDArray[np.uint8]

OUTLINE_COLOR = (0, 0, 0)
_ELLIPSE_FLATNESS = 0.35


def draw_boxes(picture: Picture, xyxy: Boxes, colors: Colors, *, thickness: int = 2, roundness: float = 0.0) -> None:
    """Frames. roundness 0..1: the part of half the shorter side that the round corners take.

    Raises ValueError for a roundness outside 0..1.
    """
    if not 0 <= roundness <= 1:
        raise ValueError(f"the roundness of a box is 0..1, and is {roundness}")
    for (x1, y1, x2, y2), color in zip(_whole(xyxy), colors, strict=True):
        if roundness:
            radius = int(min(x2 - x1, y2 - y1) // 2 * roundness)
            shapes.draw_round_rectangle(picture, (x1, y1, x2, y2), color, radius, thickness)
        else:
            shapes.draw_rectangle(picture, (x1, y1, x2, y2), color, thickness)


def draw_corners(picture: Picture, xyxy: Boxes, colors: Colors, *, thickness: int = 4, corner_length: int = 15) -> None:
    """The four corners, each two lines of corner_length pixels."""
    for (x1, y1, x2, y2), color in zip(_whole(xyxy), colors, strict=True):
        segments = []
        for x, y in ((x1, y1), (x2, y1), (x1, y2), (x2, y2)):
            x_end = x + corner_length if x == x1 else x - corner_length
            y_end = y + corner_length if y == y1 else y - corner_length
            segments += [(x, y, x_end, y), (x, y, x, y_end)]
        shapes.draw_lines(picture, segments, color, thickness)


def draw_circles(picture: Picture, xyxy: Boxes, colors: Colors, *, thickness: int = 2) -> None:
    """Circles through the top left corners, around the middles."""
    for (x1, y1, x2, y2), color in zip(_whole(xyxy), colors, strict=True):
        center = ((x1 + x2) // 2, (y1 + y2) // 2)
        shapes.draw_circle(picture, center, int(math.dist((x1, y1), center)), color, thickness)


def draw_ellipses(
    picture: Picture, xyxy: Boxes, colors: Colors, *, thickness: int = 2, start_angle: int = -45, end_angle: int = 235
) -> None:
    """Arcs of flat ellipses around the middles of the bottom sides, twice as wide as the boxes.

    Angles in degrees, clockwise from the right.
    """
    for (x1, _, x2, y2), color in zip(_whole(xyxy), colors, strict=True):
        center, width = (int((x1 + x2) / 2), y2), x2 - x1
        shapes.draw_ellipse_arc(
            picture,
            center,
            (width, int(_ELLIPSE_FLATNESS * width)),
            (start_angle, end_angle),
            color,
            thickness,
            connectivity=4,
        )


def draw_dots(
    picture: Picture,
    xyxy: Boxes,
    colors: Colors,
    *,
    position: Position = "CENTER",
    radius: int = 4,
    outline_thickness: int = 0,
    masks: Sequence[Mask] | None = None,
) -> None:
    """Filled circles at `position`, outlined in black if outline_thickness is not 0. masks: for CENTER_OF_MASS."""
    for (x, y), color in zip(anchor_points(xyxy, position, masks).tolist(), colors, strict=True):
        shapes.fill_circle(picture, (x, y), radius, color)
        if outline_thickness:
            shapes.draw_circle(picture, (x, y), radius, OUTLINE_COLOR, outline_thickness)


def draw_triangles(
    picture: Picture,
    xyxy: Boxes,
    colors: Colors,
    *,
    position: Position = "TOP_CENTER",
    base: int = 10,
    height: int = 10,
    outline_thickness: int = 0,
    masks: Sequence[Mask] | None = None,
) -> None:
    """Filled triangles that point down to `position`, outlined in black if outline_thickness is not 0."""
    for (x, y), color in zip(anchor_points(xyxy, position, masks).tolist(), colors, strict=True):
        vertices = [(x - base // 2, y - height), (x + base // 2, y - height), (x, y)]
        shapes.fill_polygon(picture, vertices, color)
        if outline_thickness:
            shapes.draw_polygon(picture, vertices, OUTLINE_COLOR, outline_thickness)


def fill_boxes(picture: Picture, xyxy: Boxes, colors: Colors, *, opacity: float = 0.5) -> None:
    """Boxes covered with their colours, `opacity` 0..1; where they overlap the last colour counts."""
    covered = picture.copy()
    for box, color in zip(_whole(xyxy), colors, strict=True):
        shapes.fill_rectangle(covered, box, color)
    picture[:] = weighted(covered, opacity, picture, 1 - opacity)


def _whole(xyxy: Boxes) -> list[list[int]]:
    """The boxes in whole pixels, cut off towards 0."""
    return np.asarray(xyxy).astype(np.int64).tolist()
