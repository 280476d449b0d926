"""A detector of YOLOv8n's shape and cost, with seeded random weights: timing does not care what a network has learned.

Layers, widths and the detection head are those of YOLOv8n with batch normalisation folded in, as exports have it:
3.15 million parameters (12.7 MB), 8.7 GFLOPs at 640 x 640, output (1, 84, 8400). `write_detector` spreads and
shifts the class scores so that a handful of boxes pass on a given input, as they do on a normal picture.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

CLASSES = 80
INPUT_NAME = "images"
_STRIDES = (8, 16, 32)
_BINS = 16  # of the distribution whose mean is the distance from an anchor to one side of its box
_SEED = 8
# Keeps activations from growing through the layers; SiLU would keep their spread with 1.7, but residuals add to it.
_GAIN = 1.5
# What `write_detector` aims at: spread of the class scores before the sigmoid, and anchors that reach a score of 0.5.
_LOGIT_SPREAD = 3.0
_CANDIDATES = 40


class NetworkError(Exception):
    """The network that was built is not of the shape and cost that it should have. The message has the numbers."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """The name of an intermediate result with its channels and its side length (height = width)."""

    name: str
    channels: int
    side: int


@dataclass(slots=True)
class Detector:
    """The graph while it is built: nodes, constants, and what they cost."""

    size: int
    score_gain: float = 1.0
    score_bias: float = 0.0
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    parameters: int = 0
    flops: int = 0
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(_SEED))

    def add(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Appends a node with one output; returns the name of that."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, values: NDArray[np.generic]) -> str:
        """Adds a constant; returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants[name] = values
        return name

    def convolution(
        self, source: Tensor, channels: int, kernel: int, stride: int = 1, *, gain: float = _GAIN, bias: float = 0.0
    ) -> Tensor:
        """A plain convolution, padded to keep the size apart from its stride."""
        shape = (channels, source.channels, kernel, kernel)
        spread = gain / math.sqrt(source.channels * kernel * kernel)
        weights = self.random.normal(0, spread, shape).astype(np.float32)
        side = source.side // stride
        self.parameters += weights.size + channels
        self.flops += 2 * weights.size * side * side
        inputs = [source.name, self.constant(weights), self.constant(np.full(channels, bias, np.float32))]
        name = self.add("Conv", inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4)
        return Tensor(name, channels, side)

    def block(self, source: Tensor, channels: int, kernel: int = 3, stride: int = 1) -> Tensor:
        """A convolution followed by SiLU."""
        linear = self.convolution(source, channels, kernel, stride)
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
        self.nodes.append(helper.make_node("Split", [entry.name], names, axis=1))
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

    def features(self) -> tuple[Tensor, Tensor, Tensor]:
        """Backbone and neck: the maps at strides 8, 16 and 32."""
        stem = self.block(self.block(Tensor(INPUT_NAME, 3, self.size), 16, stride=2), 32, stride=2)
        at4 = self.c2f(stem, 32, 1, True)
        at8 = self.c2f(self.block(at4, 64, stride=2), 64, 2, True)
        at16 = self.c2f(self.block(at8, 128, stride=2), 128, 2, True)
        at32 = self.sppf(self.c2f(self.block(at16, 256, stride=2), 256, 1, True))
        up16 = self.c2f(self.join(self.upsampled(at32), at16), 128, 1, False)
        up8 = self.c2f(self.join(self.upsampled(up16), at8), 64, 1, False)
        down16 = self.c2f(self.join(self.block(up8, 64, stride=2), up16), 128, 1, False)
        down32 = self.c2f(self.join(self.block(down16, 128, stride=2), at32), 256, 1, False)
        return up8, down16, down32

    def head(self, features: tuple[Tensor, Tensor, Tensor]) -> None:
        """Per map, distances to the four sides (as distributions) and class scores; decoded to (1, 84, anchors)."""
        flat = self.constant(np.array([1, 4 * _BINS + CLASSES, -1], np.int64))
        levels = []
        for level in features:
            box = self.convolution(self.block(self.block(level, 64), 64), 4 * _BINS, kernel=1, bias=1.0)
            scores = self.block(self.block(level, 80), 80)
            scores = self.convolution(scores, CLASSES, kernel=1, gain=self.score_gain, bias=self.score_bias)
            levels.append(self.add("Reshape", [self.join(box, scores).name, flat]))
        everything = self.add("Concat", levels, axis=2)
        sizes = self.constant(np.array([4 * _BINS, CLASSES], np.int64))
        self.nodes.append(helper.make_node("Split", [everything, sizes], ["distributions", "logits"], axis=1))
        boxes = self.boxes("distributions")
        self.nodes.append(helper.make_node("Concat", [boxes, self.add("Sigmoid", ["logits"])], ["output0"], axis=1))

    def boxes(self, distributions: str) -> str:
        """Centre, width and height in pixels, (1, 4, anchors), from distributions (1, 64, anchors)."""
        bins = self.add("Reshape", [distributions, self.constant(np.array([1, 4, _BINS, -1], np.int64))])
        bins = self.add("Softmax", [self.add("Transpose", [bins], perm=[0, 2, 1, 3])], axis=1)
        values = self.constant(np.arange(_BINS, dtype=np.float32).reshape(1, _BINS, 1, 1))
        mean = self.add("Reshape", [self.add("Conv", [bins, values]), self.constant(np.array([1, 4, -1], np.int64))])
        halves = ["to_top_left", "to_bottom_right"]
        self.nodes.append(helper.make_node("Split", [mean], halves, axis=1))
        anchors, strides = _anchors(self.size)
        anchor = self.constant(anchors)
        top_left = self.add("Sub", [anchor, halves[0]])
        bottom_right = self.add("Add", [anchor, halves[1]])
        middle = self.add("Div", [self.add("Add", [top_left, bottom_right]), self.constant(np.array(2, np.float32))])
        extent = self.add("Sub", [bottom_right, top_left])
        return self.add("Mul", [self.add("Concat", [middle, extent], axis=1), self.constant(strides)])

    def model(self) -> ModelProto:
        """The finished model, with the metadata of an Ultralytics export. Raises NetworkError if it is another one."""
        self.head(self.features())
        anchors = sum((self.size // stride) ** 2 for stride in _STRIDES)
        shape, output_shape = [1, 3, self.size, self.size], [1, 4 + CLASSES, anchors]
        graph = helper.make_graph(
            self.nodes,
            "detector",
            [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("output0", TensorProto.FLOAT, output_shape)],
            [numpy_helper.from_array(values, name) for name, values in self.constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        names = {index: f"class {index}" for index in range(CLASSES)}
        metadata = {"task": "detect", "names": str(names), "stride": "32", "imgsz": f"[{self.size}, {self.size}]"}
        helper.set_model_props(model, metadata)
        checker.check_model(model, full_check=True)
        self._check(model.ByteSize())
        return model

    def _check(self, size_bytes: int) -> None:
        """YOLOv8n's own figures: 3,151,904 parameters (16 of them are the bins here), 8.7 GFLOPs at 640."""
        gflops = self.flops / 1e9 * (640 / self.size) ** 2
        is_right = self.parameters == 3_151_888 and 8.6 <= gflops <= 8.8 and 12.5e6 <= size_bytes <= 13e6
        if not is_right:
            raise NetworkError(
                f"the detector has {self.parameters:,} parameters, {gflops:.2f} GFLOPs at 640, {size_bytes:,} bytes; "
                "3,151,888, 8.7 and about 12.7 million are expected"
            )


def _anchors(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centres of the cells of all maps in cells, (1, 2, anchors), and the stride of each, (1, anchors)."""
    centres, strides = [], []
    for stride in _STRIDES:
        side = size // stride
        y, x = np.mgrid[0:side, 0:side] + 0.5
        centres.append(np.stack([x.ravel(), y.ravel()]))
        strides.append(np.full(side * side, stride))
    return np.concatenate(centres, axis=1)[None].astype(np.float32), np.concatenate(strides)[None].astype(np.float32)


def write_detector(path: Path, tensor: NDArray[np.float32]) -> None:
    """Writes a detector for inputs of the shape of `tensor` (1, 3, size, size), on which a handful of boxes pass."""
    import onnxruntime

    size = tensor.shape[2]
    session = onnxruntime.InferenceSession(Detector(size).model().SerializeToString())
    scores = session.run(None, {INPUT_NAME: tensor})[0][0, 4:]  # (classes, anchors), without gain and bias
    logits = np.log(scores / (1 - scores))
    gain = _LOGIT_SPREAD / float(logits.std())
    best = np.sort(logits.max(axis=0))
    detector = Detector(size, score_gain=gain, score_bias=-gain * float(best[-_CANDIDATES]))
    path.write_bytes(detector.model().SerializeToString())
