"""What an ONNX file says about itself, without running it."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from retinue.errors import UnsupportedModel

# Domains whose operators onnxruntime carries.
_KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a graph; None stands for a symbolic dimension."""

    name: str
    dtype: str
    shape: Shape

    def __str__(self) -> str:
        return f"{self.name} {self.dtype}({', '.join('?' if size is None else str(size) for size in self.shape)})"


@dataclass(frozen=True, slots=True)
class Graph:
    """Inputs, outputs, metadata, and the operator that makes each output (`Softmax`, `Sigmoid`, `Gemm` ...)."""

    path: Path
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: Mapping[str, str]
    final_operators: Mapping[str, str] = field(default_factory=dict)

    def said(self, key: str, kind: Any) -> Any:
        """The metadata entry `key`, a Python literal, as type `kind`; None without it.

        Raises UnsupportedModel that names the key if the value is something else.
        """
        if key not in self.metadata:
            return None
        text = self.metadata[key]
        try:
            return TypeAdapter(kind).validate_python(ast.literal_eval(text))
        except (ValueError, SyntaxError, TypeError, RecursionError) as exc:
            raise UnsupportedModel(f"{self.path.name}: metadata {key!r} cannot be read: {text[:80]}") from exc


def read_graph(path: Path) -> Graph:
    """The graph in an ONNX file.

    Raises UnsupportedModel for what is no ONNX file, has its weights elsewhere, or uses operators of unknown domains.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, ValueError, OSError) as exc:
        raise UnsupportedModel(f"{path.name} is no ONNX file: {exc}") from exc
    if not model.graph.node:
        raise UnsupportedModel(f"{path.name} is no ONNX file: it holds no graph")
    if any(initializer.external_data for initializer in model.graph.initializer):
        raise UnsupportedModel(f"{path.name} keeps its weights in another file; export it as one file")
    foreign = sorted({node.domain for node in model.graph.node} - _KNOWN_DOMAINS)
    if foreign:
        raise UnsupportedModel(f"{path.name} uses operators of {', '.join(foreign)}, which onnxruntime does not carry")
    names = {initializer.name for initializer in model.graph.initializer}
    outputs = tuple(_tensor(value) for value in model.graph.output)
    return Graph(
        path=path,
        inputs=tuple(_tensor(value) for value in model.graph.input if value.name not in names),
        outputs=outputs,
        metadata={entry.key: entry.value for entry in model.metadata_props},
        final_operators={output.name: _final_operator(model.graph, output.name) for output in outputs},
    )


# What an exporter may put behind the operator that counts, without changing its values.
_PASSING = frozenset({"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})


def _final_operator(graph: Any, output: str) -> str:
    """The operator that computes `output`, looked for behind those that only pass values on."""
    producers = {name: node for node in graph.node for name in node.output}
    while (node := producers.get(output)) is not None:
        if node.op_type not in _PASSING:
            return str(node.op_type)
        output = node.input[0]
    return ""


def _tensor(value: Any) -> Tensor:
    import onnx

    kind = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name if kind.elem_type else "unknown"
    shape = tuple(
        dimension.dim_value if dimension.HasField("dim_value") and dimension.dim_value > 0 else None
        for dimension in kind.shape.dim
    )
    return Tensor(value.name, dtype, shape)
