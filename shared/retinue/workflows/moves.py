"""Detections taken from the pixels of one picture into those of another that it lies in, or that lies in it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retinue.pipeline.prediction import Mask
from retinue.workflows.detections import DetectionTable, Place, strings
from retinue.workflows.image import Origin

_POLYGON = "polygon"


def shift(table: DetectionTable, left: ArrayLike, top: ArrayLike, size: ArrayLike | None = None) -> DetectionTable:
    """The detections moved by `left` and `top` whole pixels: boxes, masks, keypoints and polygons.

    left, top: the same for all rows, or (n,) one for each.
    size: width and height of the picture that they come to lie in, the same for all rows or (n, 2): masks are cut to
    it. None: masks keep the size that they have.
    What the rows say of their picture (places, parent_id, the table's size) stays: that is the caller's business.
    """
    offset_xy = np.empty((len(table), 2), np.int64)
    offset_xy[:, 0], offset_xy[:, 1] = left, top
    masks, keypoints, columns = table.masks, table.keypoints, table.columns
    if masks is not None:
        own = [(mask.width, mask.height) for mask in masks] if size is None else size
        sizes = np.broadcast_to(np.asarray(own, np.int64), offset_xy.shape)
        masks = tuple(
            _moved_mask(mask, *offset, *canvas)
            for mask, offset, canvas in zip(masks, offset_xy.tolist(), sizes.tolist(), strict=True)
        )
    if keypoints is not None:
        keypoints = tuple(replace(row, xy=row.xy + offset) for row, offset in zip(keypoints, offset_xy, strict=True))
    if _POLYGON in columns:
        columns = columns | {_POLYGON: _moved_polygons(columns[_POLYGON], offset_xy)}
    xyxy = table.xyxy + np.tile(offset_xy, 2)
    return replace(table, xyxy=xyxy, masks=masks, keypoints=keypoints, columns=columns)


def to_root(table: DetectionTable) -> DetectionTable:
    """The detections in pixels of the picture that came in, which is then also their parent (contract/workflows.md
    5.5).

    Of an empty table only the size changes. Rows of which the picture already has the root's size and corner stay as
    they are; so does a table of only such.
    """
    if not len(table):
        return replace(table, size=table.root_size or table.size)
    is_away = np.fromiter(map(_is_away, table.places), bool, len(table))
    if not is_away.any():
        return table
    roots: list[Origin] = [place.root for place in table.places]
    left = np.where(is_away, [root.left for root in roots], 0)
    top = np.where(is_away, [root.top for root in roots], 0)
    moved = shift(table, left, top, [(root.width, root.height) for root in roots])
    return replace(
        moved,
        parent_id=np.where(is_away, strings([root.id for root in roots]), table.parent_id),
        places=np.where(is_away, strings([_at_root(root) for root in roots]), table.places),
        size=(roots[0].width, roots[0].height),
    )


def _is_away(place: Place) -> bool:
    root = place.root
    is_moved = (root.left, root.top) != (0, 0)
    return is_moved or (place.width is not None and (place.width, place.height) != (root.width, root.height))


def _at_root(root: Origin) -> Place:
    itself = replace(root, left=0, top=0)
    return Place(width=root.width, height=root.height, parent=itself, root=itself)


def _moved_mask(mask: Mask, offset_x: int, offset_y: int, width: int, height: int) -> Mask:
    """The mask on a canvas of width x height; what lies outside is cut off. Shares its pixels."""
    left, top = mask.left + offset_x, mask.top + offset_y
    rows, columns = slice(max(0, -top), max(0, height - top)), slice(max(0, -left), max(0, width - left))
    return Mask(mask.patch[rows, columns], min(max(0, left), width), min(max(0, top), height), width, height)


def _moved_polygons(polygons: Iterable[Any], offset_xy: NDArray[np.int64]) -> NDArray[np.object_]:
    """Points (k, 2) or nothing for each row."""
    return strings(
        [
            None if polygon is None else np.asarray(polygon) + offset
            for polygon, offset in zip(polygons, offset_xy, strict=True)
        ]
    )
