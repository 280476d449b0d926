"""Shapes drawn in place on pictures (H, W, 3) uint8, pixel for pixel as OpenCV draws them.

Coordinates are whole pixels x, y, and may lie outside the picture. Colours are three numbers 0..255 in the order of the
picture's channels. Thickness in pixels; lines of 2 and more have round ends and joints, and an odd thickness comes out
one pixel wider than it says, as in OpenCV.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retinue.workflows.drawing import rasters

Picture = NDArray[np.uint8]
Color = Sequence[int] | NDArray[np.uint8]
Point = tuple[int, int]


def draw_line(picture: Picture, start_xy: Point, end_xy: Point, color: Color, thickness: int = 1) -> None:
    """A line from start to end, both included."""
    draw_polyline(picture, [start_xy, end_xy], color, thickness)


def draw_polyline(picture: Picture, vertices: ArrayLike, color: Color, thickness: int = 1) -> None:
    """Lines from each of the vertices (k, 2) to the next."""
    _outline(picture, vertices, color, thickness, is_closed=False)


def draw_polygon(picture: Picture, vertices: ArrayLike, color: Color, thickness: int = 1) -> None:
    """The outline through the vertices (k, 2) and back to the first."""
    _outline(picture, vertices, color, thickness, is_closed=True)


def _outline(picture: Picture, vertices: ArrayLike, color: Color, thickness: int, *, is_closed: bool) -> None:
    fixed = np.asarray(vertices, np.int64).reshape(-1, 2) * rasters.ONE
    if len(fixed):
        picture[rasters.polyline_pixels(fixed, thickness, picture.shape, is_closed=is_closed)] = color


def draw_rectangle(picture: Picture, xyxy: Sequence[int], color: Color, thickness: int = 1) -> None:
    """The outline through two opposite corners; a negative thickness fills it."""
    x1, y1, x2, y2 = (int(value) for value in xyxy)
    if thickness < 0:
        fill_rectangle(picture, (x1, y1, x2, y2), color)
    else:
        draw_polygon(picture, [(x1, y1), (x2, y1), (x2, y2), (x1, y2)], color, thickness)


def fill_rectangle(picture: Picture, xyxy: Sequence[int], color: Color) -> None:
    """The rectangle between two opposite corners, both included."""
    x1, y1, x2, y2 = (int(value) for value in xyxy)
    (left, right), (top, bottom) = sorted((x1, x2)), sorted((y1, y2))
    picture[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)] = color


def fill_round_rectangle(picture: Picture, xyxy: Sequence[int], color: Color, radius: int) -> None:
    """A filled rectangle x1, y1, x2, y2 with round corners; the radius is kept within half the shorter side."""
    x1, y1, x2, y2 = (int(value) for value in xyxy)
    radius = min(radius, min(x2 - x1, y2 - y1) // 2)
    if radius <= 0:
        fill_rectangle(picture, (x1, y1, x2, y2), color)
        return
    left, top, right, bottom = x1 + radius, y1 + radius, x2 - radius, y2 - radius
    fill_rectangle(picture, (left, y1, right, y2), color)
    fill_rectangle(picture, (x1, top, x2, bottom), color)
    centers = np.array([(left, top), (right, top), (left, bottom), (right, bottom)], np.int64)
    picture[rasters.disc_pixels(centers, radius, picture.shape)] = color


def fill_polygon(picture: Picture, vertices: ArrayLike, color: Color) -> None:
    """The polygon (k, 2) with its outline; what it encloses twice stays out."""
    points = np.asarray(vertices, np.int64).reshape(-1, 2)
    if len(points):
        picture[rasters.polygon_pixels(points, picture.shape)] = color


def draw_circle(picture: Picture, center_xy: Point, radius: int, color: Color, thickness: int = 1) -> None:
    """The outline of a circle; a negative thickness fills it.

    Of 2 pixels and more it is the polygon that OpenCV takes for a circle. Raises ValueError for a negative radius.
    """
    if radius < 0:
        raise ValueError(f"the radius of a circle cannot be negative, and is {radius}")
    if thickness < 0:
        fill_circle(picture, center_xy, radius, color)
    elif thickness <= 1:
        picture[rasters.circle_pixels(center_xy, radius, picture.shape)] = color
    else:
        draw_ellipse_arc(picture, center_xy, (radius, radius), (0, 360), color, thickness)


def fill_circle(picture: Picture, center_xy: Point, radius: int, color: Color) -> None:
    """Every pixel that is at most `radius` away from the centre."""
    picture[rasters.disc_pixels(np.array([center_xy], np.int64), radius, picture.shape)] = color


def draw_ellipse_arc(
    picture: Picture,
    center_xy: Point,
    axes: tuple[int, int],
    angles: tuple[int, int],
    color: Color,
    thickness: int = 1,
    *,
    connectivity: int = 8,
) -> None:
    """The arc of an ellipse with half axes along x and y, between two angles in degrees, clockwise from the right.

    connectivity: 8, or 4 (no diagonal steps) for a line of one pixel.
    """
    vertices = _arc_vertices(center_xy, axes, angles)
    if thickness <= 1 and connectivity == 8:
        pixels = rasters.fixed_line_pixels(np.concatenate([vertices[:-1], vertices[1:]], axis=1), picture.shape)
    else:
        pixels = rasters.polyline_pixels(vertices, thickness, picture.shape, is_closed=False, connectivity=connectivity)
    picture[pixels] = color


def _arc_vertices(center_xy: Point, axes: tuple[int, int], angles: tuple[int, int]) -> rasters.Index:
    """The polygon (k, 2), fixed, that OpenCV takes for an arc; two vertices at least.

    A vertex every so many degrees: fewer, the smaller the ellipse is.
    """
    start, end = sorted(angles)
    turns = -(start // 360) * 360 if start < 0 else 0
    start, end = start + turns, end + turns
    if end > 360:
        turns = -(-(end - 360) // 360) * 360
        start, end = start - turns, end - turns
    if end - start > 360:
        start, end = 0, 360
    size = max(axes)
    step = 90 if size < 3 else 30 if size < 10 else 18 if size < 15 else 5
    degrees = np.append(np.arange(start, end, step), end)
    # OpenCV looks the sines up in a table of seven digits.
    radians = np.deg2rad(degrees)
    circle = np.stack([np.cos(radians), np.sin(radians)], axis=1).round(7).astype(np.float32).astype(np.float64)
    center = np.array(center_xy, np.float64) * rasters.ONE
    vertices = np.rint(center + circle * np.array(axes, np.float64) * rasters.ONE).astype(np.int64)
    is_new = np.append(True, (vertices[1:] != vertices[:-1]).any(axis=1))
    vertices = vertices[is_new]
    return vertices if len(vertices) > 1 else np.repeat(center.astype(np.int64)[None], 2, axis=0)
