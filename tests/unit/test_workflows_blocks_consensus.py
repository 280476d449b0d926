"""detections_consensus: what several models agree on, beside upstream 1.8.3."""

from dataclasses import replace
from typing import Any

import pytest

from retinue.workflows.blocks.detections_consensus import DetectionsConsensus
from retinue.workflows.detections import DetectionTable, strings
from tests.unit.workflow_detections import (
    NAMES,
    Box,
    detections,
    extents,
    picture,
)
from tests.unit.workflow_documents import runtime


def sources(kind: str) -> list[DetectionTable]:
    """Three models' detections in a picture of 100 x 60: one object that all found, one that two did, one of one."""
    image = picture()
    boxes = (
        [(10, 10, 30, 30), (60, 10, 90, 40)],
        [(12, 11, 33, 30), (62, 12, 88, 44), (0, 40, 20, 60)],
        [(9, 8, 28, 31)],
    )
    confidence = ([0.9, 0.4], [0.6, 0.7, 0.3], [0.75])
    class_id = ([0, 1], [2, 2, 2], [2]) if kind == "classes" else ([0, 1], [0, 1, 2], [0])
    has_masks = {"boxes": (False,) * 3, "masks": (True,) * 3, "mixed": (True, False, True), "classes": (False,) * 3}
    return [
        detections(image, boxes[index], confidence[index], class_id[index], name, boxes[index] if masks else None)
        for index, (name, masks) in enumerate(zip("xyz", has_masks[kind], strict=True))
    ]


CONSENSUS_DEFAULTS: dict[str, Any] = {
    "required_votes": 2,
    "class_aware": True,
    "iou_threshold": 0.3,
    "confidence": 0.0,
    "classes_to_consider": None,
    "required_objects": None,
    "presence_confidence_aggregation": "max",
    "detections_merge_confidence_aggregation": "average",
    "detections_merge_coordinates_aggregation": "average",
    "detections_merge_mask_aggregation": "union",
}
AVERAGE_A, AVERAGE_B = (31 / 3, 29 / 3, 91 / 3, 91 / 3), (61, 11, 89, 42)
TWO = [(AVERAGE_A, 0.75, "a"), (AVERAGE_B, 0.55, "b")]
BOTH = {"a": 0.75, "b": 0.55}


@pytest.mark.parametrize(
    ("kind", "properties", "expected", "presence"),
    [
        pytest.param("boxes", {}, TWO, BOTH, id="two of three"),
        pytest.param(
            "boxes", {"required_votes": 1}, [*TWO, ((0, 40, 20, 60), 0.3, "c")], {**BOTH, "c": 0.3}, id="one is enough"
        ),
        pytest.param("boxes", {"required_votes": 3}, TWO[:1], {"a": 0.75}, id="all"),
        pytest.param("boxes", {"required_votes": 4}, [], {}, id="more than there are"),
        pytest.param("boxes", {"confidence": 0.6}, TWO[:1], {"a": 0.75}, id="confidence of what is merged"),
        pytest.param(
            "boxes", {"iou_threshold": 0.75}, [((9.5, 9, 29, 30.5), 0.825, "a")], {"a": 0.825}, id="more overlap"
        ),
        pytest.param("boxes", {"classes_to_consider": ["b", "c"]}, TWO[1:], {"b": 0.55}, id="some classes"),
        pytest.param("boxes", {"classes_to_consider": []}, TWO, BOTH, id="an empty list is all classes"),
        pytest.param("boxes", {"required_objects": 2}, TWO, BOTH, id="as many as required"),
        pytest.param("boxes", {"required_objects": 3}, TWO, {}, id="fewer than required"),
        pytest.param("boxes", {"required_objects": {"a": 1, "b": 1}}, TWO, BOTH, id="of each class as required"),
        pytest.param("boxes", {"required_objects": {"a": 2}}, TWO, {}, id="of a class fewer than required"),
        pytest.param(
            "boxes", {"required_objects": {"a": 2}, "class_aware": False}, TWO, {"any_object": 0.75},
            id="classes are not told apart: required in all",
        ),
        pytest.param(
            "boxes", {"class_aware": False, "presence_confidence_aggregation": "min"}, TWO, {"any_object": 0.55},
            id="presence by the least",
        ),
        pytest.param(
            "boxes", {"class_aware": False, "presence_confidence_aggregation": "average"}, TWO, {"any_object": 0.65},
            id="presence by the average",
        ),
        pytest.param(
            "boxes",
            {"detections_merge_confidence_aggregation": "max", "detections_merge_coordinates_aggregation": "max"},
            [((9, 8, 28, 31), 0.9, "a"), ((60, 10, 90, 40), 0.7, "b")], {"a": 0.9, "b": 0.7}, id="the largest box",
        ),
        pytest.param(
            "boxes",
            {"detections_merge_confidence_aggregation": "min", "detections_merge_coordinates_aggregation": "min"},
            [((12, 11, 33, 30), 0.6, "a"), ((62, 12, 88, 44), 0.4, "b")], {"a": 0.6, "b": 0.4}, id="the smallest box",
        ),
        pytest.param(
            "classes", {"class_aware": False}, [(AVERAGE_A, 0.75, "c"), (AVERAGE_B, 0.55, "b")], {"any_object": 0.75},
            id="the class of most; of equals the first",
        ),
        pytest.param(
            "classes", {"class_aware": False, "detections_merge_confidence_aggregation": "max"},
            [(AVERAGE_A, 0.9, "a"), (AVERAGE_B, 0.7, "c")], {"any_object": 0.9}, id="the class of the most confident",
        ),
        pytest.param(
            "classes", {"class_aware": False, "detections_merge_confidence_aggregation": "min"},
            [(AVERAGE_A, 0.6, "c"), (AVERAGE_B, 0.4, "b")], {"any_object": 0.6}, id="the class of the least confident",
        ),
    ],
)  # fmt: skip
def test_detections_consensus(
    kind: str, properties: dict[str, Any], expected: list[tuple[Box, float, str]], presence: dict[str, float]
) -> None:
    result = consensus(sources(kind), **properties)

    agreed = result["predictions"]
    assert agreed.class_name.tolist() == [name for _, _, name in expected]
    assert agreed.class_id.tolist() == [NAMES.index(name) for _, _, name in expected]
    assert agreed.xyxy.ravel().tolist() == pytest.approx([side for box, _, _ in expected for side in box])
    assert agreed.confidence.tolist() == pytest.approx([confidence for _, confidence, _ in expected])
    assert result["presence_confidence"] == pytest.approx(presence)
    assert result["object_present"] is bool(presence)
    assert agreed.masks is None
    assert not {"x0", "y0", "z0"} & set(agreed.detection_id)
    assert set(agreed.parent_id) <= {"image"}


def consensus(tables: list[DetectionTable], **properties: Any) -> dict[str, Any]:
    result = DetectionsConsensus(runtime()).run(predictions_batches=tables, **CONSENSUS_DEFAULTS | properties)
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize(
    ("kind", "aggregation", "expected"),
    [
        pytest.param("masks", "union", [(9, 8, 32, 30, 534), (60, 10, 89, 43, 1004)], id="union"),
        pytest.param("masks", "intersection", [(12, 11, 27, 29, 304), (62, 12, 87, 39, 728)], id="intersection"),
        pytest.param("masks", "max", [(9, 8, 27, 30, 437), (60, 10, 89, 39, 900)], id="the largest"),
        pytest.param("masks", "min", [(12, 11, 32, 29, 399), (62, 12, 87, 43, 832)], id="the smallest"),
        pytest.param("mixed", "union", [(9, 8, 29, 30, 477), (60, 10, 89, 39, 900)], id="a source without masks"),
        pytest.param("mixed", "intersection", [(0, 0, 0, 0, 0)] * 2, id="of which nothing is left"),
    ],
)
def test_detections_consensus_of_masks(kind: str, aggregation: str, expected: list[tuple[int, ...]]) -> None:
    result = consensus(sources(kind), detections_merge_mask_aggregation=aggregation)

    agreed = result["predictions"]
    assert extents(agreed) == expected
    assert agreed.xyxy.tolist() == [list(extent[:4]) for extent in expected]  # the mask's bounds, not the boxes'
    assert result["presence_confidence"] == pytest.approx(BOTH)


def test_detections_consensus_uses_up_a_detection_in_all_sources() -> None:
    table = sources("boxes")[0]
    assert len(consensus([table, table, table.select([0])])["predictions"]) == 2
    assert len(consensus([table, table], required_votes=1)["predictions"]) == 2


def test_detections_consensus_of_nothing() -> None:
    result = consensus([DetectionTable.empty((100, 60))] * 2)
    assert (len(result["predictions"]), result["predictions"].size) == (0, None)
    assert (result["object_present"], result["presence_confidence"]) == (False, {})


def test_detections_consensus_refuses_other_pictures_and_masks_of_some() -> None:
    tables = sources("boxes")
    with pytest.raises(ValueError, match=r"different pictures \(parents crop, image\)"):
        consensus([*tables, replace(tables[2], parent_id=strings(["crop"]))])
    with pytest.raises(ValueError, match="some of the detections that the models agree on have masks"):
        consensus(sources("mixed"), required_votes=1)
