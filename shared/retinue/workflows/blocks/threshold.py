"""Pictures in black and white."""

from typing import Any, Literal

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import number
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import IMAGE
from retinue.workflows.manifest import ImageRef, IntegerRef, Manifest, StringRef

ThresholdType = Literal[
    "binary", "binary_inv", "trunc", "tozero", "tozero_inv", "adaptive_mean", "adaptive_gaussian", "otsu"
]


class ThresholdManifest(Manifest):
    """Which values pass, and what becomes of them."""

    image: ImageRef = Field(description="The picture; the adaptive types and otsu take only grey ones.")
    threshold_type: StringRef | ThresholdType = Field("binary", description="What is done with each value.")
    thresh_value: IntegerRef | int = Field(description="The level; otsu and the adaptive types find their own.")
    max_value: IntegerRef | int = Field(255, description="What values above the level become.")


class Threshold(Block):
    """Compares each value of the picture with a level."""

    identifier = "roboflow_core/threshold@v1"
    title = "Image Threshold"
    category = "classical_computer_vision"
    manifest = ThresholdManifest
    outputs = {"image": (IMAGE,)}

    def run(self, image: WorkflowImage, threshold_type: str, thresh_value: int, max_value: int) -> dict[str, Any]:
        from retinue.workflows.imaging.threshold import threshold

        level, white = number("thresh_value", thresh_value), number("max_value", max_value)
        return {"image": image.with_pixels(threshold(image.pixels, threshold_type, level, white))}
