"""Outlines of masks with their holes, as OpenCV's findContours(RETR_TREE, CHAIN_APPROX_SIMPLE) finds them."""

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline import contours


def find_all_contours(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The contours (n, 2) of pixels x, y around every component of `mask` (h, w) and around every hole in one."""
    if not mask.any():
        return []
    y, x, side = contours._border_edges(mask)
    first, rank = contours._order_cycles(contours._following_edges(y, x, side, mask.shape))
    order = np.lexsort((rank, first))
    return contours._trace(np.stack([x, y], axis=1)[order], first[order])
