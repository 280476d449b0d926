"""What the labels of detections say (contract/workflows.md 8.3, LABELTEXT)."""

from typing import Literal

import numpy as np

from retinue.workflows.detections import DetectionTable

LabelText = Literal[
    "Class", "Confidence", "Class and Confidence", "Index", "Dimensions", "Area", "Area (mask)", "Area (converted)",
    "Tracker Id", "Time In Zone",
]  # fmt: skip


def label_texts(table: DetectionTable, text: str) -> list[str]:
    """The label of each detection. Other texts than LabelText name a column. Raises ValueError without that column."""
    match text:
        case "Class":
            return list(table.class_name)
        case "Confidence":
            return [f"{confidence:.2f}" for confidence in table.confidence]
        case "Class and Confidence":
            return [
                f"{name} {confidence:.2f}" for name, confidence in zip(table.class_name, table.confidence, strict=True)
            ]
        case "Index":
            return [str(index) for index in range(len(table))]
        case "Dimensions":
            return _dimensions(table)
        case "Area":
            return [str(int(area)) for area in _areas(table)]
        case "Area (mask)":
            return _column(table, "area_px", "Area (mask): {:.2f}", "Area (mask): N/A")
        case "Area (converted)":
            return _column(table, "area_converted", "Area (conv): {:.2f}", "Area (conv): N/A")
        case "Tracker Id":
            if table.tracker_id is None:
                return ["No Tracker ID"] * len(table)
            return [str(tracker) for tracker in table.tracker_id]
        case "Time In Zone":
            return _column(table, "time_in_zone", "In zone: {:.2f}s", "In zone: N/A")
    if text not in table.columns:
        raise ValueError(f"the detections have no column {text!r}; they have {sorted(table.columns) or 'none'}")
    return [str(value) for value in table.columns[text]]


def _dimensions(table: DetectionTable) -> list[str]:
    """Middle and sides, in whole pixels."""
    sides = table.xyxy[:, 2:] - table.xyxy[:, :2]
    return [
        f"{x}, {y} {width}x{height}"
        for (x, y), (width, height) in zip(
            table.centre_xy.astype(int).tolist(), sides.astype(int).tolist(), strict=True
        )
    ]


def _areas(table: DetectionTable) -> list[float]:
    """Square pixels of masks, else of boxes."""
    if table.masks is None:
        return list(table.box_area)
    return [float(np.count_nonzero(mask.patch)) for mask in table.masks]


def _column(table: DetectionTable, name: str, form: str, missing: str) -> list[str]:
    if name not in table.columns:
        return [missing] * len(table)
    return [form.format(value) for value in table.columns[name]]
