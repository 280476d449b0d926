"""Finds blocks by the identifiers of documents. Only the modules that are asked for are imported."""

import re
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from retinue.workflows import blocks
from retinue.workflows.block import Block

# Names from before identifiers had versions: contract/workflows.md 7.
ALIASES = {
    "AbsoluteStaticCrop": "roboflow_core/absolute_static_crop@v1",
    "BackgroundColorVisualization": "roboflow_core/background_color_visualization@v1",
    "BlurVisualization": "roboflow_core/blur_visualization@v1",
    "BoundingBoxVisualization": "roboflow_core/bounding_box_visualization@v1",
    "CircleVisualization": "roboflow_core/circle_visualization@v1",
    "ClassificationModel": "roboflow_core/roboflow_classification_model@v1",
    "ColorVisualization": "roboflow_core/color_visualization@v1",
    "ContinueIf": "roboflow_core/continue_if@v1",
    "CornerVisualization": "roboflow_core/corner_visualization@v1",
    "Crop": "roboflow_core/dynamic_crop@v1",
    "CropVisualization": "roboflow_core/crop_visualization@v1",
    "DetectionOffset": "roboflow_core/detection_offset@v1",
    "DetectionsClassesReplacement": "roboflow_core/detections_classes_replacement@v1",
    "DetectionsConsensus": "roboflow_core/detections_consensus@v1",
    "DetectionsFilter": "roboflow_core/detections_filter@v1",
    "DetectionsTransformation": "roboflow_core/detections_transformation@v1",
    "DimensionCollapse": "roboflow_core/dimension_collapse@v1",
    "DotVisualization": "roboflow_core/dot_visualization@v1",
    "DynamicCrop": "roboflow_core/dynamic_crop@v1",
    "EllipseVisualization": "roboflow_core/ellipse_visualization@v1",
    "Expression": "roboflow_core/expression@v1",
    "FirstNonEmptyOrDefault": "roboflow_core/first_non_empty_or_default@v1",
    "HaloVisualization": "roboflow_core/halo_visualization@v1",
    "InstanceSegmentationModel": "roboflow_core/roboflow_instance_segmentation_model@v1",
    "KeypointVisualization": "roboflow_core/keypoint_visualization@v1",
    "KeypointsDetectionModel": "roboflow_core/roboflow_keypoint_detection_model@v1",
    "LabelVisualization": "roboflow_core/label_visualization@v1",
    "MaskVisualization": "roboflow_core/mask_visualization@v1",
    "MultiLabelClassificationModel": "roboflow_core/roboflow_multi_label_classification_model@v1",
    "ObjectDetectionModel": "roboflow_core/roboflow_object_detection_model@v1",
    "PixelateVisualization": "roboflow_core/pixelate_visualization@v1",
    "PolygonVisualization": "roboflow_core/polygon_visualization@v1",
    "PropertyDefinition": "roboflow_core/property_definition@v1",
    "PropertyExtraction": "roboflow_core/property_definition@v1",
    "RelativeStaticCrop": "roboflow_core/relative_statoic_crop@v1",
    "RoboflowClassificationModel": "roboflow_core/roboflow_classification_model@v1",
    "RoboflowDatasetUpload": "roboflow_core/roboflow_dataset_upload@v1",
    "RoboflowInstanceSegmentationModel": "roboflow_core/roboflow_instance_segmentation_model@v1",
    "RoboflowKeypointDetectionModel": "roboflow_core/roboflow_keypoint_detection_model@v1",
    "RoboflowMultiLabelClassificationModel": "roboflow_core/roboflow_multi_label_classification_model@v1",
    "RoboflowObjectDetectionModel": "roboflow_core/roboflow_object_detection_model@v1",
    "SwitchCase": "roboflow_core/switch_case@v1",
    "TriangleVisualization": "roboflow_core/triangle_visualization@v1",
}
_IDENTIFIER = re.compile(r"^roboflow_core/([a-z0-9_\-]+)@v\d+$")


def find_block(identifier: str) -> type[Block] | None:
    """The block that `identifier` or one of the old names means; None where there is none."""
    identifier = ALIASES.get(identifier, identifier)
    found = _IDENTIFIER.match(identifier)
    if found is None or (module := found[1].replace("-", "_")) not in _modules():
        return None
    return _blocks_in(module).get(identifier)


def similar_blocks(identifier: str) -> list[str]:
    """The names of blocks that look like `identifier`, best first; without versions."""
    from difflib import get_close_matches  # only for an error

    name = identifier.rpartition("/")[2].partition("@")[0][:100].lower()
    return [f"roboflow_core/{match}" for match in get_close_matches(name, sorted(_modules()), n=3, cutoff=0.7)]


def all_blocks() -> list[type[Block]]:
    """Every block, by identifier. Imports all modules."""
    return [block for module in sorted(_modules()) for _, block in sorted(_blocks_in(module).items())]


def aliases_of(identifier: str) -> list[str]:
    """The old names of a block."""
    return [alias for alias, target in ALIASES.items() if target == identifier]


@cache
def _modules() -> frozenset[str]:
    return frozenset(module.name for module in iter_modules(blocks.__path__))


@cache
def _blocks_in(name: str) -> dict[str, type[Block]]:
    module = import_module(f"{blocks.__name__}.{name}")
    return {
        value.identifier: value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Block) and value.__dict__.get("identifier")
    }
