"""Blurred pictures, equal to OpenCV's in every pixel (but for the last bit of the bilateral filter)."""

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.imaging.bands import Border, mirrored, window_sums
from retinue.workflows.imaging.bilateral import bilateral_blur
from retinue.workflows.imaging.gaussian import gaussian_blur
from retinue.workflows.imaging.median import median_blur

Image = NDArray[np.uint8]

LARGEST_KERNEL = 1023
"""Pixels on a side. OpenCV has no limit but time."""
LARGEST_COSTLY_KERNEL = 255
"""Of a median, as OpenCV counts the pixels of windows in 16 bits; of the bilateral filter, as it takes seconds."""
SMALLEST_SUMS = 256
"""OpenCV adds up to this many pixels in 16 bits, and rounds their mean in its own way."""


def blur(image: Image, blur_type: str, kernel_size: int) -> Image:
    """The picture (H, W, 3) or (H, W) blurred by "average", "gaussian", "median" or "bilateral", as upstream's block.

    kernel_size: pixels on a side of the kernel. For gaussian and median the next odd number, at least 1. For bilateral
    the diameter of a disk; the next odd number, at least 3, and below 1 three sigmas.

    Raises ValueError for another type, for an average over less than 1 pixel, and above LARGEST_KERNEL (for median and
    bilateral LARGEST_COSTLY_KERNEL).
    """
    size = int(kernel_size)
    largest = LARGEST_COSTLY_KERNEL if blur_type in ("median", "bilateral") else LARGEST_KERNEL
    if size > largest:
        raise ValueError(f"The kernel size is {size}; for {blur_type} it can be {largest} at most")
    if blur_type == "average":
        return average_blur(image, size)
    if blur_type == "gaussian":
        return gaussian_blur(image, max(1, size) | 1)
    if blur_type == "median":
        return median_blur(image, max(1, size) | 1)
    if blur_type == "bilateral":
        return bilateral_blur(image, size)
    raise ValueError(f"Unknown blur type: {blur_type}")


def average_blur(image: Image, size: int, border: Border = mirrored) -> Image:
    """The mean of the `size` x `size` pixels around each; the picture is mirrored at its border. As cv2.blur.

    Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"The kernel size is {size}; it has to be 1 at least")
    result = np.empty_like(image)
    for band, sums in window_sums(image, size, border):
        result[band] = _mean_levels(sums, size * size)
    return result


def _mean_levels(sums: NDArray[np.uint32], count: int) -> NDArray[np.uint32] | NDArray[np.float32]:
    """Whole grey levels: the mean of `count` levels with these sums, rounded as OpenCV's box filter does.

    Many are divided in 32-bit floats, and halves go to the even level. Up to SMALLEST_SUMS are multiplied by 2^23 over
    the count, which is rounded itself.
    """
    if count == 1:
        return sums
    if count > SMALLEST_SUMS:
        return np.rint(sums.astype(np.float32) * np.float32(1 / count))
    factor, rest = divmod(1 << 23, count)
    is_cut = 2 * rest < count
    return (sums + np.uint32(count // 2 + is_cut)) * np.uint32(factor + (not is_cut)) >> np.uint32(23)
