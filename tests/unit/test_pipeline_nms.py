"""Non-maximum suppression: a table of corners, and agreement with a slow greedy loop."""

import numpy as np
import pytest
from numpy.typing import NDArray

from retinue.pipeline.nms import box_iou, non_maximum_suppression

Candidates = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]

UNIT = [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("box", "other", "expected"),
    [
        (UNIT, UNIT, 1.0),
        (UNIT, [0, 0, 2, 1], 0.5),
        (UNIT, [0.5, 0.5, 1.5, 1.5], 0.25 / 1.75),
        (UNIT, [1, 0, 2, 1], 0.0),  # they touch
        (UNIT, [5, 5, 6, 6], 0.0),
        (UNIT, [0.5, 0.5, 0.5, 0.5], 0.0),  # an empty box inside
        ([3, 3, 3, 3], [3, 3, 3, 3], 0.0),  # both empty: no division by zero
    ],
)
def test_iou_both_ways(box: list[float], other: list[float], expected: float) -> None:
    first, second = np.array([box], np.float32), np.array([other], np.float32)

    assert box_iou(first, second).item() == pytest.approx(expected)
    assert box_iou(second, first).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("boxes", "confidence", "class_id", "iou_threshold", "is_class_agnostic", "expected"),
    [
        pytest.param([], [], [], 0.5, False, [], id="nothing"),
        pytest.param([UNIT], [0.5], [0], 0.5, False, [0], id="one"),
        pytest.param([UNIT, [5, 5, 6, 6]], [0.1, 0.9], [0, 0], 0.5, False, [1, 0], id="apart: best first"),
        pytest.param([UNIT, UNIT], [0.8, 0.9], [0, 0], 0.5, False, [1], id="same place: the better stays"),
        pytest.param([UNIT, UNIT, UNIT], [0.9, 0.9, 0.9], [0, 0, 0], 0.5, False, [0], id="tie: the first stays"),
        pytest.param([UNIT, [5, 5, 6, 6]], [0.9, 0.9], [0, 0], 0.5, False, [0, 1], id="tie: order is kept"),
        pytest.param([UNIT, UNIT], [0.8, 0.9], [0, 1], 0.5, False, [1, 0], id="two classes stay"),
        pytest.param([UNIT, UNIT], [0.8, 0.9], [0, 1], 0.5, True, [1], id="two classes, agnostic"),
        pytest.param([UNIT, [0, 0, 2, 1]], [0.9, 0.8], [0, 0], 0.5, False, [0, 1], id="IoU at the threshold stays"),
        pytest.param([UNIT, [0, 0, 2, 1]], [0.9, 0.8], [0, 0], 0.49, False, [0], id="IoU above the threshold goes"),
        # 3 / 10 in float32 is above 0.3, and is compared with the double 0.3
        pytest.param([[0, 0, 10, 1], [0, 0, 3, 1]], [0.9, 0.8], [0, 0], 0.3, False, [0], id="0.3 as float32"),
        pytest.param([UNIT, UNIT], [0.9, 0.8], [0, 0], 1.0, False, [0, 1], id="threshold 1 keeps all"),
        pytest.param([UNIT, [0.9, 0, 2, 1]], [0.9, 0.8], [0, 0], 0.0, False, [0], id="threshold 0: a touch is enough"),
        pytest.param([[3, 3, 3, 3]] * 2, [0.9, 0.8], [0, 0], 0.0, False, [0, 1], id="empty boxes never overlap"),
        # the second goes, so it cannot take the third with it
        pytest.param(
            [[0, 0, 10, 1], [4, 0, 14, 1], [8, 0, 18, 1]], [0.9, 0.8, 0.7], [0, 0, 0], 0.4, False, [0, 2], id="chain",
        ),
        # 13.3 of 53.3 pixels high: the larger overlap by the area of one box alone would drop the second
        pytest.param(
            [[381, 133, 459, 167], [381, 153, 459, 187]], [0.5, 0.48], [0, 0], 0.3, False, [0, 1], id="IoU of both",
        ),
    ],
)  # fmt: skip
def test_what_stays(
    boxes: list[list[float]],
    confidence: list[float],
    class_id: list[int],
    iou_threshold: float,
    is_class_agnostic: bool,
    expected: list[int],
) -> None:
    kept = non_maximum_suppression(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(confidence, np.float32),
        np.array(class_id, np.int64),
        iou_threshold=iou_threshold,
        max_detections=300,
        is_class_agnostic=is_class_agnostic,
    )

    assert kept.tolist() == expected


@pytest.mark.parametrize(("max_detections", "expected"), [(5, [2, 1, 0]), (2, [2, 1]), (1, [2]), (0, []), (-1, [])])
def test_the_best_few(max_detections: int, expected: list[int]) -> None:
    xyxy = np.array([[0, 0, 1, 1], [2, 0, 3, 1], [4, 0, 5, 1]], np.float32)
    confidence, class_id = np.array([0.1, 0.2, 0.3], np.float32), np.zeros(3, np.int64)

    kept = non_maximum_suppression(xyxy, confidence, class_id, iou_threshold=0.5, max_detections=max_detections)

    assert kept.tolist() == expected


def candidates(count: int, seed: int) -> Candidates:
    """Boxes of 5 to 60 pixels on 400 x 400, three classes, no two confidences equal."""
    random = np.random.default_rng(seed)
    corner, size = random.uniform(0, 400, (count, 2)), random.uniform(5, 60, (count, 2))
    confidence = random.permutation(count).astype(np.float32) / count
    return np.concatenate([corner, corner + size], 1).astype(np.float32), confidence, random.integers(0, 3, count)


def suppress(candidates: Candidates, max_detections: int = 10_000) -> list[int]:
    return non_maximum_suppression(*candidates, iou_threshold=0.3, max_detections=max_detections).tolist()


def slow_greedy(xyxy: NDArray[np.float32], confidence: NDArray[np.float32], class_id: NDArray[np.int64]) -> list[int]:
    """Box after box: it stays unless one that stays, of its class, has IoU > 0.3 with it."""
    kept: list[int] = []
    for index in sorted(range(len(confidence)), key=lambda index: -confidence[index]):
        rivals = [other for other in kept if class_id[other] == class_id[index]]
        low = np.maximum(xyxy[rivals, :2], xyxy[index, :2])
        high = np.minimum(xyxy[rivals, 2:], xyxy[index, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        own, others = (xyxy[index, 2:] - xyxy[index, :2]).prod(), (xyxy[rivals, 2:] - xyxy[rivals, :2]).prod(axis=1)
        if not (shared / (own + others - shared) > 0.3).any():
            kept.append(index)
    return kept


@pytest.mark.parametrize("count", [50, 512, 513, 1030])  # one block, exactly one, one more, three
def test_equals_a_slow_greedy_loop(count: int) -> None:
    given = candidates(count, seed=count)

    assert suppress(given) == slow_greedy(*given)


def test_a_limit_gives_the_beginning_of_the_whole_answer() -> None:
    given = candidates(1030, seed=5)

    assert suppress(given, max_detections=7) == suppress(given)[:7]


def test_what_stays_stays_again() -> None:
    xyxy, confidence, class_id = candidates(800, seed=6)
    kept = suppress((xyxy, confidence, class_id))

    again = suppress((xyxy[kept], confidence[kept], class_id[kept]))

    assert again == list(range(len(kept)))


def test_the_order_of_the_candidates_does_not_matter() -> None:
    xyxy, confidence, class_id = candidates(800, seed=7)
    shuffled = np.random.default_rng(8).permutation(800)

    kept = suppress((xyxy[shuffled], confidence[shuffled], class_id[shuffled]))

    assert shuffled[kept].tolist() == suppress((xyxy, confidence, class_id))
