"""Tiny networks whose answers are known by heart, in the layouts that people bring.

Each is a few hundred bytes to a few kilobytes of ONNX over a 64 x 64 input. The detector answers fixed boxes and
one whose confidence is how red the picture is, so that a mixed-up colour order or a mixed-up list shows.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

NETWORK_SIZE = 64
MASK_COEFFICIENTS = 32
MASK_GRID = 16


@dataclass(frozen=True, slots=True)
class Anchor:
    """One candidate of a YOLO-style output: box as cx, cy, w, h in pixels of the network's input."""

    class_id: int
    confidence: float
    cxcywh: tuple[float, float, float, float]


SHAPES = ("circle", "square", "star", "red")
DETECTOR_ANCHORS = (
    Anchor(0, 0.9, (32, 32, 32, 16)),
    Anchor(0, 0.8, (32, 36, 32, 16)),  # overlaps the first: IoU 0.6
    Anchor(1, 0.6, (12, 16, 8, 8)),
    Anchor(1, 0.5, (17.5, 16, 8, 8)),  # overlaps the one before: IoU 0.185
    Anchor(1, 0.58, (40, 16, 8, 8)),
    Anchor(1, 0.48, (47.92, 16, 8, 8)),  # hardly overlaps the one before: IoU 0.005
    Anchor(2, 0.405, (12, 48, 4, 4)),
    Anchor(2, 0.395, (24, 48, 4, 4)),
    Anchor(2, 0.05, (36, 48, 4, 4)),
    Anchor(2, 0.012, (48, 48, 4, 4)),
    Anchor(2, 0.005, (56, 48, 4, 4)),
)
# What passes the default thresholds (confidence 0.4, IoU 0.3), best first.
DEFAULT_CONFIDENCES = (0.9, 0.6, 0.58, 0.5, 0.48, 0.405)

COLOURS = ("red", "green", "blue")
TILES = ("tile", "pane")
# The mask of the first tile covers these cells of the 16 x 16 grid, in both directions: its box in steps of 4 pixels.
TILE_CELLS = (4, 12)


def write_detector(path: Path, anchors: tuple[Anchor, ...] = DETECTOR_ANCHORS, padding_bytes: int = 0) -> Path:
    """A bare Ultralytics export: (batch, 4 + classes, anchors), the last anchor being the picture's redness.

    padding_bytes of random weights, without effect, make the file as large as a real one.
    """
    everything = (*anchors, Anchor(SHAPES.index("red"), 0.0, (32, 32, 64, 64)))
    fixed = _rows(everything, len(SHAPES))
    red = np.zeros_like(fixed)
    red[:, 4 + SHAPES.index("red"), -1] = 1
    nodes = [
        *_redness(),
        helper.make_node("Mul", ["redness", "red"], ["red_score"]),
        helper.make_node("Add", ["red_score", "fixed"], ["output0"]),
    ]
    tensors = {"fixed": fixed, "red": red, "red_minus_blue": _RED_MINUS_BLUE}
    if padding_bytes:
        noise = np.random.default_rng(padding_bytes).random(padding_bytes // 4, dtype=np.float32)
        tensors["padding"] = noise
        nodes[-1] = helper.make_node("Add", ["red_score", "fixed"], ["scores"])
        nodes += [
            helper.make_node("ReduceMax", ["padding"], ["largest"], keepdims=0),
            helper.make_node("Clip", ["largest", "zero", "zero"], ["nothing"]),
            helper.make_node("Add", ["scores", "nothing"], ["output0"]),
        ]
        tensors["zero"] = np.zeros((), np.float32)
    outputs = {"output0": ("batch", *fixed.shape[1:])}
    metadata = {
        "task": "detect",
        "names": str(dict(enumerate(SHAPES))),
        "imgsz": str([NETWORK_SIZE, NETWORK_SIZE]),
        "stride": "32",
    }
    return _write(path, nodes, tensors, outputs, metadata)


def write_segmenter(folder: Path) -> Path:
    """A Roboflow package: two tiles, of which the first has a square mask; the picture is stretched."""
    start, stop = (NETWORK_SIZE // MASK_GRID * cell for cell in TILE_CELLS)
    middle, size = (start + stop) / 2, stop - start
    anchors = (Anchor(0, 0.9, (middle, middle, size, size)), Anchor(1, 0.3, (8, 8, 8, 8)))
    boxes = _rows(anchors, len(TILES))
    coefficients = np.zeros((1, MASK_COEFFICIENTS, len(anchors)), np.float32)
    coefficients[0, 0] = 1
    prototypes = np.zeros((1, MASK_COEFFICIENTS, MASK_GRID, MASK_GRID), np.float32)
    prototypes[0, 0] = -10
    prototypes[0, 0, slice(*TILE_CELLS), slice(*TILE_CELLS)] = 10
    fixed = np.concatenate([boxes, coefficients], axis=1)
    nodes = [
        *_redness(),
        helper.make_node("Mul", ["redness", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "fixed"], ["output0"]),
        helper.make_node("Unsqueeze", ["nothing", "last_axis"], ["nothing4"]),
        helper.make_node("Add", ["nothing4", "prototypes"], ["output1"]),
    ]
    tensors = {
        "fixed": fixed,
        "prototypes": prototypes,
        "zero": np.zeros(1, np.float32),
        "last_axis": np.array([3], np.int64),
        "red_minus_blue": _RED_MINUS_BLUE,
    }
    outputs = {"output0": ("batch", *fixed.shape[1:]), "output1": ("batch", *prototypes.shape[1:])}
    return _write_package(folder, "instance-segmentation", "yolov8", TILES, nodes, tensors, outputs)


def write_classifier(folder: Path) -> Path:
    """A Roboflow package without softmax: a pure colour gets 0.8, the two others 0.1 each; grey gets thirds."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Mul", ["flat", "gain"], ["logits"]),
    ]
    tensors = {"gain": np.array([np.log(8)], np.float32)}
    outputs = {"logits": ("batch", len(COLOURS))}
    return _write_package(folder, "classification", "resnet18", COLOURS, nodes, tensors, outputs)


_RED_MINUS_BLUE = np.array([1, 0, -1], np.float32).reshape(1, 3, 1, 1)


def _redness() -> list[onnx.NodeProto]:
    """Mean of red minus mean of blue, at least 0: (batch, 1, 1). Grey padding changes nothing."""
    return [
        helper.make_node("Conv", ["images", "red_minus_blue"], ["difference"]),
        helper.make_node("GlobalAveragePool", ["difference"], ["mean"]),
        helper.make_node("Relu", ["mean"], ["positive"]),
        helper.make_node("Flatten", ["positive"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape3"], ["redness"]),
    ]


def _rows(anchors: tuple[Anchor, ...], classes: int) -> NDArray[np.float32]:
    """(1, 4 + classes, anchors) float32."""
    rows = np.zeros((1, 4 + classes, len(anchors)), np.float32)
    for index, anchor in enumerate(anchors):
        rows[0, :4, index] = anchor.cxcywh
        rows[0, 4 + anchor.class_id, index] = anchor.confidence
    return rows


def _write(
    path: Path,
    nodes: list[onnx.NodeProto],
    tensors: dict[str, NDArray[np.generic]],
    outputs: dict[str, tuple[str | int, ...]],
    metadata: dict[str, str],
) -> Path:
    size = ("batch", 3, NETWORK_SIZE, NETWORK_SIZE)
    used = {name for node in nodes for name in node.input}
    if "shape3" in used:
        tensors = {**tensors, "shape3": np.array([-1, 1, 1], np.int64)}
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def _write_package(
    folder: Path,
    task: str,
    architecture: str,
    class_names: tuple[str, ...],
    nodes: list[onnx.NodeProto],
    tensors: dict[str, NDArray[np.generic]],
    outputs: dict[str, tuple[str | int, ...]],
) -> Path:
    folder.mkdir()
    _write(folder / "weights.onnx", nodes, tensors, outputs, {})
    config = {"model_architecture": architecture, "task_type": task, "backend_type": "onnx"}
    network = {
        "training_input_size": {"height": NETWORK_SIZE, "width": NETWORK_SIZE},
        "resize_mode": "stretch",
        "color_mode": "rgb",
        "scaling_factor": 255,
        "input_channels": 3,
    }
    inference = {"network_input": network, "post_processing": {"fused": False}}
    (folder / "model_config.json").write_text(json.dumps(config))
    (folder / "inference_config.json").write_text(json.dumps(inference))
    (folder / "class_names.txt").write_text("\n".join(class_names))
    return folder
