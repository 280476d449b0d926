"""From a picture to the network's input tensor: cut, resize, pad, normalise."""

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Manifest, Preprocessing
from retinue.pipeline.geometry import Placement, tight_size
from retinue.pipeline.resize import resize_linear


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
    return _place(image, spec, placement, threads), placement


def _place(image: NDArray[np.uint8], spec: Preprocessing, placement: Placement, threads: int) -> NDArray[np.float32]:
    """The picture resized, in the network's channel order, normalised, and padded; pads are normalised like pixels."""
    factor = (1 / (spec.scaling_factor * np.asarray(spec.std))).astype(np.float32).reshape(1, 3, 1, 1)
    offset = (-np.asarray(spec.mean) / np.asarray(spec.std)).astype(np.float32).reshape(1, 3, 1, 1)
    left, top, right, bottom = (
        max(0, pad) for pad in (placement.pad_left, placement.pad_top, placement.pad_right, placement.pad_bottom)
    )
    height, width = placement.network_height, placement.network_width
    tensor = np.empty((1, 3, height, width), np.float32)
    if left or top or right or bottom:
        # The centre crop pads with black whatever the package says (contract/models.md 2.5).
        padding_value = 0 if spec.resize_mode == "center-crop" else spec.padding_value
        tensor[:] = padding_value * factor + offset
    inner = tensor[..., top : height - bottom, left : width - right]
    resize_linear(image, inner[0, ::-1] if spec.color_mode == "bgr" else inner[0], threads)
    inner *= factor
    if offset.any():
        inner += offset
    return tensor


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
