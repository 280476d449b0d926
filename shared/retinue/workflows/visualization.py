"""What the drawing blocks share: a picture in, a picture out, colours from a palette."""

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import drawn
from retinue.workflows.detections import DetectionTable
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import IMAGE
from retinue.workflows.manifest import (
    BooleanRef,
    DrawableRef,
    ImageRef,
    IntegerRef,
    ListRef,
    Manifest,
    MasksRef,
    StringRef,
)

Pixels = NDArray[np.uint8]
"""A picture (H, W, 3) RGB that is drawn into."""
Colors = NDArray[np.uint8]
"""One RGB colour (n, 3) for each detection."""

PALETTES = (
    "DEFAULT", "CUSTOM", "ROBOFLOW", "Matplotlib Viridis", "Matplotlib Plasma", "Matplotlib Inferno",
    "Matplotlib Magma", "Matplotlib Cividis", "Matplotlib Pastel1", "Matplotlib Pastel2", "Matplotlib Paired",
    "Matplotlib Accent", "Matplotlib Dark2", "Matplotlib Set1", "Matplotlib Set2", "Matplotlib Set3",
    "Matplotlib Tab10", "Matplotlib Tab20", "Matplotlib Tab20b", "Matplotlib Tab20c",
)  # fmt: skip
PaletteName = Literal[PALETTES]  # type: ignore[valid-type]
Anchor = Literal[
    "CENTER", "CENTER_LEFT", "CENTER_RIGHT", "TOP_CENTER", "TOP_LEFT", "TOP_RIGHT", "BOTTOM_LEFT", "BOTTOM_CENTER",
    "BOTTOM_RIGHT", "CENTER_OF_MASS",
]  # fmt: skip


class DrawingManifest(Manifest):
    """What every drawing block takes."""

    image: ImageRef = Field(description="The picture to draw on.")
    copy_image: bool | BooleanRef = Field(True, description="Draw on a copy: other steps see the picture without.")


class PredictionDrawingManifest(DrawingManifest):
    """What blocks take that draw detections."""

    predictions: DrawableRef = Field(description="The detections to draw.")


class MaskDrawingManifest(DrawingManifest):
    """What blocks take that draw masks."""

    predictions: MasksRef = Field(description="The detections whose masks are drawn.")


class ColorManifest(Manifest):
    """Which colour each detection gets."""

    color_palette: PaletteName | StringRef = Field("DEFAULT", description="Where the colours come from.")
    palette_size: int | IntegerRef = Field(10, description="How many colours are taken from a Matplotlib palette.")
    custom_colors: list[str] | ListRef = Field(
        default_factory=list, description="The colours of the palette CUSTOM, as '#RRGGBB'."
    )
    color_axis: Literal["INDEX", "CLASS", "TRACK"] | StringRef = Field(
        "CLASS", description="Whether position, class or track decides the colour."
    )


class Drawing(Block):
    """Base of the blocks that draw: `draw` changes pixels (H, W, 3) uint8 RGB in place.

    Numbers reach it as bounds.drawn lets them through.
    """

    category = "visualization"
    outputs: ClassVar = {"image": (IMAGE,)}
    gives_own = True

    def run(self, image: WorkflowImage, copy_image: bool, **properties: Any) -> dict[str, Any]:
        is_spare = "image" in self.consumed and image.pixels.ndim == 3 and image.pixels.flags.carray
        pixels = image.pixels if is_spare else np.array(image.rgb(), order="C")
        pixels = self.draw(pixels, **drawn(self.manifest, properties))
        if image.pixels.ndim == 2:  # as OpenCV, which takes the first of blue, green, red for a grey picture
            pixels = pixels[:, :, 2]
        if not copy_image:  # who reads this picture later sees the drawing
            image.pixels, image.encoded = pixels.copy(), None
        return {"image": image.with_pixels(pixels)}

    @abstractmethod
    def draw(self, pixels: Pixels, *_: Any, **properties: Any) -> Pixels:
        """The picture (H, W, 3) uint8 RGB with what the block adds; it may draw into `pixels`."""


class ColoredDrawing(Drawing):
    """Base of the blocks that draw each detection in a colour of its own."""

    def draw(
        self,
        pixels: Pixels,
        predictions: DetectionTable,
        color_palette: str,
        palette_size: int,
        custom_colors: list[str],
        color_axis: str,
        **shape: Any,
    ) -> Pixels:
        if len(predictions):
            colors = detection_colors(predictions, color_palette, palette_size, custom_colors, color_axis)
            self.draw_detections(pixels, predictions, colors, **shape)
        return pixels

    @abstractmethod
    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, *_: Any, **shape: Any) -> None:
        """Draws at least one detection into `pixels`; colors (n, 3) uint8 RGB."""


def detection_colors(
    table: DetectionTable, color_palette: str, palette_size: int, custom_colors: list[str], color_axis: str
) -> Colors:
    """The RGB colour of each detection, (n, 3) uint8. Raises ValueError for colours or axes that are not there."""
    from retinue.workflows.drawing.colors import look_up, palette

    match color_axis:
        case "INDEX":
            index = np.arange(len(table))
        case "TRACK":
            if table.tracker_id is None:
                raise ValueError("color_axis is TRACK, but the detections have no tracker ids: use a tracker first")
            index = table.tracker_id
        case _:
            index = table.class_id
    return look_up(palette(color_palette, size=palette_size, custom_colors=custom_colors), index)
