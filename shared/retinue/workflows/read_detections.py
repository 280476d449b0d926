"""Detections that a request gives, in the form in which answers show them (contract/workflows.md 5.2)."""

import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask
from retinue.workflows.detections import DetectionTable, Keypoints, Place, strings
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
# What every row has in columns of its own; the rest becomes further columns where all rows have it.
_KNOWN = frozenset(
    {
        "x", "y", "width", "height", "confidence", "class", "class_id", "detection_id", "parent_id", "parent_origin",
        "root_parent_id", "root_parent_origin", "points", "rle_mask", "rle", "keypoints", "tracker_id", "mask_format",
    }
)  # fmt: skip


def read_detections(kind: str, identifier: str, value: Any) -> DetectionTable:
    """The table that `{"image": {"width", "height"}, "predictions": [...]}` means. Raises ValueError, KeyError."""
    if isinstance(value, DetectionTable):
        return value
    if not isinstance(value, dict) or "image" not in value or "predictions" not in value:
        raise ValueError("detections are a dict with `image` and `predictions`")
    rows: list[Mapping[str, Any]] = value["predictions"]
    size = value["image"].get("width"), value["image"].get("height")
    known_size = (int(size[0]), int(size[1])) if None not in size else None
    if not rows:
        return DetectionTable.empty(known_size, _PREDICTION_TYPES[kind])
    centre = np.array([[row["x"], row["y"]] for row in rows], float)
    half = np.array([[row["width"], row["height"]] for row in rows], float) / 2
    shared = [name for name in rows[0] if all(name in row for row in rows)]
    return DetectionTable(
        xyxy=np.concatenate([centre - half, centre + half], axis=1),
        confidence=np.array([row["confidence"] for row in rows], float),
        class_id=np.array([row["class_id"] for row in rows], np.int64),
        class_name=strings([row["class"] for row in rows]),
        detection_id=strings([row.get("detection_id") or str(uuid.uuid4()) for row in rows]),
        parent_id=strings([row.get("parent_id") or identifier for row in rows]),
        places=strings([_place(row, identifier, known_size) for row in rows]),
        masks=_masks(rows, known_size),
        keypoints=tuple(_keypoints(row["keypoints"]) for row in rows) if "keypoints" in shared else None,
        tracker_id=np.array([row["tracker_id"] for row in rows], np.int64) if "tracker_id" in shared else None,
        columns={name: strings([row[name] for row in rows]) for name in shared if name not in _KNOWN},
        size=known_size,
        prediction_type=_PREDICTION_TYPES[kind],
    )


def _place(row: Mapping[str, Any], identifier: str, size: tuple[int, int] | None) -> Place:
    width, height = size or (None, None)
    here = Origin(row.get("parent_id") or identifier, 0, 0, width or 0, height or 0)
    parent = here if "parent_origin" not in row else _origin(here.id, row["parent_origin"])
    root = parent
    if "root_parent_id" in row:
        root = _origin(row["root_parent_id"], row.get("root_parent_origin") or parent.render())
    return Place(width=width, height=height, parent=parent, root=root)


def _origin(identifier: str, record: Mapping[str, Any]) -> Origin:
    return Origin(identifier, *(int(record[name]) for name in ("offset_x", "offset_y", "width", "height")))


def _masks(rows: list[Mapping[str, Any]], size: tuple[int, int] | None) -> tuple[Mask, ...] | None:
    """Masks from run lengths or outlines, where all rows have them."""
    runs = [row.get("rle_mask") or row.get("rle") for row in rows]
    if all(runs):
        from retinue.pipeline.run_lengths import decode_run_lengths

        return tuple(decode_run_lengths(run["counts"], *run["size"]) for run in runs if run)
    if size is None or not all(row.get("points") for row in rows):
        return None
    from retinue.workflows.outlines import mask_of_polygon

    return tuple(
        mask_of_polygon(np.array([[point["x"], point["y"]] for point in row["points"]], float), size) for row in rows
    )


def _keypoints(points: list[Mapping[str, Any]]) -> Keypoints:
    xy: NDArray[np.float64] = np.array([[point["x"], point["y"]] for point in points], float).reshape(-1, 2)
    return Keypoints(
        xy=xy,
        confidence=np.array([point["confidence"] for point in points], float),
        class_id=np.array([point["class_id"] for point in points], np.int64),
        class_name=tuple(point["class"] for point in points),
    )
