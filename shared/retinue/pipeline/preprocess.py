"""From a picture to the network's input tensor: crop, grayscale, contrast, resize, pad, normalise."""

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Interpolation, Manifest, Preprocessing, Step
from retinue.pipeline.geometry import Placement, tight_size
from retinue.pipeline.resize import resize_linear

Image = NDArray[np.uint8]
_NOTHING: frozenset[Step] = frozenset()


def prepare(
    image: Image, manifest: Manifest, threads: int, *, skipped: frozenset[Step] = _NOTHING
) -> tuple[NDArray[np.float32], Placement]:
    """The input tensor (1, 3, h, w) float32 for a picture (H, W, 3) uint8 RGB, and where the picture lies in it.

    A network that takes any size gets the smallest rectangle that its stride allows, as Ultralytics does. `skipped`:
    steps of the package that the request does not want.
    """
    spec, network = manifest.preprocessing, manifest.network_input
    image_size_wh, network_size_wh = (image.shape[1], image.shape[0]), (network.width, network.height)
    left = top = 0
    if spec.static_crop or spec.is_grayscale or spec.contrast != "none":
        from retinue.pipeline.steps import apply_steps

        image, left, top = apply_steps(image, spec, skipped)
    crop_size_wh = (image.shape[1], image.shape[0])
    frame_size_wh = spec.first_size_wh or network_size_wh
    if network.stride and spec.resize_mode == "letterbox":
        frame_size_wh = tight_size(crop_size_wh, network_size_wh, network.stride)
    placement = Placement.of(
        spec.resize_mode, manifest.convention, crop_size_wh, frame_size_wh, spec.crop_fraction
    ).within(image_size_wh, left, top)
    if spec.first_size_wh:
        image, spot = (
            _frame(image, spec, placement, threads),
            Placement.of("stretch", manifest.convention, frame_size_wh, network_size_wh),
        )
    else:
        spot = placement
    if spec.interpolation != "linear":
        image = _resize_filtered(image, (spot.resized_width, spot.resized_height), spec.interpolation)
    return _place(_cut(image, spot), spec, spot, threads), placement


def _place(image: Image, spec: Preprocessing, placement: Placement, threads: int) -> NDArray[np.float32]:
    """The picture resized, in the network's channel order, normalised, and padded; pads are normalised like pixels."""
    left, top, right, bottom = (
        max(0, pad) for pad in (placement.pad_left, placement.pad_top, placement.pad_right, placement.pad_bottom)
    )
    height, width = placement.network_height, placement.network_width
    tensor = np.empty((1, 3, height, width), np.float32)
    # The centre crop pads with black whatever the package says (contract/models.md 2.5).
    padding_value = 0 if spec.resize_mode == "center-crop" else spec.padding_value
    borders = (np.s_[..., :top, :], np.s_[..., height - bottom :, :], np.s_[..., :left], np.s_[..., width - right :])
    for border in borders:
        tensor[border] = padding_value / spec.scaling_factor
    inner = tensor[..., top : height - bottom, left : width - right]
    levels = inner[0, ::-1] if spec.color_mode == "bgr" else inner[0]
    # Divided, not multiplied by the inverse: the last bit decides about scores that equal a threshold.
    resize_linear(image, levels, threads, divisor=spec.scaling_factor)
    if any(spec.mean) or set(spec.std) != {1.0}:
        tensor -= np.array(spec.mean, np.float32).reshape(3, 1, 1)
        tensor /= np.array(spec.std, np.float32).reshape(3, 1, 1)
    return tensor


def _frame(image: Image, spec: Preprocessing, placement: Placement, threads: int) -> Image:
    """The picture resized and padded, as grey levels: the first of two resizes (contract/models.md 2.7)."""
    levels = Preprocessing(resize_mode=spec.resize_mode, padding_value=spec.padding_value, scaling_factor=1.0)
    frame = _place(_cut(image, placement), levels, placement, threads)[0]
    return np.ascontiguousarray(frame.transpose(1, 2, 0).astype(np.uint8))


def _cut(image: Image, placement: Placement) -> Image:
    """The picture without what negative pads remove (only where the picture is at the network's scale)."""
    top, left = max(0, -placement.pad_top), max(0, -placement.pad_left)
    bottom, right = max(0, -placement.pad_bottom), max(0, -placement.pad_right)
    return image[top : image.shape[0] - bottom, left : image.shape[1] - right]


def _resize_filtered(image: Image, size_wh: tuple[int, int], interpolation: Interpolation) -> Image:
    """Resize with a filter that averages where it shrinks, as torchvision's Resize does to a PIL image."""
    from PIL import Image as PillowImage

    resampling = (
        PillowImage.Resampling.BICUBIC if interpolation == "filtered-cubic" else PillowImage.Resampling.BILINEAR
    )
    picture = PillowImage.fromarray(image)
    # Width first, in two steps: in one, releases of Pillow differ in the order, and so in the rounding between.
    for size in ((size_wh[0], picture.height), size_wh):
        picture = picture.resize(size, resampling)
    return np.asarray(picture)
