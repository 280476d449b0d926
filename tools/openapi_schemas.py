"""What the API answers to pictures, and how it refuses: types that only the document needs."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# The default of a field that may be missing. It is never null then, so that no default is told either.
ABSENT: Any = None


def _without_defaults(schema: dict[str, Any]) -> None:
    for described in schema.get("properties", {}).values():
        described.pop("default", None)


class Answer(BaseModel):
    """Base of all answers: nothing that is not named here."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), json_schema_extra=_without_defaults)


# ---------------------------------------------------------------- refusals


class Message(Answer):
    """Why a request was refused."""

    message: str


class Unauthorized(Answer):
    """There is no API key, or it is not known."""

    status: Literal[401]
    message: str


class Detail(Answer):
    """What was asked for does not exist."""

    detail: str


class Problem(Answer):
    """One thing that is wrong with a request, and where."""

    type: str
    loc: list[str | int]
    msg: str


class Invalid(Answer):
    """Everything that is wrong with the parameters or the body; of many problems the first twenty."""

    detail: list[Problem]


class WorkflowProblem(Answer):
    """What is wrong with a workflow, or what failed while it ran."""

    message: str
    error_type: str
    context: str
    inner_error_type: str | None
    inner_error_message: str
    blocks_errors: list[dict[str, Any]] | None = ABSENT
    python_blocks_output_streams: None = ABSENT
    python_blocks_debug_traces: None = ABSENT


# ---------------------------------------------------------------- inference


class Size(Answer):
    """Pixels of a picture."""

    width: int
    height: int


class Point(Answer):
    """A corner of an outline, in pixels."""

    x: float
    y: float


class Keypoint(Answer):
    """A named point of an object."""

    x: float
    y: float
    confidence: float
    class_id: int
    class_: str = Field(alias="class")


class RunLengths(Answer):
    """A mask as COCO's compressed run lengths; size is [height, width]."""

    size: list[int]
    counts: str


class Detection(Answer):
    """An object: the centre and the size of its box in pixels, and what else its task tells."""

    x: float
    y: float
    width: float
    height: float
    confidence: float
    class_: str = Field(alias="class")
    class_id: int
    detection_id: str
    points: list[Point] = ABSENT
    rle: RunLengths = ABSENT
    mask_format: Literal["polygon", "rle"] = ABSENT
    keypoints: list[Keypoint] = ABSENT


class Predicted(Answer):
    """What the answers of all tasks have; `visualization` is a JPEG in base64, if it was asked for."""

    visualization: str = ABSENT
    inference_id: str
    time: float
    image: Size


class MaskGrid(Answer):
    """How to get from a reduced mask to the picture."""

    coordinate_system: Literal["mask_grid"]
    width: int
    height: int
    scale_x: float
    scale_y: float


class Detected(Predicted):
    """Objects, the most certain first."""

    predictions: list[Detection]
    original_image: Size = ABSENT
    mask_metadata: MaskGrid = ABSENT


class ClassConfidence(Answer):
    """How certain a class is."""

    class_: str = Field(alias="class")
    class_id: int
    confidence: float


class Classified(Predicted):
    """Classes, the most certain first; `top` is empty if there is none."""

    predictions: list[ClassConfidence]
    top: str
    confidence: float


class LabelConfidence(Answer):
    """How certain a label is."""

    confidence: float
    class_id: int


class Labelled(Predicted):
    """All labels by name, and those that apply."""

    predictions: dict[str, LabelConfidence]
    predicted_classes: list[str]


class Masks(Answer):
    """The class and its confidence of every pixel, as grey PNGs in base64."""

    segmentation_mask: str
    class_map: dict[str, str]
    confidence_mask: str
    present_class_ids: list[int]


class Segmented(Predicted):
    """The class of every pixel."""

    predictions: Masks


Prediction = Detected | Classified | Labelled | Segmented


class Result(Answer):
    """Where an answer will be: an object, and a link to it for an hour."""

    bucket: str
    key: str
    url: str


class Accepted(Answer):
    """An asynchronous request that was taken."""

    id: str
    status: Literal["accepted"]
    result: Result
    status_url: str


# ---------------------------------------------------------------- models


class LoadedModel(Answer):
    """A model in memory."""

    model_id: str
    task_type: str
    batch_size: int | None
    input_height: int | None
    input_width: int | None
    vram_bytes: None
    request_aliases: list[str]
    request_paths: list[str]


class LoadedModels(Answer):
    """The models in the memory of the copy that answers; it uses no GPU."""

    models: list[LoadedModel]
    torch_cuda_allocator_cache: None
    non_torch_gpu_memory: None
    total_vram_bytes: None
    gpu_memory_used: None
    gpu_memory_total: None
    torch_cuda_allocated: None
    torch_cuda_reserved: None
