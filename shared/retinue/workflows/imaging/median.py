"""The median of the pixels around each pixel.

Small windows: selected among the window's pixels, by minimum and maximum of whole arrays. Large windows: a pixel's
median exceeds a level if more than half of its window does, so halving the levels finds it. What is halved is a tile's
range of levels, and each half goes on only where it still matters.
"""

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.imaging.bands import row_bands

Image = NDArray[np.uint8]
Counts = NDArray[np.unsignedinteger]

LARGEST_SELECTED = 7
"""The largest window whose median is selected: that work grows with the size's fourth power, the search's hardly."""
SELECTED_VALUES = 16384
"""Values whose medians are selected at a time: the windows' pixels then stay in the processor's cache."""
SMALLEST_TILE = 384
"""Pixels on a side of what is searched at a time; larger windows take tiles of their size."""
MAX_EXACT_VALUES = 9_000_000
"""Values (pixels times channels) whose medians are searched for exactly, which takes some 3 s. Those of larger pictures
may be one level too low, which halves the time."""
COSTLY_SIZE = 90
"""Of windows above this size fewer values are searched for exactly, as the time grows."""


def median_blur(image: Image, size: int) -> Image:
    """The median of the `size` x `size` pixels around each pixel, of each channel: (H, W[, C]) as `image`.

    Equal to cv2.medianBlur: beyond the border the last pixel is repeated. But above a size of LARGEST_SELECTED in a
    picture of more than MAX_EXACT_VALUES (fewer above COSTLY_SIZE) some are one level too low. `size` is odd and at
    least 1.
    """
    if size == 1:
        return image
    radius, tile = size // 2, max(SMALLEST_TILE, size)
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0))[: image.ndim], "edge")
    result = np.empty_like(image)
    if size <= LARGEST_SELECTED:
        for rows in row_bands(image.shape, SELECTED_VALUES):
            result[rows] = _select(padded[rows.start : rows.stop + 2 * radius], size)
        return result
    is_exact = image.size * max(1, size / COSTLY_SIZE) <= MAX_EXACT_VALUES
    for channel in np.ndindex(image.shape[2:]):
        for top in range(0, image.shape[0], tile):
            for left in range(0, image.shape[1], tile):
                area = padded[top : top + tile + 2 * radius, left : left + tile + 2 * radius, *channel]
                search = _Search(np.ascontiguousarray(area), size, is_exact)
                result[top : top + tile, left : left + tile, *channel] = search.run()
    return result


def _select(padded: Image, size: int) -> Image:
    """The medians of all windows of `padded` (h + size - 1, w + size - 1[, C]); the size is at least 3.

    Of some more than half of a window's pixels neither the least nor the greatest is the median: both are dropped and
    another pixel is looked at, until one is left.
    """
    height, width = padded.shape[0] - size + 1, padded.shape[1] - size + 1
    pixels = [padded[y : y + height, x : x + width] for y in range(size) for x in range(size)]
    most = len(pixels) // 2 + 2
    values = pixels[:most]
    for pixel in pixels[most:]:
        values = [*_without_extremes(values), pixel]
    return _without_extremes(values)[0]


def _without_extremes(values: list[Image]) -> list[Image]:
    """At each place all but the least and the greatest of the values, of which there are three at least."""
    half = len(values) // 2
    lows = [np.minimum(a, b) for a, b in zip(values[:half], values[-half:], strict=True)]
    highs = [np.maximum(a, b) for a, b in zip(values[:half], values[-half:], strict=True)]
    lows += values[half:-half]  # the odd one out may be the least, and what is left of it the greatest
    least, *lows = lows
    for index, low in enumerate(lows):
        least, lows[index] = np.minimum(least, low), np.maximum(least, low)
    highs += lows[half - 1 :]
    greatest, *highs = highs
    for index, high in enumerate(highs):
        greatest, highs[index] = np.maximum(greatest, high), np.minimum(greatest, high)
    return lows[: half - 1] + highs


class _Search:
    """Finds the medians (h, w) of the windows of `padded` (h + size - 1, w + size - 1)."""

    def __init__(self, padded: Image, size: int, is_exact: bool) -> None:
        self._padded, self._size = padded, size
        self._uncertainty = 0 if is_exact else 1
        self._medians = np.full((padded.shape[0] - size + 1, padded.shape[1] - size + 1), padded.min())

    def run(self) -> Image:
        """The medians."""
        height, width = self._medians.shape
        everywhere = np.packbits(np.ones((height, width), bool), axis=1)
        self._narrow(int(self._padded.min()), int(self._padded.max()), 0, 0, width, everywhere)
        return self._medians

    def _narrow(self, low: int, high: int, top: int, left: int, width: int, open_bits: Image) -> None:
        """Finds those medians that are between the levels low and high, given that they are `low` at least so far.

        open_bits (h, width / 8): a bit for each of them, from (top, left) on. The search goes on in the rectangle
        around them; its columns start at multiples of 8.
        """
        if high - low <= self._uncertainty:
            return
        rows, columns = np.flatnonzero(open_bits.any(axis=1)), np.flatnonzero(open_bits.any(axis=0))
        if not len(rows):
            return
        open_bits = open_bits[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        width = min(width, 8 * (int(columns[-1]) + 1)) - 8 * int(columns[0])
        top, left = top + int(rows[0]), left + 8 * int(columns[0])
        middle = (low + high) // 2
        medians = self._medians[top : top + len(open_bits), left : left + width]
        is_above = self._exceed(middle, top, left, medians.shape)
        np.maximum(medians, is_above.view(np.uint8) * np.uint8(middle + 1), out=medians)
        above_bits = np.packbits(is_above, axis=1)
        self._narrow(middle + 1, high, top, left, width, open_bits & above_bits)
        self._narrow(low, middle, top, left, width, open_bits & ~above_bits)

    def _exceed(self, level: int, top: int, left: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Whether the medians (h, w) from (top, left) on exceed the level."""
        size = self._size
        height, width = shape[0], shape[1] + size - 1
        exceeds = self._padded[top : top + height + size - 1, left : left + width] > level
        columns = _sums(exceeds.view(np.uint8).ravel(), size, width, most=1)
        counts = _sums(columns, size, 1, most=size)
        is_above = np.empty((height, width), bool)
        np.greater(counts, size * size // 2, out=is_above.ravel()[: len(counts)])
        return np.ascontiguousarray(is_above[:, : shape[1]])


def _sums(values: Counts, size: int, step: int, *, most: int) -> Counts:
    """Sums (n - (size - 1) * step,) of `size` values, `step` apart, from each of the values (n,) on.

    The values are `most` at most; sums are of the smallest type that holds them. Sums of 1, 2, 4, 8 ... values make up
    the size.
    """
    count = len(values) - (size - 1) * step
    sums, total = values, values[:0]
    summed, width = 0, 1
    while True:
        # The next doubling has to fit, and so has the total until then.
        sums = sums.astype(np.min_scalar_type(min(2 * width, size) * most), copy=False)
        if size & width:
            part = sums[summed * step :][:count]
            total = total + part if summed else part
            summed += width
        if summed == size:
            return total
        sums = sums[: -width * step] + sums[width * step :]
        width *= 2
