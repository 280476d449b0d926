"""An ONNX graph while it is built: the layers that YOLO networks are made of, and what they cost."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

_SEED = 8
# Keeps activations from growing through the layers; SiLU would keep their spread with 1.7, but residuals add to it.
_GAIN = 1.5


@dataclass(frozen=True, slots=True)
class Tensor:
    """The name of an intermediate result with its channels and its side length (height = width)."""

    name: str
    channels: int
    side: int


@dataclass(slots=True)
class Graph:
    """Nodes and constants so far. The weights are random, the same for the same sequence of calls."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    parameters: int = 0
    flops: int = 0
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(_SEED))

    def add(self, operator: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """Appends a node with one output; returns the name of that."""
        name = name or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def split(self, source: str, names: list[str], sizes: list[int] | None = None) -> None:
        """Cuts along the channels, into equal parts or into parts of these sizes."""
        inputs = [source] if sizes is None else [source, self.constant(np.array(sizes, np.int64))]
        self.nodes.append(helper.make_node("Split", inputs, names, axis=1))

    def constant(self, values: NDArray[np.generic]) -> str:
        """Adds a constant; returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants[name] = values
        return name

    def convolution(
        self,
        source: Tensor,
        channels: int,
        kernel: int,
        stride: int = 1,
        *,
        gain: float = _GAIN,
        bias: NDArray[np.float32] | float = 0.0,
    ) -> Tensor:
        """A plain convolution, padded to keep the size apart from its stride; `bias` is one or one per channel."""
        shape = (channels, source.channels, kernel, kernel)
        side = source.side // stride
        inputs = [source.name, *self._weights(shape, gain, bias, channels, side)]
        name = self.add("Conv", inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4)
        return Tensor(name, channels, side)

    def doubling(self, source: Tensor) -> Tensor:
        """A transposed convolution, 2 x 2 with stride 2: twice the size, the same channels."""
        shape = (source.channels, source.channels, 2, 2)
        # Each value of the result comes from one cell of the source, which has a quarter as many cells.
        inputs = [source.name, *self._weights(shape, 2 * _GAIN, 0.0, source.channels, source.side)]
        name = self.add("ConvTranspose", inputs, kernel_shape=[2, 2], strides=[2, 2])
        return Tensor(name, source.channels, source.side * 2)

    def block(self, source: Tensor, channels: int, kernel: int = 3, stride: int = 1, gain: float = _GAIN) -> Tensor:
        """A convolution followed by SiLU."""
        linear = self.convolution(source, channels, kernel, stride, gain=gain)
        gate = self.add("Sigmoid", [linear.name])
        return Tensor(self.add("Mul", [linear.name, gate]), channels, linear.side)

    def join(self, *sources: Tensor) -> Tensor:
        """The channels of all sources, one after the other."""
        name = self.add("Concat", [source.name for source in sources], axis=1)
        return Tensor(name, sum(source.channels for source in sources), sources[0].side)

    def c2f(self, source: Tensor, channels: int, repeats: int, is_residual: bool) -> Tensor:
        """Half of the channels pass through `repeats` bottlenecks; every step's result goes into the output."""
        half = channels // 2
        entry = self.block(source, channels, kernel=1)
        names = [f"{entry.name}_left", f"{entry.name}_right"]
        self.split(entry.name, names)
        parts = [Tensor(name, half, entry.side) for name in names]
        for _ in range(repeats):
            result = self.block(self.block(parts[-1], half), half)
            if is_residual:
                result = Tensor(self.add("Add", [parts[-1].name, result.name]), half, entry.side)
            parts.append(result)
        return self.block(self.join(*parts), channels, kernel=1)

    def sppf(self, source: Tensor) -> Tensor:
        """Three max-poolings in a row, joined: the surroundings at three scales."""
        parts = [self.block(source, source.channels // 2, kernel=1)]
        for _ in range(3):
            name = self.add("MaxPool", [parts[-1].name], kernel_shape=[5, 5], strides=[1, 1], pads=[2] * 4)
            parts.append(Tensor(name, parts[-1].channels, source.side))
        return self.block(self.join(*parts), source.channels, kernel=1)

    def upsampled(self, source: Tensor) -> Tensor:
        """Twice the size, by repetition."""
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        rule = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}
        return Tensor(self.add("Resize", [source.name, "", scales], **rule), source.channels, source.side * 2)

    def model(self, inputs: dict[str, list[int]], outputs: dict[str, list[int]]) -> ModelProto:
        """The finished model, with these inputs and outputs by name and shape."""

        def values(shapes: dict[str, list[int]]) -> list[ValueInfoProto]:
            return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

        constants = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, "network", values(inputs), values(outputs), constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def _weights(
        self, shape: tuple[int, ...], gain: float, bias: NDArray[np.float32] | float, channels: int, side: int
    ) -> tuple[str, str]:
        """Names of random weights and of biases, counted; `side` is that of the cells at which they are applied."""
        spread = gain / math.sqrt(math.prod(shape[1:]))
        weights = self.random.normal(0, spread, shape).astype(np.float32)
        self.parameters += weights.size + channels
        self.flops += 2 * weights.size * side * side
        return self.constant(weights), self.constant(np.full(channels, bias, np.float32))
