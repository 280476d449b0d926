"""What several models agree on."""

from typing import Annotated, Any

import numpy as np
from pydantic import AliasChoices, Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import fraction, whole
from retinue.workflows.consensus import Aggregation, MaskAggregation, Rules, aggregate, agree
from retinue.workflows.detections import DetectionTable
from retinue.workflows.kinds import INSTANCES, OBJECTS
from retinue.workflows.manifest import (
    BooleanRef,
    DetectionsRef,
    Fraction,
    FractionRef,
    IntegerRef,
    ListRef,
    Manifest,
    Reference,
)

Count = Annotated[int, Field(gt=0)]
CountsRef = Annotated[str, Reference(("integer", "dictionary"))]


class DetectionsConsensusManifest(Manifest):
    """Who votes, when votes agree, and how what they agree on is merged."""

    predictions_batches: list[DetectionsRef] = Field(
        description="The detections of each model.",
        min_length=1,
        validation_alias=AliasChoices("predictions_batches", "predictions"),
    )
    required_votes: Count | IntegerRef = Field(description="How many models must have found an object.")
    class_aware: bool | BooleanRef = Field(True, description="Whether only detections of one class can agree.")
    iou_threshold: Fraction | FractionRef = Field(
        0.3, description="By how much detections overlap, as intersection over union, that agree."
    )
    confidence: Fraction | FractionRef = Field(0.0, description="What the confidence of a merged detection reaches.")
    classes_to_consider: list[str] | ListRef | None = Field(
        None, description="The names of the classes that have a vote; without, all have."
    )
    required_objects: Count | dict[str, Count] | CountsRef | None = Field(
        None, description="How many objects, in all or of each class, must be there for the object to be present."
    )
    presence_confidence_aggregation: Aggregation = Field(
        "max", description="How the confidence of presence comes from those of the objects."
    )
    detections_merge_confidence_aggregation: Aggregation = Field(
        "average", description="How confidences are merged, and which detection decides about the class."
    )
    detections_merge_coordinates_aggregation: Aggregation = Field(
        "average", description="Whether boxes are averaged, or the largest or smallest is taken."
    )
    detections_merge_mask_aggregation: MaskAggregation = Field(
        "union", description="Whether masks are united or intersected, or the largest or smallest is taken."
    )


class DetectionsConsensus(Block):
    """Merges the detections that enough models agree on, and tells whether there are as many objects as required."""

    identifier = "roboflow_core/detections_consensus@v1"
    title = "Detections Consensus"
    category = "fusion"
    manifest = DetectionsConsensusManifest
    outputs = {
        "predictions": (OBJECTS, INSTANCES),
        "object_present": ("boolean", "dictionary"),
        "presence_confidence": ("float_zero_to_one", "dictionary"),
    }
    batches = frozenset({"predictions_batches"})

    def run(
        self,
        predictions_batches: list[DetectionTable],
        required_votes: int,
        class_aware: bool,
        iou_threshold: float,
        confidence: float,
        classes_to_consider: list[str] | None,
        required_objects: int | dict[str, int] | None,
        presence_confidence_aggregation: Aggregation,
        detections_merge_confidence_aggregation: Aggregation,
        detections_merge_coordinates_aggregation: Aggregation,
        detections_merge_mask_aggregation: MaskAggregation,
    ) -> dict[str, Any]:
        rules = Rules(
            votes=whole("required_votes", required_votes),
            is_class_aware=class_aware,
            iou_threshold=fraction("iou_threshold", iou_threshold),
            minimum_confidence=fraction("confidence", confidence),
            confidence=detections_merge_confidence_aggregation,
            coordinates=detections_merge_coordinates_aggregation,
            masks=detections_merge_mask_aggregation,
        )
        agreed = agree(_considered(predictions_batches, classes_to_consider), rules)
        required = required_objects or 0
        if isinstance(required, dict) and not class_aware:
            required = sum(required.values())
        presence = {}
        if _are_enough(agreed, required):
            presence = _confidences(agreed, presence_confidence_aggregation, class_aware)
        return {"predictions": agreed, "object_present": bool(presence), "presence_confidence": presence}


def _considered(sources: list[DetectionTable], classes: list[str] | None) -> list[DetectionTable]:
    """The detections of the classes. Raises ValueError where sources speak of different pictures."""
    parents = {parent for source in sources for parent in source.parent_id}
    if len(parents) > 1:
        raise ValueError(
            "the sources speak of different pictures (parents "
            f"{', '.join(sorted(map(str, parents)))}): only detections in the same picture can agree"
        )
    if not classes:
        return sources
    return [source.select(np.isin(source.class_name.astype(str), classes)) for source in sources]


def _are_enough(agreed: DetectionTable, required: int | dict[str, int]) -> bool:
    """Whether there is anything, and as much as required: in all, or of each class."""
    if isinstance(required, dict):
        names = agreed.class_name.tolist()
        return bool(names) and all(names.count(name) >= count for name, count in required.items())
    return len(agreed) > 0 and len(agreed) >= required


def _confidences(agreed: DetectionTable, mode: Aggregation, is_class_aware: bool) -> dict[str, float]:
    """How confident the models are that objects are there: of each class, or of any."""
    if not is_class_aware:
        return {"any_object": aggregate(agreed.confidence.tolist(), mode)}
    return {
        name: aggregate(agreed.confidence[agreed.class_name == name].tolist(), mode)
        for name in dict.fromkeys(agreed.class_name.tolist())
    }
