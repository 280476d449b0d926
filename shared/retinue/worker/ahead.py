"""Work that is done ahead, on threads, and handed over in order: while the network runs on some pictures, the next
ones are fetched and decoded."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from retinue.worker.stop import Stop

T = TypeVar("T")
R = TypeVar("R")
_LOOK_S = 0.5  # how often a waiting consumer looks whether to stop


@dataclass(frozen=True, slots=True)
class Limits:
    """How far ahead: on so many threads, at most so many results and (about) so many bytes of them waiting.

    The bytes of a result are known when it is there, so each thread may exceed them by one result.
    """

    threads: int
    results: int
    size_bytes: int


class Ahead(Generic[T, R]):
    """An iterator over `work(item)` for each item, in order. A context manager: at its end the threads go home."""

    def __init__(
        self,
        items: Sequence[T],
        work: Callable[[T], R],
        limits: Limits,
        stop: Stop,
        size_of: Callable[[R], int] = lambda result: 0,
    ) -> None:
        """What `work` raises is raised where its result would have been handed over."""
        self._items, self._work, self._limits, self._stop, self._size_of = items, work, limits, stop, size_of
        self._changed = threading.Condition()
        self._results: dict[int, R | BaseException] = {}
        self._held_bytes = 0
        self._started = 0  # items that a thread took
        self._handed_over = 0
        self._is_closed = False
        # Daemons: one that hangs in a read must not keep the process from ending.
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(limits.threads)]

    def __enter__(self) -> "Ahead[T, R]":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._is_closed = True
            self._results.clear()
            self._changed.notify_all()

    def __iter__(self) -> "Ahead[T, R]":
        return self

    def __next__(self) -> R:
        """The next result. Raises Stopped within half a second once that is asked for."""
        if self._handed_over >= len(self._items):
            raise StopIteration
        with self._changed:
            while self._handed_over not in self._results:
                self._stop.check()
                self._changed.wait(_LOOK_S)
            self._stop.check()
            result = self._results.pop(self._handed_over)
            self._handed_over += 1
            if not isinstance(result, BaseException):
                self._held_bytes -= self._size_of(result)
            self._changed.notify_all()
        if isinstance(result, BaseException):
            raise result
        return result

    def _run(self) -> None:
        while (position := self._take()) is not None:
            result: R | BaseException
            try:
                result = self._work(self._items[position])
                size = self._size_of(result)
            except BaseException as exc:  # belongs to the consumer, whatever it is
                result, size = exc, 0
            with self._changed:
                self._results[position] = result
                self._held_bytes += size
                self._changed.notify_all()

    def _take(self) -> int | None:
        """The position of the next item, once there is room for its result; None when there is nothing to do."""
        with self._changed:
            while not self._is_closed and self._started < len(self._items):
                ahead = self._started - self._handed_over
                # The one that the consumer waits for always has room.
                if ahead == 0 or (ahead < self._limits.results and self._held_bytes < self._limits.size_bytes):
                    self._started += 1
                    return self._started - 1
                self._changed.wait()
            return None
