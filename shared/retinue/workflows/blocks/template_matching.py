"""A picture found in another."""

from typing import Any

import numpy as np
from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.bounds import fraction, number
from retinue.workflows.detections import DetectionTable, Place, new_ids, strings
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import OBJECTS
from retinue.workflows.manifest import BooleanRef, FloatRef, Fraction, FractionRef, ImageRef, Manifest

CLASS_NAME = "template_match"
PREDICTION_TYPE = "object-detection"


class TemplateMatchingManifest(Manifest):
    """What is looked for, and how similar it must be."""

    image: ImageRef = Field(description="The picture to search.")
    template: ImageRef = Field(description="The picture to find in it, at the same size.")
    matching_threshold: FloatRef | float = Field(0.8, description="From which correlation on, -1 to 1.")
    apply_nms: BooleanRef | bool = Field(True, description="Whether of matches that overlap one is kept.")
    nms_threshold: FractionRef | Fraction = Field(0.5, description="From which overlap on two matches are one.")


class TemplateMatching(Block):
    """Finds the places of a picture that look like a template, in grey."""

    identifier = "roboflow_core/template_matching@v1"
    title = "Template Matching"
    category = "classical_computer_vision"
    manifest = TemplateMatchingManifest
    outputs = {"predictions": (OBJECTS,), "number_of_matches": ("integer",)}

    def run(
        self,
        image: WorkflowImage,
        template: WorkflowImage,
        matching_threshold: float,
        apply_nms: bool,
        nms_threshold: float,
    ) -> dict[str, Any]:
        from retinue.workflows.imaging.template import match_template

        threshold = number("matching_threshold", matching_threshold)
        most_overlap = fraction("nms_threshold", nms_threshold) if apply_nms else None
        boxes = match_template(image.pixels, template.pixels, threshold, most_overlap)
        count = len(boxes)
        table = DetectionTable(
            xyxy=boxes.astype(np.float64),
            confidence=np.ones(count),
            class_id=np.zeros(count, np.int64),
            class_name=strings([CLASS_NAME] * count),
            detection_id=new_ids(count),
            parent_id=strings([image.id] * count),
            places=strings([Place.of(image)] * count),
            size=(image.width, image.height),
            root_size=(image.root.width, image.root.height),
            prediction_type=PREDICTION_TYPE,
        )
        return {"predictions": table, "number_of_matches": count}
