"""The tolerance rule itself."""

from typing import Any

import numpy as np
import pytest

from tests.parity.rule import Answer, compare, outline_distance, polygon_iou, polygons_agree

SQUARE = np.array([(10, 10), (10, 109), (109, 109), (109, 10)], float)


def thing(confidence: float, x: float = 100, name: str = "star", **more: Any) -> dict[str, Any]:
    return {"x": x, "y": 50, "width": 40, "height": 40, "class": name, "confidence": confidence, **more}


def answer(*predictions: dict[str, Any]) -> Answer:
    return {"predictions": predictions}


@pytest.mark.parametrize(
    ("ours", "theirs", "is_equal"),
    [
        ([thing(0.9)], [thing(0.9)], True),
        ([thing(0.904, x=101)], [thing(0.9)], True),  # at both tolerances
        ([thing(0.9, x=101.1)], [thing(0.9)], False),
        ([thing(0.906)], [thing(0.9)], False),
        ([thing(0.9, name="disc")], [thing(0.9)], False),
        ([thing(0.9)], [], False),
        ([], [thing(0.404)], True),  # the threshold decides
        ([], [thing(0.406)], False),
        # Scores close to each other: the order is free, and nothing else.
        ([thing(0.9, x=300), thing(0.902)], [thing(0.902), thing(0.9, x=300)], True),
        ([thing(0.9, x=300), thing(0.92)], [thing(0.92), thing(0.9, x=300)], False),
        ([thing(0.9, x=104)], [thing(0.9)], False),
    ],
)
def test_answers_are_equal_within_the_tolerances(
    ours: list[dict[str, Any]], theirs: list[dict[str, Any]], is_equal: bool
) -> None:
    assert compare(answer(*ours), answer(*theirs)).is_equal is is_equal
    assert compare(answer(*theirs), answer(*ours)).is_equal is is_equal


def test_the_last_of_a_full_answer_is_a_threshold_too() -> None:
    ours, theirs = answer(thing(0.9), thing(0.703, x=300)), answer(thing(0.9), thing(0.7, x=500))

    assert compare(ours, theirs, max_detections=2).is_equal
    assert not compare(ours, theirs).is_equal


@pytest.mark.parametrize(
    ("cut", "iou"),
    [(0, 1.0), (1, 0.99), (2, 0.98), (3, 0.97)],
)
def test_large_outlines_agree_by_overlap(cut: int, iou: float) -> None:
    other = SQUARE - [[0, 0], [0, 0], [cut, 0], [cut, 0]]

    assert polygon_iou(other, SQUARE) == (iou, 10_000.0)
    assert polygons_agree(other, SQUARE) is (iou >= 0.98)


def test_small_outlines_agree_by_distance() -> None:
    small, right = SQUARE / 5, np.array([1, 0])

    assert polygon_iou(small + right, small)[0] < 0.98
    assert outline_distance(small + right, small) == pytest.approx(1.0)
    assert polygons_agree(small + right, small)
    assert not polygons_agree(small + 2 * right, small)


def test_an_empty_outline_agrees_with_an_empty_one_only() -> None:
    empty = np.empty((0, 2))

    assert polygons_agree(empty, empty)
    assert not polygons_agree(SQUARE, empty)
