"""The luma of pictures."""

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.steps import BLUE_WEIGHT, GRAY_SHIFT, GREEN_WEIGHT, RED_WEIGHT
from retinue.workflows.imaging.bands import row_bands

Image = NDArray[np.uint8]


def to_gray(image: Image) -> Image:
    """The luma (H, W) uint8 of a picture (H, W, 3) RGB, equal to cv2.cvtColor's; a gray picture (H, W) is returned.

    The weights of Rec. 601, as 15-bit fractions.
    """
    if image.ndim == 2:
        return image
    gray = np.empty(image.shape[:2], np.uint8)
    for rows in row_bands(image.shape):
        level = image[rows, :, 0] * np.uint32(RED_WEIGHT)
        level += image[rows, :, 1] * np.uint32(GREEN_WEIGHT)
        level += image[rows, :, 2] * np.uint32(BLUE_WEIGHT)
        level += 1 << (GRAY_SHIFT - 1)
        level >>= GRAY_SHIFT
        gray[rows] = level
    return gray


def to_rgb(image: Image) -> Image:
    """A picture (H, W, 3): the gray one (H, W) in all three channels, or `image` itself."""
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
