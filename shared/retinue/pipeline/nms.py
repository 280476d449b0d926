"""Non-maximum suppression."""

import numpy as np
from numpy.typing import NDArray

# Candidates are judged in blocks of this many: one block is a matrix of 512 x 512, whatever the number of candidates.
_BLOCK = 512


def box_iou(xyxy: NDArray[np.float32], other_xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of each box (n, 4) with each other box (m, 4): (n, m), 0 where both are empty."""
    top_left = np.maximum(xyxy[:, None, :2], other_xyxy[None, :, :2])
    bottom_right = np.minimum(xyxy[:, None, 2:], other_xyxy[None, :, 2:])
    intersection = np.prod(np.maximum(bottom_right - top_left, 0), axis=2)
    areas, other_areas = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (xyxy, other_xyxy))
    union = areas[:, None] + other_areas[None] - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)


def non_maximum_suppression(
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int64],
    *,
    iou_threshold: float,
    max_detections: int,
    is_class_agnostic: bool = False,
) -> NDArray[np.intp]:
    """Indices of the boxes that stay, best first; equal confidences keep their order.

    A box goes if a better one that stays has IoU > iou_threshold with it and, unless is_class_agnostic, the same class.
    This is torchvision's batched_nms, without its rounding from shifting the classes apart.

    Args: xyxy (n, 4), confidence (n,), class_id (n,); at most max_detections indices are returned.
    """
    order = np.argsort(-confidence, kind="stable")
    kept = np.empty(0, np.intp)
    # The loop runs over blocks of candidates, not over boxes, and ends as soon as enough are kept.
    for start in range(0, len(order), _BLOCK):
        if len(kept) >= max_detections:
            break
        block = order[start : start + _BLOCK]
        if len(kept):
            block = block[~_overlaps(kept, block, xyxy, class_id, iou_threshold, is_class_agnostic).any(axis=0)]
        # suppresses[i, j]: i is better than j and overlaps it. A box stays if nothing that stays suppresses it;
        # iterating that sentence from "all stay" settles from the best box downwards.
        suppresses = np.triu(_overlaps(block, block, xyxy, class_id, iou_threshold, is_class_agnostic), 1)
        stays: NDArray[np.bool_] = np.ones(len(block), bool)
        while not np.array_equal(stays, settled := ~np.logical_or.reduce(suppresses[stays], axis=0)):
            stays = settled
        kept = np.concatenate([kept, block[stays]])
    return kept[: max(0, max_detections)]


def _overlaps(
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    xyxy: NDArray[np.float32],
    class_id: NDArray[np.int64],
    iou_threshold: float,
    is_class_agnostic: bool,
) -> NDArray[np.bool_]:
    # As torchvision does, the float32 IoU is compared with the threshold in double: 0.3 as float32 is above 0.3.
    overlaps = box_iou(xyxy[rows], xyxy[columns]) > np.float64(iou_threshold)
    if is_class_agnostic:
        return overlaps
    return overlaps & (class_id[rows][:, None] == class_id[columns][None])
