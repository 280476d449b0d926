"""Pictures resized, rotated, mirrored."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import number, whole
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import IMAGE
from retinue.workflows.manifest import ImageRef, IntegerRef, Manifest, StringRef

Pixels = Annotated[int, Field(gt=0)]


class ImagePreprocessingManifest(Manifest):
    """What is done, and how."""

    image: ImageRef = Field(description="The picture to change.")
    task_type: Literal["resize", "rotate", "flip"] = Field(description="What is done.")
    width: Pixels | IntegerRef = Field(640, description="For resize: pixels.")
    height: Pixels | IntegerRef = Field(640, description="For resize: pixels.")
    rotation_degrees: int | IntegerRef = Field(90, description="For rotate: counter-clockwise, -360 to 360.")
    flip_type: StringRef | Literal["vertical", "horizontal", "both"] = Field(
        "vertical", description="For flip: vertical turns the picture upside down."
    )


class ImagePreprocessing(Block):
    """Resizes, rotates or mirrors a picture."""

    identifier = "roboflow_core/image_preprocessing@v1"
    title = "Image Preprocessing"
    category = "classical_computer_vision"
    manifest = ImagePreprocessingManifest
    outputs = {"image": (IMAGE,)}

    def run(
        self,
        image: WorkflowImage,
        task_type: str,
        width: int,
        height: int,
        rotation_degrees: float,
        flip_type: str | None,
    ) -> dict[str, Any]:
        from retinue.workflows.imaging.warp import flip, resize, rotate

        match task_type:
            case "resize":
                pixels = resize(image.pixels, whole("width", width), whole("height", height))
            case "rotate":
                pixels = rotate(image.pixels, number("rotation_degrees", rotation_degrees))
            case _:
                pixels = flip(image.pixels, flip_type)
        if not image.is_root:
            return {"image": image.with_pixels(pixels)}
        # Its pixels are no longer those of the picture that came in: it starts anew, under the same name.
        return {"image": replace(WorkflowImage.of_pixels(pixels, image.id), given_video=image.given_video)}
