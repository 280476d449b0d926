"""The first of several values that is there."""

from typing import Any

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.kinds import ANY
from retinue.workflows.manifest import AnyRef, Manifest


class FirstNonEmptyOrDefaultManifest(Manifest):
    """The values, and what stands in for them."""

    data: list[AnyRef] = Field(description="The values, in the order in which they are looked at.", min_length=1)
    default: Any = Field(None, description="The value where none is there.")


class FirstNonEmptyOrDefault(Block):
    """Takes the first value that is not missing, else the default: what branches have to say, in one place."""

    identifier = "roboflow_core/first_non_empty_or_default@v1"
    title = "First Non Empty Or Default"
    category = "formatter"
    manifest = FirstNonEmptyOrDefaultManifest
    outputs = {"output": (ANY,)}
    takes_null = True

    def run(self, data: list[Any], default: Any) -> dict[str, Any]:
        return {"output": next((element for element in data if element is not None), default)}
