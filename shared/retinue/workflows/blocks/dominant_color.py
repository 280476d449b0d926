"""The colour that a picture has most of."""

from typing import Annotated, Any

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import whole
from retinue.workflows.image import WorkflowImage
from retinue.workflows.manifest import ImageRef, IntegerRef, Manifest

Positive = Annotated[int, Field(gt=0)]


class DominantColorManifest(Manifest):
    """How closely the picture is looked at."""

    image: ImageRef = Field(description="The picture.")
    color_clusters: Positive | IntegerRef = Field(4, description="How many groups of colours are made.")
    max_iterations: Positive | IntegerRef = Field(100, description="How often the groups are corrected at most.")
    target_size: Positive | IntegerRef = Field(
        100, description="To how many pixels on its short side it is thinned out."
    )


class DominantColor(Block):
    """Finds the mean of the largest group of similar colours, as [red, green, blue]; always the same for a picture."""

    identifier = "roboflow_core/dominant_color@v1"
    title = "Dominant Color"
    category = "classical_computer_vision"
    manifest = DominantColorManifest
    outputs = {"rgb_color": ("rgb_color",)}

    def run(self, image: WorkflowImage, color_clusters: int, max_iterations: int, target_size: int) -> dict[str, Any]:
        from retinue.workflows.imaging.colors import dominant_color

        numbers = {"color_clusters": color_clusters, "max_iterations": max_iterations, "target_size": target_size}
        checked = {name: whole(name, value, least=1) for name, value in numbers.items()}
        return {"rgb_color": dominant_color(image.pixels, **checked)}
