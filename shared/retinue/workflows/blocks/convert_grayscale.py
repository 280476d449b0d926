"""Pictures without colour."""

from typing import Any

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import IMAGE
from retinue.workflows.manifest import ImageRef, Manifest


class ConvertGrayscaleManifest(Manifest):
    """The picture."""

    image: ImageRef = Field(description="The picture to convert.")


class ConvertGrayscale(Block):
    """Turns a picture grey: one channel is left."""

    identifier = "roboflow_core/convert_grayscale@v1"
    title = "Image Convert Grayscale"
    category = "classical_computer_vision"
    manifest = ConvertGrayscaleManifest
    outputs = {"image": (IMAGE,)}

    def run(self, image: WorkflowImage) -> dict[str, Any]:
        from retinue.workflows.imaging.gray import to_gray

        return {"image": image.with_pixels(to_gray(image.pixels))}
