"""Blocks run as steps of a definition, outside of any workflow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from retinue.workflows.block import Runtime
from retinue.workflows.image import WorkflowImage
from retinue.workflows.registry import find_block
from tests.unit.workflow_documents import runtime
from tests.unit.workflow_queries import op

RUNTIME = runtime()
IMAGE = WorkflowImage.of_pixels(np.zeros((4, 6, 3), np.uint8), "image")
UPPER, LENGTH = op("StringToUpperCase"), op("SequenceLength")


@dataclass
class Step:
    """A step of a definition: `values` are what its selectors mean when it runs."""

    name: str
    definition: dict[str, Any]

    def __post_init__(self) -> None:
        block = find_block(self.name if "@" in self.name else f"roboflow_core/{self.name}@v1")
        assert block is not None
        self.block = block
        self.manifest = block.manifest.model_validate({"type": block.identifier, "name": "step", **self.definition})

    def run(self, runtime: Runtime = RUNTIME, **values: Any) -> Any:
        return self.ready(runtime, **values)()

    def ready(self, runtime: Runtime = RUNTIME, **values: Any) -> Callable[[], Any]:
        """The block's object, to be called again and again."""
        block = self.block(runtime)
        names = type(self.manifest).model_fields.keys() - {"type", "name"}
        properties = {name: getattr(self.manifest, name) for name in names} | values
        return lambda: block.run(**properties)


def run(name: str, definition: dict[str, Any], runtime: Runtime = RUNTIME, **values: Any) -> Any:
    return Step(name, definition).run(runtime, **values)
