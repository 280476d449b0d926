"""Tiny real networks, and the packages around them. What they answer can be computed by hand."""

import hashlib
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from retinue.models.package import Manifest, NetworkInput, PackageFile, Preprocessing
from retinue.models.session import LoadedModel, load_model

INPUT = "images"
Dimension = int | str


def constant_network(
    *outputs: ArrayLike,
    size_wh: tuple[Dimension, Dimension] = (640, 640),
    batch: Dimension = 1,
    metadata: dict[str, str] | None = None,
    open_outputs: bool = False,
) -> ModelProto:
    """A network that answers `outputs` (each without its batch axis) to every picture.

    open_outputs: the graph does not tell the sizes of its outputs; only a run does.
    """
    nodes, values, initializers = [], [], []
    nodes.append(helper.make_node("ReduceMean", [INPUT], ["mean"], axes=[1, 2, 3], keepdims=1))
    nodes.append(helper.make_node("Mul", ["mean", "zero"], ["nothing"]))
    initializers.append(numpy_helper.from_array(np.zeros((), np.float32), "zero"))
    for index, output in enumerate(outputs):
        answer = np.asarray(output, np.float32)[None]
        superfluous = list(range(answer.ndim, 4))
        zeros = f"zeros{index}"
        if superfluous:
            nodes.append(helper.make_node("Squeeze", ["nothing", f"axes{index}"], [zeros]))
            initializers.append(numpy_helper.from_array(np.array(superfluous, np.int64), f"axes{index}"))
        else:
            nodes.append(helper.make_node("Identity", ["nothing"], [zeros]))
        nodes.append(helper.make_node("Add", [zeros, f"answer{index}"], [f"output{index}"]))
        initializers.append(numpy_helper.from_array(answer, f"answer{index}"))
        shape: list[Dimension] = [batch, *answer.shape[1:]]
        if open_outputs:
            shape = [batch, *(f"size{index}_{axis}" for axis in range(1, answer.ndim))]
        values.append(helper.make_tensor_value_info(f"output{index}", TensorProto.FLOAT, shape))
    return _model(nodes, values, initializers, size_wh, batch, metadata)


def brightness_network(
    *,
    size_wh: tuple[Dimension, Dimension] = (4, 4),
    batch: Dimension = 1,
    metadata: dict[str, str] | None = None,
    is_half: bool = False,
) -> ModelProto:
    """A classifier of two classes, bright and dark: (m, 1 - m) where m is the mean of the input tensor.

    is_half: the input is float16.
    """
    nodes = [
        helper.make_node("Cast", [INPUT], ["picture"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["mean"], ["bright"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["one", "bright"], ["dark"]),
        helper.make_node("Concat", ["bright", "dark"], ["output0"], axis=1),
    ]
    values = [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [batch, 2])]
    one = numpy_helper.from_array(np.ones((), np.float32), "one")
    return _model(nodes, values, [one], size_wh, batch, metadata, TensorProto.FLOAT16 if is_half else TensorProto.FLOAT)


def _model(
    nodes: list[Any],
    outputs: list[Any],
    initializers: list[Any],
    size_wh: tuple[Dimension, Dimension],
    batch: Dimension,
    metadata: dict[str, str] | None,
    input_type: int = TensorProto.FLOAT,
) -> ModelProto:
    picture = helper.make_tensor_value_info(INPUT, input_type, [batch, 3, size_wh[1], size_wh[0]])
    graph = helper.make_graph(nodes, "tiny", [picture], outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return model


def package_file(data: bytes, part_bytes: int = 8, name: str = "weights.onnx") -> PackageFile:
    """The description of a file with these bytes."""
    parts = [data[start : start + part_bytes] for start in range(0, len(data), part_bytes)]
    return PackageFile(
        name=name,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        part_bytes=part_bytes,
        part_sha256=tuple(hashlib.sha256(part).hexdigest() for part in parts),
    )


def make_manifest(**changes: Any) -> Manifest:
    """A detector of three classes over 640 x 640, stretched, one picture per run; or what `changes` make of it.

    Fields of the parts are accepted too, with size_wh for height and width.
    """
    width, height = changes.pop("size_wh", (640, 640))
    network = NetworkInput(name=INPUT, height=height, width=width, batch=1)
    network = replace(network, **_taken(NetworkInput, changes))
    spec = replace(Preprocessing(resize_mode="stretch"), **_taken(Preprocessing, changes))
    manifest = Manifest(
        model_id="things/1",
        task="object-detection",
        family="yolov8",
        convention="roboflow",
        recognised="by hand",
        class_names=("alpha", "beta", "gamma"),
        network_input=network,
        preprocessing=spec,
        weights=package_file(b"weights"),
    )
    return replace(manifest, **changes)


def _taken(kind: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """The entries of `changes` that are fields of `kind`, taken out of it."""
    return {spec.name: changes.pop(spec.name) for spec in fields(kind) if spec.name in changes}


def load(network: ModelProto, manifest: Manifest) -> LoadedModel:
    """The network, ready to run on one thread."""
    return load_model(manifest, network.SerializeToString(), 1)


def filled(height: int, width: int, rgb: tuple[int, int, int] = (255, 255, 255)) -> NDArray[np.uint8]:
    """A picture of one colour."""
    return np.full((height, width, 3), rgb, np.uint8)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A picture of random pixels, always the same ones."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
