"""Pictures mixed: OpenCV's weighted sum of two, level for level."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def weighted(first: Picture, first_weight: float, second: Picture, second_weight: float) -> Picture:
    """first * first_weight + second * second_weight of two pictures of one shape, rounded and kept within 0..255."""
    return _sums(float(first_weight), float(second_weight))[first, second]


@lru_cache(maxsize=16)
def _sums(first_weight: float, second_weight: float) -> Picture:
    """The weighted sum of each pair of levels, (256, 256).

    As cv2.addWeighted computes it: in single precision, the first product and the sum rounded once together.
    """
    levels = np.arange(256, dtype=np.float64)
    first = levels[:, None] * np.float64(np.float32(first_weight))
    second = levels.astype(np.float32) * np.float32(second_weight)
    sums = (first + second).astype(np.float32)
    return np.clip(np.rint(sums), 0, 255).astype(np.uint8)
