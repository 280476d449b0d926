"""The bilateral filter: a blur that keeps edges."""

import math

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.imaging.bands import mirrored

Image = NDArray[np.uint8]
Levels = NDArray[np.float32]

SIGMA = 75.0
"""Reach of the weights, both in grey levels (differences are added over the channels) and in pixels."""
LARGEST_RADIUS = 112
"""Pixels. A diameter below 1 stands for 1.5 sigma."""
MAX_WEIGHTS = 4_000_000_000
"""Weights to be computed for a picture. Where the disks have more pixels than this allows, some of them are left out,
evenly: 12 megapixels have disks of 333."""
TILE = 128


def bilateral_blur(image: Image, diameter: int) -> Image:
    """The mean of the disk around each pixel, weighted by nearness and by likeness to it. As cv2.bilateralFilter with
    both sigmas 75; the picture (H, W, 3) or (H, W) is mirrored at its border. The last bit may differ.

    An even diameter is taken as the next odd one.
    """
    radius = max(diameter // 2, 1) if diameter > 0 else round(1.5 * SIGMA)
    pixels = image.reshape(*image.shape[:2], -1)
    height, width = pixels.shape[:2]
    rows, columns = (mirrored(np.arange(-radius, length + radius), length) for length in (height, width))
    offsets = _thinned(_half_disk(radius), MAX_WEIGHTS / (height * width))
    result = np.empty_like(pixels)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            area = pixels[rows[top : top + TILE + 2 * radius]][:, columns[left : left + TILE + 2 * radius]]
            planes = np.ascontiguousarray(area.transpose(2, 0, 1))
            result[top : top + TILE, left : left + TILE] = _blur_tile(planes, radius, offsets).transpose(1, 2, 0)
    return result.reshape(image.shape)
