"""Parts of enlarged or shrunk pictures, pixel for pixel as cv2.resize makes them."""

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_WEIGHT_BITS = 11


def scaled_linear(picture: Picture, rows: range, columns: range, scale_y: float, scale_x: float) -> Picture:
    """The pixels at `rows` and `columns` of the picture (h, w, 3) scaled linearly (INTER_LINEAR).

    scale_y, scale_x: pixels of the picture per scaled pixel. Only what is asked for is computed. The arithmetic is
    OpenCV's in fixed point, as in retinue.pipeline.resize.
    """
    above, below, down = _taps(rows, scale_y, picture.shape[0])
    left, right, across = _taps(columns, scale_x, picture.shape[1])
    whole = 1 << _WEIGHT_BITS
    needed, places = np.unique([above, below], return_inverse=True)
    strip = picture[needed]
    along = strip[:, left] * (whole - across)[:, None]
    along += strip[:, right] * across[:, None]
    along >>= 4
    levels = (along[places[0]] * (whole - down)[:, None, None]) >> 16
    levels += (along[places[1]] * down[:, None, None]) >> 16
    return ((levels + 2) >> 2).astype(np.uint8)


def _taps(targets: range, scale: float, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """For each target the two source pixels, and the second's weight in 1/2048. Half-pixel centres."""
    position = ((np.array(targets) + 0.5) * scale - 0.5).astype(np.float32)
    before = np.floor(position)
    weight = np.rint((position - before) * (1 << _WEIGHT_BITS)).astype(np.int32)
    first, second = np.clip([before, before + 1], 0, size - 1).astype(np.int64)
    return first, second, weight


def scaled_nearest(picture: Picture, height: int, width: int) -> Picture:
    """The whole picture (h, w, 3) scaled without mixing pixels (INTER_NEAREST)."""
    rows, columns = (
        np.minimum(np.floor(np.arange(target) * (1 / (target / size))).astype(np.int64), size - 1)
        for target, size in ((height, picture.shape[0]), (width, picture.shape[1]))
    )
    return picture[rows[:, None], columns]
