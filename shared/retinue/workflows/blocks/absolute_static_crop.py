"""The same rectangle of every picture, in pixels."""

from typing import Annotated, Any

from pydantic import Field

from retinue.ids import new_id
from retinue.workflows.block import Block
from retinue.workflows.bounds import number
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import IMAGE
from retinue.workflows.manifest import ImageRef, IntegerRef, Manifest, images_field

Pixels = Annotated[int, Field(gt=0)]


class AbsoluteStaticCropManifest(Manifest):
    """Where the rectangle lies."""

    images: ImageRef = images_field()
    x_center: Pixels | IntegerRef = Field(description="The middle of the rectangle, in pixels from the left.")
    y_center: Pixels | IntegerRef = Field(description="The middle of the rectangle, in pixels from the top.")
    width: Pixels | IntegerRef = Field(description="How wide the rectangle is, in pixels.")
    height: Pixels | IntegerRef = Field(description="How high the rectangle is, in pixels.")


class AbsoluteStaticCrop(Block):
    """Cuts a rectangle out of pictures, as far as it lies inside; nothing where all of it lies outside."""

    identifier = "roboflow_core/absolute_static_crop@v1"
    title = "Absolute Static Crop"
    category = "transformation"
    manifest = AbsoluteStaticCropManifest
    outputs = {"crops": (IMAGE,)}
    batches = frozenset({"images"})

    def run(
        self, images: WorkflowImage, x_center: float, y_center: float, width: float, height: float
    ) -> dict[str, Any]:
        numbers = {"x_center": x_center, "y_center": y_center, "width": width, "height": height}
        x_center, y_center, width, height = (number(name, value) for name, value in numbers.items())
        left, top = round(x_center - width / 2), round(y_center - height / 2)
        right, bottom = min(images.width, round(left + width)), min(images.height, round(top + height))
        left, top = max(0, left), max(0, top)
        if right <= left or bottom <= top:
            return {"crops": None}
        identifier = f"absolute_static_crop.{new_id()}"
        return {"crops": images.crop(identifier, (left, top, right, bottom), keeps_video=True)}
