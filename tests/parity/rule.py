"""When two answers to the same picture count as equal.

Same classes in the same order, boxes within 1 px, confidence within 0.005, polygons with IoU >= 0.98 (or within 1 px
for masks under 2,500 square pixels). An object whose score lies within 0.005 of a threshold may be missing, and objects
whose scores lie within 0.005 of each other may change places. Nothing else is excused, not even another box of nearly
the same score: that is also what a wrong box looks like.

Answers have the form of the HTTP API: {"predictions": [{"x", "y", "width", "height", "class", "confidence", "points"},
...]}; those of a classifier have neither box nor points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Answer = Mapping[str, Any]
Object = Mapping[str, Any]
Points = NDArray[np.float64]

BOX_PX = 1.0
CONFIDENCE = 0.005
POLYGON_IOU = 0.98
SMALL_MASK_PX2 = 2500
SMALL_MASK_PX = 1.0
# A difference that is exactly the tolerance is none, whatever its last bit.
_EPSILON = 1e-4


@dataclass(slots=True)
class Comparison:
    """What a comparison found: the objects compared, those excused by a close score, and the differences in words."""

    objects: int = 0
    excused: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether the answers count as equal."""
        return not self.differences


def compare(ours: Answer, theirs: Answer, *, confidence: float = 0.4, max_detections: int = 300) -> Comparison:
    """How `ours` differs from `theirs`, both answered with these thresholds."""
    mine, wanted = list(ours["predictions"]), list(theirs["predictions"])
    pairs = _match(mine, wanted)
    lost = [wanted[index] for index in sorted(set(range(len(wanted))) - set(pairs))]
    extra = [mine[index] for index in sorted(set(range(len(mine))) - set(pairs.values()))]
    thresholds = [confidence] + [
        objects[-1]["confidence"] for objects in (mine, wanted) if len(objects) == max_detections
    ]
    comparison = Comparison(objects=max(len(mine), len(wanted)))
    for who, objects, rivals in (("only theirs", lost, extra), ("only ours", extra, lost)):
        for item in objects:
            if any(abs(item["confidence"] - threshold) <= CONFIDENCE + _EPSILON for threshold in thresholds):
                comparison.excused += 1
            else:
                comparison.differences.append(f"{who}: {_describe(item)}{_nearest(item, rivals)}")
    comparison.differences += _order_differences(pairs, wanted)
    return comparison


def polygons_agree(ours: Points, theirs: Points) -> bool:
    """Whether two outlines (n, 2) count as the same. Without points only an outline without points agrees."""
    if not len(ours) or not len(theirs):
        return len(ours) == len(theirs)
    iou, area = polygon_iou(ours, theirs)
    if iou >= POLYGON_IOU:
        return True
    return area < SMALL_MASK_PX2 and outline_distance(ours, theirs) <= SMALL_MASK_PX + _EPSILON


def polygon_iou(ours: Points, theirs: Points) -> tuple[float, float]:
    """Intersection over union of two outlines with their border pixels, and the area of `theirs`; in whole pixels."""
    corner = np.floor(np.minimum(ours.min(0), theirs.min(0)))
    width, height = (np.ceil(np.maximum(ours.max(0), theirs.max(0))) - corner + 1).astype(int)

    def raster(points: Points) -> NDArray[np.bool_]:
        canvas = Image.new("1", (int(width), int(height)))
        draw, shifted = ImageDraw.Draw(canvas), [tuple(point) for point in points - corner]
        if len(shifted) == 1:
            draw.point(shifted, fill=1)
        else:
            draw.polygon(shifted, fill=1, outline=1)
        return np.asarray(canvas)

    mine, wanted = raster(ours), raster(theirs)
    return float((mine & wanted).sum() / max(1, (mine | wanted).sum())), float(wanted.sum())


def outline_distance(ours: Points, theirs: Points) -> float:
    """The largest distance in pixels from a corner of one outline to the other outline, both ways."""

    def reach(points: Points, outline: Points) -> float:
        start, step = outline, np.roll(outline, -1, axis=0) - outline
        length = np.maximum((step**2).sum(1), 1e-12)
        along = np.clip(((points[:, None] - start) * step).sum(2) / length, 0, 1)
        nearest = start + along[..., None] * step
        return float(np.sqrt(((points[:, None] - nearest) ** 2).sum(2)).min(1).max())

    return max(reach(ours, theirs), reach(theirs, ours))


def _match(mine: Sequence[Object], wanted: Sequence[Object]) -> dict[int, int]:
    """For each of their objects that has an equal of ours: its index -> the index of ours nearest in order."""
    pairs: dict[int, int] = {}
    free = set(range(len(mine)))
    for index, item in enumerate(wanted):
        for candidate in sorted(free, key=lambda other: abs(other - index)):
            if _same(mine[candidate], item):
                pairs[index] = candidate
                free.remove(candidate)
                break
    return pairs


def _same(ours: Object, theirs: Object) -> bool:
    if ours["class"] != theirs["class"] or abs(ours["confidence"] - theirs["confidence"]) > CONFIDENCE + _EPSILON:
        return False
    if "x" not in theirs:
        return True
    if np.abs(_xyxy(ours) - _xyxy(theirs)).max() > BOX_PX + _EPSILON:
        return False
    return "points" not in theirs or polygons_agree(_points(ours), _points(theirs))


def _order_differences(pairs: Mapping[int, int], wanted: Sequence[Object]) -> list[str]:
    differences = []
    order = sorted(pairs)
    for position, first in enumerate(order):
        for second in order[position + 1 :]:
            apart = abs(wanted[first]["confidence"] - wanted[second]["confidence"])
            if pairs[first] > pairs[second] and apart > CONFIDENCE + _EPSILON:
                differences.append(f"order: {_describe(wanted[second])} before {_describe(wanted[first])}")
    return differences


def _nearest(item: Object, rivals: Sequence[Object]) -> str:
    """The rival that comes nearest, in words; empty without one."""
    if "x" not in item:
        same = [rival for rival in rivals if rival["class"] == item["class"]]
        return f" | nearest {_describe(same[0])}" if same else ""
    overlap, rival = max(
        ((_overlap(item, rival), rival) for rival in rivals), key=lambda pair: pair[0], default=(0.0, {})
    )
    if overlap < 0.1:
        return ""
    text = f" | nearest {_describe(rival)}, box IoU {overlap:.3f}"
    if len(_points(item)) and len(_points(rival)):
        iou, area = polygon_iou(_points(rival), _points(item))
        text += (
            f", polygon IoU {iou:.3f} of {area:.0f} px2, {outline_distance(_points(rival), _points(item)):.1f} px apart"
        )
    return text


def _describe(item: Object) -> str:
    box = "" if "x" not in item else " [" + " ".join(f"{value:g}" for value in _xyxy(item).round(2)) + "]"
    points = f" {len(item['points'])} points" if "points" in item else ""
    return f"{item['class']} {item['confidence']:.4f}{box}{points}"


def _xyxy(item: Object) -> NDArray[np.float64]:
    centre, half = np.array([item["x"], item["y"]]), np.array([item["width"], item["height"]]) / 2
    return np.concatenate([centre - half, centre + half])


def _points(item: Object) -> Points:
    return np.array([(point["x"], point["y"]) for point in item.get("points", ())], np.float64).reshape(-1, 2)


def _overlap(item: Object, rival: Object) -> float:
    a, b = _xyxy(item), _xyxy(rival)
    inner = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return float(inner / max(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inner, 1e-9))
