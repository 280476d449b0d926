"""The input of a graph: which tensor takes the picture, and of what size."""

from pydantic import PositiveInt

from retinue.errors import UnsupportedModel
from retinue.models.package import NetworkInput
from retinue.operator.graph import Graph, Tensor
from retinue.operator.source import Source

_ULTRALYTICS_SIZE_HW = (640, 640)


def network_input(source: Source, graph: Graph, size_hw: tuple[int, int] | None = None) -> NetworkInput:
    """The input that takes a picture.

    size_hw: given by the operator, for graphs that leave it open. Raises UnsupportedModel for inputs that cannot be
    fed, and if nobody says the size.
    """
    picture, picture_size = _tensors(graph)
    batch, _, height, width = picture.shape
    is_open = height is None and width is None and "stride" in graph.metadata and source.convention == "native"
    # Ultralytics runs exports of any size at its default, whatever size they were exported at.
    size = size_hw or (_ULTRALYTICS_SIZE_HW if is_open else _said_size(source, graph))
    if height is not None and width is not None:
        # The legacy layout's size is of the dataset, and so may be RF-DETR's; the graph knows better.
        is_binding = size_hw or ("model_config" in source.layout and not str(source.architecture).startswith("rfdetr"))
        if is_binding and size not in (None, (height, width)):
            raise UnsupportedModel(
                f"the size is said to be {size}, but the graph takes {(height, width)} (height, width)"
            )
        size = (height, width)
    if size is None:
        raise UnsupportedModel(
            f"the input {picture} leaves the size open, and neither package nor metadata says it; "
            "give it with --size WIDTHxHEIGHT"
        )
    stride = graph.said("stride", PositiveInt | list[PositiveInt])
    return NetworkInput(
        name=picture.name,
        height=size[0],
        width=size[1],
        batch=batch,
        dtype="float16" if picture.dtype == "float16" else "float32",
        stride=(max(stride) if isinstance(stride, list) else stride) if is_open else None,
        picture_size_name=picture_size.name if picture_size else "",
    )


def _said_size(source: Source, graph: Graph) -> tuple[int, int] | None:
    """Height and width as the package or the metadata say."""
    if source.input_size_hw is not None:
        return source.input_size_hw
    said = graph.said("imgsz", PositiveInt | tuple[PositiveInt, PositiveInt])
    return (said, said) if isinstance(said, int) else said


def _tensors(graph: Graph) -> tuple[Tensor, Tensor | None]:
    """The picture's tensor, and the one for its size where a graph asks for it."""
    pictures = [tensor for tensor in graph.inputs if len(tensor.shape) == 4]
    others = [tensor for tensor in graph.inputs if len(tensor.shape) != 4]
    listed = ", ".join(map(str, graph.inputs))
    if len(pictures) != 1 or len(others) > 1:
        raise UnsupportedModel(
            f"the graph has {len(graph.inputs)} inputs: {listed}. One picture (batch, 3, height, width) can be fed, "
            "and beside it at most its size (batch, 2)"
        )
    picture = pictures[0]
    if picture.shape[1] not in (3, None) or picture.dtype not in ("float32", "float16"):
        raise UnsupportedModel(f"the input is {picture}; float32 or float16 (batch, 3, height, width) is expected")
    if others and (others[0].dtype != "int64" or len(others[0].shape) != 2 or others[0].shape[1] not in (2, None)):
        raise UnsupportedModel(
            f"the second input is {others[0]}; only the picture's size, int64 (batch, 2), can be fed"
        )
    return picture, others[0] if others else None
