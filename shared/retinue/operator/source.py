"""What people bring: a bare ONNX export, or a folder in one of Roboflow's two layouts. Read as it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retinue.errors import UnsupportedModel
from retinue.models.package import Convention

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
    normalization: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    is_fused: bool | None = None  # whether the activation or the suppression is inside the graph; None: not said
    steps: Mapping[str, Any] = field(default_factory=dict)  # image_pre_processing
    operations: tuple[Any, ...] = ()  # class_names_operations
    colors: Mapping[str, str] = field(default_factory=dict)
    confidence: float | None = None
    class_confidence: Mapping[str, float] = field(default_factory=dict)


def read_source(path: Path) -> Source:
    """The model at `path`: an .onnx file, or a folder. Raises UnsupportedModel that says what is missing."""
    if path.is_file():
        return Source(layout="bare ONNX file", convention="ultralytics", weights=path)
    if not path.is_dir():
        raise UnsupportedModel(f"{path} is neither a file nor a folder")
    if (path / "model_config.json").is_file():
        return _read_new(path)
    if (path / "environment.json").is_file():
        return _read_legacy(path)
    weights = sorted(path.glob("*.onnx"))
    if len(weights) == 1:
        return Source(layout="bare ONNX file", convention="ultralytics", weights=weights[0])
    raise UnsupportedModel(
        f"{path} holds neither model_config.json nor environment.json, and {len(weights)} .onnx files instead of one"
    )


def _read_new(folder: Path) -> Source:
    config, inference = _read_json(folder / "model_config.json"), _read_json(folder / "inference_config.json")
    network = inference.get("network_input") or {}
    if config.get("backend_type", "onnx") != "onnx":
        raise UnsupportedModel(f"backend_type is {config['backend_type']!r}; only onnx is served")
    if network.get("input_channels", 3) != 3:
        raise UnsupportedModel(f"input_channels is {network['input_channels']}; only 3 are served")
    size = network.get("training_input_size")
    processing = inference.get("post_processing") or {}
    recommended = config.get("recommended_parameters") or {}
    normalization = network.get("normalization")
    return Source(
        layout="Roboflow package (model_config.json)",
        convention="roboflow",
        weights=_weights(folder),
        extra_files=_description_files(folder),
        task=config.get("task_type"),
        architecture=config.get("model_architecture"),
        class_names=_class_names(folder),
        resize_mode=network.get("resize_mode", "stretch"),
        padding_value=int(network.get("padding_value") or 0),
        input_size_hw=(int(size["height"]), int(size["width"])) if size else None,
        color_mode=network.get("color_mode", "rgb"),
        scaling_factor=network.get("scaling_factor"),
        normalization=(tuple(normalization[0]), tuple(normalization[1])) if normalization else None,
        is_fused=processing.get("fused"),
        steps=inference.get("image_pre_processing") or {},
        operations=tuple(inference.get("class_names_operations") or ()),
        confidence=recommended.get("confidence"),
        class_confidence=recommended.get("per_class_confidence") or {},
    )


def _read_legacy(folder: Path) -> Source:
    environment, kind = _read_json(folder / "environment.json"), _read_json(folder / "model_type.json")
    steps = environment.get("PREPROCESSING")
    if steps is None:
        raise UnsupportedModel(f"{folder}/environment.json has no PREPROCESSING")
    steps = json.loads(steps) if isinstance(steps, str) else steps
    resize = steps.get("resize") or {}
    mode, padding_value = _LEGACY_RESIZE.get(str(resize.get("format", "")).lower(), ("stretch", 0))
    architecture = str(kind.get("model_type", ""))
    if environment.get("MULTICLASS"):
        raise UnsupportedModel("MULTICLASS is true: multi-label classification is not built yet")
    class_map = environment.get("CLASS_MAP") or {}
    names = _class_names(folder) or tuple(class_map[str(index)] for index in range(len(class_map)))
    colors = environment.get("COLORS")
    return Source(
        layout="Roboflow package (environment.json)",
        convention="roboflow",
        weights=_weights(folder),
        extra_files=_description_files(folder),
        task=kind.get("project_task_type"),
        architecture=architecture,
        class_names=names,
        resize_mode=mode,
        padding_value=padding_value,
        input_size_hw=(int(resize["height"]), int(resize["width"])) if "height" in resize else None,
        normalization=_LEGACY_NORMALIZATION.get(architecture.rstrip("0123456789nsmlx"))
        if kind.get("project_task_type") == "classification"
        else None,
        steps={name: step for name, step in steps.items() if name != "resize"},
        colors=colors if isinstance(colors, dict) else {},
    )


_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
# By model type without its size (contract/models.md 2.6); only classifiers are normalised.
_LEGACY_NORMALIZATION = {
    "resnet": _IMAGENET,
    "dinov": _IMAGENET,
    "dinov3_probe": _IMAGENET,
    "vit": _HALVES,
    "yolov": _HALVES,
}


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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as exc:
        raise UnsupportedModel(f"{path} is missing") from exc
    except ValueError as exc:
        raise UnsupportedModel(f"{path} is no JSON: {exc}") from exc
    if not isinstance(record, dict):
        raise UnsupportedModel(f"{path} holds no JSON object")
    return record
