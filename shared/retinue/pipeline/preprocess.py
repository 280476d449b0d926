"""From a picture to the network's input tensor.

Resize, pad, scale and transpose run inside a small ONNX graph (`preprocess.onnx`, made by
tools/make_preprocess_graph.py): OpenCV does not fit into the layer, Pillow's bilinear filter averages when it
shrinks, and numpy alone takes several times as long. The graph follows the fixed-point arithmetic of
cv2.resize(INTER_LINEAR) on uint8 pixels, and reads only the rows of the picture that matter.
"""

from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from retinue.models.package import Manifest, Preprocessing
from retinue.pipeline.geometry import Placement, tight_size


def prepare(
    image: NDArray[np.uint8], manifest: Manifest, threads: int, *, is_tight: bool = False
) -> tuple[NDArray[np.float32], Placement]:
    """The input tensor (1, 3, h, w) float32 for a picture (H, W, 3) uint8 RGB, and where the picture lies in it.

    is_tight: letterbox to the smallest rectangle that the network's stride allows, if it takes any size.
    """
    spec, network = manifest.preprocessing, manifest.network_input
    size_wh, network_size_wh = (image.shape[1], image.shape[0]), (network.width, network.height)
    if is_tight and network.stride and spec.resize_mode == "letterbox":
        network_size_wh = tight_size(size_wh, network_size_wh, network.stride)
    placement = Placement.of(spec.resize_mode, manifest.convention, size_wh, network_size_wh)
    if spec.resize_mode == "shorter-side-crop":
        image = _resize_with_pillow(image, placement)
    image = _cut(image, placement)
    if spec.color_mode == "bgr":
        image = image[..., ::-1]
    return _run_graph(np.ascontiguousarray(image), spec, placement, threads), placement


def _run_graph(
    image: NDArray[np.uint8], spec: Preprocessing, placement: Placement, threads: int
) -> NDArray[np.float32]:
    left, top, right, bottom = (
        max(0, pad) for pad in (placement.pad_left, placement.pad_top, placement.pad_right, placement.pad_bottom)
    )
    size = (placement.network_height - top - bottom, placement.network_width - left - right)
    factor = 1.0 / (spec.scaling_factor * np.asarray(spec.std, np.float32))
    offset = -np.asarray(spec.mean, np.float32) / np.asarray(spec.std, np.float32)
    # The centre crop pads with black whatever the package says (contract/models.md 2.5).
    padding_value = 0 if spec.resize_mode == "center-crop" else spec.padding_value
    taps, weights = _vertical_taps(image.shape[0], size[0])
    feeds = {
        "rows": np.take(image, taps, axis=0),
        "weights": weights,
        "size": np.array([2, 3, *size], np.int64),
        "pads": np.array([0, 0, top, left, 0, 0, bottom, right], np.int64),
        "padding_value": np.array(padding_value, np.float32),
        "factor": factor.reshape(1, 3, 1, 1).astype(np.float32),
        "offset": offset.reshape(1, 3, 1, 1).astype(np.float32),
    }
    tensor: NDArray[np.float32] = _graph(threads).run(["tensor"], feeds)[0]
    return tensor


@lru_cache(maxsize=64)
def _vertical_taps(height: int, target: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each of `target` rows the rows of the picture above and below (2, target), and their weights in quarters.

    Half-pixel centres; weights (2, 1, target, 1) are OpenCV's, whole numbers of 1/2048, times 4.
    """
    position = ((np.arange(target) + 0.5) * (height / target) - 0.5).astype(np.float32)
    above = np.floor(position)
    fraction = position - above
    weights = np.rint(np.stack([1 - fraction, fraction]) * 2048) / 512
    taps = np.clip(np.stack([above, above + 1]), 0, height - 1).astype(np.intp)
    return taps, weights.astype(np.float32).reshape(2, 1, target, 1)


def _cut(image: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    """The picture without what negative pads remove (only where the picture is at the network's scale)."""
    top, left = max(0, -placement.pad_top), max(0, -placement.pad_left)
    bottom, right = max(0, -placement.pad_bottom), max(0, -placement.pad_right)
    return image[top : image.shape[0] - bottom, left : image.shape[1] - right]


def _resize_with_pillow(image: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    """Filtered bilinear resize, as torchvision's Resize does to a PIL image."""
    from PIL import Image

    picture = Image.fromarray(image)
    # Width first, in two steps: in one, releases of Pillow differ in the order, and so in the rounding between.
    for size in ((placement.resized_width, picture.height), (placement.resized_width, placement.resized_height)):
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(picture)


@cache
def _graph(threads: int) -> onnxruntime.InferenceSession:
    """The preprocessing graph, ready to run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    path = Path(__file__).with_name("preprocess.onnx")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
