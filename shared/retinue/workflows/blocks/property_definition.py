"""A value worked out of another."""

from typing import Any

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.kinds import ANY
from retinue.workflows.manifest import AnyRef, Manifest
from retinue.workflows.query.evaluate import apply_operations
from retinue.workflows.query.syntax import Operation, Operations


class PropertyDefinitionManifest(Manifest):
    """A value and what to do with it."""

    data: AnyRef = Field(description="The value to start from.")
    operations: Operations = Field(description="What to do with it, in order.")


class PropertyDefinition(Block):
    """The value after a chain of operations; without any it stays as it is."""

    identifier = "roboflow_core/property_definition@v1"
    title = "Property Definition"
    category = "formatter"
    manifest = PropertyDefinitionManifest
    outputs = {"output": (ANY,)}

    def run(self, data: Any, operations: list[Operation]) -> dict[str, Any]:
        return {"output": apply_operations(data, operations, {})}
