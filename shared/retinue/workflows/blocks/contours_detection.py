"""Outlines in a picture."""

from typing import Any

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import LARGEST_DRAWN, whole
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import IMAGE
from retinue.workflows.manifest import ImageRef, IntegerRef, Manifest

_MAGENTA = (255, 0, 255)


class ContoursDetectionManifest(Manifest):
    """Where outlines are looked for, and how they are drawn."""

    image: ImageRef = Field(description="The picture; what is not black is inside.")
    line_thickness: int | IntegerRef = Field(3, description="How thick the outlines are drawn, in pixels.")


class ContoursDetection(Block):
    """Finds the outer contours of everything that is not black, and draws them."""

    identifier = "roboflow_core/contours_detection@v1"
    title = "Image Contours"
    category = "classical_computer_vision"
    manifest = ContoursDetectionManifest
    outputs = {
        "image": (IMAGE,),
        "contours": ("contours",),
        "hierarchy": ("numpy_array",),
        "number_contours": ("integer",),
    }

    def run(self, image: WorkflowImage, line_thickness: int) -> dict[str, Any]:
        from retinue.workflows.drawing.shapes import draw_polygons
        from retinue.workflows.imaging.contour_hierarchy import external_contours
        from retinue.workflows.imaging.gray import to_gray, to_rgb

        thickness = whole("line_thickness", line_thickness, least=-LARGEST_DRAWN, most=LARGEST_DRAWN)
        gray = to_gray(image.pixels)
        contours, hierarchy = external_contours(gray)
        drawn = to_rgb(gray).copy()
        draw_polygons(drawn, contours, _MAGENTA, thickness)
        return {
            "image": image.with_pixels(drawn),
            "contours": contours,
            "hierarchy": hierarchy,
            "number_contours": len(contours),
        }
