"""The JSON files of Roboflow's two package layouts (contract/models.md 1.2 and 1.3), checked field by field."""

import json
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from retinue.errors import UnsupportedModel

Triple = tuple[float, float, float]
_File = TypeVar("_File", bound=BaseModel)
_Content = TypeVar("_Content")


class _Fields(BaseModel):
    """Unknown keys are ignored; names such as model_type are no secret of pydantic's."""

    model_config = ConfigDict(protected_namespaces=(), frozen=True)


class Size(_Fields):
    """A size in pixels; numbers may be texts."""

    height: PositiveInt
    width: PositiveInt


class Recommended(_Fields):
    """Thresholds from the evaluation of the model."""

    confidence: float | None = None
    per_class_confidence: dict[str, float] | None = None


class ModelConfig(_Fields):
    """model_config.json."""

    model_architecture: str | None = None
    task_type: str | None = None
    backend_type: str = "onnx"
    recommended_parameters: Recommended | None = None


class NetworkInputConfig(_Fields):
    """network_input of inference_config.json."""

    training_input_size: Size | None = None
    dataset_version_resize_dimensions: Size | None = None
    resize_mode: str = "stretch"
    padding_value: int | None = None
    color_mode: str = "rgb"
    input_channels: int = 3
    scaling_factor: float | None = None
    normalization: tuple[Triple, Triple] | None = None


class PostProcessing(_Fields):
    """post_processing of inference_config.json."""

    fused: bool | None = None


class StaticCrop(_Fields):
    """The step static-crop: edges in percent of the picture."""

    enabled: bool = False
    x_min: int = Field(ge=0, le=100)
    y_min: int = Field(ge=0, le=100)
    x_max: int = Field(ge=0, le=100)
    y_max: int = Field(ge=0, le=100)

    @model_validator(mode="after")
    def _spans_something(self) -> Self:
        if self.enabled and (self.x_min >= self.x_max or self.y_min >= self.y_max):
            raise ValueError("x_min must be below x_max, and y_min below y_max")
        return self


class ContrastStep(_Fields):
    """The step contrast."""

    enabled: bool = False
    type: str = ""


class Switch(_Fields):
    """A step that is on or off."""

    enabled: bool = False


class Steps(_Fields):
    """What happens to a picture before the resize: image_pre_processing, or PREPROCESSING of environment.json."""

    model_config = ConfigDict(populate_by_name=True)
    static_crop: StaticCrop | None = Field(None, alias="static-crop")
    contrast: ContrastStep | None = None
    grayscale: Switch | None = None


NO_STEPS = Steps.model_validate({})


class ClassNameOperation(_Fields):
    """An entry of class_names_operations."""

    type: str
    class_name: str = ""


class InferenceConfig(_Fields):
    """inference_config.json."""

    network_input: NetworkInputConfig = Field(default_factory=NetworkInputConfig)
    post_processing: PostProcessing | None = None
    image_pre_processing: Steps | None = None
    class_names_operations: list[ClassNameOperation] | None = None


class Resize(_Fields):
    """The resize step of the older layout; without a size it is that of the graph."""

    format: str = ""
    width: PositiveInt | None = None
    height: PositiveInt | None = None

    @property
    def size_hw(self) -> tuple[int, int] | None:
        """Height and width, if both are said."""
        return (self.height, self.width) if self.height and self.width else None


class LegacySteps(Steps):
    """PREPROCESSING of environment.json."""

    resize: Annotated[Resize | None, BeforeValidator(lambda value: value or None)] = None


class Environment(_Fields):
    """environment.json."""

    PREPROCESSING: Json[LegacySteps] | LegacySteps | None = None
    CLASS_MAP: dict[int, str] = Field(default_factory=dict)
    COLORS: Any = None
    MULTICLASS: bool = False


class ModelType(_Fields):
    """model_type.json."""

    project_task_type: str | None = None
    model_type: str = ""


class Edge(_Fields):
    """Two keypoint slots that belong together."""

    model_config = ConfigDict(populate_by_name=True)
    start: int = Field(alias="from")
    end: int = Field(alias="to")


class KeypointClass(_Fields):
    """An entry of keypoints_metadata.json: the keypoints of a class, by slot."""

    object_class: str = ""
    object_class_id: int | None = None
    keypoints: dict[int, str]
    edges: list[Edge] = Field(default_factory=list)


def read_keypoints(path: Path) -> list[KeypointClass]:
    """keypoints_metadata.json. Raises UnsupportedModel that says what is wrong."""
    return _validated(path, TypeAdapter(list[KeypointClass]), _read_json(path))


def read_file(path: Path, kind: type[_File]) -> _File:
    """The file as `kind`. Raises UnsupportedModel that names the file and every field that is wrong."""
    record = _read_json(path)
    if not isinstance(record, dict):
        raise UnsupportedModel(f"{path} holds no JSON object")
    return _validated(path, TypeAdapter(kind), record)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as exc:
        raise UnsupportedModel(f"{path} is missing") from exc
    except ValueError as exc:
        raise UnsupportedModel(f"{path} is no JSON: {exc}") from exc


def _validated(path: Path, kind: TypeAdapter[_Content], record: Any) -> _Content:
    try:
        return kind.validate_python(record)
    except ValidationError as exc:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in exc.errors()[:5])
        raise UnsupportedModel(f"{path}: {problems}") from exc
