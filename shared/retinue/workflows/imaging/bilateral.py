"""The bilateral filter: a blur that keeps edges."""

import math

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.imaging.bands import mirrored

Image = NDArray[np.uint8]
Levels = NDArray[np.float32]

SIGMA = 75.0
"""Reach of the weights, both in grey levels (differences are added over the channels) and in pixels."""
MAX_WEIGHTS = 200_000_000
"""Weights to be computed for a picture, which takes about a second. Where the disks have more pixels than this allows,
some are left out, evenly. It allows 95 for 2 megapixels (a diameter of 11), and 700 for 0.27 (31)."""
SMALLEST_TILE, LARGEST_TILE = 256, 1024
"""Pixels on a side of what is worked on at a time: twice the disk's diameter, within these."""


def bilateral_blur(image: Image, diameter: int) -> Image:
    """The mean of the disk around each pixel, weighted by nearness and by likeness to it. As cv2.bilateralFilter with
    both sigmas 75; the picture (H, W, 3) or (H, W) is mirrored at its border. The last bit may differ.

    An even diameter is taken as the next odd one, 1 as 3, and less than 1 as three sigmas.
    """
    radius = max(diameter // 2, 1) if diameter > 0 else round(1.5 * SIGMA)
    tile = max(SMALLEST_TILE, min(4 * radius, LARGEST_TILE))
    pixels = image.reshape(*image.shape[:2], -1)
    height, width = pixels.shape[:2]
    rows, columns = (mirrored(np.arange(-radius, length + radius), length) for length in (height, width))
    # Of the tiles with what they need around them.
    worked_on = math.prod(length + 2 * radius * -(-length // tile) for length in (height, width))
    offsets = _thinned(_half_disk(radius), MAX_WEIGHTS / worked_on)
    result = np.empty_like(pixels)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            area = pixels[rows[top : top + tile + 2 * radius]][:, columns[left : left + tile + 2 * radius]]
            blurred = _blur(np.ascontiguousarray(area.transpose(2, 0, 1)), offsets)
            inner = blurred[:, radius : len(area) - radius, radius : area.shape[1] - radius]
            result[top : top + tile, left : left + tile] = inner.transpose(1, 2, 0)
    return result.reshape(image.shape)


def _half_disk(radius: int) -> NDArray[np.intp]:
    """The offsets y, x (n, 2) from a pixel to those of the disk around it that come after it in raster order.

    The other half of the disk are these mirrored at the pixel.
    """
    y, x = np.mgrid[: radius + 1, -radius : radius + 1].reshape(2, -1)
    return np.stack([y, x], axis=1)[((y > 0) | (x > 0)) & (y * y + x * x <= radius * radius)]


def _thinned(offsets: NDArray[np.intp], most: float) -> NDArray[np.intp]:
    """Of the offsets so many that with those mirrored there are `most` (at least one), spread evenly over the disk.

    The order is that of the R2 sequence (M. Roberts, 2018): any first part of it is spread evenly.
    """
    order = np.argsort(offsets @ np.array([0.7548776662466927, 0.5698402909980532]) % 1)
    return offsets[order[: max(1, int(most / 2))]]


def _blur(planes: Image, offsets: NDArray[np.intp]) -> Levels:
    """Whole grey levels of planes (C, h, w) under the filter; those near the border are wrong, the disks reach beyond.

    Each weight is that of two pixels for one another, so both get their share. An offset is one step through all
    pixels in raster order.
    """
    channels, _, width = planes.shape
    flat = planes.reshape(channels, -1)
    levels = flat.astype(np.float32)
    sums, weight_sum = levels.copy(), np.ones(flat.shape[1], np.float32)
    share = np.empty_like(weight_sum)
    for y, x in offsets.tolist():
        step = y * width + x
        weights = _weights(flat[:, :-step], flat[:, step:], y * y + x * x)
        for total, level in zip(sums, levels, strict=True):
            total[:-step] += np.multiply(weights, level[step:], out=share[:-step])
            total[step:] += np.multiply(weights, level[:-step], out=share[:-step])
        weight_sum[:-step] += weights
        weight_sum[step:] += weights
    sums /= weight_sum
    return np.rint(sums, out=sums).reshape(planes.shape)


def _weights(near: Image, far: Image, squared_distance: int) -> Levels:
    """exp(-(distance^2 + difference^2) / (2 sigma^2)) of pixels (C, n); differences are added over the channels."""
    difference = np.zeros(near.shape[1], np.uint16)
    for one, other in zip(near, far, strict=True):
        difference += np.maximum(one, other) - np.minimum(one, other)
    exponent = difference.astype(np.float32)
    exponent *= exponent
    exponent += np.float32(squared_distance)
    exponent *= np.float32(-1 / (2 * SIGMA * SIGMA))
    return np.exp(exponent, out=exponent)
