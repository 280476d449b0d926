"""Areas of detections made unrecognisable, in place on pictures (H, W, 3) uint8."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask
from retinue.workflows.drawing.box_filter import box_blur
from retinue.workflows.drawing.scaling import scaled_linear, scaled_nearest

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float64]


def blur_regions(
    picture: Picture, xyxy: Boxes, masks: Sequence[Mask] | None, *, kernel_size: int = 15, padding: int = 0
) -> None:
    """The boxes (n, 4), or only the masks if there are any, blurred by a box of kernel_size pixels.

    padding: by how many pixels the boxes, or the masks in all directions, grow. Raises ValueError for a kernel_size
    that box_blur does not take, and a padding below 0.
    """
    if padding < 0:
        raise ValueError(f"padding cannot be negative, and is {padding}")
    if masks is None:
        for x1, y1, x2, y2 in _clipped(picture, xyxy + np.array([-1, -1, 1, 1]) * padding):
            region = picture[y1:y2, x1:x2]
            region[:] = box_blur(region, kernel_size)
        return
    for box, mask in zip(_clipped(picture, xyxy), masks, strict=True):
        _blur_mask(picture, box, mask, kernel_size, padding)


def _blur_mask(picture: Picture, box: list[int], mask: Mask, kernel_size: int, padding: int) -> None:
    """Blurs the region around both the box and the mask, and keeps of that what lies in the grown mask."""
    y, x = np.nonzero(mask.patch)
    if not len(y):
        return
    height, width = picture.shape[:2]
    y, x = y + mask.top, x + mask.left
    left, top = max(min(box[0], int(x.min())) - padding, 0), max(min(box[1], int(y.min())) - padding, 0)
    right = min(max(box[2], int(x.max()) + 1) + padding, width)
    bottom = min(max(box[3], int(y.max()) + 1) + padding, height)
    if left >= right or top >= bottom:
        return
    inside = np.zeros((bottom - top, right - left), np.bool_)
    is_seen = (y < bottom) & (x < right)
    inside[y[is_seen] - top, x[is_seen] - left] = True
    region = picture[top:bottom, left:right]
    blurred = box_blur(region, kernel_size)
    inside = _grown(inside, padding)
    region[inside] = blurred[inside]


def _grown(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """The mask (h, w) dilated by OpenCV's elliptic kernel of 2 * radius + 1 pixels."""
    if radius == 0:
        return mask
    height, width = mask.shape
    down = np.arange(radius + 1)
    reach = np.rint(radius * np.sqrt((radius * radius - down * down) / (radius * radius))).astype(int)
    aside = _distance_along_rows(mask)
    # A pixel so far from the mask in its row lies in the grown mask, and so do those this far above and below it.
    farthest = np.searchsorted(-reach, -np.arange(radius + 1), side="right") - 1
    y, x = np.nonzero(aside <= radius)
    tall = farthest[aside[y, x]]
    steps = np.zeros((height + 1) * width, np.int32)
    np.add.at(steps, np.maximum(y - tall, 0) * width + x, 1)
    np.add.at(steps, np.minimum(y + tall + 1, height) * width + x, -1)
    return np.asarray(np.cumsum(steps.reshape(height + 1, width), axis=0)[:height] > 0)


def _distance_along_rows(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """How far each pixel (h, w) is from the nearest of the mask in its row; beyond any radius in rows without."""
    columns = np.arange(mask.shape[1], dtype=np.int32)
    nowhere = np.iinfo(np.int32).max // 2
    before = np.maximum.accumulate(np.where(mask, columns, -nowhere), axis=1)
    behind = np.minimum.accumulate(np.where(mask, columns, nowhere)[:, ::-1], axis=1)[:, ::-1]
    return np.minimum(columns - before, behind - columns)


def pixelate_regions(picture: Picture, xyxy: Boxes, *, pixel_size: int = 20) -> None:
    """The boxes (n, 4) in squares of pixel_size; those smaller than that in their mean colour.

    Raises ValueError for a pixel_size below 1.
    """
    if pixel_size < 1:
        raise ValueError(f"pixel_size must be at least 1, and is {pixel_size}")
    for x1, y1, x2, y2 in _clipped(picture, xyxy):
        region = picture[y1:y2, x1:x2]
        height, width = region.shape[:2]
        if not region.size:
            continue
        if min(height, width) < pixel_size:
            region[:] = region.reshape(-1, 3).mean(axis=0).astype(np.uint8)
            continue
        shrink = 1 / pixel_size
        rows, columns = round(height * shrink), round(width * shrink)
        small = scaled_linear(region, range(rows), range(columns), 1 / shrink, 1 / shrink)
        region[:] = scaled_nearest(small, height, width)


def _clipped(picture: Picture, xyxy: Boxes) -> list[list[int]]:
    """The boxes within the picture, then cut off to whole pixels."""
    height, width = picture.shape[:2]
    return np.clip(xyxy, 0, [width, height, width, height]).astype(np.int64).tolist()
