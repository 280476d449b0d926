"""Windows around pixels, worked on in bands of rows: what is made of a band stays small beside the picture."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]
Border = Callable[[Index, int], Index]
"""Positions, also outside of 0..size - 1, and the size: the positions inside that stand for them."""

BAND_VALUES = 65536
"""Values (pixels times channels) of a band, at most; but a row at least."""


def row_bands(shape: tuple[int, ...], values: int = BAND_VALUES) -> Iterator[slice]:
    """Slices of whole rows of a picture of this shape, of about so many values each."""
    rows = max(1, values // max(1, int(np.prod(shape[1:]))))
    return (slice(start, min(start + rows, shape[0])) for start in range(0, shape[0], rows))


def mirrored(positions: Index, size: int) -> Index:
    """Beyond the border the picture goes on mirrored at its last pixel: -1 is 1 (cv2.BORDER_REFLECT_101)."""
    if size == 1:
        return np.zeros_like(positions)
    within = positions % (2 * (size - 1))
    return np.minimum(within, 2 * (size - 1) - within)


def repeated(positions: Index, size: int) -> Index:
    """Beyond the border the last pixel is repeated (cv2.BORDER_REPLICATE)."""
    return np.clip(positions, 0, size - 1)


def window_sums(image: NDArray[np.uint8], size: int, border: Border) -> Iterator[tuple[slice, NDArray[np.uint32]]]:
    """Bands of rows, and in each the sums (rows, W[, C]) of the `size` x `size` values around its pixels.

    Of an even size more pixels lie before than behind. The time hardly depends on the size, which is 4104 at most:
    then sums fit into 32 bits.
    """
    height, width = image.shape[:2]
    rows, columns = (border(np.arange(size + length - 1) - size // 2, length) for length in (height, width))
    # Of each column the sum of `size` rows, moved down row by row.
    running = np.zeros(image.shape[1:], np.uint32)
    for row in rows[: size - 1]:
        running += image[row]
    for band in row_bands(image.shape):
        sums = np.empty((band.stop - band.start, *running.shape), np.uint32)
        for index in range(band.start, band.stop):
            running += image[rows[index + size - 1]]
            sums[index - band.start] = running
            running -= image[rows[index]]
        totals = np.cumsum(sums[:, columns], axis=1, dtype=np.uint32)  # may wrap around; differences do not
        totals[:, size:] -= totals[:, : width - 1].copy()
        yield band, totals[:, size - 1 :]
