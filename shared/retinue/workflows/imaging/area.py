"""Resize by area, equal to cv2.resize(INTER_AREA) in every pixel.

To shrink, each new pixel is the mean of what it covers. OpenCV adds in 32-bit floats, so their order counts; but where
both sides shrink by whole factors it adds integers. As soon as one side grows, it interpolates along both between two
neighbours, with weights in 1/2048, that change only where a new pixel covers both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.imaging.bands import row_bands

Image = NDArray[np.uint8]

LEAST_COVER = 1e-3
"""OpenCV leaves out a pixel of which no more than this is covered."""


def resize_area(image: Image, width: int, height: int) -> Image:
    """The picture (H, W, 3) or (H, W) resized to width x height pixels, both at least 1; `image` if it has them."""
    old_height, old_width = image.shape[:2]
    if (old_height, old_width) == (height, width):
        return image
    # The inverse of the inverse: OpenCV's last bit decides whether a factor is whole.
    across, down = 1 / (width / old_width), 1 / (height / old_height)
    result = np.empty((height, width, *image.shape[2:]), np.uint8)
    if min(across, down) < 1:
        return _interpolate(image, _Taps.between(old_width, width), _Taps.between(old_height, height), result)
    if across.is_integer() and down.is_integer():
        columns, rows = _Taps.whole(int(across), width), _Taps.whole(int(down), height)
        for band, sums in _sums(image, columns, rows):
            mean = np.rint(sums.astype(np.float32) * np.float32(1 / (across * down)))
            result[band] = (sums + 2) >> 2 if across == down == 2 else mean
        return result
    for band, sums in _sums(image, _Taps.covered(old_width, width), _Taps.covered(old_height, height)):
        result[band] = np.rint(sums)
    return result


@dataclass(frozen=True, slots=True)
class _Taps:
    """What n new pixels are made of along one axis: those from `first` (n,) on, with `weights` (taps, n)."""

    first: NDArray[np.intp]
    weights: NDArray[Any]

    @classmethod
    def whole(cls, factor: int, target: int) -> "_Taps":
        """Each `factor` pixels become one; weights are 1."""
        return cls(np.arange(target) * factor, np.ones((factor, target), np.uint32))

    @classmethod
    def covered(cls, size: int, target: int) -> "_Taps":
        """`size` pixels become fewer; weights are the shares (float32) that they have in the new one."""
        scale = 1 / (target / size)
        start = np.arange(target) * scale
        stop = start + scale
        cover = np.minimum(scale, size - start)
        whole_stop = np.minimum(np.floor(stop), size - 1)
        whole_start = np.minimum(np.ceil(start), whole_stop)
        is_cut = whole_start - start > LEAST_COVER
        first = (whole_start - is_cut).astype(np.intp)
        pixel = first + np.arange(int((whole_stop - first).max()) + 1)[:, None]
        weights = ((pixel >= whole_start) & (pixel < whole_stop)) / cover
        weights += (pixel < whole_start) * (whole_start - start) / cover
        rest = stop - whole_stop
        weights += ((pixel == whole_stop) & (rest > LEAST_COVER)) * np.minimum(np.minimum(rest, 1), cover) / cover
        return cls(first, weights.astype(np.float32))

    @classmethod
    def between(cls, size: int, target: int) -> "_Taps":
        """Each new pixel lies between two; weights are in 1/2048 (int32)."""
        growth = target / size
        first = np.floor(np.arange(target) * (1 / growth)).astype(np.intp)
        share = (np.arange(1, target + 1) - (first + 1) * growth).astype(np.float32)
        share = np.where((share <= 0) | (first >= size - 1), 0, share % 1)
        weight = np.rint(share * np.float32(2048)).astype(np.int32)
        return cls(np.minimum(first, size - 1), np.stack([2048 - weight, weight]))

    def pixels(self, size: int) -> NDArray[np.intp]:
        """The pixels (taps, n); those beyond the last, whose weights are 0, are the last."""
        return np.minimum(self.first + np.arange(len(self.weights))[:, None], size - 1)


def _sums(image: Image, columns: _Taps, rows: _Taps) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Bands of new rows, and in each the weighted sums (rows, w[, C]); along rows first, each added in order."""
    width, channels = len(columns.first), image.shape[2:]
    new_shape = (len(rows.first), width, *channels)
    column_weights = columns.weights.reshape(-1, width, *(1 for _ in channels))
    column_taps = list(zip(columns.pixels(image.shape[1]), column_weights, strict=True))
    row_weights = rows.weights.reshape(-1, len(rows.first), *(1 for _ in new_shape[1:]))
    row_pixels = rows.pixels(image.shape[0])
    for band in row_bands(new_shape):
        sums = np.zeros((band.stop - band.start, *new_shape[1:]), columns.weights.dtype)
        # As many rows at a time as make up a band.
        for group in row_bands((len(row_pixels), sums.size)):
            strip = image[row_pixels[group, band]]
            across = np.zeros((*strip.shape[:2], *new_shape[1:]), sums.dtype)
            for pixels, weights in column_taps:
                across += strip[:, :, pixels] * weights
            across *= row_weights[group, band]
            for part in across:
                sums += part
        yield band, sums


def _interpolate(image: Image, columns: _Taps, rows: _Taps, result: Image) -> Image:
    """Fills the result (h, w[, C]): OpenCV's fixed-point interpolation, whose formula is in pipeline/resize.py."""
    channels = image[0, 0].size
    # Of each value of a row, where its two neighbours are among the values of the old row.
    left, right = (columns.pixels(image.shape[1])[..., None] * channels + np.arange(channels)).reshape(2, -1)
    left_weight, right_weight = columns.weights.repeat(channels, axis=1)

    @lru_cache(maxsize=2)
    def across(row: int) -> NDArray[np.int32]:
        values = image[row].astype(np.int32).ravel()
        sums, second = values.take(left), values.take(right)
        sums *= left_weight
        second *= right_weight
        sums += second
        sums >>= 4
        return sums

    level, share = np.empty((2, len(left)), np.int32)
    new_rows = result.reshape(len(result), -1)
    taps = zip(*rows.pixels(image.shape[0]).tolist(), *rows.weights, new_rows, strict=True)
    for above, below, above_weight, below_weight, new_row in taps:
        np.multiply(across(above), above_weight, out=level)
        np.multiply(across(below), below_weight, out=share)
        level >>= 16
        share >>= 16
        level += share
        level += 2
        np.right_shift(level, 2, out=new_row, casting="unsafe")
    return result
