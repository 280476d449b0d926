"""Objects followed over made-up detections: what keeps its number, what gets one, what loses it."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from retinue.video.assignment import best_pairs
from retinue.video.tracker import Tracker, TrackOptions

Box = tuple[float, float, float, float, float, int]  # centre x, centre y, width, height, confidence, class


def follow(frames: list[list[Box]], fps: float = 10, **options: object) -> list[list[int]]:
    tracker = Tracker(TrackOptions(**options))  # type: ignore[arg-type]
    numbers = []
    for index, boxes in enumerate(frames):
        table = np.array(boxes, np.float64).reshape(-1, 6)
        half = table[:, 2:4] / 2
        xyxy = np.concatenate([table[:, :2] - half, table[:, :2] + half], axis=1)
        numbers.append(tracker.update(index / fps, xyxy, table[:, 4], table[:, 5].astype(np.int64)).tolist())
    return numbers


def walk(
    start_xy: tuple[float, float], step_xy: tuple[float, float], count: int, confidence: float = 0.9, class_id: int = 0
) -> list[Box]:
    (x, y), (dx, dy) = start_xy, step_xy
    return [(x + dx * n, y + dy * n, 40, 40, confidence, class_id) for n in range(count)]


@pytest.mark.parametrize("fps", [5, 10, 30])
def test_objects_that_cross_keep_their_numbers(fps: int) -> None:
    count, step = 4 * fps, 60 / fps
    right, left = walk((40, 100), (step, 0), count), walk((280, 112), (-step, 0), count)
    assert follow([[a, b] for a, b in zip(right, left, strict=True)], fps) == [[1, 2]] * count


def test_the_order_of_the_detections_does_not_matter() -> None:
    a, b, c = walk((40, 100), (6, 0), 20), walk((280, 108), (-6, 0), 20), walk((150, 20), (0, 8), 20)
    straight = follow([list(row) for row in zip(a, b, c, strict=True)])
    turned = follow([list(row) if n == 0 else list(row)[::-1] for n, row in enumerate(zip(a, b, c, strict=True))])
    assert straight == [[1, 2, 3]] * 20
    assert turned[1:] == [[3, 2, 1]] * 19


@pytest.mark.parametrize(
    ("gap_frames", "expected_after"),
    [pytest.param(5, 1, id="hidden for half a second"), pytest.param(25, 2, id="hidden for longer than the memory")],
)
def test_an_object_out_of_sight(gap_frames: int, expected_after: int) -> None:
    path = walk((40, 100), (4, 0), 50)
    frames = [[] if 10 <= n < 10 + gap_frames else [box] for n, box in enumerate(path)]
    numbers = follow(frames)  # type: ignore[arg-type]
    assert numbers[9] == [1] and numbers[10 + gap_frames] == [expected_after]


def test_doubtful_detections_continue_a_track_but_begin_none() -> None:
    sure = walk((40, 100), (4, 0), 30)
    wavering = [(*box[:4], 0.15 if 8 <= n < 20 else 0.9, 0) for n, box in enumerate(sure)]
    noise: Box = (300, 300, 40, 40, 0.15, 0)
    assert follow([[box, noise] for box in wavering]) == [[1, 0]] * 30  # type: ignore[list-item]


def test_a_detection_seen_once_is_forgotten() -> None:
    path = walk((40, 100), (4, 0), 10)
    ghost: Box = (200, 200, 40, 40, 0.9, 0)
    frames = [[box, ghost] if n in (3, 6) else [box] for n, box in enumerate(path)]
    numbers = follow(frames)
    assert numbers[3] == [1, 2] and numbers[6] == [1, 3]


def test_births_are_numbered_in_the_order_of_the_detections() -> None:
    a, b = walk((40, 100), (2, 0), 6), walk((300, 100), (2, 0), 6)
    assert follow([[a[0]], [a[1]], [b[2], a[2]], [a[3], b[3]]]) == [[1], [1], [2, 1], [1, 2]]


@pytest.mark.parametrize(("is_class_agnostic", "after"), [(False, 2), (True, 1)])
def test_a_change_of_class(is_class_agnostic: bool, after: int) -> None:
    cat, dog = walk((40, 100), (2, 0), 10, class_id=0), walk((40, 100), (2, 0), 10, class_id=1)
    numbers = follow([[box] for box in cat[:5] + dog[5:]], is_class_agnostic=is_class_agnostic)
    assert [row[0] for row in numbers] == [1] * 5 + [after] * 5


def test_pauses_between_frames_count_as_time() -> None:
    tracker = Tracker()
    for time_s in (0.0, 0.1, 0.2, 0.3, 0.4, 1.2):  # frames that failed lie between the last two
        x = 50 + 40 * time_s
        numbers = tracker.update(time_s, np.array([[x, 50, x + 40, 90]]), np.array([0.9]), np.array([0], np.int64))
        assert numbers.tolist() == [1]


def test_empty_frames_and_boxes_without_a_size() -> None:
    tracker = Tracker()
    none = np.empty((0, 4)), np.empty(0), np.empty(0, np.int64)
    assert tracker.update(0.0, *none).tolist() == []
    flat = np.array([[5.0, 5.0, 5.0, 5.0]])
    assert tracker.update(0.1, flat, np.array([0.9]), np.array([0], np.int64)).tolist() == [1]
    assert tracker.update(0.2, *none).tolist() == []


def test_many_objects_are_followed_alike_every_time() -> None:
    random = np.random.default_rng(5)
    starts, steps = random.uniform(0, 2000, (60, 2)), random.normal(0, 2, (60, 2))
    frames = [
        [(x, y, 30, 30, 0.9, n % 3) for n, (x, y) in enumerate((starts + steps * index).tolist())]
        for index in range(30)
    ]
    assert follow(frames) == follow(frames)  # type: ignore[arg-type]
    assert np.mean(np.array(follow(frames)) == np.arange(1, 61)) > 0.98  # type: ignore[arg-type]


def least_total(cost: NDArray[np.float64], most: float) -> float:
    rows, columns = cost.shape
    if rows > columns:
        return least_total(cost.T, most)
    return min(
        sum(min(cost[row, column], most) for row, column in enumerate(chosen))
        for chosen in permutations(range(columns), rows)
    )


def test_pairs_have_the_least_total() -> None:
    random = np.random.default_rng(11)
    for round_number in range(300):
        rows, columns = random.integers(1, 6, 2)
        cost, most = random.random((rows, columns)), float(random.random())
        if round_number % 3 == 0:
            cost = np.round(cost * 3) / 3  # ties
        pairs = best_pairs(cost, most)
        assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
        assert all(cost[pair] < most for pair in pairs)
        total = sum(cost[pair] for pair in pairs) + most * (min(rows, columns) - len(pairs))
        assert total == pytest.approx(least_total(cost, most))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_pair(shape: tuple[int, int]) -> None:
    assert best_pairs(np.empty(shape), 0.8) == []
