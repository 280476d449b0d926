"""Blurred pictures, equal to OpenCV's in every pixel (but for the last bit of the bilateral filter)."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.imaging.bands import mirrored, row_bands, window_sums
from retinue.workflows.imaging.bilateral import bilateral_blur
from retinue.workflows.imaging.median import median_blur

Image = NDArray[np.uint8]

LARGEST_KERNEL = 4095
"""Pixels on a side. OpenCV has no limit but time; here larger sums would need more than 32 bits."""
SMALLEST_SUMS = 256
"""OpenCV adds up to this many pixels in 16 bits, and rounds their mean in its own way."""
FRACTION_BITS = 8
"""Of the weights of a Gaussian kernel."""


def blur(image: Image, blur_type: str, kernel_size: int) -> Image:
    """The picture (H, W, 3) or (H, W) blurred by "average", "gaussian", "median" or "bilateral", as upstream's block.

    kernel_size: pixels on a side of the kernel. For gaussian and median the next odd number, at least 1. For bilateral
    the diameter, from 3; below 1 it follows from the filter's reach.

    Raises ValueError for another type, for an average over less than 1 pixel, and above LARGEST_KERNEL.
    """
    if kernel_size > LARGEST_KERNEL:
        raise ValueError(f"The kernel size is {kernel_size}, but {LARGEST_KERNEL} at most")
    odd_size = max(1, int(kernel_size)) | 1
    if blur_type == "average":
        return average_blur(image, int(kernel_size))
    if blur_type == "gaussian":
        return gaussian_blur(image, odd_size)
    if blur_type == "median":
        return median_blur(image, odd_size)
    if blur_type == "bilateral":
        return bilateral_blur(image, int(kernel_size))
    raise ValueError(f"Unknown blur type: {blur_type}")


def average_blur(image: Image, size: int) -> Image:
    """The mean of the `size` x `size` pixels around each; the picture is mirrored at its border. As cv2.blur.

    Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"The kernel size is {size}, but has to be at least 1")
    result = np.empty_like(image)
    for band, sums in window_sums(image, size, mirrored):
        result[band] = mean_levels(sums, size * size)
    return result


def mean_levels(sums: NDArray[np.uint32], count: int) -> NDArray[np.uint32] | NDArray[np.float32]:
    """Whole grey levels: the mean of `count` levels with these sums, rounded as OpenCV's box filter does.

    Many are divided in 32-bit floats, and halves go to the even level. Up to SMALLEST_SUMS are multiplied by 2^16 over
    the count, which is rounded itself.
    """
    if count > SMALLEST_SUMS:
        return np.rint(sums * np.float32(1 / count))
    factor, rest = divmod(1 << 16, count)
    if 2 * rest < count:
        return (sums + np.uint32(count // 2 + 1)) * np.uint32(factor) >> np.uint32(16)
    return (sums + np.uint32(count // 2)) * np.uint32(factor + 1) >> np.uint32(16)


def gaussian_blur(image: Image, size: int) -> Image:
    """The picture under a Gaussian kernel of `size` pixels, which is odd. As cv2.GaussianBlur with sigma 0: sigma
    follows from the size, and the picture is mirrored at its border.

    The sums are exact; only the result is rounded.
    """
    weights = gaussian_weights(size)
    height, width, radius = *image.shape[:2], size // 2
    rows, columns = (mirrored(np.arange(-radius, length + radius), length) for length in (height, width))
    channels = image[0, 0].size
    result = np.empty_like(image)
    for band in row_bands(image.shape):
        # Down the columns: at most 255 * 256, which fits into 16 bits.
        down = np.zeros((band.stop - band.start, *image.shape[1:]), np.uint16)
        for weight, first, last in _tap_pairs(weights):
            taps = image[rows[band.start + first : band.stop + first]].astype(np.uint16)
            if last != first:
                taps += image[rows[band.start + last : band.stop + last]]
            taps *= np.uint16(weight)
            down += taps
        wide = down[:, columns].reshape(len(down), -1).astype(np.uint32)
        across = np.full((len(down), width * channels), 1 << (2 * FRACTION_BITS - 1), np.uint32)
        for weight, first, last in _tap_pairs(weights):
            taps_across = wide[:, channels * first :][:, : across.shape[1]] * np.uint32(weight)
            across += taps_across
            if last != first:
                np.multiply(wide[:, channels * last :][:, : across.shape[1]], np.uint32(weight), out=taps_across)
                across += taps_across
        across >>= 2 * FRACTION_BITS
        result[band] = across.reshape(down.shape)
    return result


def gaussian_weights(size: int) -> NDArray[np.intp]:
    """The kernel (size,) in 1/256: its sum is 256. What rounding takes from a weight goes to the next, up to the
    middle, which gets the rest."""
    exact = gaussian_kernel(size) * (1 << FRACTION_BITS)
    weights = np.zeros(size, np.intp)
    error = 0.0
    for index, value in enumerate(exact[: size // 2].tolist()):
        weights[index] = weights[-1 - index] = round(value + error)
        error += value - int(weights[index])
    weights[size // 2] = (1 << FRACTION_BITS) - weights.sum()
    return weights


def gaussian_kernel(size: int) -> NDArray[np.float64]:
    """The kernel (size,), of sum 1, that OpenCV makes for a sigma of 0: tables up to 9, else exp(-x^2 / 2 sigma^2)."""
    if size in _SMALL_KERNELS:
        half = np.array(_SMALL_KERNELS[size]) / 256
        return np.concatenate([half, half[-2::-1]])
    sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    weights = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma * sigma))
    return weights / math.fsum(weights)


_SMALL_KERNELS = {
    1: (256,),
    3: (64, 128),
    5: (16, 64, 96),
    7: (8, 28, 56, 72),
    9: (4, 13, 30, 51, 60),
}
"""Weights up to the middle one, in 1/256."""


def _tap_pairs(weights: NDArray[np.intp]) -> Iterator[tuple[int, int, int]]:
    """The weights that are not 0, each with the two places where it is; they are the same in the middle."""
    last = len(weights) - 1
    return ((int(weights[tap]), int(tap), int(last - tap)) for tap in np.flatnonzero(weights[: last // 2 + 1]))
