"""Detections of one object made into one: the weaker dropped, or all merged, as supervision 0.30 does it.

Two detections of a class are of one object if they overlap enough, by their masks where they have them, else by their
boxes. Of equally confident ones the later comes first, as in supervision's reversed sort.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.detections import DetectionTable, box_iou
from retinue.workflows.mask_sets import MaskOverlaps, union

Rows = NDArray[np.intp]
Joins = Callable[[np.intp, Rows], NDArray[np.bool_]]
"""Which of some rows are of one object with a more confident one."""


def drop_overlapping(table: DetectionTable, iou_threshold: float) -> DetectionTable:
    """Non-maximum suppression: without the detections that overlap a more confident one of their class by more than
    `iou_threshold`. Those that stay keep their order."""
    joins = _box_joins(table, iou_threshold) if table.masks is None else _mask_joins(table, iou_threshold)
    leaders = [group[0] for group in _groups(table, joins)]
    return table.select(np.sort(np.array(leaders, np.intp)))


def merge_overlapping(table: DetectionTable, iou_threshold: float) -> DetectionTable:
    """Non-maximum merging: detections that overlap a more confident one of their class by at least `iou_threshold` are
    merged with it. By class, then best first.

    A merged detection is the most confident one, with the union of all boxes and masks and the mean confidence,
    weighted by the areas of the boxes. Masks also join what overlaps the union so far.
    """
    joins = _box_joins(table, iou_threshold, merges=True) if table.masks is None else _growing(table, iou_threshold)
    groups = _groups(table, joins)
    if not groups:
        return table
    leaders = table.select([group[0] for group in groups])
    rows = np.concatenate(groups)
    sizes = np.array([len(group) for group in groups])
    starts = np.cumsum(sizes) - sizes
    xyxy, area = table.xyxy[rows], table.box_area[rows]
    merged_xyxy = np.concatenate(
        [np.minimum.reduceat(xyxy[:, :2], starts), np.maximum.reduceat(xyxy[:, 2:], starts)], axis=1
    )
    weights = np.add.reduceat(area, starts)
    weighted = np.add.reduceat(area * table.confidence[rows], starts)
    confidence = np.divide(weighted, weights, out=leaders.confidence.copy(), where=weights > 0)
    is_merged = sizes > 1
    masks = leaders.masks
    if table.masks is not None:
        masks = tuple(union([table.masks[row] for row in group]) for group in groups)
    return replace(
        leaders,
        # supervision gives what it merged as float32
        xyxy=np.where(is_merged[:, None], merged_xyxy.astype(np.float32), leaders.xyxy),
        confidence=np.where(is_merged, confidence.astype(np.float32), leaders.confidence),
        masks=masks,
    )


def _groups(table: DetectionTable, joins: Joins) -> list[Rows]:
    """The rows of each object, the most confident first; by class, then by that one's confidence."""
    best_first = np.argsort(table.confidence, kind="stable")[::-1]
    groups = []
    for class_id in np.unique(table.class_id):
        rest = best_first[table.class_id[best_first] == class_id]
        # A step for each object, not for each detection: what the best one takes decides about the rest.
        while len(rest):
            leader, rest = rest[0], rest[1:]
            is_joined = joins(leader, rest)
            groups.append(np.concatenate([[leader], rest[is_joined]]))
            rest = rest[~is_joined]
    return groups


def _box_joins(table: DetectionTable, iou_threshold: float, *, merges: bool = False) -> Joins:
    def joins(leader: np.intp, rest: Rows) -> NDArray[np.bool_]:
        iou = box_iou(table.xyxy[[leader]], table.xyxy[rest])[0].astype(np.float32)
        # The overlaps are float32. Suppression compares them in double, where 0.3 as float32 is above 0.3.
        return iou >= np.float32(iou_threshold) if merges else iou > np.float64(iou_threshold)

    return joins


def _mask_joins(table: DetectionTable, iou_threshold: float) -> Joins:
    masks = table.masks or ()
    overlaps = MaskOverlaps(masks)
    return lambda leader, rest: overlaps.iou(masks[leader], rest) > iou_threshold


def _growing(table: DetectionTable, iou_threshold: float) -> Joins:
    masks = table.masks or ()
    overlaps = MaskOverlaps(masks)

    def joins(leader: np.intp, rest: Rows) -> NDArray[np.bool_]:
        is_joined = np.zeros(len(rest), bool)
        grown = masks[leader]
        while len(left := np.flatnonzero(~is_joined)):
            found = left[overlaps.iou(grown, rest[left]) >= iou_threshold]
            if not len(found):
                break
            grown = union([grown, *(masks[row] for row in rest[found])])
            is_joined[found] = True
        return is_joined

    return joins
