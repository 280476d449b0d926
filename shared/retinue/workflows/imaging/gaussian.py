"""Gaussian kernels, and pictures under them."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from retinue.workflows.imaging.bands import Border, mirrored, row_bands

Image = NDArray[np.uint8]

FRACTION_BITS = 8
"""Of the weights of a kernel for 8-bit pictures."""

_SMALL_KERNELS = {
    1: (256,),
    3: (64, 128),
    5: (16, 64, 96),
    7: (8, 28, 56, 72),
    9: (4, 13, 30, 51, 60),
}
"""OpenCV's weights up to the middle one, in 1/256."""


def gaussian_kernel(size: int) -> NDArray[np.float64]:
    """The kernel (size,), of sum 1, that OpenCV makes for a sigma of 0: from tables up to 9, else exp(-x^2 / 2 sigma^2)
    with sigma = 0.3 ((size - 1) / 2 - 1) + 0.8. The size is odd."""
    if size in _SMALL_KERNELS:
        half = np.array(_SMALL_KERNELS[size]) / 256
        return np.concatenate([half, half[-2::-1]])
    sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    weights = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma * sigma))
    return weights / math.fsum(weights)


def gaussian_blur(image: Image, size: int) -> Image:
    """The picture (H, W[, C]) under a Gaussian kernel of `size` pixels, which is odd. As cv2.GaussianBlur with sigma 0:
    the picture is mirrored at its border.

    The sums are exact, since weights are multiples of 1/256; only the result is rounded.
    """
    result = np.empty_like(image)
    for band, sums in weighted_sums(image, _whole_weights(size), mirrored, np.uint16, np.uint32):
        sums += 1 << (2 * FRACTION_BITS - 1)
        sums >>= 2 * FRACTION_BITS
        result[band] = sums
    return result


def _whole_weights(size: int) -> NDArray[np.intp]:
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


def weighted_sums(
    image: Image, weights: NDArray[Any], border: Border, down_type: DTypeLike, across_type: DTypeLike
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Bands of rows, and in each the sums (rows, W[, C]) of the pixels around each, under symmetric weights (n,).

    The sums down a column are of down_type, the sums of these across a row of across_type.
    """
    height, width, radius = *image.shape[:2], len(weights) // 2
    rows, columns = (border(np.arange(-radius, length + radius), length) for length in (height, width))
    pairs = [(weights[tap], tap, len(weights) - 1 - tap) for tap in np.flatnonzero(weights[: radius + 1]).tolist()]
    channels = image[0, 0].size
    for band in row_bands(image.shape):
        down = np.zeros((band.stop - band.start, *image.shape[1:]), down_type)
        for weight, first, last in pairs:
            taps = image[rows[band.start + first : band.stop + first]].astype(down_type)
            if first < last:
                taps += image[rows[band.start + last : band.stop + last]]
            taps *= down.dtype.type(weight)
            down += taps
        wide = down[:, columns].reshape(len(down), -1).astype(across_type)
        across = np.zeros((len(down), width * channels), across_type)
        for weight, first, last in pairs:
            taps = wide[:, channels * first :][:, : across.shape[1]].copy()
            if first < last:
                taps += wide[:, channels * last :][:, : across.shape[1]]
            taps *= across.dtype.type(weight)
            across += taps
        yield band, across.reshape(down.shape)
