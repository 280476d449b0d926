"""From a source and its graph to what the service has to know. Decided by graph, shapes and metadata, never by file
names."""

from dataclasses import dataclass
from typing import Any, cast, get_args

from pydantic import PositiveInt

from retinue.errors import UnsupportedModel
from retinue.models.package import Convention, Family, NetworkInput, Preprocessing, ResizeMode, Task
from retinue.operator.graph import Graph, Tensor
from retinue.operator.source import Source

_ULTRALYTICS_TASKS = {"detect": "object-detection", "segment": "instance-segmentation", "classify": "classification"}
_YOLO = ("yolov8", "yolov9", "yolov11", "yolov12")
_ARCHITECTURES: dict[str, tuple[str, ...]] = {
    "object-detection": _YOLO,
    "instance-segmentation": ("yolov8", "yolov11"),
    "classification": ("resnet", "vit", "dinov3", "yolov8", "yolov11"),
}
_MASK_COEFFICIENTS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What was found, with the reason in words."""

    task: Task
    family: Family
    convention: Convention
    reason: str
    class_names: tuple[str, ...]
    network_input: NetworkInput
    preprocessing: Preprocessing
    is_activated: bool


def recognise(source: Source, graph: Graph, class_names: tuple[str, ...] = ()) -> Recognised:
    """Task, family, input and preprocessing of a model.

    class_names: given by the operator, before those of the package. Raises UnsupportedModel that says what was
    expected, what was found, and what to do.
    """
    task = _task(source, graph)
    names = class_names or source.class_names or _metadata_names(graph)
    if not names:
        raise UnsupportedModel(f"{graph.path.name} does not say its class names; give them with --classes")
    network = _network_input(source, graph)
    family, reason = _family(task, graph, len(names))
    return Recognised(
        task=task,
        family=family,
        convention=source.convention,
        reason=f"{source.layout}; {reason}",
        class_names=names,
        network_input=network,
        preprocessing=_preprocessing(source, task),
        is_activated=bool(source.is_fused) if source.is_fused is not None else graph.has_softmax,
    )


def _task(source: Source, graph: Graph) -> Task:
    if source.convention == "native":
        said = graph.metadata.get("task")
        if said is None:
            raise UnsupportedModel(
                f"{graph.path.name} has no metadata `task`. Bare files must be Ultralytics exports (detect, segment or "
                "classify); put others into a folder with model_config.json and inference_config.json"
            )
        task = _ULTRALYTICS_TASKS.get(said)
        if task is None:
            raise UnsupportedModel(f"task {said!r} is not built; detect, segment and classify are")
        if (graph.said("args", dict[str, Any]) or {}).get("nms") or graph.metadata.get("end2end") == "True":
            raise UnsupportedModel(
                "exports with suppression inside (nms=True, end2end) are not built; export without it"
            )
        return cast(Task, task)
    if source.task not in get_args(Task):
        raise UnsupportedModel(f"task {source.task!r} is not built; {', '.join(get_args(Task))} are")
    known = _ARCHITECTURES[str(source.task)]
    if not str(source.architecture).startswith(known):
        raise UnsupportedModel(f"{source.architecture!r} for {source.task} is not built; {', '.join(known)} are")
    if source.is_fused and source.task != "classification":
        raise UnsupportedModel("post_processing.fused is true: graphs with suppression inside are not built")
    return cast(Task, source.task)


def _metadata_names(graph: Graph) -> tuple[str, ...]:
    names = graph.said("names", dict[int, Any] | list[Any])
    if isinstance(names, dict):
        if sorted(names) != list(range(len(names))):
            raise UnsupportedModel(
                f"metadata `names` has the keys {sorted(names)[:5]}...; 0 to {len(names) - 1} are expected"
            )
        names = [names[index] for index in range(len(names))]
    return tuple(str(name) for name in names or ())


def _network_input(source: Source, graph: Graph) -> NetworkInput:
    if len(graph.inputs) != 1:
        raise UnsupportedModel(f"the graph has {len(graph.inputs)} inputs; exactly one, the picture, can be fed")
    tensor = graph.inputs[0]
    if len(tensor.shape) != 4 or tensor.shape[1] not in (3, None) or tensor.dtype not in ("float32", "float16"):
        raise UnsupportedModel(f"the input is {tensor}; float32 or float16 (batch, 3, height, width) is expected")
    batch, _, height, width = tensor.shape
    size = source.input_size_hw
    if size is None and (said := graph.said("imgsz", PositiveInt | tuple[PositiveInt, PositiveInt])):
        size = (said, said) if isinstance(said, int) else said
    if height is not None and width is not None:
        # The legacy layout's size is of the dataset; the graph knows better.
        if size not in (None, (height, width)) and "model_config" in source.layout:
            raise UnsupportedModel(
                f"training_input_size is {size}, but the graph takes {(height, width)} (height, width)"
            )
        size = (height, width)
    if size is None:
        raise UnsupportedModel(f"the input {tensor} leaves the size open, and neither package nor metadata says it")
    is_open = height is None and width is None and source.convention == "native"
    return NetworkInput(
        name=tensor.name,
        height=size[0],
        width=size[1],
        batch=batch,
        dtype="float16" if tensor.dtype == "float16" else "float32",
        stride=(graph.said("stride", PositiveInt) or 32) if is_open else None,
    )


def _family(task: Task, graph: Graph, classes: int) -> tuple[Family, str]:
    """The family whose output layout the graph has, and why."""
    outputs = graph.outputs
    listed = ", ".join(map(str, outputs))
    if task == "classification":
        if len(outputs) == 1 and _matches(outputs[0], (None, classes)):
            return "classifier", f"{listed} is (batch, {classes} classes)"
        raise UnsupportedModel(f"outputs are {listed}; a classifier of {classes} classes gives (batch, {classes})")
    rows = 4 + classes + (_MASK_COEFFICIENTS if task == "instance-segmentation" else 0)
    if not outputs or not _matches(outputs[0], (None, rows, None)):
        raise UnsupportedModel(
            f"outputs are {listed}; {task} of {classes} classes in the YOLOv8 layout gives (batch, {rows}, anchors). "
            "Check the class names; other layouts are not built"
        )
    if task == "object-detection":
        return "yolov8", f"{outputs[0]} is (batch, 4 box + {classes} classes, anchors)"
    if len(outputs) < 2 or not _matches(outputs[1], (None, _MASK_COEFFICIENTS, None, None)):
        raise UnsupportedModel(f"outputs are {listed}; the second must be the prototypes (batch, 32, height, width)")
    return (
        "yolov8-seg",
        f"{outputs[0]} is (batch, 4 box + {classes} classes + 32 mask coefficients, anchors), {outputs[1]}",
    )


def _matches(tensor: Tensor, expected: tuple[int | None, ...]) -> bool:
    """Whether a shape can be `expected`, where None stands for any size, on either side."""
    return len(tensor.shape) == len(expected) and all(
        found is None or wanted is None or found == wanted for found, wanted in zip(tensor.shape, expected, strict=True)
    )


def _preprocessing(source: Source, task: Task) -> Preprocessing:
    if source.convention == "native":
        if task == "classification":
            return Preprocessing(resize_mode="shorter-side-crop")
        return Preprocessing(resize_mode="letterbox", padding_value=114)
    for name in ("static-crop", "contrast", "grayscale"):
        step = source.steps.get(name)
        if isinstance(step, dict) and step.get("enabled", True):
            raise UnsupportedModel(f"preprocessing step {name!r} is not built yet")
    if source.operations:
        raise UnsupportedModel("class_names_operations are not built yet")
    if source.color_mode not in ("rgb", "bgr"):
        raise UnsupportedModel(f"color_mode is {source.color_mode!r}; rgb or bgr is expected")
    mode, padding_value = _resize(source)
    mean, std = source.normalization or ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return Preprocessing(
        resize_mode=mode,
        padding_value=padding_value,
        color_mode="bgr" if source.color_mode == "bgr" else "rgb",
        scaling_factor=float(source.scaling_factor or 1.0),
        mean=cast(tuple[float, float, float], tuple(map(float, mean))),
        std=cast(tuple[float, float, float], tuple(map(float, std))),
    )


def _resize(source: Source) -> tuple[ResizeMode, int]:
    """The resize that the declared mode turns into (contract/models.md 1.3)."""
    match source.resize_mode:
        case "stretch" | "center-crop" | "letterbox" as mode:
            return cast(ResizeMode, mode), source.padding_value
        case "letterbox-reflect-edges":
            return "letterbox", source.padding_value
        case "fit-longer-edge":
            is_yolo = str(source.architecture).startswith("yolo")
            return ("letterbox", 127) if is_yolo else ("stretch", 0)
        case mode:
            raise UnsupportedModel(f"resize_mode {mode!r} is not known")
