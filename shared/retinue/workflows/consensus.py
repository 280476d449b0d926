"""Detections that several models agree on (contract/workflows.md 8.5)."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask
from retinue.workflows.detections import DetectionTable, box_iou, concatenate, new_ids, strings
from retinue.workflows.mask_sets import area_of, empty_mask, intersection, pixel_bounds, union

Rows = NDArray[np.intp]
Aggregation = Literal["average", "max", "min"]
MaskAggregation = Literal["intersection", "union", "max", "min"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When detections agree, and what becomes of those that do.

    votes: how many sources must have a detection. minimum_confidence: what a merged detection must reach.
    confidence, coordinates, masks: how those of the detections that agree are merged.
    """

    votes: int
    is_class_aware: bool
    iou_threshold: float
    minimum_confidence: float
    confidence: Aggregation
    coordinates: Aggregation
    masks: MaskAggregation


def aggregate(values: Sequence[float], mode: Aggregation) -> float:
    """The average, the largest or the smallest of at least one value."""
    if mode == "average":
        return math.fsum(values) / len(values)
    return max(values) if mode == "max" else min(values)


def agree(sources: Sequence[DetectionTable], rules: Rules) -> DetectionTable:
    """The detections that enough sources have, merged, under new ids; empty where there are none.

    Each detection that is part of no agreement yet looks in every other source for the one that overlaps it most.
    Raises ValueError where some agreements have masks and others have none.
    """
    masks = [mask for source in sources for mask in source.masks or [None] * len(source)]
    table = concatenate(
        [replace(source, masks=None, keypoints=None, tracker_id=None, columns={}) for source in sources]
    )
    source = np.repeat(np.arange(len(sources)), [len(source) for source in sources])
    class_code = np.unique(table.class_name.astype(str), return_inverse=True)[1]
    # One detection can come from two sources, such as a model and a filter after it: it is used up in both.
    identity = np.unique(table.detection_id.astype(str), return_inverse=True)[1]
    is_free = np.ones(len(table), bool)
    groups = []
    for row in range(len(table)):
        if not is_free[row]:
            continue
        is_candidate = is_free & (source != source[row])
        if rules.is_class_aware:
            is_candidate &= class_code == class_code[row]
        group = np.concatenate([[row], _closest(table, source, row, np.flatnonzero(is_candidate), rules)])
        confidence = aggregate(table.confidence[group].tolist(), rules.confidence)
        if len(group) >= rules.votes and confidence >= rules.minimum_confidence:
            is_free &= ~np.isin(identity, identity[group])
            groups.append(group)
    return _merged(table, masks, groups, rules) if groups else DetectionTable.empty()


def _closest(table: DetectionTable, source: Rows, row: int, candidates: Rows, rules: Rules) -> Rows:
    """Of each source the candidate that overlaps the detection most, and more than the threshold; by source."""
    # float32, compared in double, as upstream has it.
    iou = box_iou(table.xyxy[[row]], table.xyxy[candidates])[0].astype(np.float32)
    overlapping = np.flatnonzero(iou > np.float64(rules.iou_threshold))
    best_first = candidates[overlapping[np.argsort(-iou[overlapping], kind="stable")]]
    return best_first[np.unique(source[best_first], return_index=True)[1]]


def _merged(
    table: DetectionTable, masks: Sequence[Mask | None], groups: Sequence[Rows], rules: Rules
) -> DetectionTable:
    classes = [_class_of(table, group, rules.confidence) for group in groups]
    merged_masks = [_merged_mask([masks[row] for row in group], rules.masks) for group in groups]
    present = [mask for mask in merged_masks if mask is not None]
    if 0 < len(present) < len(merged_masks):
        raise ValueError(
            "some of the detections that the models agree on have masks and others have none: use sources of one kind, "
            "or require more votes"
        )
    boxes = [
        _merged_box(table.xyxy[group], table.box_area[group], rules.coordinates) if mask is None else pixel_bounds(mask)
        for group, mask in zip(groups, merged_masks, strict=True)
    ]
    return replace(
        table.select([group[0] for group in groups]),
        xyxy=np.array(boxes, np.float64),
        confidence=np.array([aggregate(table.confidence[group].tolist(), rules.confidence) for group in groups]),
        class_name=strings([name for name, _ in classes]),
        class_id=np.array([class_id for _, class_id in classes], np.int64),
        detection_id=new_ids(len(groups)),
        masks=tuple(present) or None,
        prediction_type="object-detection",
        inference_id=None,
    )


def _class_of(table: DetectionTable, group: Rows, mode: Aggregation) -> tuple[str, int]:
    """Name and id of the class of most of the group, or of its most or least confident member."""
    names, ids = table.class_name[group].tolist(), table.class_id[group].tolist()
    if mode == "average":
        return Counter(zip(names, ids, strict=True)).most_common(1)[0][0]
    confidence = table.confidence[group]
    member = confidence.argmax() if mode == "max" else confidence.argmin()
    return names[member], ids[member]


def _merged_box(xyxy: NDArray[np.float64], area: NDArray[np.float64], mode: Aggregation) -> NDArray[np.float64]:
    """The mean, the largest or the smallest of the boxes (k, 4)."""
    if mode == "average":
        return xyxy.mean(axis=0)
    return xyxy[area.argmax() if mode == "max" else area.argmin()]


def _merged_mask(masks: Sequence[Mask | None], mode: MaskAggregation) -> Mask | None:
    """The masks as one; those that are missing count as empty, but where all are there is none."""
    known = next((mask for mask in masks if mask is not None), None)
    if known is None:
        return None
    nothing = empty_mask(known.width, known.height)
    merge: Mapping[str, Callable[[list[Mask]], Mask]] = {
        "intersection": intersection,
        "union": union,
        "max": lambda masks: max(masks, key=area_of),
        "min": lambda masks: min(masks, key=area_of),
    }
    return merge[mode]([mask or nothing for mask in masks])
