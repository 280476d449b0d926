"""The parts of a picture that detections take: masks, or boxes where there are none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask

Picture = NDArray[np.uint8]
Area = tuple[slice, slice]
"""Rows and columns of a picture."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What a detection takes of an area of the picture: `inside` (h, w), and the size of it all in pixels."""

    area: Area
    inside: NDArray[np.bool_]
    size: float


def mask_patches(picture: Picture, masks: Sequence[Mask]) -> list[Patch]:
    """The masks, cut to the picture."""
    height, width = picture.shape[:2]
    patches = []
    for mask in masks:
        inside = mask.patch[: max(0, height - mask.top), : max(0, width - mask.left)]
        area = _area(mask.left, mask.top, mask.left + inside.shape[1], mask.top + inside.shape[0])
        patches.append(Patch(area, inside, float(np.count_nonzero(mask.patch))))
    return patches


def box_patches(picture: Picture, xyxy: NDArray[np.float64]) -> list[Patch]:
    """The boxes (n, 4), cut off to whole pixels and cut to the picture; the right and bottom edges are not in."""
    height, width = picture.shape[:2]
    sizes = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    limits = np.array([width, height, width, height])
    patches = []
    for (x1, y1, x2, y2), size in zip(np.clip(xyxy.astype(np.int64), 0, limits).tolist(), sizes.tolist(), strict=True):
        inside = np.ones((max(0, y2 - y1), max(0, x2 - x1)), np.bool_)
        patches.append(Patch(_area(x1, y1, max(x1, x2), max(y1, y2)), inside, size))
    return patches


def patches_of(picture: Picture, xyxy: NDArray[np.float64], masks: Sequence[Mask] | None) -> list[Patch]:
    """The masks, or the boxes without masks."""
    return box_patches(picture, xyxy) if masks is None else mask_patches(picture, masks)


def union_area(patches: Sequence[Patch], shape: tuple[int, ...], margin: int = 0) -> Area:
    """The smallest area that holds all patches and a margin around them within a picture of `shape`; maybe empty."""
    areas = [patch.area for patch in patches if patch.inside.size]
    if not areas:
        return _area(0, 0, 0, 0)
    rows, columns = (
        slice(
            max(0, min(area[axis].start for area in areas) - margin),
            min(shape[axis], max(area[axis].stop for area in areas) + margin),
        )
        for axis in (0, 1)
    )
    return rows, columns


def paint(canvas: Picture, area: Area, patches: Sequence[Patch], colors: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Paints the patches on a canvas that is `area` of the picture, larger ones first; returns what was painted.

    The area holds all patches that are not empty.
    """
    painted = np.zeros(canvas.shape[:2], np.bool_)
    for index in np.argsort([patch.size for patch in patches], kind="stable")[::-1]:
        patch = patches[index]
        if not patch.inside.size:
            continue
        rows, columns = (
            slice(part.start - whole.start, part.stop - whole.start)
            for part, whole in zip(patch.area, area, strict=True)
        )
        canvas[rows, columns][patch.inside] = colors[index]
        painted[rows, columns] |= patch.inside
    return painted


def _area(x1: int, y1: int, x2: int, y2: int) -> Area:
    return slice(y1, y2), slice(x1, x2)
