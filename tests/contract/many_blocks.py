"""Workflows that between them use most blocks, over the models of `deployment`: good requests for tests to damage."""

from typing import Any

from tests.contract.deployment import CLASSIFIER, SEGMENTER
from tests.contract.workflows import COLOURS, DETECT, DRAWING, IMAGE_INPUT, Document, detection, document, parameter

_PREDICTIONS = "$steps.objects.predictions"


def _step(block: str, name: str, **properties: Any) -> Document:
    """A step of the first version of a block, or of the one that is named."""
    return {"type": f"roboflow_core/{block}{'' if '@' in block else '@v1'}", "name": name} | properties


def _drawn(block: str, **properties: Any) -> Document:
    """A drawing over the picture, named after its block."""
    return _step(block, block.partition("@")[0], image="$inputs.image", predictions=_PREDICTIONS, **properties)


def _all(*names: str) -> dict[str, str]:
    return {name: f"$steps.{name}.*" for name in names}


_LARGE = {
    "type": "StatementGroup",
    "operator": "and",
    "statements": [
        {
            "type": "BinaryStatement",
            "left_operand": {
                "type": "DynamicOperand",
                "operations": [{"type": "ExtractDetectionProperty", "property_name": "confidence"}],
            },
            "comparator": {"type": "(Number) >="},
            "right_operand": {"type": "DynamicOperand", "operand_name": "least"},
        },
        {
            "type": "BinaryStatement",
            "left_operand": {
                "type": "DynamicOperand",
                "operations": [{"type": "ExtractDetectionProperty", "property_name": "class_name"}],
            },
            "comparator": {"type": "in (Sequence)"},
            "right_operand": {"type": "StaticOperand", "value": ["circle", "square"]},
        },
    ],
}
QUERIES = document(
    [IMAGE_INPUT, parameter("least", 0.5)],
    [
        detection(),
        _step(
            "detections_filter",
            "large",
            predictions=_PREDICTIONS,
            operations=[{"type": "DetectionsFilter", "filter_operation": _LARGE}],
            operations_parameters={"least": "$inputs.least"},
        ),
        _step(
            "detections_transformation",
            "sorted",
            predictions=_PREDICTIONS,
            operations=[
                {"type": "SortDetections", "mode": "x_min", "ascending": True},
                {"type": "DetectionsOffset", "offset_x": 10, "offset_y": 20},
                {"type": "DetectionsShift", "shift_x": 3, "shift_y": -3},
            ],
        ),
        _step(
            "property_definition",
            "classes",
            data="$steps.large.predictions",
            operations=[
                {"type": "DetectionsPropertyExtract", "property_name": "class_name"},
                {"type": "SequenceMap", "lookup_table": {"circle": 1, "square": 2}},
                {"type": "SequenceAggregate", "mode": "most_common"},
            ],
        ),
        _step(
            "expression",
            "verdict",
            data={"count": "$steps.large.predictions", "least": "$inputs.least"},
            data_operations={"count": [{"type": "SequenceLength"}]},
            switch={
                "type": "CasesDefinition",
                "cases": [
                    {
                        "type": "CaseDefinition",
                        "condition": {
                            "type": "StatementGroup",
                            "statements": [
                                {
                                    "type": "BinaryStatement",
                                    "left_operand": {"type": "DynamicOperand", "operand_name": "count"},
                                    "comparator": {"type": "(Number) >"},
                                    "right_operand": {"type": "StaticOperand", "value": 1},
                                }
                            ],
                        },
                        "result": {"type": "StaticCaseResult", "value": "many"},
                    }
                ],
                "default": {"type": "DynamicCaseResult", "parameter_name": "least"},
            },
        ),
    ],
    large="$steps.large.predictions",
    moved="$steps.sorted.predictions",
    most="$steps.classes.output",
    verdict="$steps.verdict.output",
)
FLOW = document(
    [IMAGE_INPUT, parameter("wanted", "circle")],
    [
        detection(),
        _step("dynamic_crop", "crops", images="$inputs.image", predictions=_PREDICTIONS),
        _step(
            "continue_if",
            "wide",
            condition_statement={
                "type": "StatementGroup",
                "statements": [
                    {
                        "type": "BinaryStatement",
                        "left_operand": {
                            "type": "DynamicOperand",
                            "operand_name": "crop",
                            "operations": [{"type": "ExtractImageProperty", "property_name": "size"}],
                        },
                        "comparator": {"type": "(Number) >="},
                        "right_operand": {"type": "StaticOperand", "value": 1600},
                    }
                ],
            },
            evaluation_parameters={"crop": "$steps.crops.crops"},
            next_steps=["$steps.colours"],
        ),
        _step(
            "roboflow_classification_model@v2", "colours", images="$steps.crops.crops", model_id=CLASSIFIER
        ),
        _step(
            "first_non_empty_or_default", "either", data=["$steps.colours.predictions"], default={"top": "unknown"}
        ),
        _step("dimension_collapse", "together", data="$steps.either.output"),
        _step("switch_case", "which", value="$inputs.wanted", cases={"circle": "$steps.now"}, default_next_steps=[]),
        _step("current_time", "now", timezone="UTC"),
    ],
    colours="$steps.colours.predictions",
    together="$steps.together.output",
    **_all("now"),
)  # fmt: skip
TEXTS = document(
    [IMAGE_INPUT, parameter("text", '{"a": 1, "b": [2]}'), {"type": "WorkflowBatchInput", "name": "words"}],
    [
        detection(),
        _step("json_parser", "fields", raw_json="$inputs.text", expected_fields=["a", "b"]),
        _step(
            "csv_formatter",
            "table",
            columns_data={"objects": _PREDICTIONS, "fixed": "x"},
            columns_operations={
                "objects": [{"type": "DetectionsPropertyExtract", "property_name": "confidence"}, {"type": "ToString"}]
            },
        ),
        _step(
            "string_template",
            "sentence",
            template="{{ count }} objects, {{ name }}",
            data={"count": _PREDICTIONS, "name": "$inputs.words"},
            data_operations={"count": [{"type": "SequenceLength"}]},
        ),
        _step(
            "property_definition",
            "shout",
            data="$inputs.words",
            operations=[
                {"type": "StringToUpperCase"},
                {"type": "StringSubSequence", "start": 0, "end": 4},
                {"type": "StringMatches", "regex": "^[A-Z]+$"},
            ],
        ),
        _step(
            "webhook_sink",
            "hook",
            url="https://127.0.0.1/nothing",
            method="POST",
            json_payload={"table": "$steps.table.csv_content"},
            fire_and_forget=False,
        ),
    ],
    **_all("fields", "table", "sentence", "shout", "hook"),
)
DRAWINGS = document(
    [IMAGE_INPUT, parameter("thickness", 2), parameter("color", "#A351FB")],
    [
        detection(),
        _drawn("bounding_box_visualization", thickness="$inputs.thickness", roundness=0.2),
        _drawn("label_visualization", text="Class and Confidence", text_position="CENTER", text_scale=0.7),
        _drawn("corner_visualization", corner_length=9),
        _drawn("circle_visualization", color_axis="INDEX"),
        _drawn("dot_visualization", color_palette="Matplotlib Viridis", palette_size=4),
        _drawn("ellipse_visualization", start_angle=-30),
        _drawn("triangle_visualization", base=12, height=8, outline_thickness=1),
        _drawn("color_visualization", opacity=0.4),
        _drawn("blur_visualization", kernel_size=9),
        _drawn("pixelate_visualization", pixel_size=6),
        _drawn("background_color_visualization", color="$inputs.color", opacity=0.6),
        _drawn("crop_visualization", position="TOP_RIGHT", scale_factor=1.5),
    ],
    boxes="$steps.bounding_box_visualization.image",
    labels="$steps.label_visualization.image",
    corners="$steps.corner_visualization.image",
    circles="$steps.circle_visualization.image",
    dots="$steps.dot_visualization.image",
    ellipses="$steps.ellipse_visualization.image",
    triangles="$steps.triangle_visualization.image",
    colours="$steps.color_visualization.image",
    blurred="$steps.blur_visualization.image",
    pixels="$steps.pixelate_visualization.image",
    background="$steps.background_color_visualization.image",
    cropped="$steps.crop_visualization.image",
)
MASKS = document(
    [IMAGE_INPUT],
    [
        _step(
            "roboflow_instance_segmentation_model@v2",
            "objects",
            images="$inputs.image",
            model_id=SEGMENTER,
            mask_decode_mode="tradeoff",
            tradeoff_factor=0.5,
        ),
        _drawn("mask_visualization", opacity=0.5),
        _drawn("polygon_visualization", thickness=3),
        _drawn("halo_visualization", kernel_size=11),
        _step(
            "dynamic_crop",
            "crops",
            images="$inputs.image",
            predictions=_PREDICTIONS,
            mask_opacity=0.5,
            background_color="(0, 10, 20)",
        ),
    ],
    objects=_PREDICTIONS,
    masks="$steps.mask_visualization.image",
    crops="$steps.crops.*",
)
GEOMETRY = document(
    [IMAGE_INPUT, parameter("votes", 2)],
    [
        detection(),
        detection("others", confidence=0.02, iou_threshold=0.9),
        _step(
            "detections_consensus",
            "agreed",
            predictions_batches=[_PREDICTIONS, "$steps.others.predictions"],
            required_votes="$inputs.votes",
            required_objects={"circle": 1},
        ),
        _step(
            "detection_offset", "wider", predictions=_PREDICTIONS, offset_width=20, offset_height=10, units="Pixels"
        ),
        _step(
            "image_slicer",
            "slices",
            image="$inputs.image",
            slice_width=160,
            slice_height=120,
            overlap_ratio_width=0.1,
            overlap_ratio_height=0.1,
        ),
        detection("parts", images="$steps.slices.slices"),
        _step(
            "detections_stitch",
            "stitched",
            reference_image="$inputs.image",
            predictions="$steps.parts.predictions",
            overlap_filtering_strategy="nms",
        ),
        _step(
            "absolute_static_crop", "corner", image="$inputs.image", x_center=40, y_center=40, width=60, height=50
        ),
        _step(
            "relative_statoic_crop", "middle", image="$inputs.image", x_center=0.5, y_center=0.5, width=0.4, height=0.4
        ),
        _step("dynamic_crop", "crops", images="$inputs.image", predictions=_PREDICTIONS),
        _step(
            "roboflow_classification_model@v1", "colours", images="$steps.crops.crops", model_id=CLASSIFIER
        ),
        _step(
            "detections_classes_replacement",
            "renamed",
            object_detection_predictions=_PREDICTIONS,
            classification_predictions="$steps.colours.predictions",
            fallback_class_name="unknown",
        ),
    ],
    agreed="$steps.agreed.predictions",
    present="$steps.agreed.object_present",
    wider="$steps.wider.predictions",
    parts="$steps.parts.predictions",
    stitched="$steps.stitched.predictions",
    corner="$steps.corner.crops",
    middle="$steps.middle.crops",
    renamed="$steps.renamed.predictions",
)  # fmt: skip
PIXELS = document(
    [IMAGE_INPUT, parameter("size", 5)],
    [
        _step("convert_grayscale", "gray", image="$inputs.image"),
        _step("image_blur", "soft", image="$steps.gray.image", blur_type="gaussian", kernel_size="$inputs.size"),
        _step("threshold", "black_and_white", image="$steps.soft.image", threshold_type="binary", thresh_value=127),
        _step("contours_detection", "contours", image="$steps.black_and_white.image", line_thickness=2),
        _step("image_preprocessing", "small", image="$inputs.image", task_type="resize", width=40, height=30),
        _step("dominant_color", "colour", image="$inputs.image", color_clusters=2, max_iterations=5, target_size=50),
        _step(
            "pixel_color_count", "count", image="$inputs.image", target_color="$steps.colour.rgb_color", tolerance=12
        ),
        _step(
            "absolute_static_crop", "disc", image="$inputs.image", x_center=160, y_center=120, width=20, height=20
        ),
        _step("template_matching", "found", image="$inputs.image", template="$steps.disc.crops"),
    ],
    picture="$steps.contours.image",
    contours="$steps.contours.number_contours",
    small="$steps.small.image",
    count="$steps.count.matching_pixels_count",
    found="$steps.found.predictions",
)  # fmt: skip
NESTED = document(
    [IMAGE_INPUT, parameter("least", 0.3)],
    [
        _step(
            "inner_workflow",
            "inner",
            workflow_definition=COLOURS,
            parameter_bindings={"image": "$inputs.image"},
        ),
        _step(
            "inner_workflow",
            "saved",
            workflow_workspace_id="default",
            workflow_id="shapes",
            parameter_bindings={"image": "$inputs.image", "confidence": "$inputs.least"},
        ),
    ],
    names="$steps.inner.names",
    objects="$steps.saved.objects",
)
EVERY_DOCUMENT = {
    "detect": DETECT,
    "colours": COLOURS,
    "drawing": DRAWING,
    "queries": QUERIES,
    "flow": FLOW,
    "texts": TEXTS,
    "drawings": DRAWINGS,
    "masks": MASKS,
    "geometry": GEOMETRY,
    "pixels": PIXELS,
    "nested": NESTED,
}
EVERY_PARAMETER: dict[str, Any] = {
    "confidence": 0.3,
    "least": 0.4,
    "wanted": "circle",
    "text": '{"a": 1}',
    "words": ["north", "south"],
    "thickness": 3,
    "color": "red",
    "votes": 1,
    "size": 7,
}
