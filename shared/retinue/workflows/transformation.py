"""What detections_filter and detections_transformation are: operations on detections that give detections."""

from typing import Any, ClassVar

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.detections import DetectionTable
from retinue.workflows.kinds import INSTANCES, KEYPOINTS, OBJECTS
from retinue.workflows.manifest import AnyRef, DetectionsRef, Manifest
from retinue.workflows.query.evaluate import apply_operations
from retinue.workflows.query.syntax import ELEMENT, Operation, Operations


class TransformationManifest(Manifest):
    """The operations, and the values they refer to."""

    predictions: DetectionsRef = Field(description="The detections to work on.")
    operations: Operations = Field(description="What is done, one after another.")
    operations_parameters: dict[str, AnyRef] = Field(
        default_factory=dict, description="The values that operations refer to, by name."
    )


class Transformation(Block):
    """Base of the blocks that do operations on detections."""

    category = "transformation"
    manifest = TransformationManifest
    outputs: ClassVar = {"predictions": (OBJECTS, INSTANCES, KEYPOINTS)}
    batches = frozenset({"predictions"})
    batches_or_scalars = frozenset({"operations_parameters"})

    def run(
        self, predictions: DetectionTable, operations: list[Operation], operations_parameters: dict[str, Any]
    ) -> dict[str, Any]:
        if ELEMENT in operations_parameters:
            raise ValueError(f"`{ELEMENT}` in operations_parameters is reserved: call the parameter otherwise")
        transformed = apply_operations(predictions, operations, operations_parameters)
        if not isinstance(transformed, DetectionTable):
            raise ValueError(
                f"the operations turn detections into {type(transformed).__name__}, but the block has to give "
                "detections; use property_definition for other values"
            )
        return {"predictions": transformed if len(transformed) else transformed.select([])}
