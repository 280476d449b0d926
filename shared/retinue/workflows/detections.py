"""Detections inside a workflow: a table of parallel columns, each row knowing the picture it lies in."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.ids import new_id
from retinue.pipeline.prediction import Mask
from retinue.workflows.image import Origin, WorkflowImage

Strings = NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The picture that a detection's pixels count in: its size, where it lies in the picture it was cut from and in
    the root."""

    width: int | None
    height: int | None
    parent: Origin
    root: Origin

    @classmethod
    def of(cls, image: WorkflowImage) -> "Place":
        """The place of everything that is found in `image`."""
        return cls(width=image.width, height=image.height, parent=image.parent, root=image.root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keypoints:
    """The keypoints of one detection that count: xy (k, 2) float64 in pixels, confidence (k,) float64, class_id (k,)
    int64, and the name of each."""

    xy: NDArray[np.float64]
    confidence: NDArray[np.float64]
    class_id: NDArray[np.int64]
    class_name: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionTable:
    """n detections in their order.

    xyxy (n, 4) float64 in pixels of the place; confidence (n,) float64; class_id (n,) int64; class_name,
    detection_id, parent_id (n,) object arrays of str; places (n,) object array of Place.
    masks: one per detection, or None.
    keypoints: one Keypoints per detection, or None. tracker_id (n,) int64, or None.
    columns: further columns by the name under which the answer shows them, arrays of n.
    size, root_size: width and height of the picture and of its root, where no detection says it; None if nobody knows.
    prediction_type, inference_id: what the model said of all rows.
    """

    xyxy: NDArray[np.float64]
    confidence: NDArray[np.float64]
    class_id: NDArray[np.int64]
    class_name: Strings
    detection_id: Strings
    parent_id: Strings
    places: NDArray[np.object_]
    masks: tuple[Mask, ...] | None = None
    keypoints: tuple[Keypoints, ...] | None = None
    tracker_id: NDArray[np.int64] | None = None
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    root_size: tuple[int, int] | None = None
    prediction_type: str = "object-detection"
    inference_id: str | None = None

    def __len__(self) -> int:
        return len(self.xyxy)

    @classmethod
    def empty(cls, size: tuple[int, int] | None = None, prediction_type: str = "object-detection") -> "DetectionTable":
        """A table without rows. size: width, height of the picture; None if there is none."""
        return cls(
            xyxy=np.zeros((0, 4)),
            confidence=np.zeros(0),
            class_id=np.zeros(0, np.int64),
            class_name=strings([]),
            detection_id=strings([]),
            parent_id=strings([]),
            places=strings([]),
            size=size,
            prediction_type=prediction_type,
        )

    def select(self, index: NDArray[np.intp] | NDArray[np.bool_] | Sequence[int]) -> "DetectionTable":
        """The rows at `index` (positions in any order, or a mask of n), with everything they have."""
        rows = np.asarray(index)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.intp).reshape(-1)
        return replace(
            self,
            # As upstream, which keeps them in the rows; but what is empty from the start knows them for ever.
            size=self.size if len(rows) or not len(self) else None,
            root_size=self.root_size if len(rows) or not len(self) else None,
            xyxy=self.xyxy[rows],
            confidence=self.confidence[rows],
            class_id=self.class_id[rows],
            class_name=self.class_name[rows],
            detection_id=self.detection_id[rows],
            parent_id=self.parent_id[rows],
            places=self.places[rows],
            masks=None if self.masks is None else tuple(self.masks[row] for row in rows),
            keypoints=None if self.keypoints is None else tuple(self.keypoints[row] for row in rows),
            tracker_id=None if self.tracker_id is None else self.tracker_id[rows],
            columns={name: column[rows] for name, column in self.columns.items()},
        )

    def with_new_ids(self) -> "DetectionTable":
        """The same rows under fresh detection ids."""
        return replace(self, detection_id=new_ids(len(self)))

    @property
    def centre_xy(self) -> NDArray[np.float64]:
        """The middle of each box, (n, 2)."""
        return (self.xyxy[:, :2] + self.xyxy[:, 2:]) / 2

    @property
    def box_area(self) -> NDArray[np.float64]:
        """Width times height of each box, (n,) in square pixels."""
        sides = self.xyxy[:, 2:] - self.xyxy[:, :2]
        return np.asarray(sides[:, 0] * sides[:, 1])


def concatenate(tables: Sequence[DetectionTable]) -> DetectionTable:
    """The rows of all tables, in order. Masks, keypoints and further columns stay where all tables with rows have them.

    Raises ValueError without tables.
    """
    if not tables:
        raise ValueError("no tables to join")
    filled = [table for table in tables if len(table)]
    if len(filled) < 2:
        return (filled or tables)[0]
    names = [name for name in filled[0].columns if all(name in table.columns for table in filled)]
    tracked = [table.tracker_id for table in filled if table.tracker_id is not None]
    has_masks = all(table.masks is not None for table in filled)
    has_keypoints = all(table.keypoints is not None for table in filled)
    return replace(
        filled[0],
        xyxy=np.concatenate([table.xyxy for table in filled]),
        confidence=np.concatenate([table.confidence for table in filled]),
        class_id=np.concatenate([table.class_id for table in filled]),
        class_name=np.concatenate([table.class_name for table in filled]),
        detection_id=np.concatenate([table.detection_id for table in filled]),
        parent_id=np.concatenate([table.parent_id for table in filled]),
        places=np.concatenate([table.places for table in filled]),
        masks=tuple(mask for table in filled for mask in table.masks or ()) if has_masks else None,
        keypoints=tuple(points for table in filled for points in table.keypoints or ()) if has_keypoints else None,
        tracker_id=np.concatenate(tracked) if len(tracked) == len(filled) else None,
        columns={name: np.concatenate([table.columns[name] for table in filled]) for name in names},
    )


def strings(values: Sequence[Any]) -> Strings:
    """The values as an object array of one dimension."""
    return np.fromiter(values, object, len(values))


def new_ids(count: int) -> Strings:
    """Fresh unique ids."""
    return strings([new_id() for _ in range(count)])


def box_iou(a_xyxy: NDArray[np.float64], b_xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """The intersection over union of every box of a (n, 4) with every one of b (m, 4): (n, m) in 0..1."""
    low = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    sides = np.maximum(high - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    a_area = (a_xyxy[:, 2] - a_xyxy[:, 0]) * (a_xyxy[:, 3] - a_xyxy[:, 1])
    b_area = (b_xyxy[:, 2] - b_xyxy[:, 0]) * (b_xyxy[:, 3] - b_xyxy[:, 1])
    union = a_area[:, None] + b_area[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
