"""Pictures without detail."""

from typing import Any, Literal

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import whole
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import IMAGE
from retinue.workflows.manifest import ImageRef, IntegerRef, Manifest, StringRef


class ImageBlurManifest(Manifest):
    """How the picture is blurred."""

    image: ImageRef = Field(description="The picture to blur.")
    blur_type: StringRef | Literal["average", "gaussian", "median", "bilateral"] = Field(
        "gaussian", description="How the values around a pixel are put together."
    )
    kernel_size: IntegerRef | int = Field(5, description="Over how many pixels.")


class ImageBlur(Block):
    """Blurs a picture."""

    identifier = "roboflow_core/image_blur@v1"
    title = "Image Blur"
    category = "classical_computer_vision"
    manifest = ImageBlurManifest
    outputs = {"image": (IMAGE,)}

    def run(self, image: WorkflowImage, blur_type: str, kernel_size: int) -> dict[str, Any]:
        from retinue.workflows.imaging.blur import blur

        return {"image": image.with_pixels(blur(image.pixels, blur_type, whole("kernel_size", kernel_size)))}
