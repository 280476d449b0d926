"""Networks and pictures made by hand, small and without random weights, for expectations that can be committed.

Two kinds of network: constant ones, which answer the same boxes and masks to every picture, and probes, whose scores
are pixels of the input tensor, so that the answer shows the preprocessing.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from PIL import Image

from retinue.models.package import Task
from retinue.pipeline.prediction import Thresholds
from tests.parity.packages import MASK_COEFFICIENTS, RESIZES, Resize, write_export, write_package
from tests.unit.networks import constant_network
from tests.unit.test_golden_case import ROWS

NAMES = ("alpha", "beta", "gamma")
PICTURE_SIZES_WH = ((613, 427), (50, 40), (301, 1100))
_DIFFERENT_RESIZES = (Resize("stretch"), Resize("letterbox", 127), Resize("center-crop"))
_PROBE_GRID = 5
_PROBES = 3 * _PROBE_GRID**2


@dataclass(frozen=True, slots=True)
class Case:
    """One network in one wrapping, asked about one picture. `resize` is None for a bare export."""

    network: str
    resize: Resize | None
    picture_size_wh: tuple[int, int]

    def __str__(self) -> str:
        width, height = self.picture_size_wh
        return f"{self.network}, {self.resize or 'bare'}, {width} x {height}"

    @property
    def task(self) -> Task:
        """The task of the network."""
        return _NETWORKS[self.network][0]

    @property
    def thresholds(self) -> Thresholds:
        """What the case is asked with: probes give everything that is not black."""
        return Thresholds(confidence=0.001) if self.network.startswith("probe") else Thresholds()

    def picture(self) -> bytes:
        """The picture as a PNG file."""
        stream = io.BytesIO()
        Image.fromarray(scene(*self.picture_size_wh)).save(stream, "PNG")
        return stream.getvalue()

    def write(self, folder: Path) -> Path:
        """The package or the export, in a new folder below `folder`."""
        task, names, network = _NETWORKS[self.network]
        target = folder / str(self).replace(", ", "_").replace(" ", "")
        if self.resize is not None:
            return write_package(target, network, task, names, self.resize)
        target.mkdir(parents=True)
        return write_export(target / "network.onnx", network, task, names)


def upstream_cases() -> Iterator[Case]:
    """The cases that upstream answers: every resize mode where pixels are asked for, the different ones elsewhere."""
    odd, small, tall = PICTURE_SIZES_WH
    for resize in RESIZES:
        yield Case("probe", resize, odd)
        yield Case("probe", resize, small)
        yield Case("boxes", resize, odd)
    for resize in _DIFFERENT_RESIZES:
        yield Case("probe classifier", resize, odd)
        for size_wh in (odd, small, tall):
            yield Case("outlines", resize, size_wh)


def ultralytics_cases() -> Iterator[Case]:
    """The cases that Ultralytics answers."""
    odd, small, tall = PICTURE_SIZES_WH
    for network in _NETWORKS:
        yield Case(network, None, odd)
        yield Case(network, None, tall if network.startswith("outlines") else small)


def scene(width: int, height: int) -> NDArray[np.uint8]:
    """A picture (height, width, 3) of ramps, stripes and discs, without two equal regions."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x // max(1, width - 1)
    green = 255 * y // max(1, height - 1)
    blue = (x + 2 * y) % 256
    picture = np.stack([red, green, blue], axis=2)
    for index in range(4):
        centre_x, centre_y, radius = (
            width * (0.2 + 0.2 * index),
            height * (0.3 + 0.15 * index),
            0.12 * min(width, height),
        )
        inside = (x - centre_x) ** 2 + (y - centre_y) ** 2 < radius**2
        picture[inside] = (40 * index, 255 - 50 * index, 120 + 30 * index)
    return picture.astype(np.uint8)


def _boxes() -> ModelProto:
    return constant_network(ROWS.T)


def _outlines(width: int, height: int) -> ModelProto:
    """Three objects: a disc that leaves its box, stripes (several contours), and a box filled to its border."""
    grid_width, grid_height = width // 4, height // 4
    y, x = np.mgrid[0:grid_height, 0:grid_width].astype(np.float32)
    prototypes = np.zeros((MASK_COEFFICIENTS, grid_height, grid_width), np.float32)
    prototypes[0] = 0.5 * (grid_height / 4 - np.hypot(y - grid_height / 2, x - grid_width / 2))
    prototypes[1] = 3 * np.sin(x * 0.7 + y * 0.2)
    prototypes[2] = 1
    boxes = [
        (0.5 * width, 0.5 * height, 0.42 * width, 0.6 * height),
        (0.25 * width, 0.3 * height, 0.3 * width, 0.21 * height),
        (0.8 * width, 0.72 * height, 0.19 * width, 0.3 * height),
    ]
    rows = np.zeros((len(boxes), 4 + len(NAMES) + MASK_COEFFICIENTS), np.float32)
    for index, box in enumerate(boxes):
        rows[index, :4] = box
        rows[index, 4 + index] = 0.9 - 0.1 * index
        rows[index, 4 + len(NAMES) + index] = 1
    return constant_network(rows.T, prototypes, size_wh=(width, height))


def _probe(width: int, height: int) -> ModelProto:
    """A detector of 75 tiny boxes apart from each other; the score of each is one value of the input tensor."""
    index = np.arange(_PROBES)
    boxes = np.stack([2 + 4 * (index % 15), 2 + 4 * (index // 15), np.full(_PROBES, 2), np.full(_PROBES, 2)])
    channel = np.zeros((1, 3, _PROBES))
    channel[0, index // _PROBE_GRID**2, index] = 1
    nodes = [
        *_gather_pixels([1, 1, _PROBES]),
        helper.make_node("Mul", ["pixels", "channel"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
    ]
    return _graph(nodes, {"boxes": boxes[None], "channel": channel}, (1, 7, _PROBES), width, height)


def _probe_classifier(width: int, height: int) -> ModelProto:
    """A classifier of 75 classes: softmax of 30 times the values of the input tensor, so that one grey level shows."""
    nodes = [
        *_gather_pixels([1, _PROBES]),
        helper.make_node("Mul", ["pixels", "gain"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["output0"], axis=1),
    ]
    return _graph(nodes, {"gain": 30.0}, (1, _PROBES), width, height)


def _gather_pixels(shape: list[int]) -> list[NodeProto]:
    """Nodes that give 5 x 5 places of each channel of the input as `pixels`, in that shape."""
    return [
        helper.make_node("Gather", ["images", "rows"], ["some_rows"], axis=2),
        helper.make_node("Gather", ["some_rows", "columns"], ["some_pixels"], axis=3),
        helper.make_node("Constant", [], ["shape"], value=numpy_helper.from_array(np.array(shape, np.int64))),
        helper.make_node("Reshape", ["some_pixels", "shape"], ["pixels"]),
    ]


def _graph(
    nodes: list[NodeProto], constants: dict[str, ArrayLike], shape: tuple[int, ...], width: int, height: int
) -> ModelProto:
    places = {"rows": height, "columns": width}
    initializers = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    for name, size in places.items():
        # Not on the border: there every network's pixels are its padding.
        place = np.linspace(0.1, 0.9, _PROBE_GRID) * (size - 1)
        initializers.append(numpy_helper.from_array(place.astype(np.int64), name))
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, height, width])
    output = helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(shape))
    graph = helper.make_graph(nodes, "probe", [picture], [output], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


_PIXEL_NAMES = tuple(f"pixel {index}" for index in range(_PROBES))
_NETWORKS: dict[str, tuple[Task, tuple[str, ...], ModelProto]] = {
    "boxes": ("object-detection", NAMES, _boxes()),
    "outlines": ("instance-segmentation", NAMES, _outlines(160, 160)),
    "outlines wide": ("instance-segmentation", NAMES, _outlines(192, 96)),
    "probe": ("object-detection", NAMES, _probe(64, 64)),
    "probe wide": ("object-detection", NAMES, _probe(96, 64)),
    "probe classifier": ("classification", _PIXEL_NAMES, _probe_classifier(48, 48)),
    "probe classifier wide": ("classification", _PIXEL_NAMES, _probe_classifier(64, 40)),
}
