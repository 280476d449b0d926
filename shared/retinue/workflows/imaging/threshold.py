"""Pictures reduced to what is above and below a level."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.imaging.bands import repeated
from retinue.workflows.imaging.blur import average_blur
from retinue.workflows.imaging.gaussian import gaussian_kernel, weighted_sums

Image = NDArray[np.uint8]

ADAPTIVE_SIZE = 11
"""Pixels on a side of the surroundings that a pixel is compared with, as in upstream's block ..."""
ADAPTIVE_OFFSET = 2
"""... and the grey levels by which it may be darker."""


def threshold(image: Image, threshold_type: str, level: float, max_value: float) -> Image:
    """The picture (H, W, 3) or (H, W) with each value compared with a level, as upstream's block (cv2.threshold).

    "binary" gives max_value above the level and 0 elsewhere, "binary_inv" the reverse; "trunc" cuts values down to the
    level; "tozero" keeps those above it, "tozero_inv" the others, and the rest is 0. For gray pictures only: "otsu"
    finds the level itself, "adaptive_mean" and "adaptive_gaussian" find one for each pixel; then binary.

    A level with a fraction is rounded down, max_value to the nearest of 0..255.

    Raises ValueError for another type, and for a color picture where a gray one is needed.
    """
    whole_level, white = math.floor(level), np.uint8(np.clip(round(max_value), 0, 255))
    if threshold_type in _ADAPTIVE_MEANS:
        means = _ADAPTIVE_MEANS[threshold_type](_checked_gray(image, threshold_type))
        return (image.astype(np.int16) > means.astype(np.int16) - ADAPTIVE_OFFSET) * white
    if threshold_type == "otsu":
        return (image > otsu_level(_checked_gray(image, threshold_type))) * white
    if threshold_type == "binary":
        return (image > whole_level) * white
    if threshold_type == "binary_inv":
        return (image <= whole_level) * white
    if threshold_type == "trunc":
        return np.minimum(image, np.uint8(np.clip(whole_level, 0, 255)))
    if threshold_type == "tozero":
        return image * (image > whole_level)
    if threshold_type == "tozero_inv":
        return image * (image <= whole_level)
    raise ValueError(f"Unknown threshold type: {threshold_type}")


def otsu_level(gray: Image) -> int:
    """The level that parts the picture (H, W) into two classes with means as far apart as possible: the variance
    between the classes is the greatest, and it is the lowest such level. 0 for a picture of one level.

    N. Otsu, A Threshold Selection Method from Gray-Level Histograms, 1979.
    """
    share = np.bincount(gray.ravel(), minlength=256) / gray.size
    share_below, sum_below = share.cumsum(), (share * np.arange(256)).cumsum()
    product = share_below * (1 - share_below)
    spread = (sum_below[-1] * share_below - sum_below) ** 2
    is_parted = np.minimum(share_below, 1 - share_below) >= np.finfo(np.float32).eps
    return int(np.divide(spread, product, out=np.zeros(256), where=is_parted).argmax())


def _checked_gray(image: Image, threshold_type: str) -> Image:
    if image.ndim != 2:
        raise ValueError(f"The threshold type {threshold_type} takes gray pictures only; convert it to grayscale first")
    return image


def _box_means(gray: Image) -> Image:
    """The mean of the surroundings of each pixel."""
    return average_blur(gray, ADAPTIVE_SIZE, repeated)


def _gaussian_means(gray: Image) -> Image:
    """The mean of the surroundings of each pixel, weighted by nearness, from 32-bit floats."""
    means = np.empty_like(gray)
    weights = gaussian_kernel(ADAPTIVE_SIZE).astype(np.float32)
    for band, sums in weighted_sums(gray, weights, repeated, np.float32, np.float32):
        means[band] = np.rint(sums)
    return means


_ADAPTIVE_MEANS: dict[str, Callable[[Image], Image]] = {
    "adaptive_mean": _box_means,
    "adaptive_gaussian": _gaussian_means,
}
