"""Keypoints in place on pictures (H, W, 3) uint8: their edges, the points, and labels on them.

points (n, k, 2) x, y in pixels, of n objects with k slots each. Points at 0, 0 and those that are not finite are not
there, and nothing is drawn for them.
"""

import reprlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.bounds import whole
from retinue.workflows.drawing import shapes
from retinue.workflows.drawing.colors import Rgb
from retinue.workflows.drawing.text import draw_text, text_size

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]
Edge = tuple[int, int]

# The skeletons that are known by their number of points: COCO's and GHUM's people. Points count from 1.
SKELETONS: dict[int, tuple[Edge, ...]] = {
    17: (
        (1, 2), (1, 3), (2, 3), (2, 4), (3, 5), (6, 12), (6, 7), (6, 8), (7, 13), (7, 9), (8, 10), (9, 11),
        (12, 13), (14, 12), (15, 13), (16, 14), (17, 15),
    ),
    33: (
        (1, 2), (1, 5), (2, 3), (3, 4), (4, 8), (5, 6), (6, 7), (7, 9), (10, 11), (12, 13), (12, 14), (12, 24),
        (13, 15), (13, 25), (14, 16), (15, 17), (16, 18), (15, 19), (16, 22), (17, 19), (17, 21), (17, 23),
        (18, 20), (19, 21), (24, 25), (24, 26), (25, 27), (26, 28), (27, 29), (28, 30), (28, 32), (29, 31),
        (29, 33), (30, 32), (31, 33),
    ),
}  # fmt: skip


def draw_edges(picture: Picture, points: Points, edges: Sequence[Edge], color: Rgb, *, thickness: int = 2) -> None:
    """Lines between pairs of points; edges count points from 1. Without edges, those known for k points, or none.

    Raises ValueError for an edge to a point that does not exist.
    """
    slots = points.shape[1]
    listed = [[whole("edges", point) for point in edge] for edge in edges or SKELETONS.get(slots, ())]
    if any(len(edge) != 2 or not all(1 <= point <= slots for point in edge) for edge in listed):
        raise ValueError(f"edges must be pairs that join points 1..{slots}: {reprlib.repr(listed)}")
    pairs = np.array(listed, np.int64).reshape(-1, 2)
    start, end = (pairs - 1).T
    is_there = _is_there(points)
    segments = np.concatenate([points[:, start], points[:, end]], axis=2)[is_there[:, start] & is_there[:, end]]
    shapes.draw_lines(picture, segments.astype(np.int64), color, thickness)


def draw_vertices(picture: Picture, points: Points, color: Rgb, *, radius: int = 10) -> None:
    """Filled circles on the points."""
    shapes.fill_circles(picture, points[_is_there(points)].astype(np.int64), radius, color)


def draw_vertex_labels(
    picture: Picture,
    points: Points,
    labels: Sequence[str],
    color: Rgb,
    *,
    text_color: Rgb = (0, 0, 0),
    text_scale: float = 0.5,
    text_thickness: int = 1,
    text_padding: int = 10,
    border_radius: int = 10,
) -> None:
    """The label of each slot (k,) on a box of the colour, centred on the point."""
    is_there = _is_there(points)
    for (x, y), slot in zip(points[is_there].astype(np.int64).tolist(), np.nonzero(is_there)[1].tolist(), strict=True):
        label = labels[slot]
        width, height, _ = text_size(label, text_scale, text_thickness)
        x1, y1, x2, y2 = x - width // 2, y - height // 2, x + width // 2, y + height // 2
        box = (x1 - text_padding, y1 - text_padding, x2 + text_padding, y2 + text_padding)
        shapes.fill_round_rectangle(picture, box, color, border_radius)
        draw_text(picture, label, (x1, y2), text_color, scale=text_scale, thickness=text_thickness)


def _is_there(points: Points) -> NDArray[np.bool_]:
    """Which points (n, k) there are."""
    is_at_origin = np.isclose(points, 0).all(axis=2)
    return np.asarray(np.isfinite(points).all(axis=2) & ~is_at_origin)
