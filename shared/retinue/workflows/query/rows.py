"""The detections of a table one by one, and what can be asked of each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.detections import DetectionTable

DetectionProperty = Literal[
    "confidence",
    "class_name",
    "x_min",
    "x_max",
    "y_min",
    "y_max",
    "size",
    "class_id",
    "center",
    "top_left",
    "top_right",
    "bottom_left",
    "bottom_right",
    "in_out",
    "path_deviation",
    "polygon",
    "time_in_zone",
    "tracker_id",
    "velocity",
    "speed",
    "smoothed_velocity",
    "smoothed_speed",
    "image_dimensions",
    "prediction_type",
    "keypoints_xy",
    "rect",
    "width",
    "height",
    "angle",
    "area_px",
    "area_converted",
]

POINTS: dict[str, Callable[[DetectionTable], NDArray[np.float64]]] = {
    "center": lambda table: table.centre_xy,
    "top_left": lambda table: table.xyxy[:, [0, 1]],
    "top_right": lambda table: table.xyxy[:, [2, 1]],
    "bottom_left": lambda table: table.xyxy[:, [0, 3]],
    "bottom_right": lambda table: table.xyxy[:, [2, 3]],
}
"""Points of each box: (n, 2) float64, x and y in pixels."""

ARRAYS: dict[str, Callable[[DetectionTable], NDArray[Any] | None]] = {
    "confidence": lambda table: table.confidence,
    "class_name": lambda table: table.class_name,
    "class_id": lambda table: table.class_id,
    "tracker_id": lambda table: table.tracker_id,
    "x_min": lambda table: table.xyxy[:, 0],
    "y_min": lambda table: table.xyxy[:, 1],
    "x_max": lambda table: table.xyxy[:, 2],
    "y_max": lambda table: table.xyxy[:, 3],
    "size": lambda table: table.box_area,
}

LISTS: dict[str, Callable[[DetectionTable], list[Any] | None]] = {
    "prediction_type": lambda table: [table.prediction_type] * len(table),
    "image_dimensions": lambda table: [[place.height, place.width] for place in table.places],
    "keypoints_xy": lambda table: None if table.keypoints is None else [row.xy.tolist() for row in table.keypoints],
}


class Rows:
    """The detections of a table. A property is read for all of them when the first one is asked for it."""

    def __init__(self, table: DetectionTable) -> None:
        self.table = table
        self._columns: dict[str, list[Any] | None] = {}

    def column(self, name: DetectionProperty) -> list[Any] | None:
        """The property of each detection; None if they do not have it."""
        if name not in self._columns:
            self._columns[name] = property_column(self.table, name)
        return self._columns[name]


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One row of a table: what `_` stands for inside a filter."""

    rows: Rows = field(repr=False)
    index: int

    def read(self, name: DetectionProperty) -> Any:
        """The property; None if it is not there."""
        column = self.rows.column(name)
        return None if column is None else column[self.index]


def rows_of(table: DetectionTable) -> Iterator[Detection]:
    """The detections, in order."""
    rows = Rows(table)
    return (Detection(rows, index) for index in range(len(table)))


def elements_of(value: Any) -> Any:
    """What a loop over the value goes through: the rows of a table, the elements of anything else."""
    return rows_of(value) if isinstance(value, DetectionTable) else value


def property_column(table: DetectionTable, name: DetectionProperty) -> list[Any] | None:
    """The property of each detection as plain Python values, points as pairs of floats; None if there is none."""
    if name in POINTS:
        return [tuple(point) for point in POINTS[name](table).tolist()]
    if name in LISTS:
        return LISTS[name](table)
    column = ARRAYS[name](table) if name in ARRAYS else table.columns.get(name)
    if column is None:
        return None
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in column.tolist()]
