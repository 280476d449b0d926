"""Writes shared/retinue/pipeline/resize.onnx, the graph that resizes a picture as cv2.resize(INTER_LINEAR) does.

Run it after changing it (`.venv/bin/python tools/make_resize_graph.py`); a test compares the file.

    for each output row the picture's rows above and below it, (1, h, W, 3) uint8 each
      -> NCHW -> float32 -> Resize along x only (linear, half pixel) -> * weight, floored to quarters of a grey level
    levels (1, 3, h, w) float32 = floor((above + below + 2) / 4)

This is OpenCV's fixed-point arithmetic for uint8 pictures: each vertical tap is cut to quarters before they are added.
Rounding once at the end instead moves one pixel in eight by one level, which moves confidences of a real detector by
more than 0.005 in most pictures.
"""

from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

TARGET = Path(__file__).parent.parent / "shared/retinue/pipeline/resize.onnx"


def make() -> ModelProto:
    """The graph, checked."""
    nodes = [
        *_tap("above"),
        *_tap("below"),
        helper.make_node("Add", ["above_quarters", "below_quarters"], ["quarters"]),
        helper.make_node("Mul", ["quarters", "quarter"], ["sum"]),
        helper.make_node("Add", ["sum", "half"], ["shifted"]),
        helper.make_node("Floor", ["shifted"], ["levels"]),
    ]
    inputs = [helper.make_tensor_value_info("size", TensorProto.INT64, [4])]
    for side in ("above", "below"):
        inputs.append(helper.make_tensor_value_info(side, TensorProto.UINT8, [1, "height", "width", 3]))
        inputs.append(helper.make_tensor_value_info(f"{side}_weight", TensorProto.FLOAT, ["height", 1]))
    output = helper.make_tensor_value_info("levels", TensorProto.FLOAT, [1, 3, "height", "out_width"])
    constants = [
        numpy_helper.from_array(np.array(0.5, np.float32), "half"),
        numpy_helper.from_array(np.array(0.25, np.float32), "quarter"),
    ]
    graph = helper.make_graph(nodes, "resize", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    return model


def _tap(side: str) -> list[NodeProto]:
    """From the rows on one side to what they add, in whole quarters of a grey level."""
    return [
        helper.make_node("Transpose", [side], [f"{side}_planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", [f"{side}_planes"], [f"{side}_pixels"], to=TensorProto.FLOAT),
        helper.make_node(
            "Resize",
            [f"{side}_pixels", "", "", "size"],
            [f"{side}_resized"],
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        ),
        helper.make_node("Mul", [f"{side}_resized", f"{side}_weight"], [f"{side}_weighted"]),
        helper.make_node("Floor", [f"{side}_weighted"], [f"{side}_quarters"]),
    ]


if __name__ == "__main__":
    TARGET.write_bytes(make().SerializeToString())
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")
