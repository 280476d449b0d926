"""From values of a workflow to JSON: contract/workflows.md 5."""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np

from retinue.workflows.detections import DetectionTable, Place
from retinue.workflows.image import VideoMetadata, WorkflowImage
from retinue.workflows.kinds import RLE_INSTANCES, SEMANTIC

_SECRET_SHOWN = 2  # characters at each end of a secret
_SHORTEST_SHOWN_SECRET = 8
_OUTLINE_POINTS = 3


_ROW_BYTES = 100  # a detection has more


Spend = Callable[[int], None]
"""Called with how many bytes each value takes at least, before it is written, or once a picture is; raises where the
answer becomes too large."""

Move = Callable[[DetectionTable], DetectionTable]
"""Puts detections into the coordinates in which they are written."""


def serialise(
    value: Any,
    kinds: tuple[str, ...],
    spend: Spend = lambda size_bytes: None,
    move: Move = lambda table: table,
) -> Any:
    """The JSON form of a value of these kinds. Raises TypeError for what has none."""
    if "secret" in kinds and isinstance(value, str):
        return _masked(value)
    if "video_metadata" in kinds and isinstance(value, VideoMetadata):
        return value.render()
    if isinstance(value, DetectionTable):
        spend(_ROW_BYTES * len(value))
        return render_detections(move(value), is_run_length=bool({RLE_INSTANCES, SEMANTIC} & set(kinds)))
    return render(value, spend, move)


def render(value: Any, spend: Spend = lambda size_bytes: None, move: Move = lambda table: table) -> Any:
    """The JSON form of a value, by its type; whole numbers of more than 64 bits as floats.

    Raises TypeError for what has none, such as sets, and OverflowError for numbers that are too large.
    """
    match value:
        case int():  # also bool
            return value if -(2**63) <= value < 2**64 else float(value)
        case None | float():
            return value
        case str():
            spend(len(value))
            return _valid(value)
        case dict():
            spend(sum(map(len, map(str, value))))
            return {_valid(str(key)): render(item, spend, move) for key, item in value.items()}
        case list() | tuple():
            spend(2 * len(value))  # each with a comma
            return [render(item, spend, move) for item in value]
        case WorkflowImage():
            picture = render_image(value)
            spend(len(picture["value"]))
            return picture
        case DetectionTable():
            return serialise(value, (), spend, move)
        case VideoMetadata():
            return {name: item for name, item in value.render().items() if item is not None}
        case datetime():
            return value.isoformat()
        case bytes():
            spend(len(value))
            return base64.b64encode(value).decode("ascii")
        case np.generic() | np.ndarray():
            spend(2 * value.size)
            return render(value.tolist(), spend, move) if value.dtype == object else value.tolist()
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")


def _valid(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair, which UTF-8 cannot carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def to_json(value: Any) -> str:
    """JSON text of a value."""
    return json.dumps(render(value))


def render_image(image: WorkflowImage) -> dict[str, Any]:
    """The picture as base64 JPEG, with where it comes from unless it is a root."""
    return {
        "type": "base64",
        "value": image.base64_text(),
        "video_metadata": image.video.render(),
        **({} if image.is_root else {"parent_id": image.parent.id} | _origins(Place.of(image))),
    }


def render_detections(table: DetectionTable, *, is_run_length: bool = False) -> dict[str, Any]:
    """The table as `{"image": ..., "predictions": [...]}`. Masks are told as outlines, and detections whose masks are
    empty left out; or as run lengths."""
    width, height = (table.places[0].width, table.places[0].height) if len(table) else table.size or (None, None)
    rows = [_render_row(table, row, is_run_length) for row in range(len(table))]
    return {
        "image": {"width": width, "height": height},
        "predictions": [row for row in rows if row is not None],
    }


def _render_row(table: DetectionTable, row: int, is_run_length: bool) -> dict[str, Any] | None:
    """One detection, keys in the contract's order."""
    x1, y1, x2, y2 = table.xyxy[row].tolist()
    width, height = abs(x2 - x1), abs(y2 - y1)  # a box can be turned inside out
    rendered: dict[str, Any] = {
        "width": width,
        "height": height,
        "x": x1 + width / 2,
        "y": y1 + height / 2,
        "confidence": table.confidence[row].item(),
        "class_id": table.class_id[row].item(),
    }
    columns = {name: render(column[row]) for name, column in table.columns.items()}
    if not columns.keys() >= _ROTATED_BOX:
        columns = {name: value for name, value in columns.items() if name not in _ROTATED_BOX}
    if table.masks is not None and not is_run_length:
        points = _outline(table, row)
        if points is None:
            return None
        rendered["points"] = points
    if table.tracker_id is not None:
        rendered["tracker_id"] = table.tracker_id[row].item()
    rendered |= {"class": table.class_name[row], "detection_id": table.detection_id[row]}
    rendered |= {name: columns.pop(name) for name in _BEFORE_PARENT if name in columns}
    place: Place = table.places[row]
    rendered["parent_id"] = table.parent_id[row]
    if table.parent_id[row] != place.root.id:
        rendered |= _origins(place)
    if table.masks is not None and is_run_length:
        rendered["rle_mask"] = _run_lengths(table, row)
    if table.keypoints is not None:
        rendered["keypoints"] = _keypoints(table, row)
    return rendered | columns


_ROTATED_BOX = {"angle", "rect", "height", "width"}
# Columns that come before the parent's id; the others follow it. The box of a rotated rectangle replaces the sides.
_BEFORE_PARENT = (
    "path_deviation", "time_in_zone", "polygon", "angle", "rect", "height", "width",
)  # fmt: skip


def _origins(place: Place) -> dict[str, Any]:
    return {
        **({"parent_origin": place.parent.render()} if place.parent.is_known else {}),
        "root_parent_id": place.root.id,
        **({"root_parent_origin": place.root.render()} if place.root.is_known else {}),
    }


def _outline(table: DetectionTable, row: int) -> list[dict[str, float]] | None:
    """The largest contour of the mask as points of at least three, or None if the mask is empty."""
    from retinue.workflows.outlines import largest_contour

    assert table.masks is not None
    points = largest_contour(table.masks[row]).astype(float).tolist()
    if not points:
        return None
    points += [points[-1]] * (_OUTLINE_POINTS - len(points))
    return [{"x": x, "y": y} for x, y in points]


def _run_lengths(table: DetectionTable, row: int) -> dict[str, Any]:
    from retinue.pipeline.run_lengths import encode_run_lengths

    assert table.masks is not None
    mask = table.masks[row]
    return {"size": [mask.height, mask.width], "counts": encode_run_lengths(mask)}


def _keypoints(table: DetectionTable, row: int) -> list[dict[str, Any]]:
    assert table.keypoints is not None
    points = table.keypoints[row]
    return [
        {"class_id": class_id, "class": name, "confidence": confidence, "x": x, "y": y}
        for class_id, name, confidence, (x, y) in zip(
            points.class_id.tolist(), points.class_name, points.confidence.tolist(), points.xy.tolist(), strict=True
        )
    ]


def _masked(secret: str) -> str:
    if len(secret) < _SHORTEST_SHOWN_SECRET:
        return "********"
    return f"{secret[:_SECRET_SHOWN]}********{secret[-_SECRET_SHOWN:]}"
