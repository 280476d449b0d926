"""Outlines of masks, as the JSON of a workflow shows them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.contours import find_contours
from retinue.pipeline.prediction import Mask


def largest_contour(mask: Mask) -> NDArray[np.int64]:
    """The contour with the largest area, (n, 2) of x, y in pixels of the picture; (0, 2) if the mask is empty.

    Holes cannot win: a contour around one is inside that of its component.
    """
    contours = find_contours(mask.patch)
    if not contours:
        return np.zeros((0, 2), np.int64)
    return max(contours, key=polygon_area) + np.array([mask.left, mask.top])


def polygon_area(points: NDArray[np.int64]) -> float:
    """The area inside a closed polygon (n, 2), by the shoelace formula."""
    x, y = points[:, 0].astype(float), points[:, 1].astype(float)
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def drawing_effort(points_xy: NDArray[np.floating[Any]], size: tuple[int, int]) -> int:
    """About how long mask_of_polygon takes, in pixels that could be copied meanwhile.

    It makes the box around the points, looks at each edge once for each row of the box, and sorts and fills what lies
    between the edges that cross a row. What each takes, and any outline at least, is measured.
    """
    if not len(points_xy):
        return 0
    within = np.clip(points_xy, 0, size)
    width, height = (np.ptp(within, axis=0) + 1).tolist()
    length = np.abs(np.diff(within, axis=0, append=within[:1])).sum()
    return int(20_000 + width * height + 10 * length + len(within) * height / 5)


def mask_of_polygon(points_xy: NDArray[np.floating[Any]], size: tuple[int, int]) -> Mask:
    """The pixels inside and on a closed polygon (n, 2), in a picture of width, height; its points become whole."""
    from PIL import Image, ImageDraw

    width, height = size
    if not len(points_xy):
        return Mask(np.zeros((0, 0), bool), 0, 0, width, height)
    points = points_xy.astype(np.int64)
    left, top = np.clip(points.min(axis=0), 0, [width, height]).tolist()
    right, bottom = np.clip(points.max(axis=0) + 1, 0, [width, height]).tolist()
    patch = Image.new("1", (max(right - left, 0), max(bottom - top, 0)))
    if len(points) > 1 and patch.width and patch.height:
        ImageDraw.Draw(patch).polygon([(x - left, y - top) for x, y in points.tolist()], fill=1, outline=1)
    return Mask(np.array(patch, bool).reshape(patch.height, patch.width), left, top, width, height)
