"""How much of a colour a picture has."""

from typing import Annotated, Any

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import number
from retinue.workflows.image import WorkflowImage
from retinue.workflows.manifest import ImageRef, IntegerRef, Manifest, Reference, StringRef


class PixelColorCountManifest(Manifest):
    """Which colour, and how similar to it."""

    image: ImageRef = Field(description="The picture.")
    target_color: StringRef | Annotated[str, Reference(("rgb_color",))] | str | tuple[int, int, int] = Field(
        description="'#RRGGBB', '(r, g, b)' or [r, g, b]."
    )
    tolerance: IntegerRef | int = Field(10, description="How far each of red, green and blue may be off.")


class PixelColorCount(Block):
    """Counts the pixels of a colour."""

    identifier = "roboflow_core/pixel_color_count@v1"
    title = "Pixel Color Count"
    category = "classical_computer_vision"
    manifest = PixelColorCountManifest
    outputs = {"matching_pixels_count": ("integer",)}

    def run(self, image: WorkflowImage, target_color: Any, tolerance: int) -> dict[str, Any]:
        from retinue.workflows.imaging.colors import count_color, parse_color

        color = parse_color(target_color)
        return {"matching_pixels_count": count_color(image.pixels, color, number("tolerance", tolerance))}
