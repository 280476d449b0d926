"""A picture to draw on, and what to draw on it: boxes, colours, keypoints and masks of three objects."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask
from retinue.workflows.drawing import colors

Picture = NDArray[np.uint8]
Draw = Callable[[Picture], None]

INK = (9, 9, 9)
BLUE = (1, 2, 250)

ROW, COLUMN = np.mgrid[0:48, 0:64]
SCENE = np.stack(
    [(3 * COLUMN + ROW) % 200, (5 * ROW + 2 * COLUMN) % 180, (COLUMN * ROW) % 220], axis=2
).astype(np.uint8)  # fmt: skip
XYXY = np.array([[6.7, 8.2, 34.9, 30.1], [20.5, 15.5, 58.4, 44.9], [40.2, -5.0, 70.0, 12.6]])
COLORS = colors.look_up(colors.palette("DEFAULT"), np.array([0, 4, 7]))
POINTS = np.array([[[10, 10], [30, 20], [0, 0], [50, 40]], [[5, 40], [60, 3], [33.7, 25.2], [20, 5]]])


def mask_of(inside: NDArray[np.bool_]) -> Mask:
    """The mask whose patch is as small as can be."""
    y, x = np.nonzero(inside)
    patch = inside[y.min() : y.max() + 1, x.min() : x.max() + 1]
    return Mask(patch, int(x.min()), int(y.min()), inside.shape[1], inside.shape[0])


MASKS = [
    mask_of(((COLUMN - 20) / 13) ** 2 + ((ROW - 19) / 10) ** 2 < 1),
    mask_of((np.abs(COLUMN - 39) + np.abs(ROW - 30) < 15) & ((COLUMN - 39) ** 2 + (ROW - 30) ** 2 > 9)),  # a hole
    mask_of((COLUMN >= 44) & (ROW < 10)),
]
