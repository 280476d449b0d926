"""Networks of YOLOv8's shape and cost with seeded random weights: timing does not care what a network has learned.

Layers, widths and heads are those of YOLOv8 with batch normalisation folded in, as exports have it. `write_network`
spreads and shifts the class scores so that a handful of objects pass on a given input, as they do on a normal picture.
Masks are smooth, so that outlines have the length of real ones.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper

from bench.graph import Graph, Tensor

CLASSES = 80
INPUT_NAME = "images"
_STRIDES = (8, 16, 32)
_BINS = 16  # of the distribution whose mean is the distance from an anchor to one side of its box
_PROTOTYPES = 32
# What `write_network` aims at: spread of the class scores before the sigmoid, and anchors that reach a score of 0.5.
_LOGIT_SPREAD = 3.0
_CANDIDATES = 20
# Of masks before the sigmoid: how many waves cross the picture at most, how strong the network's own roughness is
# beside them, and what is added everywhere, so that most of a box belongs to its object.
_WAVES = 3.0
_ROUGHNESS = 0.01
_MASK_BIAS = 6.0
# Of boxes: what one bin nearer adds to the score of a distance, and how strongly the picture moves these scores.
_NEARNESS = 0.5
_BOX_GAIN = 0.5


class NetworkError(Exception):
    """The network that was built is not of the shape and cost that it should have. The message has the numbers."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One network: side of its input, channels after its first layer, whether it segments, and what that must cost.

    `parameters` and `gflops` (multiplications and additions, at 640 x 640) are Ultralytics' own figures for the fused
    network without the 16 bins, which are no weights here.
    """

    name: str
    size: int
    width: int
    has_masks: bool
    parameters: int
    gflops: float

    @property
    def anchors(self) -> int:
        """Cells of all three maps."""
        return sum((self.size // stride) ** 2 for stride in _STRIDES)


@dataclass(slots=True)
class Network:
    """A graph of this architecture while it is built."""

    architecture: Architecture
    score_gain: float = 1.0
    score_bias: float = 0.0
    mask_gain: float = 1.0
    graph: Graph = field(default_factory=Graph)

    def features(self) -> tuple[Tensor, Tensor, Tensor]:
        """Backbone and neck: the maps at strides 8, 16 and 32."""
        graph, width = self.graph, self.architecture.width
        picture = Tensor(INPUT_NAME, 3, self.architecture.size)
        stem = graph.block(graph.block(picture, width, stride=2), 2 * width, stride=2)
        at4 = graph.c2f(stem, 2 * width, 1, True)
        at8 = graph.c2f(graph.block(at4, 4 * width, stride=2), 4 * width, 2, True)
        at16 = graph.c2f(graph.block(at8, 8 * width, stride=2), 8 * width, 2, True)
        at32 = graph.sppf(graph.c2f(graph.block(at16, 16 * width, stride=2), 16 * width, 1, True))
        up16 = graph.c2f(graph.join(graph.upsampled(at32), at16), 8 * width, 1, False)
        up8 = graph.c2f(graph.join(graph.upsampled(up16), at8), 4 * width, 1, False)
        down16 = graph.c2f(graph.join(graph.block(up8, 4 * width, stride=2), up16), 8 * width, 1, False)
        down32 = graph.c2f(graph.join(graph.block(down16, 8 * width, stride=2), at32), 16 * width, 1, False)
        return up8, down16, down32

    def detection(self, features: tuple[Tensor, ...]) -> list[str]:
        """Boxes in pixels (1, 4, anchors) and class scores (1, classes, anchors)."""
        graph, levels = self.graph, []
        shape = graph.constant(np.array([1, 4 * _BINS + CLASSES, -1], np.int64))
        # Short distances are likelier than long ones, so that objects do not fill the picture.
        bias = np.tile(np.linspace(_BINS * _NEARNESS, 0, _BINS, dtype=np.float32), 4)
        for level in features:
            box = graph.block(graph.block(level, 64), 64)
            box = graph.convolution(box, 4 * _BINS, kernel=1, gain=_BOX_GAIN, bias=bias)
            scores = graph.block(graph.block(level, 80), 80)
            scores = graph.convolution(scores, CLASSES, kernel=1, gain=self.score_gain, bias=self.score_bias)
            levels.append(graph.add("Reshape", [graph.join(box, scores).name, shape]))
        everything = graph.add("Concat", levels, axis=2)
        graph.split(everything, ["distributions", "logits"], [4 * _BINS, CLASSES])
        return [self.boxes("distributions"), graph.add("Sigmoid", ["logits"])]

    def boxes(self, distributions: str) -> str:
        """Centre, width and height in pixels, (1, 4, anchors), from distributions (1, 64, anchors)."""
        graph = self.graph
        bins = graph.add("Reshape", [distributions, graph.constant(np.array([1, 4, _BINS, -1], np.int64))])
        bins = graph.add("Softmax", [graph.add("Transpose", [bins], perm=[0, 2, 1, 3])], axis=1)
        values = graph.constant(np.arange(_BINS, dtype=np.float32).reshape(1, _BINS, 1, 1))
        sides = graph.constant(np.array([1, 4, -1], np.int64))
        mean = graph.add("Reshape", [graph.add("Conv", [bins, values]), sides])
        halves = ["to_top_left", "to_bottom_right"]
        graph.split(mean, halves)
        anchors, strides = _anchors(self.architecture.size)
        anchor = graph.constant(anchors)
        top_left = graph.add("Sub", [anchor, halves[0]])
        bottom_right = graph.add("Add", [anchor, halves[1]])
        middle = graph.add("Div", [graph.add("Add", [top_left, bottom_right]), graph.constant(np.array(2, np.float32))])
        extent = graph.add("Sub", [bottom_right, top_left])
        return graph.add("Mul", [graph.add("Concat", [middle, extent], axis=1), graph.constant(strides)])

    def masks(self, features: tuple[Tensor, ...]) -> str:
        """Coefficients of the masks (1, 32, anchors); the prototypes (1, 32, size / 4, size / 4) are `output1`."""
        graph, levels = self.graph, []
        shape = graph.constant(np.array([1, _PROTOTYPES, -1], np.int64))
        bias = np.array([_MASK_BIAS] + [0.0] * (_PROTOTYPES - 1), np.float32)
        for level in features:
            coefficients = graph.block(graph.block(level, 32), 32)
            coefficients = graph.convolution(coefficients, _PROTOTYPES, kernel=1, gain=self.mask_gain, bias=bias)
            levels.append(graph.add("Reshape", [coefficients.name, shape]))
        middle = 4 * self.architecture.width
        prototypes = graph.block(graph.doubling(graph.block(features[0], middle)), middle)
        rough = graph.block(prototypes, _PROTOTYPES, kernel=1, gain=_ROUGHNESS)
        graph.add("Add", [rough.name, graph.constant(_waves(rough.side))], name="output1")
        return graph.add("Concat", levels, axis=2)

    def model(self) -> ModelProto:
        """The finished model, with the metadata of an Ultralytics export. Raises NetworkError if it is another one."""
        size, anchors = self.architecture.size, self.architecture.anchors
        features = self.features()
        parts, outputs = self.detection(features), {"output0": [1, 4 + CLASSES, anchors]}
        if self.architecture.has_masks:
            parts.append(self.masks(features))
            outputs = {
                "output0": [1, 4 + CLASSES + _PROTOTYPES, anchors],
                "output1": [1, _PROTOTYPES, size // 4, size // 4],
            }
        self.graph.add("Concat", parts, name="output0", axis=1)
        model = self.graph.model({INPUT_NAME: [1, 3, size, size]}, outputs)
        names = {index: f"class {index}" for index in range(CLASSES)}
        task = "segment" if self.architecture.has_masks else "detect"
        metadata = {"task": task, "names": str(names), "stride": "32", "imgsz": f"[{size}, {size}]"}
        helper.set_model_props(model, metadata)
        checker.check_model(model, full_check=True)
        self._check()
        return model

    def _check(self) -> None:
        expected = self.architecture
        gflops = self.graph.flops / 1e9 * (640 / expected.size) ** 2
        if self.graph.parameters != expected.parameters or abs(gflops - expected.gflops) > 0.02 * expected.gflops:
            raise NetworkError(
                f"{expected.name} has {self.graph.parameters:,} parameters and {gflops:.2f} GFLOPs at 640; "
                f"{expected.parameters:,} and {expected.gflops} are expected"
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


def _waves(side: int) -> NDArray[np.float32]:
    """Smooth prototypes (1, 32, side, side): 1 everywhere, then 31 waves of random direction, length and phase."""
    random = np.random.default_rng(_PROTOTYPES)
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [np.ones((side, side))]
    for _ in range(_PROTOTYPES - 1):
        across, down, phase = random.uniform(-_WAVES, _WAVES), random.uniform(-_WAVES, _WAVES), random.uniform(0, 1)
        waves.append(np.cos(2 * np.pi * (across * x + down * y + phase)))
    return np.stack(waves)[None].astype(np.float32)


def write_network(path: Path, architecture: Architecture, tensor: NDArray[np.float32]) -> None:
    """Writes the network so that a handful of objects pass on `tensor` (1, 3, size, size). Raises NetworkError."""
    logits, coefficients = _raw_outputs(architecture, tensor)
    gain = _LOGIT_SPREAD / float(logits.std())
    best = np.sort(logits.max(axis=0))
    network = Network(
        architecture,
        score_gain=gain,
        score_bias=-gain * float(best[-_CANDIDATES]),
        mask_gain=1 / float(coefficients.std()) if architecture.has_masks else 1.0,
    )
    path.write_bytes(network.model().SerializeToString())


def _raw_outputs(
    architecture: Architecture, tensor: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Class scores before the sigmoid (classes, anchors) and coefficients of masks (32 or 0, anchors), all gains 1."""
    import onnxruntime

    model = Network(architecture).model()
    shape = [1, CLASSES, architecture.anchors]
    model.graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    logits, output = session.run(["logits", "output0"], {INPUT_NAME: tensor})
    return logits[0], output[0, 4 + CLASSES :]
