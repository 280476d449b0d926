"""Detections shown enlarged beside themselves, in place on pictures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask
from retinue.workflows.drawing import shapes
from retinue.workflows.drawing.anchors import Position, anchor_points, outer_box
from retinue.workflows.drawing.scaling import scaled_linear

Picture = NDArray[np.uint8]


def draw_crops(
    picture: Picture,
    xyxy: NDArray[np.float64],
    colors: NDArray[np.uint8],
    *,
    position: Position = "TOP_CENTER",
    scale_factor: float = 2.0,
    border_thickness: int = 2,
    masks: Sequence[Mask] | None = None,
) -> None:
    """The boxes (n, 4) scaled by scale_factor, beyond the anchors at `position`, framed in their colours (n, 3).

    What is shown is the picture before anything was drawn. masks: for CENTER_OF_MASS. Raises ValueError for a
    scale_factor of 0 or less.
    """
    if scale_factor <= 0:
        raise ValueError(f"scale_factor must be positive, and is {scale_factor}")
    height, width = picture.shape[:2]
    boxes = np.clip(xyxy, 0, [width, height, width, height]).astype(np.int64)
    source = picture.copy()
    for (x1, y1, x2, y2), anchor, color in zip(
        boxes.tolist(), anchor_points(xyxy, position, masks).tolist(), colors, strict=True
    ):
        if x1 >= x2 or y1 >= y2:
            continue
        size = (max(1, int((x2 - x1) * scale_factor)), max(1, int((y2 - y1) * scale_factor)))
        frame = outer_box(anchor, size, position)
        _paste(picture, source[y1:y2, x1:x2], size, frame[:2])
        shapes.draw_rectangle(picture, frame, color, border_thickness)


def _paste(picture: Picture, crop: Picture, size: tuple[int, int], corner_xy: tuple[int, int]) -> None:
    """The crop scaled to `size` (width, height), with its top left corner there; only what is seen of it is made."""
    left, top = corner_xy
    columns = range(max(0, -left), min(size[0], picture.shape[1] - left))
    rows = range(max(0, -top), min(size[1], picture.shape[0] - top))
    if not columns or not rows:
        return
    scaled = scaled_linear(crop, rows, columns, crop.shape[0] / size[1], crop.shape[1] / size[0])
    picture[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop] = scaled
