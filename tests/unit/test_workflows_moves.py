"""Detections moved into a part of their picture or back to its root, and sets of masks."""

from dataclasses import replace

import numpy as np
import pytest

from retinue.workflows.detections import DetectionTable, Place, strings
from retinue.workflows.mask_sets import MaskOverlaps, intersection, pixel_bounds, union
from retinue.workflows.moves import shift, to_root
from tests.unit.workflow_detections import detections, extents, mask_of, picture, pixels_of


@pytest.mark.parametrize(
    ("offset", "size", "expected"),
    [
        pytest.param((5, 6), None, (15, 26, 29, 45, 300), id="the canvas stays"),
        pytest.param((-12, -25), (10, 10), (0, 0, 9, 9, 100), id="into a part inside"),
        pytest.param((-20, -30), (50, 50), (0, 0, 4, 9, 50), id="cut on the left and above"),
        pytest.param((30, 0), (50, 30), (40, 20, 49, 29, 100), id="cut on the right and below"),
        pytest.param((500, 0), (50, 30), (0, 0, 0, 0, 0), id="away"),
        pytest.param((-500, 0), (50, 30), (0, 0, 0, 0, 0), id="away to the left"),
    ],
)
def test_shift_cuts_masks(offset: tuple[int, int], size: tuple[int, int] | None, expected: tuple[int, ...]) -> None:
    table = detections(picture(), [(10, 20, 25, 40)], mask_boxes=[(10, 20, 25, 40)])

    moved = shift(table, *offset, size)

    assert extents(moved) == [expected]
    assert moved.masks is not None and pixels_of(moved.masks[0]).shape == ((60, 100) if size is None else size[::-1])
    assert moved.xyxy.tolist() == [[10 + offset[0], 20 + offset[1], 25 + offset[0], 40 + offset[1]]]
    assert moved.places[0] == table.places[0]


def test_to_root_moves_what_was_found_in_a_crop_of_a_crop() -> None:
    image = picture()
    inner = image.crop("outer", (10, 20, 90, 60)).crop("inner", (30, 5, 60, 30))
    table = detections(inner, [(1, 2, 11, 12)], mask_boxes=[(1, 2, 11, 12)])
    table = replace(table, columns={"polygon": strings([None])})

    moved = to_root(table)

    assert moved.xyxy.tolist() == [[41, 27, 51, 37]]
    assert extents(moved) == [(41, 27, 50, 36, 100)]
    assert moved.masks is not None and (moved.masks[0].width, moved.masks[0].height) == (100, 60)
    assert moved.parent_id.tolist() == ["image"]
    assert moved.places[0] == Place.of(image)
    assert moved.size == (100, 60)
    assert (table.parent_id[0], table.xyxy[0, 0]) == ("inner", 1)


def test_to_root_leaves_rows_that_are_there() -> None:
    image = picture()
    crop = image.crop("crop", (0, 0, 50, 50))  # in the corner: only the size differs
    there = replace(detections(image, [(1, 1, 2, 2)]), parent_id=strings(["a detection"]))
    here = detections(crop, [(3, 3, 4, 4)])
    unknown = replace(here, places=strings([replace(here.places[0], width=None, height=None)]))
    mixed = replace(
        detections(image, [(1, 1, 2, 2), (3, 3, 4, 4)]),
        places=strings([there.places[0], here.places[0]]),
        parent_id=strings(["a detection", "crop"]),
    )

    assert to_root(there) is there
    assert to_root(replace(DetectionTable.empty((50, 50)), root_size=(100, 60))).size == (100, 60)
    assert to_root(unknown) is unknown
    assert to_root(here).parent_id.tolist() == ["image"]
    assert to_root(mixed).parent_id.tolist() == ["a detection", "image"]
    assert to_root(mixed).places.tolist() == [Place.of(image)] * 2


def test_sets_of_masks() -> None:
    first, second, apart = (mask_of(box, 100, 60) for box in [(0, 0, 20, 20), (10, 5, 30, 15), (50, 50, 60, 60)])

    overlaps = MaskOverlaps([first, second, apart])

    assert overlaps.iou(first, np.arange(3)).tolist() == [1.0, 100 / 500, 0.0]
    assert pixels_of(union([first, second, apart])).sum() == 600
    assert pixel_bounds(union([first, apart])) == (0, 0, 59, 59)
    assert pixel_bounds(intersection([first, second])) == (10, 5, 19, 14)
    assert pixels_of(intersection([first, second, apart])).sum() == 0
    assert MaskOverlaps([]).iou(first, np.arange(0)).tolist() == []
