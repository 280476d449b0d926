"""YOLOX: (1, cells, 5 + classes): cx, cy, w, h, objectness, class scores; one anchor for each cell of three grids.

Megvii's exporter leaves the boxes in units of their cells unless it is told to decode them: the centre as an offset
from the cell, the size as a logarithm (https://arxiv.org/abs/2107.08430, and its ONNX demo).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.objects import as_prediction
from retinue.models.families.yolov5 import select_by_product
from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds

_STRIDES = (8, 16, 32)
_STRIDES_P6 = (8, 16, 32, 64)


def decode(
    raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, thresholds: Thresholds
) -> Prediction:
    """The objects of one picture."""
    output = raw[0][0]
    if not manifest.is_decoded:
        cells_xy, strides = _grid(len(output), placement.network_width, placement.network_height)
        centres = (output[:, :2] + cells_xy) * strides
        output = np.concatenate([centres, np.exp(output[:, 2:4]) * strides, output[:, 4:]], axis=1)
    return as_prediction(select_by_product(output, manifest, thresholds), manifest, placement, thresholds)


def cells_of(width: int, height: int, *, is_p6: bool = False) -> int:
    """How many cells the grids of a picture of that size have together."""
    return sum((width // stride) * (height // stride) for stride in (_STRIDES_P6 if is_p6 else _STRIDES))


@lru_cache(maxsize=8)
def _grid(cells: int, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Column and row (cells, 2) of each cell in its grid, and the stride (cells, 1) of that grid in pixels."""
    places, sizes = [], []
    for stride in _STRIDES_P6 if cells == cells_of(width, height, is_p6=True) else _STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        places.append(np.stack([x.ravel(), y.ravel()], axis=1))
        sizes.append(np.full((x.size, 1), stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(sizes).astype(np.float32)
