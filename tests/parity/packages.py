"""Networks wrapped as people bring them: Roboflow's new package layout, and Ultralytics' bare exports."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import ModelProto, helper

from retinue.models.package import Task

MASK_COEFFICIENTS = 32
_ULTRALYTICS_TASK: dict[Task, str] = {
    "object-detection": "detect",
    "instance-segmentation": "segment",
    "classification": "classify",
}


@dataclass(frozen=True, slots=True)
class Resize:
    """A `resize_mode` of inference_config.json with its `padding_value`."""

    mode: str
    padding_value: int | None = None

    def __str__(self) -> str:
        return self.mode if self.padding_value is None else f"{self.mode}-{self.padding_value}"


RESIZES = (
    Resize("stretch"),
    Resize("letterbox", 0),
    Resize("letterbox", 127),
    Resize("letterbox", 255),
    Resize("center-crop"),
    Resize("fit-longer-edge"),
    Resize("letterbox-reflect-edges", 0),
)


def write_export(path: Path, network: ModelProto, task: Task, class_names: tuple[str, ...]) -> Path:
    """The network as a bare export: what Ultralytics and `retinue publish` read from its metadata."""
    height, width = input_size_hw(network)
    metadata = {
        "task": _ULTRALYTICS_TASK[task],
        "names": str(dict(enumerate(class_names))),
        "imgsz": str([height, width]),
        "stride": "1" if task == "classification" else "32",
        "batch": "1",
        "channels": "3",
    }
    del network.metadata_props[:]
    helper.set_model_props(network, metadata)
    onnx.save(network, str(path))
    return path


def write_package(folder: Path, network: ModelProto, task: Task, class_names: tuple[str, ...], resize: Resize) -> Path:
    """The network as a package of the YOLOv8 family; a classifier's scores are taken as they are."""
    folder.mkdir(parents=True)
    height, width = input_size_hw(network)
    network_input = {
        "training_input_size": {"height": height, "width": width},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": resize.mode,
        "padding_value": resize.padding_value,
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": None,
    }
    is_classifier = task == "classification"
    inference = {
        "network_input": network_input,
        "forward_pass": {"static_batch_size": 1},
        "post_processing": {"type": "softmax", "fused": True} if is_classifier else {"type": "nms", "fused": False},
    }
    model = {"model_architecture": "yolov8", "task_type": task, "backend_type": "onnx"}
    (folder / "model_config.json").write_text(json.dumps(model))
    (folder / "inference_config.json").write_text(json.dumps(inference))
    (folder / "class_names.txt").write_text("\n".join(class_names))
    onnx.save(network, str(folder / "weights.onnx"))
    return folder


def input_size_hw(network: ModelProto) -> tuple[int, int]:
    """Height and width of the network's input."""
    dimensions = network.graph.input[0].type.tensor_type.shape.dim
    return dimensions[2].dim_value, dimensions[3].dim_value


def read_export(path: Path) -> tuple[ModelProto, Task, tuple[str, ...]]:
    """A bare export with its task and class names."""
    network = onnx.load(str(path))
    metadata = {entry.key: entry.value for entry in network.metadata_props}
    tasks = {said: task for task, said in _ULTRALYTICS_TASK.items()}
    return network, tasks[metadata["task"]], tuple(ast.literal_eval(metadata["names"]).values())


def without_masks(network: ModelProto, classes: int) -> ModelProto:
    """A detector from a segmentation network: its first output without the mask coefficients."""
    detector = ModelProto()
    detector.CopyFrom(network)
    graph, rows = detector.graph, 4 + classes
    name, anchors = graph.output[0].name, graph.output[0].type.tensor_type.shape.dim[2].dim_value
    [maker] = [node for node in graph.node if name in node.output]
    maker.output[list(maker.output).index(name)] = "with_masks"
    for constant, value in (("first", 0), ("last", rows), ("axis", 1)):
        graph.initializer.append(helper.make_tensor(f"rows_{constant}", onnx.TensorProto.INT64, [1], [value]))
    graph.node.append(helper.make_node("Slice", ["with_masks", "rows_first", "rows_last", "rows_axis"], [name]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, rows, anchors]))
    onnx.checker.check_model(detector)
    return detector
