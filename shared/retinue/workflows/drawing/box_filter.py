"""OpenCV's box blur, level for level."""

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
    sums = _window_sums(_window_sums(picture, kernel_size, 0), kernel_size, 1)
    area = kernel_size * kernel_size
    if area > _LARGEST_FIXED_AREA:
        return np.rint(sums.astype(np.float32) * np.float32(1 / area)).astype(np.uint8)
    factor, rest = divmod(1 << _SHIFT, area)
    is_down = 2 * rest < area
    offset = area // 2 + is_down
    return (((sums.astype(np.int64) + offset) * (factor + (not is_down))) >> _SHIFT).astype(np.uint8)


def _window_sums(values: NDArray[np.generic], size: int, axis: int) -> NDArray[np.int32]:
    """The sums of `size` values around each along the axis, mirrored at both ends."""
    length = values.shape[axis]
    places = np.arange(-(size // 2), length + size - size // 2)
    period = max(2 * (length - 1), 1)
    places = np.abs(places) % period
    mirrored = np.take(values, np.where(places >= length, period - places, places), axis=axis)
    sums = np.cumsum(mirrored, axis=axis, dtype=np.int32)
    whole = np.moveaxis(sums, axis, 0)
    windows = whole[size - 1 : -1].copy()
    windows[1:] -= whole[: -size - 1]
    return np.moveaxis(windows, 0, axis)
