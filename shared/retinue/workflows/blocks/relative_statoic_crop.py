"""The same rectangle of every picture, in fractions of its sides. The identifier is misspelt wherever it is used."""

from typing import Any

from pydantic import Field

from retinue.ids import new_id
from retinue.workflows.block import Block
from retinue.workflows.bounds import fraction
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import IMAGE
from retinue.workflows.manifest import Fraction, FractionRef, ImageRef, Manifest, images_field


class RelativeStaticCropManifest(Manifest):
    """Where the rectangle lies."""

    images: ImageRef = images_field()
    x_center: Fraction | FractionRef = Field(description="The middle of the rectangle: 0 left, 1 right.")
    y_center: Fraction | FractionRef = Field(description="The middle of the rectangle: 0 top, 1 bottom.")
    width: Fraction | FractionRef = Field(description="How much of the picture's width the rectangle takes.")
    height: Fraction | FractionRef = Field(description="How much of the picture's height the rectangle takes.")


class RelativeStaticCrop(Block):
    """Cuts a rectangle out of pictures, as far as it lies inside.

    Nothing comes of one that begins left of the picture or above it: such a position counts from the far side, as in a
    slice. That is how clients know this block (contract/workflows.md 8.4).
    """

    identifier = "roboflow_core/relative_statoic_crop@v1"
    title = "Relative Static Crop"
    category = "transformation"
    manifest = RelativeStaticCropManifest
    outputs = {"crops": (IMAGE,)}
    batches = frozenset({"images"})

    def run(
        self, images: WorkflowImage, x_center: float, y_center: float, width: float, height: float
    ) -> dict[str, Any]:
        numbers = {"x_center": x_center, "y_center": y_center, "width": width, "height": height}
        x_center, y_center, width, height = (fraction(name, value) for name, value in numbers.items())
        middle_x, middle_y = round(images.width * x_center), round(images.height * y_center)
        width_px, height_px = round(images.width * width), round(images.height * height)
        left, top = round(middle_x - width_px / 2), round(middle_y - height_px / 2)
        identifier = f"relative_static_crop.{new_id()}"
        crop = images.crop(identifier, (left, top, left + width_px, top + height_px), keeps_video=True)
        return {"crops": crop if crop.pixels.size else None}
