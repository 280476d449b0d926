"""From a source and its graph to what the service has to know. Decided by graph, shapes and metadata, never by file
names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from retinue.errors import UnsupportedModel
from retinue.models.package import Convention, Family, Keypoints, NetworkInput, Preprocessing, Task
from retinue.operator.architectures import Architecture, architecture_of
from retinue.operator.graph import Graph
from retinue.operator.keypoints import exported_keypoints, packaged_keypoints
from retinue.operator.output_layouts import Hints, Layout, possible_layouts
from retinue.operator.preprocessing import PreprocessingOptions, exported_preprocessing, packaged_preprocessing
from retinue.operator.probe import Output
from retinue.operator.source import Source

_ULTRALYTICS_TASKS: dict[str, Task] = {
    "detect": "object-detection",
    "segment": "instance-segmentation",
    "pose": "keypoint-detection",
    "classify": "classification",
}
_ACTIVATIONS = ("Softmax", "Sigmoid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What was found: fields of the manifest, with the reason in words."""

    task: Task
    family: Family
    convention: Convention
    recognised: str
    class_names: tuple[str, ...]
    network_input: NetworkInput
    preprocessing: Preprocessing
    outputs: tuple[str, ...]
    keypoints: Keypoints | None = None
    removed_classes: tuple[int, ...] = ()
    default_confidence: float = 0.4
    is_activated: bool = False
    is_decoded: bool = True
    is_inclusive: bool = False
    has_fractional_boxes: bool = False
    mask_threshold: str = "probability"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecogniseOptions:
    """What the operator says about a model; it goes before what package and graph say."""

    class_names: tuple[str, ...] = ()
    task: Task | None = None
    size_hw: tuple[int, int] | None = None
    preprocessing: PreprocessingOptions = field(default_factory=PreprocessingOptions)


def recognise(
    source: Source,
    graph: Graph,
    network: NetworkInput,
    outputs: Sequence[Output],
    options: RecogniseOptions = RecogniseOptions(),
) -> Recognised:
    """Task, family, classes and preprocessing of a model whose run gave `outputs`.

    Raises UnsupportedModel that says what was expected, what was found, and what to do.
    """
    is_package = source.convention == "roboflow"
    architecture = architecture_of(source.architecture, source.task) if is_package else Architecture()
    task = options.task or (_packaged_task(source) if is_package else _exported_task(graph))
    names = options.class_names or source.class_names or _metadata_names(graph)
    keypoints = None
    if task == "keypoint-detection":
        keypoints = packaged_keypoints(source, names, architecture) if is_package else exported_keypoints(graph, names)
    families = architecture.families if is_package else _exported_families(graph)
    if is_package and source.is_fused and "classification" not in str(task):
        families = ("end-to-end",)
    hints = Hints(
        task=task,
        families=families,
        keypoint_columns=keypoints.slots * keypoints.columns if keypoints else 0,
        is_rt_detr=graph.metadata.get("head") == "RTDETRDecoder",
    )
    layout = _layout(graph, outputs, network, hints, names)
    if is_package and layout.family == "semantic" and "background" not in map(str.lower, names):
        raise UnsupportedModel("class_names.txt names no `background`, which pixels of no class belong to; add it")
    removed = tuple(index for index, name in enumerate(names) if name in source.removed_class_names)
    if removed and layout.family not in ("detr", "semantic"):
        raise UnsupportedModel(f"class_names_operations remove classes, which {layout.family} outputs do not know")
    return Recognised(
        task=layout.task,
        family=layout.family,
        convention=source.convention,
        recognised=f"{source.layout}; {layout.reason}",
        class_names=tuple(name for index, name in enumerate(names) if index not in removed),
        network_input=network,
        preprocessing=packaged_preprocessing(source, layout, architecture, options.preprocessing)
        if is_package
        else exported_preprocessing(graph, layout, options.preprocessing),
        outputs=layout.outputs,
        keypoints=keypoints,
        removed_classes=removed,
        default_confidence=architecture.default_confidence,
        is_activated=_is_activated(source, graph, layout),
        is_decoded=layout.is_decoded,
        has_fractional_boxes=layout.has_fractional_boxes,
        is_inclusive=is_package and (architecture.is_inclusive or bool(source.is_fused)),
        mask_threshold=architecture.mask_threshold,
    )


def _packaged_task(source: Source) -> Task:
    if source.task not in get_args(Task):
        raise UnsupportedModel(f"task {source.task!r} is not built; {', '.join(get_args(Task))} are")
    return cast(Task, source.task)


def _exported_task(graph: Graph) -> Task | None:
    """The task that an Ultralytics export says; None for other exports, whose outputs tell."""
    said = graph.metadata.get("task")
    if said is not None and said not in _ULTRALYTICS_TASKS:
        raise UnsupportedModel(f"task {said!r} is not built; {', '.join(_ULTRALYTICS_TASKS)} are")
    return _ULTRALYTICS_TASKS[said] if said else None


def _exported_families(graph: Graph) -> tuple[Family, ...]:
    """What the metadata of an Ultralytics export say about its head."""
    arguments = graph.said("args", dict[str, Any]) or {}
    return ("end-to-end",) if arguments.get("nms") or graph.metadata.get("end2end") == "True" else ()


def _metadata_names(graph: Graph) -> tuple[str, ...]:
    names = graph.said("names", dict[int, Any] | list[Any])
    if isinstance(names, dict):
        if sorted(names) != list(range(len(names))):
            raise UnsupportedModel(
                f"metadata `names` has the keys {sorted(names)[:5]}...; 0 to {len(names) - 1} are expected"
            )
        names = [names[index] for index in range(len(names))]
    return tuple(str(name) for name in names or ())


def _layout(
    graph: Graph, outputs: Sequence[Output], network: NetworkInput, hints: Hints, names: tuple[str, ...]
) -> Layout:
    """The likeliest layout that has a class for each name."""
    listed = ", ".join(map(str, outputs))
    layouts = possible_layouts(outputs, network, hints)
    if not layouts:
        wanted = hints.task or "any task"
        raise UnsupportedModel(
            f"{graph.path.name} gives {listed}: no layout of {wanted} that is built. README.md lists the families"
        )
    if not names:
        first = layouts[0]
        count = "its" if first.classes is None else f"its {first.classes}"
        raise UnsupportedModel(
            f"{graph.path.name} does not say {count} class names ({first.reason}); give them with --classes"
        )
    for layout in layouts:
        if _has_classes(layout, len(names)):
            return _of_activation(layout, layouts, graph, hints)
    counted = {layout.classes: layout.reason for layout in reversed(layouts)}
    readings = "; or ".join(f"{classes} classes: {reason}" for classes, reason in reversed(counted.items()))
    raise UnsupportedModel(
        f"{len(names)} class names ({', '.join(names[:3])} ...) do not fit {graph.path.name}, which has {readings}. "
        "Give the right names with --classes"
    )


def _has_classes(layout: Layout, names: int) -> bool:
    match layout.family:
        case _ if layout.classes is None:
            return True
        case "detr":  # columns behind the last name stand for no object
            return layout.classes >= names
        case "semantic":  # one map of foreground; or a name for the background, which has no map
            return names in (layout.classes, layout.classes + 1)
        case _:
            return layout.classes == names


def _of_activation(layout: Layout, layouts: list[Layout], graph: Graph, hints: Hints) -> Layout:
    """A classifier that ends in a sigmoid has many labels, if nobody says otherwise."""
    if hints.task is None and layout.family == "classifier" and _final_operator(graph, layout) == "Sigmoid":
        return next(other for other in layouts if other.task == "multi-label-classification")
    return layout


def _is_activated(source: Source, graph: Graph, layout: Layout) -> bool:
    """Whether the graph gives probabilities: what the package says, the layout, or the graph's last operator."""
    if layout.family == "classifier" and source.is_fused is not None:
        return source.is_fused
    if layout.is_activated is not None:
        return layout.is_activated
    return _final_operator(graph, layout) in _ACTIVATIONS


def _final_operator(graph: Graph, layout: Layout) -> str:
    """The operator that makes the scores."""
    scores = layout.outputs[1 if layout.family == "detr" and len(layout.outputs) > 1 else 0]
    return graph.final_operators.get(scores, "")
