"""Points of boxes that blocks hang something on, and where a label or crop of some size lies around such a point."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask

Position = Literal[
    "CENTER",
    "CENTER_LEFT",
    "CENTER_RIGHT",
    "TOP_CENTER",
    "TOP_LEFT",
    "TOP_RIGHT",
    "BOTTOM_LEFT",
    "BOTTOM_CENTER",
    "BOTTOM_RIGHT",
    "CENTER_OF_MASS",
]


def anchor_points(
    xyxy: NDArray[np.float64], position: Position, masks: Sequence[Mask] | None = None
) -> NDArray[np.int64]:
    """The point (n, 2) of each box (n, 4) at `position`, in whole pixels x, y, cut off below.

    Raises ValueError for CENTER_OF_MASS without masks, and for an unknown position.
    """
    if position == "CENTER_OF_MASS":
        if masks is None:
            raise ValueError("the position CENTER_OF_MASS needs masks")
        return np.array([_center_of_mass(mask) for mask in masks], np.int64).reshape(-1, 2)
    x1, y1, x2, y2 = xyxy.T
    row, column = _parts(position)
    x = {"LEFT": x1, "RIGHT": x2, "CENTER": (x1 + x2) / 2}[column]
    y = {"TOP": y1, "BOTTOM": y2, "CENTER": (y1 + y2) / 2}[row]
    return np.stack([x, y], axis=1).astype(np.int64)


def _center_of_mass(mask: Mask) -> tuple[int, int]:
    """The mean of the mask's pixels' centres, cut off below; 0, 0 for an empty mask."""
    y, x = np.nonzero(mask.patch)
    if not len(y):
        return 0, 0
    return int((x + 0.5).mean() + mask.left), int((y + 0.5).mean() + mask.top)


def label_box(anchor_xy: tuple[int, int], size: tuple[int, int], position: Position) -> tuple[int, int, int, int]:
    """The box x1, y1, x2, y2 of a label of `size` (width, height) that hangs on the anchor of a box at `position`.

    At corners it starts or ends where the box does, at the middle of a side it lies outside (contract/workflows.md
    8.3). Centred boxes lose a pixel of odd sizes.
    """
    row, column = _parts(position)
    if row != "CENTER" and column != "CENTER":
        column = "RIGHT" if column == "LEFT" else "LEFT"
    return _box(anchor_xy, size, row, column)


def outer_box(anchor_xy: tuple[int, int], size: tuple[int, int], position: Position) -> tuple[int, int, int, int]:
    """The box x1, y1, x2, y2 of a crop of `size` (width, height) that lies beyond the anchor on the side of `position`.

    Centred boxes lose a pixel of odd sizes.
    """
    return _box(anchor_xy, size, *_parts(position))


def _box(anchor_xy: tuple[int, int], size: tuple[int, int], row: str, column: str) -> tuple[int, int, int, int]:
    """The box above, below or around the anchor, left of it, right of it or around it."""
    (x, y), (width, height) = anchor_xy, size
    left, right = {"LEFT": (width, 0), "RIGHT": (0, width), "CENTER": (width // 2, width // 2)}[column]
    above, below = {"TOP": (height, 0), "BOTTOM": (0, height), "CENTER": (height // 2, height // 2)}[row]
    return x - left, y - above, x + right, y + below


def _parts(position: Position) -> tuple[str, str]:
    """TOP, CENTER or BOTTOM, and LEFT, CENTER or RIGHT. Raises ValueError for an unknown position."""
    if position not in get_args(Position):
        raise ValueError(f"{position!r} is no position; known are {', '.join(get_args(Position))}")
    row, _, column = position.partition("_")
    return row, column if column in ("LEFT", "RIGHT") else "CENTER"
