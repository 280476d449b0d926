"""The JSON files of Roboflow's two package layouts (contract/models.md 1.2 and 1.3), checked field by field."""

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Json, PositiveInt, ValidationError

from retinue.errors import UnsupportedModel

Triple = tuple[float, float, float]
_File = TypeVar("_File", bound=BaseModel)


class _Fields(BaseModel):
    """Unknown keys are ignored; names such as model_type are no secret of pydantic's."""

    model_config = ConfigDict(protected_namespaces=())


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
    resize_mode: str = "stretch"
    padding_value: int | None = None
    color_mode: str = "rgb"
    input_channels: int = 3
    scaling_factor: float | None = None
    normalization: tuple[Triple, Triple] | None = None


class PostProcessing(_Fields):
    """post_processing of inference_config.json."""

    fused: bool | None = None


class InferenceConfig(_Fields):
    """inference_config.json."""

    network_input: NetworkInputConfig = Field(default_factory=NetworkInputConfig)
    post_processing: PostProcessing | None = None
    image_pre_processing: dict[str, Any] | None = None
    class_names_operations: list[Any] | None = None


class Resize(_Fields):
    """The resize step of the older layout; without a size it is that of the graph."""

    format: str = ""
    width: PositiveInt | None = None
    height: PositiveInt | None = None

    @property
    def size_hw(self) -> tuple[int, int] | None:
        """Height and width, if both are said."""
        return (self.height, self.width) if self.height and self.width else None


class Steps(_Fields):
    """PREPROCESSING of environment.json; the steps beside the resize are kept as they are."""

    model_config = ConfigDict(extra="allow")
    resize: Annotated[Resize | None, BeforeValidator(lambda value: value or None)] = None


class Environment(_Fields):
    """environment.json."""

    PREPROCESSING: Json[Steps] | Steps | None = None
    CLASS_MAP: dict[int, str] = Field(default_factory=dict)
    COLORS: Any = None
    MULTICLASS: bool = False


class ModelType(_Fields):
    """model_type.json."""

    project_task_type: str | None = None
    model_type: str = ""


def read_file(path: Path, kind: type[_File]) -> _File:
    """The file as `kind`. Raises UnsupportedModel that names the file and every field that is wrong."""
    try:
        record = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as exc:
        raise UnsupportedModel(f"{path} is missing") from exc
    except ValueError as exc:
        raise UnsupportedModel(f"{path} is no JSON: {exc}") from exc
    if not isinstance(record, dict):
        raise UnsupportedModel(f"{path} holds no JSON object")
    try:
        return kind.model_validate(record)
    except ValidationError as exc:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in exc.errors()[:5])
        raise UnsupportedModel(f"{path}: {problems}") from exc
