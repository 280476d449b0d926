"""Bilinear resize of uint8 pictures, as cv2.resize(INTER_LINEAR) does it.

OpenCV does not fit into the layer, Pillow's bilinear filter averages when it shrinks, and numpy alone takes several
times as long, so the arithmetic runs as a small ONNX graph (resize.onnx, made by tools/make_resize_graph.py). It
reads only the rows of the picture that matter: a picture of 12 megapixels costs little more than one of 2.
"""

from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from retinue.models.session import session_options


def resize_linear(image: NDArray[np.uint8], size_hw: tuple[int, int], threads: int) -> NDArray[np.float32]:
    """The picture (H, W, 3) uint8 resized to (1, 3, h, w) float32, whole grey levels 0..255.

    Equal to OpenCV's in all but one of some hundred pixels, and those differ by one level.
    """
    (above, below), (above_weight, below_weight) = _vertical_taps(image.shape[0], size_hw[0])
    feeds = {
        "size": np.array([1, 3, *size_hw], np.int64),
        "above": image[None, above],
        "below": image[None, below],
        "above_weight": above_weight,
        "below_weight": below_weight,
    }
    levels: NDArray[np.float32] = _graph(threads).run(["levels"], feeds)[0]
    return levels


@lru_cache(maxsize=64)
def _vertical_taps(height: int, target: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each of `target` rows the rows of the picture above and below (2, target), and their weights (2, target,
    1).

    Half-pixel centres. The weights are OpenCV's, whole numbers of 1/2048, in quarters.
    """
    position = ((np.arange(target) + 0.5) * (height / target) - 0.5).astype(np.float32)
    above = np.floor(position)
    fraction = position - above
    weights = np.rint(np.stack([1 - fraction, fraction]) * 2048) / 512
    taps = np.clip(np.stack([above, above + 1]), 0, height - 1).astype(np.intp)
    return taps, weights.astype(np.float32)[:, :, None]


@cache
def _graph(threads: int) -> onnxruntime.InferenceSession:
    """The graph, ready to run."""
    path = Path(__file__).with_name("resize.onnx")
    return onnxruntime.InferenceSession(str(path), session_options(threads), providers=["CPUExecutionProvider"])
