"""Work done ahead: in order, bounded, and stopped at once."""

import threading
import time
from collections.abc import Callable

import pytest

from retinue.worker.ahead import Ahead, Limits
from retinue.worker.stop import Stop, Stopped

MANY = Limits(threads=4, results=8, size_bytes=10**9)


def slow_for_some(item: int) -> int:
    time.sleep(0.01 * (item % 3))
    return item * item


@pytest.mark.parametrize("threads", [1, 3, 16])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_results_come_in_order(count: int, threads: int) -> None:
    with Ahead(range(count), slow_for_some, Limits(threads, 8, 10**9), Stop()) as ahead:
        assert list(ahead) == [item * item for item in range(count)]


def test_an_error_comes_in_the_place_of_its_result() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("the fourth")
        return item

    with Ahead(range(6), work, MANY, Stop()) as ahead:
        assert [next(ahead) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="the fourth"):
            next(ahead)
        assert list(ahead) == [4, 5]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        pytest.param(Limits(4, 6, 10**9), 6, id="by number"),
        pytest.param(Limits(4, 100, 300), 3 + 4, id="by bytes, and one more for each thread"),
        pytest.param(Limits(4, 100, 1), 1 + 4, id="less than one result"),
    ],
)
def test_no_more_is_done_ahead_than_allowed(limits: Limits, most: int) -> None:
    done: list[int] = []

    def work(item: int) -> int:
        done.append(item)
        return item

    with Ahead(range(50), work, limits, Stop(), lambda result: 100) as ahead:
        for taken in range(1, 20):
            next(ahead)
            wait_until(lambda taken=taken: len(done) > taken)  # type: ignore[misc]
            time.sleep(0.01)
            assert len(done) <= taken + most
        assert list(ahead) == list(range(19, 50))


def test_whoever_waits_hears_that_all_stop() -> None:
    stop, never = Stop(), threading.Event()
    with Ahead(range(3), lambda item: never.wait(30), MANY, stop) as ahead:
        threading.Timer(0.1, lambda: stop.ask("signal")).start()
        started = time.monotonic()
        with pytest.raises(Stopped):
            next(ahead)
        assert time.monotonic() - started < 2
        never.set()


def test_the_first_cause_counts() -> None:
    stop = Stop()
    stop.check()
    stop.ask("job over")
    stop.ask("signal")
    with pytest.raises(Stopped) as raised:
        stop.check()
    assert raised.value.cause == "job over" and stop.wait(0)


def test_threads_end_with_the_block() -> None:
    before = threading.active_count()
    with Ahead(range(1000), slow_for_some, MANY, Stop()) as ahead:
        next(ahead)
    wait_until(lambda: threading.active_count() <= before)
