"""Operations on pictures."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from retinue.workflows.errors import OperationError
from retinue.workflows.image import VideoMetadata, WorkflowImage
from retinue.workflows.query.registry import OperationModel, Parameters, expect, performs

PICTURE_PROPERTIES: dict[str, Callable[[WorkflowImage], float]] = {
    "size": lambda image: image.height * image.width,
    "height": lambda image: image.height,
    "width": lambda image: image.width,
    "aspect_ratio": lambda image: image.width / image.height if image.height else 0,
}


class ExtractImageProperty(OperationModel):
    """The height or width of the picture in pixels, height times width (size), or width over height (aspect_ratio)."""

    type: Literal["ExtractImageProperty"]
    property_name: Literal["size", "height", "width", "aspect_ratio"]


@performs(ExtractImageProperty)
def extract_property(value: Any, operation: ExtractImageProperty, parameters: Parameters) -> float:
    return PICTURE_PROPERTIES[operation.property_name](expect(value, WorkflowImage, operation))


class ExtractFrameMetadata(OperationModel):
    """The number of the video frame, its time, or the seconds since the frame with number 1."""

    type: Literal["ExtractFrameMetadata"]
    property_name: Literal["frame_number", "frame_timestamp", "seconds_since_start"]


@performs(ExtractFrameMetadata)
def extract_frame_metadata(value: Any, operation: ExtractFrameMetadata, parameters: Parameters) -> float | datetime:
    video = expect(value, WorkflowImage, operation).video
    if operation.property_name == "frame_number":
        return video.frame_number
    if operation.property_name == "frame_timestamp":
        return video.frame_timestamp
    return _seconds_since_start(video)


def _seconds_since_start(video: VideoMetadata) -> float:
    if not video.fps:
        raise OperationError("the video says no frames per second, so no seconds can be told from its frame numbers")
    return (video.frame_number - 1) / video.fps


class ConvertImageToJPEG(OperationModel):
    """The picture as a JPEG file; compression_level is its quality, 100 the best."""

    type: Literal["ConvertImageToJPEG"]
    compression_level: Annotated[int, Field(ge=1, le=100)] = 95


@performs(ConvertImageToJPEG)
def to_jpeg(value: Any, operation: ConvertImageToJPEG, parameters: Parameters) -> bytes:
    return _filled(value, operation).jpeg(operation.compression_level)


class ConvertImageToBase64(OperationModel):
    """The picture as base64 text of a JPEG file of quality 95."""

    type: Literal["ConvertImageToBase64"]


@performs(ConvertImageToBase64)
def to_base64(value: Any, operation: ConvertImageToBase64, parameters: Parameters) -> str:
    return _filled(value, operation).base64_text()


def _filled(value: Any, operation: OperationModel) -> WorkflowImage:
    """The picture, which has pixels: there is no JPEG without."""
    image = expect(value, WorkflowImage, operation)
    if image.pixels.size == 0:
        raise OperationError(f"{operation.type} takes a picture with pixels, got {image.width} x {image.height}")
    return image
