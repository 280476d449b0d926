"""Small networks of every family, as people bring them: what each answers is the same for every picture."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from tests.unit.networks import constant_network

SIZE = 64
NAMES = ("alpha", "beta")
_BOX = [32.0, 32.0, 32.0, 16.0]
_CORNERS = [16.0, 24.0, 48.0, 40.0]
_FRACTIONS = [0.5, 0.5, 0.5, 0.25]
_KEYPOINTS = [{"object_class_id": index, "keypoints": {"0": "a", "1": "b"}, "edges": []} for index in range(2)]


def write_families(folder: Path) -> dict[str, Path]:
    """Name -> package or export."""
    prototypes = np.full((32, 16, 16), 1, np.float32)
    coefficients = [1.0] + [0.0] * 31
    queries = np.array([_FRACTIONS, _FRACTIONS]), np.array([[2.0, -9.0], [-9.0, 1.0]])
    masks = np.full((2, 16, 16), 1.0)
    pose = {"task": "pose", "kpt_shape": "[2, 3]"}
    return {
        "yolov8": _export(folder, "yolov8", {"task": "detect"}, _columns(0.9, 0.1)),
        "yolov8-seg": _export(
            folder, "yolov8-seg", {"task": "segment"}, _columns(0.9, 0.1, *coefficients), prototypes
        ),
        "yolov8-pose": _export(folder, "yolov8-pose", pose, _columns(0.9, 0.1, 20, 20, 0.9, 40, 40, 0.8)),
        "end-to-end": _export(
            folder, "end-to-end", {"task": "detect", "end2end": "True"}, np.array([[*_CORNERS, 0.9, 1]])
        ),
        "yolov5": _package(folder, "yolov5", "object-detection", np.array([[*_BOX, 0.9, 0.8, 0.1]])),
        "yolo26-seg": _package(
            folder, "yolo26", "instance-segmentation", np.array([[*_CORNERS, 0.9, 1, *coefficients]]), prototypes
        ),
        "yolo-nas": _package(folder, "yolonas", "object-detection", np.array([_CORNERS]), np.array([[0.1, 0.9]])),
        "rf-detr": _package(folder, "rfdetr", "object-detection", *queries),
        "rf-detr-seg": _package(folder, "rfdetr", "instance-segmentation", *queries, masks),
        "pose-package": _package(
            folder, "yolov8", "keypoint-detection", _columns(0.9, 0.1, 20, 20, 0.9, 40, 40, 0.8)
        ),
        "labels": _package(folder, "vit", "multi-label-classification", np.array([2.0, -2.0])),
        "classes": _package(folder, "resnet", "classification", np.array([2.0, -2.0])),
        "semantic": _package(
            folder, "deep-lab-v3-plus", "semantic-segmentation", np.stack([np.zeros((16, 16)), np.eye(16) * 9])
        ),
    }  # fmt: skip


def _columns(*behind_the_box: float) -> NDArray[np.float32]:
    """The output of one anchor, (4 + ..., 1)."""
    return np.array([[*_BOX, *behind_the_box]], np.float32).T


def _export(folder: Path, name: str, metadata: dict[str, str], *outputs: Any) -> Path:
    path = folder / f"{name}.onnx"
    said = {"names": str(dict(enumerate(NAMES))), "imgsz": str([SIZE, SIZE]), "stride": "32", **metadata}
    onnx.save(constant_network(*outputs, size_wh=(SIZE, SIZE), metadata=said), str(path))
    return path


def _package(folder: Path, architecture: str, task: str, *outputs: Any) -> Path:
    target = folder / f"{architecture}-{task}"
    target.mkdir()
    names = ("background", "road") if task == "semantic-segmentation" else NAMES
    kinds = {"classification": "softmax", "multi-label-classification": "sigmoid"}
    network_input = {
        "training_input_size": {"height": SIZE, "width": SIZE},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "padding_value": 0,
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": None,
    }
    files = {
        "model_config.json": {"model_architecture": architecture, "task_type": task, "backend_type": "onnx"},
        "inference_config.json": {
            "network_input": network_input,
            "forward_pass": {"static_batch_size": 1},
            "post_processing": {"type": kinds.get(task, "nms"), "fused": False},
            "image_pre_processing": {"contrast": {"enabled": True, "type": "Contrast Stretching"}},
        },
        "keypoints_metadata.json": _KEYPOINTS,
    }
    for name, content in files.items():
        (target / name).write_text(json.dumps(content))
    (target / "class_names.txt").write_text("\n".join(names))
    onnx.save(constant_network(*outputs, size_wh=(SIZE, SIZE)), str(target / "weights.onnx"))
    return target
