"""detections_stitch: what was found in slices, put together, beside upstream 1.8.3."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from retinue.workflows.blocks.detections_stitch import DetectionsStitch
from retinue.workflows.detections import DetectionTable, Place
from retinue.workflows.image import Origin, WorkflowImage
from tests.unit.workflow_detections import Box, detections, extents, picture, rows_of
from tests.unit.workflow_documents import runtime


def found_in_slices(image: WorkflowImage, has_masks: bool) -> list[DetectionTable]:
    """What a model found in two overlapping halves of a picture of 100 x 60: two of the objects in both."""
    left, right = image.crop("left", (0, 0, 60, 60)), image.crop("right", (40, 0, 100, 60))
    boxes = [(30, 10, 50, 30), (5, 5, 15, 15), (42, 32, 58, 48)], [(0, 10, 12, 30), (3, 33, 17, 47), (2, 32, 18, 48)]
    return [
        detections(left, boxes[0], [0.9, 0.5, 0.6], [0, 1, 0], "l", boxes[0] if has_masks else None),
        detections(right, boxes[1], [0.8, 0.7, 0.65], [0, 0, 1], "r", boxes[1] if has_masks else None),
    ]


OUTER, INNER, OTHER = (30, 10, 50, 30), (40, 10, 52, 30), (42, 32, 58, 48)


@pytest.mark.parametrize("has_masks", [False, True], ids=["boxes", "masks"])
@pytest.mark.parametrize(
    ("strategy", "iou_threshold", "expected"),
    [
        pytest.param(
            "none", 0.3,
            [("l0", OUTER, 0.9, "a"), ("l1", (5, 5, 15, 15), 0.5, "b"), ("l2", OTHER, 0.6, "a"),
             ("r0", INNER, 0.8, "a"), ("r1", (43, 33, 57, 47), 0.7, "a"), ("r2", OTHER, 0.65, "b")],
            id="none: all stay",
        ),
        pytest.param(
            "nms", 0.3,
            [("l0", OUTER, 0.9, "a"), ("l1", (5, 5, 15, 15), 0.5, "b"), ("r1", (43, 33, 57, 47), 0.7, "a"),
             ("r2", OTHER, 0.65, "b")],
            id="nms: the weaker of a class go, the others keep their order",
        ),
        pytest.param(
            "nms", 0.5,
            [("l0", OUTER, 0.9, "a"), ("l1", (5, 5, 15, 15), 0.5, "b"), ("r0", INNER, 0.8, "a"),
             ("r1", (43, 33, 57, 47), 0.7, "a"), ("r2", OTHER, 0.65, "b")],
            id="nms: less of an overlap",
        ),
        pytest.param(
            "nmm", 0.3,
            [("l0", (30, 10, 52, 30), 0.862500011920929, "a"), ("r1", OTHER, 0.643362820148468, "a"),
             ("r2", OTHER, 0.65, "b"), ("l1", (5, 5, 15, 15), 0.5, "b")],
            id="nmm: by class, best first; confidences weighted by areas, as float32",
        ),
        pytest.param(
            "nmm", 0.5,
            [("l0", OUTER, 0.9, "a"), ("r0", INNER, 0.8, "a"), ("r1", OTHER, 0.643362820148468, "a"),
             ("r2", OTHER, 0.65, "b"), ("l1", (5, 5, 15, 15), 0.5, "b")],
            id="nmm: less of an overlap",
        ),
    ],
)  # fmt: skip
def test_detections_stitch(
    strategy: str, iou_threshold: float, has_masks: bool, expected: list[tuple[str, Box, float, str]]
) -> None:
    image = picture()

    stitched = stitch(image, found_in_slices(image, has_masks), strategy, iou_threshold)

    assert [(row[0], tuple(row[1]), row[2], row[3]) for row in rows_of(stitched)] == expected
    assert set(stitched.parent_id) == {"image"}
    assert set(stitched.places) == {Place.of(image)}
    assert stitched.size == (100, 60)
    if has_masks:  # which fill the boxes
        assert [extent[:4] for extent in extents(stitched)] == [
            (x1, y1, x2 - 1, y2 - 1) for _, (x1, y1, x2, y2), _, _ in expected
        ]


def stitch(
    image: WorkflowImage, tables: Sequence[DetectionTable | None], strategy: str, iou_threshold: float
) -> DetectionTable:
    result = DetectionsStitch(runtime()).run(
        reference_image=image,
        predictions=list(tables),
        overlap_filtering_strategy=strategy,
        iou_threshold=iou_threshold,
    )
    table = result["predictions"]
    assert isinstance(table, DetectionTable)
    return table


@pytest.mark.parametrize(
    ("boxes", "strategy", "iou_threshold", "expected"),
    [
        pytest.param([(0, 0, 10, 1), (0, 0, 3, 1)], "nms", 0.3, ["1"], id="nms: 0.3 as float32 is above 0.3"),
        pytest.param([(0, 0, 10, 1), (0, 0, 5, 1)], "nms", 0.5, ["0", "1"], id="nms: at the threshold both stay"),
        pytest.param([(0, 0, 10, 1), (0, 0, 5, 1)], "nmm", 0.5, ["1"], id="nmm: at the threshold they merge"),
        pytest.param([(0, 0, 9, 9), (50, 0, 60, 9)], "nms", 0.0, ["0", "1"], id="nms: apart"),
        pytest.param([(0, 0, 9, 9), (50, 0, 60, 9)], "nmm", 0.0, ["1"], id="nmm: threshold 0 merges all of a class"),
        pytest.param([(0, 0, 9, 9)] * 3, "nms", 0.5, ["2"], id="nms: of equals the last stays"),
        pytest.param([(9, 9, 9, 9)] * 2, "nmm", 0.0, ["1"], id="nmm: without an area"),
    ],
)
def test_detections_stitch_at_the_threshold(
    boxes: list[Box], strategy: str, iou_threshold: float, expected: list[str]
) -> None:
    image = picture()

    stitched = stitch(image, [detections(image, boxes)], strategy, iou_threshold)

    assert stitched.detection_id.tolist() == expected
    assert stitched.confidence.tolist() == [0.5] * len(expected)


def test_merged_masks_go_on_merging() -> None:
    image = picture()
    boxes = [(0, 0, 20, 20), (10, 0, 30, 20), (20, 0, 40, 20)]  # the first and the last do not meet
    found = [detections(image, boxes, [0.9, 0.8, 0.7], mask_boxes=boxes)]

    assert extents(stitch(image, found, "nmm", 0.25)) == [(0, 0, 39, 19, 800)]
    assert extents(stitch(image, found, "nms", 0.25)) == [(0, 0, 19, 19, 400), (20, 0, 39, 19, 400)]


def test_detections_stitch_cuts_masks_to_the_picture() -> None:
    image = picture()
    part = replace(image, parent=Origin("part", 80, -10, 100, 60))
    found = detections(part, [(0, 0, 40, 40)], mask_boxes=[(0, 0, 40, 40)])

    stitched = stitch(image, [found], "none", 0.3)

    assert extents(stitched) == [(80, 0, 99, 29, 600)]
    assert stitched.xyxy.tolist() == [[80, -10, 120, 30]]


@pytest.mark.parametrize("strategy", ["none", "nms", "nmm"])
def test_detections_stitch_of_nothing(strategy: str) -> None:
    for tables in ([], [DetectionTable.empty((60, 60))], [None]):
        stitched = stitch(picture(), tables, strategy, 0.3)
        assert (len(stitched), stitched.size) == (0, None)


@pytest.mark.parametrize(
    ("strategy", "iou_threshold", "message"),
    [
        pytest.param("best", 0.3, "none, nms or nmm, not 'best'", id="strategy"),
        pytest.param("nms", 1.5, "from 0 to 1, not 1.5", id="threshold"),
        pytest.param("none", 0.3, "some of the slices' detections have masks", id="masks of some"),
    ],
)
def test_detections_stitch_refuses(strategy: str, iou_threshold: float, message: str) -> None:
    image = picture()
    tables = [found_in_slices(image, has_masks)[0] for has_masks in (True, False)]

    with pytest.raises(ValueError, match=message):
        stitch(image, tables, strategy, iou_threshold)
