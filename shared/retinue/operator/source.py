"""What people bring: a bare ONNX export, or a folder in one of Roboflow's two layouts. Read as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from retinue.errors import UnsupportedModel
from retinue.models.package import Convention
from retinue.operator.layouts import (
    NO_STEPS,
    Environment,
    InferenceConfig,
    KeypointClass,
    ModelConfig,
    ModelType,
    Recommended,
    Resize,
    Steps,
    Triple,
    read_file,
    read_keypoints,
)

_WEIGHT_NAMES = ("weights.onnx", "best.onnx", "yolov5s_weights.onnx")
# The cycle of legacy and new names of one resize (contract/models.md 1.2 and 1.3).
_LEGACY_RESIZE = {
    "stretch to": ("stretch", 0),
    "fit (black edges) in": ("letterbox", 0),
    "fit (white edges) in": ("letterbox", 255),
    "fit (grey edges) in": ("letterbox", 127),
    "fit (reflect edges) in": ("letterbox-reflect-edges", 0),
    "fit within": ("fit-longer-edge", 0),
    "fill (with center crop) in": ("center-crop", 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A model as it was brought, in the terms of Roboflow's new layout whatever the layout was."""

    layout: str
    convention: Convention
    weights: Path
    extra_files: tuple[Path, ...] = ()
    task: str | None = None
    architecture: str | None = None
    class_names: tuple[str, ...] = ()
    resize_mode: str = "stretch"
    padding_value: int = 0
    input_size_hw: tuple[int, int] | None = None
    color_mode: str = "rgb"
    scaling_factor: float | None = 255.0
    normalization: tuple[Triple, Triple] | None = None
    first_size_hw: tuple[int, int] | None = None  # dataset_version_resize_dimensions
    is_fused: bool | None = None  # whether the activation or the suppression is inside the graph; None: not said
    steps: Steps = NO_STEPS
    removed_class_names: tuple[str, ...] = ()
    keypoints: tuple[KeypointClass, ...] = ()
    colors: Mapping[str, str] = field(default_factory=dict)
    confidence: float | None = None
    class_confidence: Mapping[str, float] = field(default_factory=dict)


def read_source(path: Path) -> Source:
    """The model at `path`: an .onnx file, or a folder. Raises UnsupportedModel that says what is missing."""
    if path.is_file():
        return Source(layout="bare ONNX file", convention="native", weights=path)
    if not path.is_dir():
        raise UnsupportedModel(f"{path} is neither a file nor a folder")
    if (path / "model_config.json").is_file():
        return _read_new(path)
    if (path / "environment.json").is_file():
        return _read_legacy(path)
    weights = sorted(path.glob("*.onnx"))
    if len(weights) == 1:
        return Source(layout="bare ONNX file", convention="native", weights=weights[0])
    raise UnsupportedModel(
        f"{path} holds neither model_config.json nor environment.json, and {len(weights)} .onnx files instead of one"
    )


def _read_new(folder: Path) -> Source:
    config = read_file(folder / "model_config.json", ModelConfig)
    inference = read_file(folder / "inference_config.json", InferenceConfig)
    network, size = inference.network_input, inference.network_input.training_input_size
    first = network.dataset_version_resize_dimensions
    if config.backend_type != "onnx":
        raise UnsupportedModel(f"backend_type is {config.backend_type!r}; only onnx is served")
    if network.input_channels != 3:
        raise UnsupportedModel(f"input_channels is {network.input_channels}; only 3 are served")
    recommended = config.recommended_parameters or Recommended()
    return Source(
        layout="Roboflow package (model_config.json)",
        convention="roboflow",
        weights=_weights(folder),
        extra_files=_description_files(folder),
        task=config.task_type,
        architecture=config.model_architecture,
        class_names=_class_names(folder),
        resize_mode=network.resize_mode,
        padding_value=network.padding_value or 0,
        input_size_hw=(size.height, size.width) if size else None,
        color_mode=network.color_mode,
        scaling_factor=network.scaling_factor,
        normalization=network.normalization,
        is_fused=inference.post_processing.fused if inference.post_processing else None,
        first_size_hw=(first.height, first.width) if first else None,
        steps=inference.image_pre_processing or NO_STEPS,
        removed_class_names=_removed_names(inference),
        keypoints=_keypoints(folder),
        confidence=recommended.confidence,
        class_confidence=recommended.per_class_confidence or {},
    )


def _read_legacy(folder: Path) -> Source:
    environment = read_file(folder / "environment.json", Environment)
    kind = read_file(folder / "model_type.json", ModelType)
    steps = environment.PREPROCESSING
    if steps is None:
        raise UnsupportedModel(f"{folder}/environment.json has no PREPROCESSING")
    resize = steps.resize or Resize()
    if (resize.height is None) != (resize.width is None):
        raise UnsupportedModel("PREPROCESSING: resize says only one of height and width")
    mode, padding_value = _LEGACY_RESIZE.get(resize.format.lower(), ("stretch", 0))
    task, names = kind.project_task_type, _class_names(folder) or _mapped_names(environment.CLASS_MAP)
    if task == "classification" and environment.MULTICLASS:
        task = "multi-label-classification"
    is_yolo = kind.model_type.startswith("yolo") and "classification" not in str(task)
    return Source(
        layout="Roboflow package (environment.json)",
        convention="roboflow",
        weights=_weights(folder),
        extra_files=_description_files(folder),
        task=task,
        architecture=kind.model_type,
        class_names=names,
        resize_mode=mode,
        padding_value=padding_value,
        input_size_hw=resize.size_hw,
        normalization=None if is_yolo else _legacy_normalization(kind.model_type),
        first_size_hw=resize.size_hw if mode != "stretch" else None,
        steps=steps,
        removed_class_names=(_BACKGROUND,) if _BACKGROUND in names else (),
        keypoints=_keypoints(folder),
        colors=environment.COLORS if isinstance(environment.COLORS, dict) else {},
    )


def _mapped_names(class_map: Mapping[int, str]) -> tuple[str, ...]:
    if sorted(class_map) != list(range(len(class_map))):
        raise UnsupportedModel(f"CLASS_MAP has keys {sorted(class_map)[:5]}...; expected 0 to {len(class_map) - 1}")
    return tuple(class_map[index] for index in range(len(class_map)))


def _legacy_normalization(model_type: str) -> tuple[Triple, Triple] | None:
    """Mean and std that the type implies (contract/models.md 2.6)."""
    for prefix, normalization in _LEGACY_NORMALIZATION.items():
        if model_type.startswith(prefix):
            return normalization
    return None


_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_LEGACY_NORMALIZATION = {
    "resnet": _IMAGENET,
    "dinov3": _IMAGENET,
    "vit": _HALVES,
    "yolov8": _HALVES,
    "rfdetr": _IMAGENET,
    "deep": _IMAGENET,
}
# A name that RF-DETR packages give to their no-object column.
_BACKGROUND = "background_class83422"


def _removed_names(inference: InferenceConfig) -> tuple[str, ...]:
    operations = inference.class_names_operations or []
    unknown = sorted({operation.type for operation in operations} - {"class_name_removal"})
    if unknown:
        raise UnsupportedModel(f"class_names_operations {', '.join(unknown)} are not known; class_name_removal is")
    return tuple(operation.class_name for operation in operations)


def _keypoints(folder: Path) -> tuple[KeypointClass, ...]:
    path = folder / "keypoints_metadata.json"
    return tuple(read_keypoints(path)) if path.is_file() else ()


def _weights(folder: Path) -> Path:
    found = [folder / name for name in _WEIGHT_NAMES if (folder / name).is_file()]
    if len(found) != 1:
        raise UnsupportedModel(f"{folder} holds {len(found)} of {', '.join(_WEIGHT_NAMES)}; exactly one is needed")
    return found[0]


def _description_files(folder: Path) -> tuple[Path, ...]:
    """The small files beside the weights: published too, so that a package can be taken out as it went in."""
    return tuple(sorted(path for path in folder.iterdir() if path.suffix in (".json", ".txt")))


def _class_names(folder: Path) -> tuple[str, ...]:
    path = folder / "class_names.txt"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return tuple(line.strip() for line in lines if line.strip())
