"""Detections of slices or crops, put together on the picture they were cut from."""

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import fraction
from retinue.workflows.detections import DetectionTable, Place, concatenate, strings
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import INSTANCES, OBJECTS
from retinue.workflows.manifest import BoxesRef, Fraction, FractionRef, ImageRef, Manifest, StringRef
from retinue.workflows.moves import shift
from retinue.workflows.overlaps import drop_overlapping, merge_overlapping


class DetectionsStitchManifest(Manifest):
    """What is put together on which picture, and what becomes of objects that were found twice."""

    reference_image: ImageRef = Field(description="The picture that the slices were cut from.")
    predictions: BoxesRef = Field(description="The detections in the slices.")
    overlap_filtering_strategy: Literal["none", "nms", "nmm"] | StringRef = Field(
        "nms", description="What becomes of overlapping detections of a class: they stay, the weaker go, they merge."
    )
    iou_threshold: Fraction | FractionRef = Field(
        0.3, description="How far detections overlap, as intersection over union, that are of the same object."
    )


class DetectionsStitch(Block):
    """Moves the detections of slices to where they lie in the whole picture, and makes one of those found twice."""

    identifier = "roboflow_core/detections_stitch@v1"
    title = "Detections Stitch"
    category = "fusion"
    manifest = DetectionsStitchManifest
    outputs = {"predictions": (OBJECTS, INSTANCES)}
    offsets = {"predictions": 1}
    reference = "reference_image"

    def run(
        self,
        reference_image: WorkflowImage,
        predictions: list[DetectionTable | None],
        overlap_filtering_strategy: str,
        iou_threshold: float,
    ) -> dict[str, Any]:
        if overlap_filtering_strategy not in ("none", "nms", "nmm"):
            raise ValueError(f"overlap_filtering_strategy is none, nms or nmm, not {overlap_filtering_strategy!r}")
        iou_threshold = fraction("iou_threshold", iou_threshold)
        parts = [_on(reference_image, table) for table in predictions if table is not None and len(table)]
        if not parts:
            return {"predictions": DetectionTable.empty()}
        if len({table.masks is None for table in parts}) > 1:
            raise ValueError("some of the slices' detections have masks and others have none: they cannot be compared")
        whole = concatenate(parts)
        if overlap_filtering_strategy == "nms":
            whole = drop_overlapping(whole, iou_threshold)
        elif overlap_filtering_strategy == "nmm":
            whole = merge_overlapping(whole, iou_threshold)
        return {"predictions": whole}


def _on(image: WorkflowImage, table: DetectionTable) -> DetectionTable:
    """The detections of a slice of `image`, in the pixels of `image`."""
    left, top = ([getattr(place.parent, side) for place in table.places] for side in ("left", "top"))
    size = (image.width, image.height)
    return replace(
        shift(table, left, top, size),
        parent_id=strings([image.id] * len(table)),
        places=strings([Place.of(image)] * len(table)),
        size=size,
    )
