"""What blocks that cut, merge and choose take in a definition, what they leave to defaults, and what they refuse."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from retinue.workflows.block import Block
from retinue.workflows.blocks.absolute_static_crop import AbsoluteStaticCrop
from retinue.workflows.blocks.detections_consensus import DetectionsConsensus
from retinue.workflows.blocks.detections_stitch import DetectionsStitch
from retinue.workflows.blocks.dynamic_crop import DynamicCrop
from retinue.workflows.blocks.first_non_empty_or_default import FirstNonEmptyOrDefault
from retinue.workflows.blocks.image_slicer import ImageSlicer, ImageSlicerV2
from retinue.workflows.blocks.relative_statoic_crop import RelativeStaticCrop

STEP: Mapping[str, Any] = {"name": "s", "images": "$inputs.image", "predictions": "$steps.d.predictions"}


@pytest.mark.parametrize(
    ("block", "properties", "expected"),
    [
        pytest.param(
            DynamicCrop, {"image": "$inputs.i", "detections": "$steps.d.p"},
            {"images": "$inputs.i", "predictions": "$steps.d.p", "mask_opacity": 0.0, "background_color": (0, 0, 0)},
            id="dynamic_crop: other names and defaults",
        ),
        pytest.param(
            DynamicCrop, {**STEP, "mask_opacity": "$inputs.o", "background_color": [1, 2, 3]},
            {"mask_opacity": "$inputs.o", "background_color": (1, 2, 3)}, id="dynamic_crop: selector and list",
        ),
        pytest.param(
            ImageSlicerV2, {"images": "$inputs.i"},
            {"image": "$inputs.i", "slice_width": 640, "slice_height": 640, "overlap_ratio_width": 0.2},
            id="image_slicer: other name and defaults",
        ),
        pytest.param(
            DetectionsConsensus, {"predictions": ["$steps.d.p"], "required_votes": 1, "required_objects": {"a": 2}},
            {"predictions_batches": ["$steps.d.p"], "required_objects": {"a": 2}, "iou_threshold": 0.3,
             "detections_merge_mask_aggregation": "union"},
            id="consensus: other name and defaults",
        ),
        pytest.param(
            DetectionsStitch, {"reference_image": "$inputs.i", "predictions": "$steps.d.p"},
            {"overlap_filtering_strategy": "nms", "iou_threshold": 0.3}, id="stitch: defaults",
        ),
    ],
)  # fmt: skip
def test_manifests_take(block: type[Block], properties: dict[str, Any], expected: dict[str, Any]) -> None:
    manifest = block.manifest.model_validate({"type": block.identifier, "name": "s", **properties})
    assert {name: getattr(manifest, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("block", "properties"),
    [
        pytest.param(DynamicCrop, {**STEP, "mask_opacity": 1.5}, id="dynamic_crop: opacity"),
        pytest.param(ImageSlicer, {"image": "$inputs.i", "overlap_ratio_width": 1.0}, id="slicer: full overlap"),
        pytest.param(ImageSlicer, {"image": "$inputs.i", "slice_width": 0}, id="slicer: no width"),
        pytest.param(
            AbsoluteStaticCrop, {**STEP, "x_center": 0, "y_center": 1, "width": 1, "height": 1}, id="crop: at 0"
        ),
        pytest.param(
            RelativeStaticCrop, {**STEP, "x_center": 0, "y_center": 1, "width": 1.1, "height": 1}, id="crop: too wide"
        ),
        pytest.param(DetectionsConsensus, {"predictions": [], "required_votes": 1}, id="consensus: no sources"),
        pytest.param(
            DetectionsConsensus, {"predictions": ["$steps.d.p"], "required_votes": 0}, id="consensus: no votes"
        ),
        pytest.param(FirstNonEmptyOrDefault, {"data": []}, id="first_non_empty: no data"),
        pytest.param(
            DetectionsStitch, {**STEP, "reference_image": "$inputs.i", "overlap_filtering_strategy": "soft"},
            id="stitch: strategy",
        ),
    ],
)  # fmt: skip
def test_manifests_refuse(block: type[Block], properties: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        block.manifest.model_validate({"type": block.identifier, "name": "s", **properties})
