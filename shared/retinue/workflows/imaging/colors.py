"""Colors of pictures: the dominant one, and how often one occurs."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.imaging.bands import row_bands
from retinue.workflows.imaging.gray import to_rgb

Image = NDArray[np.uint8]
RGB = tuple[int, int, int]
Values = NDArray[np.float64]
Counts = NDArray[np.intp]

SEED = 0
"""Of the starts of k-means: the same picture gives the same color."""
STARTS = 4
"""Runs of k-means, each from other centers."""

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
        return int(color[0]), int(color[1]), int(color[2])
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
    raise ValueError(f"Invalid {'hex ' * color.startswith('#')}color format: {color}")


def count_color(image: Image, color: RGB, tolerance: int) -> int:
    """How many pixels of the picture (H, W, 3) or (H, W) differ from the color by at most `tolerance` in each channel."""
    low, high = (np.clip(np.array(color) + sign * tolerance, -1, 256).astype(np.int16) for sign in (-1, 1))
    count = 0
    for rows in row_bands(image.shape):
        pixels = to_rgb(image[rows])
        count += int(np.count_nonzero(((pixels >= low) & (pixels <= high)).all(axis=2)))
    return count


def dominant_color(image: Image, color_clusters: int, max_iterations: int, target_size: int) -> RGB:
    """The mean color of the largest of `color_clusters` clusters of pixels of the picture (H, W, 3) or (H, W).

    Every n-th row and column is looked at, so that the short side has about target_size. K-means with at most
    max_iterations steps (S. Lloyd, 1982), the best of STARTS runs, which are always the same; upstream runs once, from
    random pixels.
    """
    step = max(1, min(image.shape[:2]) // target_size)
    pixels = to_rgb(image[::step, ::step]).reshape(-1, 3)
    # Equal pixels go together, which leaves fewer points.
    packed, counts = np.unique(pixels @ np.array([1 << 16, 1 << 8, 1]), return_counts=True)
    points = (packed[:, None] >> np.array([16, 8, 0]) & 255).astype(np.float64)
    random = np.random.default_rng(SEED)
    runs = [
        _cluster(points, counts, _spread_centers(points, counts, min(color_clusters, len(points)), random), max_iterations)
        for _ in range(STARTS)
    ]
    centers, sizes, _ = min(runs, key=lambda run: run[2])
    red, green, blue = np.rint(centers[sizes.argmax()]).astype(int).tolist()
    return red, green, blue


def _spread_centers(points: Values, counts: Counts, number: int, random: np.random.Generator) -> Values:
    """So many of the points (n, 3), which occur `counts` (n,) times, chosen one after the other: the likelier the
    further from those chosen before (k-means++, D. Arthur and S. Vassilvitskii, 2007)."""
    weights = counts.astype(np.float64)
    centers = np.empty((0, 3))
    while len(centers) < number:
        chosen = np.searchsorted(weights.cumsum(), random.random() * weights.sum(), side="right")
        centers = np.concatenate([centers, points[[min(chosen, len(points) - 1)]]])
        weights = _squared_distances(points, centers).min(axis=1) * counts
    return centers


def _cluster(points: Values, counts: Counts, centers: Values, max_iterations: int) -> tuple[Values, Values, float]:
    """K-means from the centers (k, 3): the means (k, 3) of the clusters, how many pixels they have (k,), and the sum of
    the squared distances from the means."""
    for _ in range(max_iterations):
        cluster = _squared_distances(points, centers).argmin(axis=1)
        sizes = np.bincount(cluster, counts, len(centers))
        sums = np.stack([np.bincount(cluster, counts * axis, len(centers)) for axis in points.T], axis=1)
        before, centers = centers, np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centers)
        if np.array_equal(before, centers):
            break
    distances = _squared_distances(points, centers)
    sizes = np.bincount(distances.argmin(axis=1), counts, len(centers))
    return centers, sizes, float(distances.min(axis=1) @ counts)


def _squared_distances(points: Values, centers: Values) -> Values:
    """Between each point (n, 3) and each center (k, 3): (n, k), at least 0."""
    distances = (points**2).sum(axis=1)[:, None] - 2 * (points @ centers.T) + (centers**2).sum(axis=1)
    return np.maximum(distances, 0, out=distances)
