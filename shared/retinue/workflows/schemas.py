"""The JSON of values, by kind, as JSON schemas: for people and programs that read an answer."""

from functools import cache
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter


class ImageSchema(BaseModel):
    """A picture to send."""

    type: str = Field(description="`base64` or `url`.")
    value: Any = Field(description="The base64 text, or the URL.")


class VideoMetadataSchema(BaseModel):
    """Which frame of which video a picture is."""

    video_identifier: str = Field(description="Names the video.")
    frame_number: int = Field(description="Counts from 0.")
    frame_timestamp: str = Field(description="When the frame was taken, ISO 8601.")
    fps: float | None = Field(None, description="Frames per second.")
    measured_fps: float | None = Field(None, description="Frames per second that were measured.")
    comes_from_video_file: bool | None = Field(None, description="Whether the video is a file, not a camera.")
    total_frames: int | None = Field(None, description="Frames of the file.")


class SizeSchema(BaseModel):
    """The size of a picture in pixels."""

    width: int = Field(description="Width in pixels.")
    height: int = Field(description="Height in pixels.")


class PointSchema(BaseModel):
    """A point in pixels."""

    x: int | float = Field(description="From the left edge.")
    y: int | float = Field(description="From the top edge.")


class KeypointSchema(PointSchema):
    """A point with a meaning."""

    confidence: float = Field(description="From 0 to 1.")
    class_name: str = Field(description="Its name.", title="class", alias="class")
    class_id: int = Field(description="Its number.")


class BoxSchema(PointSchema):
    """A detection: x and y are the middle of its box."""

    width: int | float = Field(description="Width of the box in pixels.")
    height: int | float = Field(description="Height of the box in pixels.")
    confidence: float = Field(description="From 0 to 1.")
    class_name: str = Field(description="Name of the class.", title="class", alias="class")
    class_id: int = Field(description="Number of the class.")
    detection_id: str = Field(description="Names this detection.")
    parent_id: str | None = Field(None, description="Names the picture that it was found in.")


class OutlinedBoxSchema(BoxSchema):
    """A detection with its outline."""

    points: list[PointSchema]


class BoxWithKeypointsSchema(BoxSchema):
    """A detection with its keypoints."""

    keypoints: list[KeypointSchema]


class CodeBoxSchema(BoxSchema):
    """A code with its text."""

    data: str = Field(description="What the code says.")


class ObjectsSchema(BaseModel):
    """Objects of a picture."""

    image: SizeSchema
    predictions: list[BoxSchema]


class InstancesSchema(BaseModel):
    """Outlined objects of a picture."""

    image: SizeSchema
    predictions: list[OutlinedBoxSchema]


class KeypointsSchema(BaseModel):
    """Objects of a picture with keypoints."""

    image: SizeSchema
    predictions: list[BoxWithKeypointsSchema]


class CodesSchema(BaseModel):
    """Codes of a picture."""

    image: SizeSchema
    predictions: list[CodeBoxSchema]


class ClassSchema(BaseModel):
    """A class and how sure the model is."""

    class_name: str = Field(description="Name of the class.", title="class", alias="class")
    class_id: int = Field(description="Number of the class.")
    confidence: float = Field(description="From 0 to 1.")


class LabelSchema(BaseModel):
    """How sure the model is of a class."""

    confidence: float = Field(description="From 0 to 1.")
    class_id: int = Field(description="Number of the class.")


class _AnsweredSchema(BaseModel):
    image: SizeSchema
    parent_id: str | None = Field(None, description="Names the picture.")
    root_parent_id: str | None = Field(None, description="Names the picture that came in.")
    prediction_type: str | None = Field(None, description="`classification`.")
    inference_id: str | None = Field(None, description="Names the run of the model.")


class ClassificationSchema(_AnsweredSchema):
    """The classes of a picture, best first."""

    predictions: list[ClassSchema]
    top: str = Field(description="The best class.")
    confidence: float = Field(description="Of the best class, from 0 to 1.")


class LabelsSchema(_AnsweredSchema):
    """Every class with its confidence, and those that count."""

    predictions: dict[str, LabelSchema]
    predicted_classes: list[str] = Field(description="The classes that reach the threshold.")


_MODELS: dict[str, Any] = {
    "image": ImageSchema,
    "video_metadata": VideoMetadataSchema,
    "image_keypoints": list[KeypointSchema],
    "classification_prediction": (ClassificationSchema, LabelsSchema),
    "object_detection_prediction": ObjectsSchema,
    "instance_segmentation_prediction": InstancesSchema,
    "keypoint_detection_prediction": KeypointsSchema,
    "qr_code_detection": CodesSchema,
    "bar_code_detection": CodesSchema,
}


@cache
def schema_of_kind(kind: str) -> Any:
    """The JSON schema of a kind's values, a list of them where there are several forms, None where there is none."""
    model = _MODELS.get(kind)
    if isinstance(model, tuple):
        return [TypeAdapter(form).json_schema() for form in model]
    return None if model is None else TypeAdapter(model).json_schema()
