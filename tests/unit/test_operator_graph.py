"""What an ONNX file says about itself, and files that are none."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from retinue.errors import UnsupportedModel
from retinue.operator.graph import Tensor, read_graph
from tests.unit.networks import brightness_network, constant_network


def saved(network: ModelProto, folder: Path) -> Path:
    path = folder / "network.onnx"
    onnx.save(network, str(path))
    return path


def ending_in(op_type: str, *, domain: str = "") -> ModelProto:
    """images -> op -> output0."""
    node = helper.make_node(op_type, ["images"], ["output0"], domain=domain)
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, 4, 4]) for name in ("images", "output0")
    ]
    opsets = [helper.make_opsetid("", 13)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(helper.make_graph([node], "g", values[:1], values[1:]), opset_imports=opsets, ir_version=8)


def test_inputs_outputs_and_metadata(tmp_path: Path) -> None:
    network = constant_network(
        np.zeros((7, 5)), size_wh=("width", "height"), batch="batch", metadata={"task": "detect", "imgsz": "[320, 640]"}
    )

    graph = read_graph(saved(network, tmp_path))

    assert graph.inputs == (Tensor("images", "float32", (None, 3, None, None)),)
    assert graph.outputs == (Tensor("output0", "float32", (None, 7, 5)),)
    assert graph.metadata == {"task": "detect", "imgsz": "[320, 640]"}
    assert graph.said("imgsz", tuple[int, int]) == (320, 640)
    assert str(graph.outputs[0]) == "output0 float32(?, 7, 5)"


def test_weights_listed_as_inputs_are_none(tmp_path: Path) -> None:
    # older exporters list every weight among the inputs, too
    network = brightness_network()
    network.graph.input.append(helper.make_tensor_value_info("one", TensorProto.FLOAT, []))

    assert [tensor.name for tensor in read_graph(saved(network, tmp_path)).inputs] == ["images"]


@pytest.mark.parametrize("op_type", ["Softmax", "Sigmoid", "LogSoftmax"])
def test_the_operator_that_makes_an_output(tmp_path: Path, op_type: str) -> None:
    assert read_graph(saved(ending_in(op_type), tmp_path)).final_operators == {"output0": op_type}


def test_operators_that_only_pass_values_on_are_looked_through(tmp_path: Path) -> None:
    network = ending_in("Softmax")
    network.graph.node[0].output[0] = "scores"
    network.graph.node.append(helper.make_node("Identity", ["scores"], ["same"]))
    network.graph.node.append(helper.make_node("Cast", ["same"], ["output0"], to=TensorProto.FLOAT))

    assert read_graph(saved(network, tmp_path)).final_operators == {"output0": "Softmax"}


def test_metadata_that_is_missing_or_broken(tmp_path: Path) -> None:
    metadata = {"names": "{0: 'a'", "args": "f(x)", "stride": "'x'", "deep": "[" * 5000}
    graph = read_graph(saved(constant_network([0.0], metadata=metadata), tmp_path))

    assert graph.said("imgsz", list[int]) is None
    for key in metadata:
        with pytest.raises(UnsupportedModel, match=f"metadata '{key}' cannot be read") as refused:
            graph.said(key, int)
        assert len(refused.value.message) < 200


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"\0" * 100, b"\x08\x07", brightness_network().SerializeToString()[:-20]],
    ids=["empty", "text", "zeros", "no graph", "cut off"],
)
def test_no_onnx_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)

    with pytest.raises(UnsupportedModel, match=r"model\.onnx is no ONNX file"):
        read_graph(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match=r"none\.onnx is no ONNX file"):
        read_graph(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("domain", "is_known"), [("com.microsoft", True), ("ai.onnx.ml", True), ("com.example", False), ("mmdeploy", False)]
)
def test_operators_of_other_domains(tmp_path: Path, domain: str, is_known: bool) -> None:
    path = saved(ending_in("Fancy", domain=domain), tmp_path)

    if is_known:
        assert read_graph(path).outputs[0].name == "output0"
    else:
        with pytest.raises(UnsupportedModel, match=f"uses operators of {domain}, which onnxruntime does not carry"):
            read_graph(path)


def test_weights_in_another_file(tmp_path: Path) -> None:
    network = constant_network(np.zeros(2000))
    network.graph.initializer.append(numpy_helper.from_array(np.zeros(2000, np.float32), "large"))
    path = tmp_path / "network.onnx"
    onnx.save(network, str(path), save_as_external_data=True, location="weights.bin")

    with pytest.raises(UnsupportedModel, match="keeps its weights in another file; export it as one file"):
        read_graph(path)
