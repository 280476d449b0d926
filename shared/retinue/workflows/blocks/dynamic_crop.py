"""A crop for each detection."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, Field

from retinue.pipeline.prediction import Mask
from retinue.workflows.block import Block
from retinue.workflows.bounds import fraction, number
from retinue.workflows.detections import DetectionTable
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import IMAGE, INSTANCES, KEYPOINTS, OBJECTS
from retinue.workflows.manifest import DetectionsRef, Fraction, FractionRef, ImageRef, Manifest, Reference, StringRef
from retinue.workflows.moves import shift

RgbRef = Annotated[str, Reference(("rgb_color",))]

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}){1,2}")
_TRIPLE = re.compile(r"\(([^,]*),([^,]*),([^,]*)\)")


class DynamicCropManifest(Manifest):
    """What is cut out, and what becomes of the background."""

    images: ImageRef = Field(
        title="Image to Crop",
        description="The pictures to cut from.",
        validation_alias=AliasChoices("images", "image"),
    )
    predictions: DetectionsRef = Field(
        title="Regions of Interest",
        description="The detections of which each gets a crop.",
        validation_alias=AliasChoices("predictions", "detections"),
    )
    mask_opacity: FractionRef | Fraction = Field(
        0.0, description="How far the background colour covers what is outside the detection's mask: 0 not, 1 fully."
    )
    background_color: StringRef | RgbRef | str | tuple[int, int, int] = Field(
        (0, 0, 0), description="The colour around the detection: '#rrggbb', '#rgb', '(r, g, b)' or [r, g, b]."
    )


class DynamicCrop(Block):
    """Cuts the box of each detection out of the picture.

    A crop is named after its detection and shares the picture's pixels, unless the background is covered. The second
    output is the detection in pixels of its crop; what it says of its picture stays (contract/workflows.md 4.4).
    """

    identifier = "roboflow_core/dynamic_crop@v1"
    title = "Dynamic Crop"
    category = "transformation"
    manifest = DynamicCropManifest
    outputs = {"crops": (IMAGE,), "predictions": (OBJECTS, INSTANCES, KEYPOINTS)}
    batches = frozenset({"images", "predictions"})
    output_offset = 1

    def run(
        self,
        images: WorkflowImage,
        predictions: DetectionTable,
        mask_opacity: float,
        background_color: str | Sequence[int],
    ) -> list[dict[str, Any]]:
        mask_opacity = fraction("mask_opacity", mask_opacity)
        limit = self.runtime.limits.elements
        if len(predictions) > limit:
            raise ValueError(f"{len(predictions)} detections would become as many crops; the limit is {limit}")
        boxes = np.rint(predictions.xyxy).astype(np.int64)
        crops = [
            images.crop(identifier, box)
            for identifier, box in zip(predictions.detection_id, boxes.tolist(), strict=True)
        ]
        sizes = np.array([(crop.width, crop.height) for crop in crops], np.int64).reshape(-1, 2)
        moved = shift(predictions, -boxes[:, 0], -boxes[:, 1], sizes)
        if mask_opacity > 0 and moved.masks is not None:
            color = _rgb(background_color)
            crops = [
                crop.with_pixels(_covered(crop.rgb(), mask, mask_opacity, color)) if crop.pixels.size else crop
                for crop, mask in zip(crops, moved.masks, strict=True)
            ]
        return [
            {"crops": crop, "predictions": moved.select([row])}
            if crop.pixels.size
            else {"crops": None, "predictions": None}
            for row, crop in enumerate(crops)
        ]


def _covered(pixels: NDArray[np.uint8], mask: Mask, opacity: float, color: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) with `color` over everything outside the mask.

    Rounded as OpenCV's addWeighted: float32, the sum fused with its first product.
    """
    values = np.arange(256, dtype=np.float32) * np.float32(1 - opacity)
    color_part = color.astype(np.float64) * float(np.float32(opacity))
    table = np.rint((color_part[:, None] + values).astype(np.float32)).astype(np.uint8)
    covered = np.stack([table[channel][pixels[..., channel]] for channel in range(3)], axis=2)
    height, width = mask.patch.shape
    inside = (slice(mask.top, mask.top + height), slice(mask.left, mask.left + width))
    covered[inside][mask.patch] = pixels[inside][mask.patch]
    return covered


def _rgb(color: str | Sequence[int]) -> NDArray[np.uint8]:
    """The colour as (3,) R, G, B. Raises ValueError."""
    if not isinstance(color, str):
        channels = list(color)
    elif _HEX.fullmatch(color):
        digits = color[1:] if len(color) == 7 else "".join(digit * 2 for digit in color[1:])
        channels = list(bytes.fromhex(digits))
    elif found := _TRIPLE.fullmatch(color):
        channels = [int(channel) for channel in found.groups()]
    else:
        channels = []
    if len(channels) != 3:
        raise ValueError(f"{color!r} is no colour: write '#rrggbb', '#rgb', '(r, g, b)' or [r, g, b]")
    return np.array([int(number("background_color", channel)) for channel in channels]).astype(np.uint8)
