"""Boxes made larger."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AliasChoices, Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import number
from retinue.workflows.detections import DetectionTable, new_ids
from retinue.workflows.kinds import INSTANCES, KEYPOINTS, OBJECTS
from retinue.workflows.manifest import DetectionsRef, IntegerRef, Manifest

Pixels = Annotated[int, Field(gt=0)]


class DetectionOffsetManifest(Manifest):
    """How much wider and higher the boxes become."""

    predictions: DetectionsRef = Field(description="The detections whose boxes grow.")
    offset_width: Pixels | IntegerRef = Field(
        description="By how much boxes become wider.", validation_alias=AliasChoices("offset_width", "offset_x")
    )
    offset_height: Pixels | IntegerRef = Field(
        description="By how much boxes become higher.", validation_alias=AliasChoices("offset_height", "offset_y")
    )
    units: Literal["Percent (%)", "Pixels"] = Field(
        "Pixels", description="Whether the offsets count pixels or percents of a box's sides."
    )


class DetectionOffset(Block):
    """Makes boxes wider and higher around their middle, within the picture.

    The detections get new ids; their parent is the detection that they grew from.
    """

    identifier = "roboflow_core/detection_offset@v1"
    title = "Detection Offset"
    category = "transformation"
    manifest = DetectionOffsetManifest
    outputs = {"predictions": (OBJECTS, INSTANCES, KEYPOINTS)}
    batches = frozenset({"predictions"})

    def run(self, predictions: DetectionTable, offset_width: float, offset_height: float, units: str) -> dict[str, Any]:
        offset_width, offset_height = number("offset_width", offset_width), number("offset_height", offset_height)
        if not len(predictions):
            return {"predictions": predictions.select([])}
        xyxy = predictions.xyxy
        if units == "Pixels":
            margin = np.tile([offset_width // 2, offset_height // 2], (len(predictions), 1))
        else:
            sides = xyxy[:, 2:] - xyxy[:, :2]
            margin = np.trunc(sides * np.array([offset_width, offset_height]) / 200)
        size = np.array([(place.width, place.height) for place in predictions.places], float)
        grown = np.concatenate([np.maximum(xyxy[:, :2] - margin, 0), np.minimum(xyxy[:, 2:] + margin, size)], axis=1)
        return {
            "predictions": replace(
                predictions,
                xyxy=grown,
                parent_id=predictions.detection_id,
                detection_id=new_ids(len(predictions)),
            )
        }
