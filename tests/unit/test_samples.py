"""The sample models: small enough to ship, and each package says of itself what its graph is."""

import ast
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "samples"
MODELS = SAMPLES / "models"
PHOTOS = SAMPLES / "photos"
LIMIT_BYTES = 10_000_000
MASK_COEFFICIENTS = 32
BOX_SIDES = 4
# One anchor per cell of the grids at these strides, for a square input.
STRIDES = (8, 16, 32)


def session_of(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def shapes(nodes: list[onnxruntime.NodeArg]) -> dict[str, list[int]]:
    assert all(node.type == "tensor(float)" for node in nodes)
    return {node.name: node.shape for node in nodes}


def anchors(size: int) -> int:
    return sum((size // stride) ** 2 for stride in STRIDES)


def read_json(path: Path) -> dict[str, object]:
    content = json.loads(path.read_text())
    assert isinstance(content, dict)
    return content


def test_all_models_together_stay_below_ten_megabytes() -> None:
    total = sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file())
    assert total <= LIMIT_BYTES, f"samples/models holds {total:,} bytes; the limit is {LIMIT_BYTES:,}"


def test_digits_are_ten_classes_of_logits_in_the_older_layout() -> None:
    # GIVEN the package
    environment = read_json(MODELS / "digits" / "environment.json")
    model_type = read_json(MODELS / "digits" / "model_type.json")
    session = session_of(MODELS / "digits" / "weights.onnx")

    # THEN the side files parse, and agree with the graph
    preprocessing = environment["PREPROCESSING"]
    assert isinstance(preprocessing, str)
    resize = json.loads(preprocessing)["resize"]
    assert resize["format"] == "Stretch to"
    assert list(shapes(session.get_inputs()).values()) == [[1, 3, resize["height"], resize["width"]]]
    class_map = environment["CLASS_MAP"]
    assert isinstance(class_map, dict)
    assert sorted(class_map, key=int) == [str(index) for index in range(len(class_map))]
    assert list(shapes(session.get_outputs()).values()) == [[1, len(class_map)]]
    assert environment["MULTICLASS"] is False
    assert model_type == {"project_task_type": "classification", "model_type": "resnet18"}


def test_digits_give_logits_and_not_probabilities() -> None:
    session = session_of(MODELS / "digits" / "weights.onnx")
    (node,) = session.get_inputs()
    (logits,) = session.run(None, {node.name: np.zeros(node.shape, dtype=np.float32)})
    assert logits.min() < 0


def test_coins_is_a_bare_file_that_describes_itself() -> None:
    # GIVEN the file and its metadata
    session = session_of(MODELS / "coins" / "coins.onnx")
    metadata = session.get_modelmeta().custom_metadata_map

    # THEN what it says is what it is
    height, width = ast.literal_eval(metadata["imgsz"])
    names = ast.literal_eval(metadata["names"])
    assert names == {0: "coin"}
    assert (metadata["task"], metadata["stride"], metadata["batch"], metadata["channels"]) == ("detect", "32", "1", "3")
    assert ast.literal_eval(metadata["args"])["nms"] is False
    assert metadata["author"] == "Retinue samples"
    assert shapes(session.get_inputs()) == {"images": [1, 3, height, width]}
    assert shapes(session.get_outputs()) == {"output0": [1, BOX_SIDES + len(names), anchors(height)]}


def test_coin_outlines_agree_with_their_side_files_in_the_newer_layout() -> None:
    # GIVEN the package
    folder = MODELS / "coin-outlines"
    names = (folder / "class_names.txt").read_text().split()
    model = read_json(folder / "model_config.json")
    inference = json.loads((folder / "inference_config.json").read_text())
    session = session_of(folder / "weights.onnx")

    # THEN
    assert model == {"model_architecture": "yolov8", "task_type": "instance-segmentation", "backend_type": "onnx"}
    network_input = inference["network_input"]
    size = network_input["training_input_size"]["height"]
    assert network_input["training_input_size"] == {"height": size, "width": size}
    assert (network_input["resize_mode"], network_input["color_mode"]) == ("letterbox", "rgb")
    assert (network_input["scaling_factor"], network_input["normalization"]) == (255, None)
    assert inference["post_processing"] == {"type": "nms", "fused": False}
    assert inference["forward_pass"]["static_batch_size"] == 1
    assert shapes(session.get_inputs()) == {"images": [1, 3, size, size]}
    assert shapes(session.get_outputs()) == {
        "output0": [1, BOX_SIDES + len(names) + MASK_COEFFICIENTS, anchors(size)],
        "output1": [1, MASK_COEFFICIENTS, size // 4, size // 4],
    }


@pytest.mark.parametrize("file", ["coins/coins.onnx", "coin-outlines/weights.onnx"])
def test_confidences_are_probabilities_and_boxes_have_an_extent(file: str) -> None:
    session = session_of(MODELS / file)
    (node,) = session.get_inputs()
    noise = np.random.default_rng(7).random(node.shape, dtype=np.float32)
    rows = session.run(None, {node.name: noise})[0][0]
    assert 0 <= rows[4].min() <= rows[4].max() <= 1
    assert rows[2:4].min() > 0


def test_hand_drawn_boxes_lie_in_the_photograph() -> None:
    truth = json.loads((PHOTOS / "coins.boxes.json").read_text())
    boxes = np.array(truth["boxes"])
    with Image.open(PHOTOS / "coins.png") as photo:
        assert list(photo.size) == truth["size"]
    assert boxes.shape == (24, BOX_SIDES)
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert boxes.min() >= 0
    assert (boxes[:, 2:] <= truth["size"]).all()


def test_sheet_of_held_out_digits_has_a_label_for_each_tile() -> None:
    index = json.loads((PHOTOS / "digits-held-out.json").read_text())
    with Image.open(PHOTOS / "digits-held-out.png") as sheet:
        assert sheet.width == index["columns"] * index["tile"]
        assert sheet.height == -(-len(index["labels"]) // index["columns"]) * index["tile"]
    assert set(index["labels"]) == set(range(10))
