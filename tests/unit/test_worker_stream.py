"""What is made ahead on one thread: order, room, errors, and stopping."""

import threading
import time
from collections.abc import Iterator

import pytest

from retinue.worker.stop import Stop, Stopped
from retinue.worker.stream import Stream


def stream(source: Iterator[int], stop: Stop | None = None, *, most: int = 3, most_bytes: int = 1000) -> Stream[int]:
    return Stream(source, stop or Stop(), most=most, most_bytes=most_bytes, size_of=lambda number: number)


def test_everything_comes_in_order() -> None:
    with stream(iter(range(50))) as numbers:
        assert list(numbers) == list(range(50))


@pytest.mark.parametrize(("most", "most_bytes", "ahead"), [(3, 1000, 3), (100, 25, 3), (100, 5, 1)])
def test_no_more_is_made_than_there_is_room_for(most: int, most_bytes: int, ahead: int) -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for _ in range(20):
            made.append(10)
            yield 10

    with stream(source(), most=most, most_bytes=most_bytes) as numbers:
        for taken in range(1, 10):
            next(numbers)
            until = time.monotonic() + 0.05
            while time.monotonic() < until:
                assert len(made) <= taken + ahead + 1  # one more waits for room


def test_an_error_comes_in_its_place() -> None:
    def source() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("broken")

    with stream(source()) as numbers:
        assert [next(numbers), next(numbers)] == [1, 2]
        for _ in range(2):
            with pytest.raises(ValueError, match="broken"):
                next(numbers)


def test_a_stop_is_heard_while_waiting() -> None:
    stop, is_over = Stop(), threading.Event()

    def source() -> Iterator[int]:
        yield 1
        is_over.wait(10)

    with pytest.raises(Stopped), stream(source(), stop) as numbers:
        next(numbers)
        threading.Timer(0.1, stop.ask, ["signal"]).start()
        threading.Timer(0.2, is_over.set).start()
        next(numbers)


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()
    with stream(iter(range(1000))) as numbers:
        next(numbers)
    assert threading.active_count() == before
