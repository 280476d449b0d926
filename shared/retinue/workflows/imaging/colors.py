"""Colors of pictures: the dominant one, and how often one occurs."""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.bounds import number
from retinue.workflows.imaging.bands import row_bands
from retinue.workflows.imaging.gray import to_rgb

Image = NDArray[np.uint8]
RGB = tuple[int, int, int]
Values = NDArray[np.float32]
Index = NDArray[np.intp]

SEED = 0
"""Of the start of k-means: the same picture gives the same color."""
MAX_PIXELS = 2_500_000
"""Of a thinned picture."""
MAX_STEP_DISTANCES = 20_000_000
"""Between pixels and centers, that are computed in a step of k-means ..."""
MAX_DISTANCES = 60_000_000
"""... and in all of them, which takes about a second."""

_LONG_HEX = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", re.IGNORECASE)
_SHORT_HEX = re.compile(r"#([0-9a-f])([0-9a-f])([0-9a-f])", re.IGNORECASE)


def parse_color(color: str | Sequence[int]) -> RGB:
    """The red, green and blue of "#rrggbb", "#rgb", "(r, g, b)" or three numbers.

    >>> parse_color("#f80"), parse_color("(1, 2, 3)")
    ((255, 136, 0), (1, 2, 3))

    Raises ValueError for anything else. Numbers beyond 0..255 are allowed; no pixel has them.
    """
    if not isinstance(color, str):
        if len(color) != 3:
            raise ValueError(f"Invalid color format: {color}")
        red, green, blue = (int(number("a level of the color", level)) for level in color)
        return red, green, blue
    if match := _LONG_HEX.fullmatch(color):
        return int(match[1], 16), int(match[2], 16), int(match[3], 16)
    if match := _SHORT_HEX.fullmatch(color):
        return int(match[1] * 2, 16), int(match[2] * 2, 16), int(match[3] * 2, 16)
    if color.startswith("(") and color.endswith(")"):
        try:
            red, green, blue = map(int, color[1:-1].split(","))
        except ValueError as error:
            raise ValueError(f"Invalid tuple color format: {color}") from error
        return red, green, blue
    is_hex = color.startswith("#") and len(color) in (4, 7)
    raise ValueError(f"Invalid {'hex ' * is_hex}color format: {color}")


def count_color(image: Image, color: RGB, tolerance: float) -> int:
    """How many pixels of the picture (H, W, 3) or (H, W) differ from the color by `tolerance` at most per channel."""
    low, high = (
        np.array([math.trunc(min(max(level + sign * tolerance, -1), 256)) for level in color], np.int16)
        for sign in (-1, 1)
    )
    count = 0
    for rows in row_bands(image.shape):
        pixels = to_rgb(image[rows])
        count += int(np.count_nonzero(((pixels >= low) & (pixels <= high)).all(axis=2)))
    return count


def dominant_color(image: Image, color_clusters: int, max_iterations: int, target_size: int) -> RGB:
    """The mean color of the largest of `color_clusters` clusters of pixels of the picture (H, W, 3) or (H, W).

    Every n-th row and column is looked at, so that the short side has about target_size. K-means with at most
    max_iterations steps (S. Lloyd, 1982) starts from pixels at random as upstream's does, but always from the same. It
    takes no more steps than MAX_DISTANCES allow.

    Raises ValueError for too many pixels, and for more distances in a step than MAX_STEP_DISTANCES.
    """
    step = max(1, min(image.shape[:2]) // target_size)
    thinned = image[::step, ::step]
    _check_work(thinned.shape[0] * thinned.shape[1], color_clusters, target_size)
    pixels = to_rgb(thinned).reshape(-1, 3)
    # Equal pixels go together, which leaves fewer points.
    packed, counts = np.unique(pixels @ np.array([1 << 16, 1 << 8, 1]), return_counts=True)
    points = (packed[:, None] >> np.array([16, 8, 0]) & 255).astype(np.float32)
    number = min(color_clusters, len(points))
    chosen = np.random.default_rng(SEED).choice(len(points), number, replace=False, p=counts / counts.sum())
    centers = points[chosen]
    for _ in range(max(1, min(max_iterations, MAX_DISTANCES // (len(points) * number)))):
        cluster = _nearest(points, centers)
        before, centers = centers, _means(points, counts, cluster, centers)
        if np.allclose(before, centers):
            break
    sizes = np.bincount(cluster, counts, number)
    red, green, blue = np.rint(centers[sizes.argmax()]).astype(int).tolist()
    return red, green, blue


def _check_work(pixels: int, color_clusters: int, target_size: int) -> None:
    if pixels > MAX_PIXELS:
        raise ValueError(
            f"a target_size of {target_size:,} leaves {pixels:,} pixels to look at, and the limit is {MAX_PIXELS:,}: "
            "make it smaller"
        )
    if pixels * color_clusters > MAX_STEP_DISTANCES:
        raise ValueError(
            f"{color_clusters:,} color_clusters of {pixels:,} pixels are {pixels * color_clusters:,} distances, and "
            f"the limit is {MAX_STEP_DISTANCES:,}: make target_size or color_clusters smaller"
        )


def _nearest(points: Values, centers: Values) -> Index:
    """The number of the center (k, 3) that is nearest to each point (n, 3)."""
    # Squared distances, without the part that is the same for all centers.
    squares, doubled = (centers**2).sum(axis=1), 2 * centers.T
    nearest = np.empty(len(points), np.intp)
    for rows in row_bands((len(points), len(centers))):
        nearest[rows] = (squares - points[rows] @ doubled).argmin(axis=1)
    return nearest


def _means(points: Values, counts: Index, cluster: Index, centers: Values) -> Values:
    """The mean (k, 3) of each cluster's points (n, 3), which occur `counts` (n,) times; without points, its center."""
    sizes = np.bincount(cluster, counts, len(centers))[:, None]
    sums = np.stack([np.bincount(cluster, counts * axis, len(centers)) for axis in points.T], axis=1)
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), centers).astype(np.float32)
