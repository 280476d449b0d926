"""From the JSON of batch inputs to values, by kind: contract/workflows.md 3 and 4.1."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from retinue.errors import RetinueError, UploadNotFound
from retinue.ids import new_id
from retinue.images.decode import Image
from retinue.images.load import NOT_AN_UPLOAD, ImageReference
from retinue.uploads.layout import is_upload_id
from retinue.workflows.errors import RuntimeInputError
from retinue.workflows.image import VideoMetadata, WorkflowImage
from retinue.workflows.kinds import DETECTION_KINDS
from retinue.workflows.read_detections import read_detections, read_origin, read_text

MOST_MASK_PIXELS = 50_000_000
"""How many pixels the masks of the detections that come with one request may have together."""

_REFUSED_TYPES = {
    "numpy_object": "pictures as numpy arrays are not taken; send base64 or a URL",
    "file": "pictures of the server's own disk are not taken; send base64 or a URL",
}
_NUMBER = (int, float)
_NPY_IN_BASE64 = "k05VTVBZ"


class ValueReader:
    """Reads the values of the batch inputs of one request; `load` makes pixels of what it says about a picture."""

    def __init__(self, load: Callable[[ImageReference], Image]) -> None:
        self._load = load
        self._mask_pixels = 0

    def __call__(self, kinds: tuple[str, ...], identifier: str, value: Any) -> Any:
        """The value as the first of its kinds that takes it; kinds that read nothing leave it as it is.

        Raises RuntimeInputError.
        """
        readers = [(kind, reader) for kind in kinds if (reader := self._reader(kind)) is not None]
        if not readers:
            return value
        refusals = []
        for kind, read in readers:
            try:
                return read(identifier, value)
            except UploadNotFound:
                raise  # nothing that another kind could read
            except RetinueError as exc:
                refusals.append(f"\nKind: `{kind}` - Error: {exc.public}")
            except (ValueError, KeyError, TypeError, OverflowError) as exc:
                refusals.append(f"\nKind: `{kind}` - Error: {exc}")
        raise RuntimeInputError(
            f"Failed to assemble `{identifier}`. Could not successfully use any deserializer for declared kinds. "
            f"Details: {''.join(refusals)}",
            context="workflow_execution | runtime_input_validation",
        )

    def _reader(self, kind: str) -> Callable[[str, Any], Any] | None:
        if kind == "image":
            return self._read_image
        if kind in DETECTION_KINDS:
            return lambda identifier, value: read_detections(kind, identifier, value, self._spend)
        return _READERS.get(kind)

    def _spend(self, pixels: int) -> None:
        self._mask_pixels += pixels
        if self._mask_pixels > MOST_MASK_PIXELS:
            raise ValueError(
                f"the detections of a request may have masks of {MOST_MASK_PIXELS:,} pixels together; each detection, "
                "and the length of each outline, counts beside"
            )

    def _read_image(self, identifier: str, value: Any) -> WorkflowImage:
        """A picture from base64 text or a URL, alone or in a dict; in a dict also from an upload by its id."""
        record = value if isinstance(value, dict) else {"value": value}
        reference = reference_of(value)
        content = str(reference.value)
        pixels = self._load(reference)
        image = WorkflowImage.of_pixels(pixels, read_text("parent_id", record.get("parent_id")) or identifier)
        if reference.kind == "base64":
            encoded = content.partition(",")[2] if content.startswith("data:") else content
            if not encoded.lstrip().startswith(_NPY_IN_BASE64):  # which nobody could show as a picture
                image = replace(image, encoded=encoded)
        if record.get("parent_origin") is not None:
            parent = read_origin(image.id, record["parent_origin"])
            image = replace(image, parent=parent, root=parent)
        if record.get("root_parent_id") is not None:
            origin = record.get("root_parent_origin")
            root_id = read_text("root_parent_id", record["root_parent_id"])
            root = replace(image.root, id=root_id) if origin is None else read_origin(root_id, origin)
            image = replace(image, root=root)
        if record.get("video_metadata") is not None:
            image = replace(image, given_video=_video_metadata(identifier, record["video_metadata"]))
        return image


def reference_of(value: Any) -> ImageReference:
    """Where the picture is that an input gives: base64 text or a URL, alone or in a dict; in a dict also an upload.

    Raises ValueError.
    """
    record = value if isinstance(value, dict) else {"value": value}
    content, kind = record.get("value"), str(record.get("type", "")).lower()
    if kind in _REFUSED_TYPES:
        raise ValueError(_REFUSED_TYPES[kind])
    if not isinstance(content, str):
        raise ValueError("a picture is base64 text or a URL, in a dict like {'type': 'base64', 'value': ...}")
    if kind == "numpy":
        return ImageReference("numpy", content)
    if content.startswith(("http://", "https://")):
        return ImageReference("url", content)
    if kind != "upload":
        return ImageReference("base64", content)
    if not is_upload_id(content):
        raise ValueError(NOT_AN_UPLOAD)
    return ImageReference("upload", content)


def _video_metadata(_: str, value: Any) -> VideoMetadata:
    if isinstance(value, VideoMetadata):
        return value
    if not isinstance(value, dict):
        raise ValueError("video metadata is a dict")
    timestamp = value["frame_timestamp"]
    return VideoMetadata(
        video_identifier=str(value["video_identifier"]),
        frame_number=int(value["frame_number"]),
        frame_timestamp=timestamp if isinstance(timestamp, datetime) else datetime.fromisoformat(timestamp),
        fps=value.get("fps"),
        measured_fps=value.get("measured_fps"),
        comes_from_video_file=value.get("comes_from_video_file"),
        total_frames=value.get("total_frames"),
    )


def _of_type(*types: type) -> Callable[[str, Any], Any]:
    wanted = " or ".join(kind.__name__ for kind in types)

    def read(_: str, value: Any) -> Any:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ValueError(f"should be {wanted}, not {type(value).__name__}")
        return value

    return read


def _fraction(identifier: str, value: Any) -> float:
    number = float(_of_type(*_NUMBER)(identifier, value))
    if not 0 <= number <= 1:
        raise ValueError(f"should be from 0 to 1, not {number}")
    return number


def _list(_: str, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"should be a list, not {type(value).__name__}")
    return list(value)


def _numbers(value: Any, count: int) -> tuple[float, ...]:
    is_list = isinstance(value, list | tuple) and len(value) == count
    if not is_list or not all(isinstance(item, _NUMBER) for item in value):
        raise ValueError(f"should be a list of {count} numbers")
    return tuple(value)


def _zone(_: str, value: Any) -> list[tuple[float, ...]]:
    if not isinstance(value, list) or len(value) < 3:
        raise ValueError("a zone is a list of at least 3 points [x, y]")
    return [_numbers(point, 2) for point in value]


def _labeled_points(identifier: str, value: Any) -> list[dict[str, Any]]:
    """Points that belong to an object or not: {x, y, positive}, [x, y] or [x, y, positive]."""
    points = []
    for point in _list(identifier, value):
        if isinstance(point, dict):
            x, y, is_positive = point["x"], point["y"], point.get("positive", True)
        else:
            x, y, is_positive = point if len(point) == 3 else (*point, True)
        points.append(dict(zip("xy", _numbers([x, y], 2), strict=True)) | {"positive": bool(is_positive)})
    return points


def _color(_: str, value: Any) -> Any:
    return value if isinstance(value, str) else _numbers(value, 3)


def _bytes(_: str, value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError("should be base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as exc:
        raise ValueError(f"not base64: {exc}") from exc


def _timestamp(_: str, value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("should be ISO text")
    return datetime.fromisoformat(value)


def _classification(identifier: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or "image" not in value or "predictions" not in value:
        raise ValueError("a classification is a dict with `image` and `predictions`")
    if "predicted_classes" not in value and not {"top", "confidence"} <= value.keys():
        raise ValueError("a classification has `predicted_classes`, or `top` and `confidence`")
    filled = {"prediction_type": "classification", "inference_id": new_id()}
    filled |= {"parent_id": identifier, "root_parent_id": identifier}
    return value | {name: item for name, item in filled.items() if name not in value}


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "video_metadata": _video_metadata,
    "numpy_array": lambda identifier, value: np.array(_list(identifier, value)),
    "labeled_points": _labeled_points,
    "string": _of_type(str),
    "top_class": _of_type(str),
    "parent_id": _of_type(str),
    "inference_id": _of_type(str),
    "prediction_type": _of_type(str),
    "language_model_output": _of_type(str),
    "roboflow_model_id": _of_type(str),
    "roboflow_project": _of_type(str),
    "roboflow_api_key": _of_type(str),
    "boolean": _of_type(bool),
    "integer": _of_type(int),
    "float": _of_type(*_NUMBER),
    "float_zero_to_one": _fraction,
    "dictionary": _of_type(dict),
    "list_of_values": _list,
    "point": lambda _, value: _numbers(value, 2),
    "zone": _zone,
    "rgb_color": _color,
    "bytes": _bytes,
    "timestamp": _timestamp,
    "classification_prediction": _classification,
}
