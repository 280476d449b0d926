"""OpenCV's box blur, level for level."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_SHIFT = 23
# Up to this area OpenCV divides by a product in fixed point, beyond it in single precision.
_LARGEST_FIXED_AREA = 256


def box_blur(picture: Picture, kernel_size: int) -> Picture:
    """The mean of the kernel_size x kernel_size pixels around each pixel of a picture (h, w, 3).

    Half of an even size, and one pixel less, lies to the right and below. The picture is mirrored at its edges, the
    outermost pixels not repeated. Raises ValueError for a kernel_size below 1.
    """
    if kernel_size < 1:
        raise ValueError(f"kernel_size must be at least 1, and is {kernel_size}")
    if kernel_size == 1 or not picture.size:
        return picture.copy()
    is_large = kernel_size * kernel_size * 255 >= 1 << 31
    levels = picture.astype(np.int64 if is_large else np.int32)
    sums = _window_sums(_window_sums(levels, kernel_size, 0), kernel_size, 1)
    area = kernel_size * kernel_size
    if area > _LARGEST_FIXED_AREA:
        return np.rint(sums.astype(np.float32) * np.float32(1 / area)).astype(np.uint8)
    factor, rest = divmod(1 << _SHIFT, area)
    is_down = 2 * rest < area
    offset = area // 2 + is_down
    return (((sums.astype(np.int64) + offset) * (factor + (not is_down))) >> _SHIFT).astype(np.uint8)


def _window_sums(values: NDArray[Any], size: int, axis: int) -> NDArray[Any]:
    """The sums of `size` values around each along axis 0 or 1, mirrored at both ends; in the type of `values`."""
    length = values.shape[axis]
    period = max(2 * (length - 1), 1)  # after which the mirrored values repeat
    periods, rest = divmod(size, period)
    places = (np.arange(length + rest) - size // 2) % period
    mirrored = np.take(values, np.where(places >= length, period - places, places), axis=axis)
    sums = np.zeros_like(values)
    if periods:
        one = 2 * values.sum(axis=axis, keepdims=True, dtype=values.dtype)
        ends = np.take(values, [0, -1], axis=axis).sum(axis=axis, keepdims=True, dtype=values.dtype)
        sums += (one - ends if length > 1 else values) * periods
    # Sums of 1, 2, 4 ... values, of which those are taken that make up the rest.
    done, count = 0, 1
    while done < rest:
        if rest & count:
            sums += _part(mirrored, done, done + length, axis)
            done += count
        mirrored = _part(mirrored, 0, -count, axis) + _part(mirrored, count, None, axis)
        count *= 2
    return sums


def _part(values: NDArray[Any], start: int, stop: int | None, axis: int) -> NDArray[Any]:
    return values[start:stop] if axis == 0 else values[:, start:stop]
