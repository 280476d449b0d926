"""Elements gathered into a list."""

from typing import Any

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.manifest import AnyRef, Manifest


class DimensionCollapseManifest(Manifest):
    """What is gathered."""

    data: AnyRef = Field(description="The elements to gather.")


class DimensionCollapse(Block):
    """Gathers the elements of a level of nesting, such as all crops of a picture, into one list."""

    identifier = "roboflow_core/dimension_collapse@v1"
    title = "Dimension Collapse"
    category = "fusion"
    manifest = DimensionCollapseManifest
    outputs = {"output": ("list_of_values",)}
    output_offset = -1

    def run(self, data: list[Any]) -> dict[str, Any]:
        return {"output": [element for element in data if element is not None]}
