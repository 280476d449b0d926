"""Outlines of what is not black in a picture, with the hierarchy that OpenCV gives along."""

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.contours import find_contours

NONE = -1


def external_contours(gray: NDArray[np.uint8]) -> tuple[list[NDArray[np.int32]], NDArray[np.int32] | None]:
    """The outer contours of the pixels of `gray` (H, W) that are not 0, and their hierarchy.

    Equal to cv2.findContours(RETR_EXTERNAL, CHAIN_APPROX_SIMPLE): each contour is an array (n, 1, 2) of x, y; the
    hierarchy (1, contours, 4) holds the next and the previous contour, the first child and the parent, -1 where there
    is none (outer contours have neither of the last two). Without contours there is no hierarchy: None.
    """
    contours = [contour[:, None].astype(np.int32) for contour in find_contours(gray > 0)]
    if not contours:
        return [], None
    number = np.arange(len(contours), dtype=np.int32)
    hierarchy = np.full((1, len(contours), 4), NONE, np.int32)
    hierarchy[0, :-1, 0] = number[1:]
    hierarchy[0, 1:, 1] = number[:-1]
    return contours, hierarchy
