"""Detections that a request gives, in the form in which answers show them (contract/workflows.md 5.2)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.ids import new_id
from retinue.pipeline.prediction import Mask
from retinue.workflows.detections import DetectionTable, Keypoints, Place, Strings, strings
from retinue.workflows.image import Origin

_PREDICTION_TYPES = {
    "object_detection_prediction": "object-detection",
    "instance_segmentation_prediction": "instance-segmentation",
    "keypoint_detection_prediction": "keypoint-detection",
    "rle_instance_segmentation_prediction": "instance-segmentation",
    "semantic_segmentation_prediction": "semantic-segmentation",
    "qr_code_detection": "qrcode-detection",
    "bar_code_detection": "barcode-detection",
}
MOST_PIXELS = 200_000_000
"""How large the pictures are of which detections can be read."""

Spend = Callable[[int], None]
"""Called with the pixels of each mask before it is made, and with as many as take the time of other work; raises
ValueError where it becomes too much."""

_WORK_OF_ROW = 5_000  # pixels that can be copied while a detection is read
_FARTHEST = 1_000_000_000
# What every row has in columns of its own; the rest becomes further columns where all rows have it.
_KNOWN = frozenset(
    {
        "x", "y", "confidence", "class", "class_id", "detection_id", "parent_id", "parent_origin", "root_parent_id",
        "root_parent_origin", "points", "rle_mask", "rle", "keypoints", "tracker_id", "mask_format",
    }
)  # fmt: skip


def read_detections(kind: str, identifier: str, value: Any, spend: Spend = lambda pixels: None) -> DetectionTable:
    """The table that `{"image": {"width", "height"}, "predictions": [...]}` means.

    Raises ValueError, KeyError, TypeError, OverflowError for what is none.
    """
    if isinstance(value, DetectionTable):
        return value
    if not isinstance(value, dict) or "image" not in value or "predictions" not in value:
        raise ValueError("detections are a dict with `image` and `predictions`")
    size = _size(value["image"])
    rows: list[Mapping[str, Any]] = value["predictions"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("`predictions` is a list of dicts")
    if not rows:
        return DetectionTable.empty(size, _PREDICTION_TYPES[kind])
    spend(_WORK_OF_ROW * len(rows))
    centre = _coordinates([[row["x"], row["y"]] for row in rows])
    half = _coordinates([[row["width"], row["height"]] for row in rows]) / 2
    shared = [name for name in rows[0] if all(name in row for row in rows)]
    return DetectionTable(
        xyxy=np.concatenate([centre - half, centre + half], axis=1),
        confidence=np.array([row["confidence"] for row in rows], float),
        class_id=np.array([row["class_id"] for row in rows], np.int64),
        class_name=strings([read_text("class", row["class"]) for row in rows]),
        detection_id=strings([read_text("detection_id", row.get("detection_id")) or new_id() for row in rows]),
        parent_id=strings([read_text("parent_id", row.get("parent_id")) or identifier for row in rows]),
        places=_places(rows, identifier, size),
        masks=_masks(rows, size, spend),
        keypoints=tuple(_keypoints(row["keypoints"]) for row in rows) if "keypoints" in shared else None,
        tracker_id=np.array([row["tracker_id"] for row in rows], np.int64) if "tracker_id" in shared else None,
        columns={name: strings([row[name] for row in rows]) for name in shared if name not in _KNOWN},
        size=size,
        prediction_type=_PREDICTION_TYPES[kind],
    )


def read_text(name: str, value: Any) -> str:
    """The value of `name`, a text; empty where there is none. Raises ValueError for anything else."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"`{name}` should be text, not {type(value).__name__}")
    return value


def read_origin(identifier: str, record: Mapping[str, Any]) -> Origin:
    """An ancestor of that name in the form in which answers show it. Raises ValueError, KeyError, TypeError."""
    left, top, width, height = (int(record[name]) for name in ("offset_x", "offset_y", "width", "height"))
    if max(abs(left), abs(top), abs(width), abs(height)) > MOST_PIXELS or min(width, height) < 0:
        raise ValueError(f"a picture of {width:,} x {height:,} pixels, this one at {left:,}, {top:,}: there is none")
    return Origin(identifier, left, top, width, height)


def _size(image: Any) -> tuple[int, int] | None:
    if not isinstance(image, dict):
        raise ValueError("`image` is a dict with width and height")
    if image.get("width") is None or image.get("height") is None:
        return None
    width, height = int(image["width"]), int(image["height"])
    if min(width, height) < 0 or width * height > MOST_PIXELS:
        raise ValueError(f"there is no picture of {width} x {height} pixels")
    return width, height


def _coordinates(pairs: list[list[Any]]) -> NDArray[np.float64]:
    """Pairs of pixels, (n, 2). Raises ValueError for what is no number, or lies beyond any picture."""
    array = np.array(pairs, float).reshape(-1, 2)
    if not (np.abs(array) <= _FARTHEST).all():  # neither is NaN
        raise ValueError(f"coordinates are numbers up to {_FARTHEST:,}")
    return array


def _places(rows: list[Mapping[str, Any]], identifier: str, size: tuple[int, int] | None) -> Strings:
    width, height = size or (None, None)
    parents, roots = (_ancestors(rows, name, identifier, size) for name in ("parent", "root_parent"))
    return strings(
        [
            Place(width=width, height=height, parent=parent, root=root)
            for parent, root in zip(parents, roots, strict=True)
        ]
    )


def _ancestors(
    rows: list[Mapping[str, Any]], name: str, identifier: str, size: tuple[int, int] | None
) -> Iterator[Origin]:
    """The parents or roots of the rows; where they lie is known if all rows say it."""
    are_known = all(row.get(f"{name}_origin") for row in rows)
    for row in rows:
        key = read_text(f"{name}_id", row.get(f"{name}_id")) or identifier
        if are_known:
            yield read_origin(key, row[f"{name}_origin"])
        else:
            yield Origin(key, 0, 0, *(size or (0, 0)), is_known=False)


def _masks(rows: list[Mapping[str, Any]], size: tuple[int, int] | None, spend: Spend) -> tuple[Mask, ...] | None:
    """Masks from run lengths or outlines, where all rows have them."""
    runs = [row.get("rle_mask") or row.get("rle") for row in rows]
    if all(runs):
        return tuple(_mask_of_runs(run, spend) for run in runs)
    outlines = [row.get("points") for row in rows]
    if size is None or not all(outlines):
        return None
    return tuple(_mask_of_outline(outline, size, spend) for outline in outlines)


def _mask_of_runs(run: Any, spend: Spend) -> Mask:
    from retinue.pipeline.run_lengths import decode_run_lengths

    if not isinstance(run, dict):
        raise ValueError("run lengths are a dict with `size` and `counts`")
    height, width = map(int, run["size"])
    return decode_run_lengths(run["counts"], height, width, spend)


def _mask_of_outline(outline: Any, size: tuple[int, int], spend: Spend) -> Mask:
    from retinue.workflows.outlines import drawing_effort, mask_of_polygon

    points = _coordinates([[point["x"], point["y"]] for point in outline])
    spend(drawing_effort(points, size))
    return mask_of_polygon(points, size)


def _keypoints(points: list[Mapping[str, Any]]) -> Keypoints:
    xy: NDArray[np.float64] = np.array([[point["x"], point["y"]] for point in points], float).reshape(-1, 2)
    return Keypoints(
        xy=xy,
        confidence=np.array([point["confidence"] for point in points], float),
        class_id=np.array([point["class_id"] for point in points], np.int64),
        class_name=tuple(point["class"] for point in points),
    )
