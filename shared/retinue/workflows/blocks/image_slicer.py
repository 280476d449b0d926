"""A picture cut into overlapping slices, for detectors of small objects (https://ieeexplore.ieee.org/document/9897990)."""

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, Field

from retinue.ids import new_id
from retinue.workflows.block import Block
from retinue.workflows.bounds import fraction, whole
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import IMAGE
from retinue.workflows.manifest import FractionRef, ImageRef, IntegerRef, Manifest

Pixels = Annotated[int, Field(gt=0)]
Overlap = Annotated[float, Field(ge=0, lt=1)]


class ImageSlicerManifest(Manifest):
    """How large the slices are, and how far they overlap."""

    image: ImageRef = Field(
        title="Image to slice",
        description="The picture to cut.",
        validation_alias=AliasChoices("image", "images"),
    )
    slice_width: Pixels | IntegerRef = Field(640, description="How wide a slice is, in pixels.")
    slice_height: Pixels | IntegerRef = Field(640, description="How high a slice is, in pixels.")
    overlap_ratio_width: Overlap | FractionRef = Field(
        0.2, description="How much of its width a slice shares with the next one."
    )
    overlap_ratio_height: Overlap | FractionRef = Field(
        0.2, description="How much of its height a slice shares with the one below."
    )


class ImageSlicer(Block):
    """Cuts a picture into slices, row by row; the last ones of a row or column are as small as what is left."""

    identifier = "roboflow_core/image_slicer@v1"
    title = "Image Slicer"
    category = "transformation"
    manifest = ImageSlicerManifest
    outputs = {"slices": (IMAGE,)}
    output_offset = 1

    def run(
        self,
        image: WorkflowImage,
        slice_width: int,
        slice_height: int,
        overlap_ratio_width: float,
        overlap_ratio_height: float,
    ) -> list[dict[str, Any]]:
        width, height = whole("slice_width", slice_width, least=1), whole("slice_height", slice_height, least=1)
        overlap_x = fraction("overlap_ratio_width", overlap_ratio_width)
        overlap_y = fraction("overlap_ratio_height", overlap_ratio_height)
        left, width = self.starts(image.width, width, overlap_x)
        top, height = self.starts(image.height, height, overlap_y)
        count, limit = len(left) * len(top), self.runtime.limits.elements
        if count > limit:
            raise ValueError(
                f"the picture of {image.width} x {image.height} pixels would become {len(left)} x {len(top)} = {count} "
                f"slices; the limit is {limit}. Make slices larger or let them overlap less"
            )
        return [
            {"slices": image.crop(f"image_slicer.{new_id()}", (x, y, x + width, y + height))}
            for y in top.tolist()
            for x in left.tolist()
        ]

    @staticmethod
    def starts(length: int, slice_length: int, overlap: float) -> tuple[NDArray[np.int64], int]:
        """Where the slices of a side of `length` pixels start, and how long they are."""
        return _strides(length, slice_length, overlap), slice_length


class ImageSlicerV2(ImageSlicer):
    """Cuts a picture into slices of one size, row by row; the last ones are moved back into the picture."""

    identifier = "roboflow_core/image_slicer@v2"

    @staticmethod
    def starts(length: int, slice_length: int, overlap: float) -> tuple[NDArray[np.int64], int]:
        """Where the slices of a side of `length` pixels start, and how long they are."""
        slice_length = min(slice_length, length)
        return np.unique(np.minimum(_strides(length, slice_length, overlap), length - slice_length)), slice_length


def _strides(length: int, slice_length: int, overlap: float) -> NDArray[np.int64]:
    stride = slice_length - int(overlap * slice_length)
    if stride < 1:
        raise ValueError(f"slices of {slice_length} pixels that overlap by {overlap} would never reach the end")
    return np.arange(0, length, stride)
