"""Shapes drawn in place on pictures (H, W, 3) uint8, pixel for pixel as OpenCV draws them.

Coordinates are whole pixels x, y, and may lie outside the picture. Colours are three numbers 0..255 in the order of the
picture's channels. Thickness in pixels: up to 1 a line of one pixel, else lines with round ends and joints that, as in
OpenCV, come out a pixel wider than they say, those of odd thickness two. ValueError for more than 32767, and for so
many lines at once that they would take seconds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retinue.workflows.drawing import rasters
from retinue.workflows.drawing.runs import Index

Picture = NDArray[np.uint8]
Color = Sequence[int] | NDArray[np.uint8]
Point = tuple[int, int]

_LARGEST_THICKNESS = 32767


def draw_line(picture: Picture, start_xy: Point, end_xy: Point, color: Color, thickness: int = 1) -> None:
    """A line from start to end, both included."""
    draw_lines(picture, [(*start_xy, *end_xy)], color, thickness)


def draw_lines(picture: Picture, segments: ArrayLike, color: Color, thickness: int = 1) -> None:
    """Lines, each from x, y to x, y: segments (m, 4)."""
    fixed = np.asarray(segments, np.int64).reshape(-1, 4) * rasters.ONE
    _draw_fixed(picture, fixed, color, thickness, connectivity=8)


def draw_polyline(picture: Picture, vertices: ArrayLike, color: Color, thickness: int = 1) -> None:
    """Lines from each of the vertices (k, 2) to the next."""
    points = np.asarray(vertices, np.int64).reshape(-1, 2)
    draw_lines(picture, np.concatenate([points[:-1], points[1:]], axis=1), color, thickness)


def draw_polygon(picture: Picture, vertices: ArrayLike, color: Color, thickness: int = 1) -> None:
    """The outline through the vertices (k, 2) and back to the first."""
    draw_polygons(picture, [vertices], color, thickness)


def draw_polygons(picture: Picture, polygons: Sequence[ArrayLike], color: Color, thickness: int = 1) -> None:
    """The outlines of many polygons, each through vertices (k, 2) and back to the first."""
    if not polygons:
        return
    points = np.concatenate([np.reshape(vertices, (-1, 2)) for vertices in polygons])
    lengths = np.array([np.size(vertices) // 2 for vertices in polygons if np.size(vertices)], np.int64)
    ends = np.cumsum(lengths)
    before = np.arange(len(points)) - 1
    before[ends - lengths] = ends - 1
    draw_lines(picture, np.concatenate([points[before], points], axis=1), color, thickness)


def _draw_fixed(picture: Picture, segments: Index, color: Color, thickness: int, *, connectivity: int | None) -> None:
    """Lines between fixed points, segments (m, 4). Those of one pixel: without connectivity not from whole pixels."""
    if thickness > _LARGEST_THICKNESS:
        raise ValueError(f"lines are at most {_LARGEST_THICKNESS} pixels thick, and this one is {thickness}")
    if thickness > 1:
        picture[rasters.thick_line_pixels(segments, thickness, picture.shape)] = color
        return
    for group in rasters.line_groups(segments, picture.shape):
        if connectivity is None:
            pixels = rasters.fixed_line_pixels(segments[group], picture.shape)
        else:
            whole = (segments[group] + rasters.ONE // 2) // rasters.ONE
            pixels = rasters.line_pixels(whole, picture.shape, connectivity=connectivity)
        picture[pixels] = color


def draw_rectangle(picture: Picture, xyxy: Sequence[int], color: Color, thickness: int = 1) -> None:
    """The outline through two opposite corners; a negative thickness fills it."""
    x1, y1, x2, y2 = (int(value) for value in xyxy)
    if thickness < 0:
        fill_rectangle(picture, (x1, y1, x2, y2), color)
        return
    left, top, right, bottom = min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
    margin = (thickness + 1) // 2 if thickness > 1 else 0
    for y in (top, bottom):
        _fill(picture, left, y - margin, right, y + margin, color)
    for x in (left, right):
        _fill(picture, x - margin, top, x + margin, bottom, color)
    if margin > 1:  # the sides leave nothing of smaller corners
        corners = np.array([(x1, y1), (x2, y1), (x1, y2), (x2, y2)], np.int64)
        picture[rasters.disc_pixels(corners, margin, picture.shape)] = color


def fill_rectangle(picture: Picture, xyxy: Sequence[int], color: Color) -> None:
    """The rectangle between two opposite corners, both included."""
    x1, y1, x2, y2 = map(int, xyxy)
    _fill(picture, min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2), color)


def _fill(picture: Picture, left: int, top: int, right: int, bottom: int, color: Color) -> None:
    region = picture[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)]
    region[:1] = color
    region[1:] = region[:1]  # a row at a time, which is ten times as fast as pixel by pixel


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
    fill_circles(picture, [center_xy], radius, color)


def fill_circles(picture: Picture, centers: ArrayLike, radius: int, color: Color) -> None:
    """Filled circles of one radius around centers (m, 2). Raises ValueError for a negative radius."""
    if radius < 0:
        raise ValueError(f"the radius of a circle cannot be negative, and is {radius}")
    points = np.asarray(centers, np.int64).reshape(-1, 2)
    picture[rasters.disc_pixels(points, radius, picture.shape)] = color


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
    segments = _arc_segments(center_xy, axes, angles)
    _draw_fixed(picture, segments, color, thickness, connectivity=4 if connectivity == 4 else None)


def draw_round_rectangle(picture: Picture, xyxy: Sequence[int], color: Color, radius: int, thickness: int = 1) -> None:
    """The outline of a rectangle x1, y1, x2, y2 with round corners."""
    x1, y1, x2, y2 = (int(value) for value in xyxy)
    left, top, right, bottom = x1 + radius, y1 + radius, x2 - radius, y2 - radius
    corners = (((left, top), 180), ((right, top), 270), ((right, bottom), 0), ((left, bottom), 90))
    arcs = [_arc_segments(center, (radius, radius), (start, start + 90)) for center, start in corners]
    sides = [(left, y1, right, y1), (x2, top, x2, bottom), (left, y2, right, y2), (x1, top, x1, bottom)]
    segments = np.concatenate([*arcs, np.array(sides, np.int64) * rasters.ONE])
    _draw_fixed(picture, segments, color, thickness, connectivity=None)


def _arc_segments(center_xy: Point, axes: tuple[int, int], angles: tuple[int, int]) -> Index:
    """The lines (k, 4), fixed, that OpenCV takes for an arc, at least one.

    They end every so many degrees, and there are fewer, the smaller the ellipse is.
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
    if len(vertices) == 1:
        return np.tile(center, 2).astype(np.int64)[None]
    return np.concatenate([vertices[:-1], vertices[1:]], axis=1)
