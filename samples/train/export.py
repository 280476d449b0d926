"""Writes the model packages from trained weights: `python -m samples.train.export --coins coins.pt --digits digits.pt`.

Three layouts, on purpose: Roboflow's older one (digits), a bare Ultralytics-style file (coins), Roboflow's newer one
(coin-outlines).
"""

import argparse
import json
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from .network import CoinNetwork, DigitNetwork, Raw
from .train_digits import INPUT_SIZE as DIGIT_SIZE

COIN_SIZE = 320
OPSET = 17
# The oldest IR that carries opset 17, so that older onnxruntimes load the files too.
IR_VERSION = 8
RELEASE = {"version": "1.0", "date": "2026-11-20", "license": "Apache-2.0", "author": "Retinue samples"}
DIGIT_NAMES = tuple("0123456789")


def centred(xyxy: Tensor) -> Tensor:
    """Return cxcywh of xyxy (..., 4)."""
    left_top, right_bottom = xyxy.split(2, -1)
    return torch.cat(((left_top + right_bottom) / 2, right_bottom - left_top), -1)


class Detector(nn.Module):
    """The coin network with the outputs of a detector: (1, 4 + classes, anchors)."""

    def __init__(self, network: CoinNetwork) -> None:
        super().__init__()
        self.network = network

    def rows(self, raw: Raw) -> list[Tensor]:
        """Return the parts of a row: box, then confidence."""
        return [centred(raw.xyxy), raw.logits.sigmoid()]

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return boxes and confidences, anchors last."""
        return torch.cat(self.rows(self.network(images)), -1).transpose(1, 2)


class Outliner(Detector):
    """The coin network with the outputs of an outliner: (1, 4 + classes + 32, anchors) and prototypes."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes, confidences and coefficients, anchors last; then the prototypes."""
        raw = self.network(images)
        return torch.cat([*self.rows(raw), raw.coefficients], -1).transpose(1, 2), raw.prototypes


def write_graph(module: nn.Module, size: int, path: Path, input_name: str, outputs: list[str], **metadata: str) -> None:
    """Write `module` as ONNX for one picture (1, 3, size, size), check it, and store `metadata` in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # The traced exporter is announced as the older one; the newer one needs a package more and gains nothing here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(), (torch.zeros(1, 3, size, size),), str(path), dynamo=False,
            opset_version=OPSET, input_names=[input_name], output_names=outputs,
        )  # fmt: skip
    model = onnx.load(path)
    model.ir_version = IR_VERSION
    # The tracer's class paths are of no use to a reader of the graph and make up a tenth of the file.
    for node in model.graph.node:
        node.doc_string = ""
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def write_json(path: Path, content: object) -> None:
    """Write `content` as indented JSON."""
    path.write_text(json.dumps(content, indent=2) + "\n")


def export_digits(weights: Path, folder: Path) -> None:
    """Write Roboflow's older layout: weights.onnx (logits), environment.json, model_type.json."""
    network = DigitNetwork()
    network.load_state_dict(torch.load(weights))
    write_graph(network, DIGIT_SIZE, folder / "weights.onnx", "input", ["output"])
    resize = {"enabled": True, "width": DIGIT_SIZE, "height": DIGIT_SIZE, "format": "Stretch to"}
    environment = {
        "PREPROCESSING": json.dumps({"auto-orient": {"enabled": True}, "resize": resize}),
        "CLASS_MAP": {str(index): name for index, name in enumerate(DIGIT_NAMES)},
        "MULTICLASS": False,
    }
    write_json(folder / "environment.json", environment)
    write_json(folder / "model_type.json", {"project_task_type": "classification", "model_type": "resnet18"})


def export_coins(network: CoinNetwork, path: Path) -> None:
    """Write the detector as one bare file that says in its metadata what it is, as Ultralytics exports do."""
    arguments = {"batch": 1, "dynamic": False, "half": False, "nms": False}
    write_graph(
        Detector(network), COIN_SIZE, path, "images", ["output0"],
        description="Retinue sample: coins on a table, trained on drawn scenes", docs="samples/README.md",
        task="detect", head="Detect", names=str({0: "coin"}), stride="32", batch="1", channels="3", end2end="False",
        imgsz=str([COIN_SIZE, COIN_SIZE]), args=str(arguments), **RELEASE,
    )  # fmt: skip


def export_outlines(network: CoinNetwork, folder: Path) -> None:
    """Write Roboflow's newer layout: weights.onnx, model_config.json, inference_config.json, class_names.txt."""
    write_graph(Outliner(network), COIN_SIZE, folder / "weights.onnx", "images", ["output0", "output1"])
    model = {"model_architecture": "yolov8", "task_type": "instance-segmentation", "backend_type": "onnx"}
    network_input = {
        "training_input_size": {"height": COIN_SIZE, "width": COIN_SIZE},
        "dataset_version_resize_dimensions": None,
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "padding_value": 127,
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": None,
    }
    inference = {
        "image_pre_processing": {"auto-orient": {"enabled": True}},
        "network_input": network_input,
        "forward_pass": {"static_batch_size": 1},
        "post_processing": {"type": "nms", "fused": False},
    }
    write_json(folder / "model_config.json", model)
    write_json(folder / "inference_config.json", inference)
    (folder / "class_names.txt").write_text("coin\n")


def main() -> None:
    """Read the command line and write the packages whose weights were given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits", type=Path, help="weights from train_digits (.pt)")
    parser.add_argument("--coins", type=Path, help="weights from train_coins (.pt)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "models")
    arguments = parser.parse_args()
    if arguments.digits:
        export_digits(arguments.digits, arguments.out / "digits")
    if arguments.coins:
        network = CoinNetwork()
        network.load_state_dict(torch.load(arguments.coins))
        export_coins(network, arguments.out / "coins" / "coins.onnx")
        export_outlines(network, arguments.out / "coin-outlines")


if __name__ == "__main__":
    main()
