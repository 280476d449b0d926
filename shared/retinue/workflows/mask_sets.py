"""Masks of one picture as sets of pixels: bounds, areas, unions, intersections, overlaps."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask

Frame = tuple[int, int, int, int]


def empty_mask(width: int, height: int) -> Mask:
    """A mask without pixels."""
    return Mask(np.zeros((0, 0), bool), 0, 0, width, height)


def pixel_bounds(mask: Mask) -> Frame:
    """The first and the last column and row that the mask reaches, as x1, y1, x2, y2; zeros where it is empty.

    The last pixel itself is the corner, as in supervision's mask_to_xyxy.
    """
    columns, rows = np.flatnonzero(mask.patch.any(axis=0)), np.flatnonzero(mask.patch.any(axis=1))
    if not len(columns):
        return 0, 0, 0, 0
    x1, x2 = (columns[[0, -1]] + mask.left).tolist()
    y1, y2 = (rows[[0, -1]] + mask.top).tolist()
    return x1, y1, x2, y2


def area_of(mask: Mask) -> int:
    """How many pixels the mask has."""
    return int(np.count_nonzero(mask.patch))


def union(masks: Sequence[Mask]) -> Mask:
    """The pixels of any of the masks, which have the same canvas."""
    frames = [_frame(mask) for mask in masks]
    left, top, right, bottom = zip(*frames, strict=True)
    x1, y1, x2, y2 = min(left), min(top), max(right), max(bottom)
    patch = np.zeros((y2 - y1, x2 - x1), bool)
    for mask, frame in zip(masks, frames, strict=True):
        patch[_slices(frame, x1, y1)] |= mask.patch
    return Mask(patch, x1, y1, masks[0].width, masks[0].height)


def intersection(masks: Sequence[Mask]) -> Mask:
    """The pixels of all of the masks, which have the same canvas."""
    left, top, right, bottom = zip(*map(_frame, masks), strict=True)
    x1, y1, x2, y2 = max(left), max(top), min(right), min(bottom)
    if x2 <= x1 or y2 <= y1:
        return empty_mask(masks[0].width, masks[0].height)
    patches = [mask.patch[_slices((x1, y1, x2, y2), mask.left, mask.top)] for mask in masks]
    return Mask(np.logical_and.reduce(patches), x1, y1, masks[0].width, masks[0].height)


class MaskOverlaps:
    """How much masks overlap, as intersection over union."""

    def __init__(self, masks: Sequence[Mask]) -> None:
        self._masks = masks
        self._frames = np.array([_frame(mask) for mask in masks], np.int64).reshape(-1, 4)
        self._areas = np.array([area_of(mask) for mask in masks], np.int64)

    def iou(self, mask: Mask, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Intersection over union of `mask` with each of the masks at `rows`: (len(rows),), 0 where both are empty."""
        frame = np.array(_frame(mask))
        shared = np.zeros(len(rows), np.int64)
        frames = self._frames[rows]
        low, high = np.maximum(frames[:, :2], frame[:2]), np.minimum(frames[:, 2:], frame[2:])
        # One by one where the frames meet, as each pair meets in a rectangle of its own size.
        for position in np.flatnonzero((low < high).all(axis=1)):
            other = self._masks[rows[position]]
            meeting = (*low[position].tolist(), *high[position].tolist())
            own_part = mask.patch[_slices(meeting, mask.left, mask.top)]
            shared[position] = np.count_nonzero(own_part & other.patch[_slices(meeting, other.left, other.top)])
        joint = self._areas[rows] + area_of(mask) - shared
        return np.divide(shared, joint, out=np.zeros(len(rows)), where=joint > 0)


def _frame(mask: Mask) -> Frame:
    """Where the patch lies in the picture: x1, y1, x2, y2."""
    height, width = mask.patch.shape
    return mask.left, mask.top, mask.left + width, mask.top + height


def _slices(frame: Sequence[int], left: int, top: int) -> tuple[slice, slice]:
    """The frame's rows and columns in a patch whose corner is at left, top."""
    x1, y1, x2, y2 = frame
    return slice(y1 - top, y2 - top), slice(x1 - left, x2 - left)
