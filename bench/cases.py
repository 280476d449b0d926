"""What is measured: three networks, and the packages in which both systems get them."""

import json
from dataclasses import dataclass
from pathlib import Path

from bench.networks import CLASSES, Architecture, write_network
from bench.pictures import Picture

# How packages of Roboflow's platform come by default: the picture is stretched to the network's square.
_RESIZE_MODE = "stretch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A network, the id of its model, the route of its task, and what its requests may cost beside upstream's.

    `budget` is the ratio of both systems' median times through HTTP, 1280 x 720, one client. `detail` is what the
    name does not say.
    """

    architecture: Architecture
    model_id: str
    route: str
    budget: float
    detail: str = ""

    @property
    def name(self) -> str:
        """The network's name for people."""
        return self.architecture.name

    @property
    def key(self) -> str:
        """The network's name for programs."""
        return self.model_id.partition("/")[0]


DETECTOR = Case(
    architecture=Architecture("YOLOv8n 640", 640, 16, False, 3_151_888, 8.7),
    model_id="yolov8n-640/1",
    route="/infer/object_detection",
    budget=0.75,
)
SMALL_DETECTOR = Case(
    architecture=Architecture("YOLOv8n 320", 320, 16, False, 3_151_888, 8.7),
    model_id="yolov8n-320/1",
    route="/infer/object_detection",
    budget=0.75,
)
SEGMENTER = Case(
    architecture=Architecture("YOLOv8-seg 640", 640, 8, True, 1_290_672, 5.1),
    model_id="yolov8-seg-640/1",
    route="/infer/instance_segmentation",
    budget=0.6,
    detail="quarter width: a quarter of YOLOv8s-seg's channels",
)
CASES = (DETECTOR, SMALL_DETECTOR, SEGMENTER)


def write_package(folder: Path, case: Case, picture: Picture) -> Path:
    """Writes the model as the platform's newer layout has it, into `folder`/project/version; returns that.

    Raises NetworkError.
    """
    architecture = case.architecture
    package = folder / case.model_id
    package.mkdir(parents=True)
    write_network(package / "weights.onnx", architecture, picture.tensor(architecture.size))
    task = "instance-segmentation" if architecture.has_masks else "object-detection"
    config = {"model_architecture": "yolov8", "task_type": task, "backend_type": "onnx"}
    inference = {
        "network_input": {
            "training_input_size": {"height": architecture.size, "width": architecture.size},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": _RESIZE_MODE,
            "input_channels": 3,
            "scaling_factor": 255,
            "normalization": None,
        },
        "forward_pass": {"static_batch_size": 1},
        "post_processing": {"type": "nms", "fused": False},
    }
    (package / "model_config.json").write_text(json.dumps(config), encoding="utf-8")
    (package / "inference_config.json").write_text(json.dumps(inference), encoding="utf-8")
    classes = "\n".join(f"class {index}" for index in range(CLASSES))
    (package / "class_names.txt").write_text(classes, encoding="utf-8")
    return package
