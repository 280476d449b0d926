"""Graphs as recognition sees them: shapes and metadata, and what a run on noise gave."""

from pathlib import Path
from typing import Any

from retinue.operator.graph import Graph, Shape, Tensor
from retinue.operator.network_input import network_input
from retinue.operator.probe import Output
from retinue.operator.recognise import Recognised, RecogniseOptions, recognise
from retinue.operator.source import Source

WEIGHTS = Path("model.onnx")
FIXED: Shape = (1, 3, 480, 640)
NAMES = ("alpha", "beta", "gamma")

Said = dict[str, Any]
# An output: its shape, or its name, shape and highest value.
Given = Shape | tuple[str, Shape, float]


def recognised(
    source: Source,
    outputs: tuple[Given, ...],
    *,
    metadata: dict[str, str] | None = None,
    picture: Shape = FIXED,
    dtype: str = "float32",
    final_operator: str = "",
    more_inputs: tuple[Tensor, ...] = (),
    options: RecogniseOptions | None = None,
) -> Recognised:
    """What is recognised in a network with these outputs."""
    given = [
        Output(*output) if isinstance(output[0], str) else Output(f"output{index}", output, 640.0)  # type: ignore[arg-type]
        for index, output in enumerate(outputs)
    ]
    graph = Graph(
        WEIGHTS,
        (Tensor("images", dtype, picture), *more_inputs),
        tuple(Tensor(output.name, "float32", output.shape) for output in given),
        metadata or {},
        {output.name: final_operator for output in given},
    )
    options = options or RecogniseOptions()
    return recognise(source, graph, network_input(source, graph, options.size_hw), given, options)


def export(*outputs: Given, metadata: dict[str, str] | None = None, **said: Any) -> Recognised:
    """A bare ONNX file, recognised."""
    source = Source(layout="bare ONNX file", convention="native", weights=WEIGHTS)
    return recognised(source, outputs, metadata=metadata, **said)


def package(*outputs: Given, layout: str = "model_config", graph: Said | None = None, **said: Any) -> Recognised:
    """A Roboflow package, recognised; `said` is what its files say, `graph` what the network is like."""
    source = Source(
        **{
            "layout": f"Roboflow package ({layout}.json)",
            "convention": "roboflow",
            "weights": WEIGHTS,
            "task": "object-detection",
            "architecture": "yolov8",
            "class_names": NAMES,
            **said,
        }
    )
    return recognised(source, outputs, **(graph or {}))
