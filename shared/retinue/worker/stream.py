"""What comes one after another, made ahead on one thread: frames can only be decoded in their order."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from retinue.worker.stop import Stop

T = TypeVar("T")
_LOOK_S = 0.5  # how often a waiting consumer looks whether to stop


class Stream(Generic[T]):
    """An iterator over the same things, some of them made before they are asked for. A context manager: at its end
    the thread goes home at its next opportunity."""

    def __init__(
        self, source: Iterator[T], stop: Stop, *, most: int, most_bytes: int, size_of: Callable[[T], int]
    ) -> None:
        """At most `most` things, and about `most_bytes`, wait. What `source` raises is raised in its place."""
        self._source, self._stop, self._most, self._most_bytes = source, stop, most, most_bytes
        self._size_of = size_of
        self._changed = threading.Condition()
        self._waiting: deque[T] = deque()
        self._held_bytes = 0
        self._end: BaseException | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Stream[T]":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()  # the file behind it is closed next

    def __iter__(self) -> "Stream[T]":
        return self

    def __next__(self) -> T:
        """The next thing. Raises Stopped within half a second once that is asked for."""
        with self._changed:
            while not self._waiting and self._end is None:
                self._stop.check()
                self._changed.wait(_LOOK_S)
            self._stop.check()
            if not self._waiting:
                assert self._end is not None
                raise self._end
            thing = self._waiting.popleft()
            self._held_bytes -= self._size_of(thing)
            self._changed.notify_all()
        return thing

    def _run(self) -> None:
        end: BaseException = StopIteration()
        try:
            for thing in self._source:
                if not self._put(thing):
                    return
        except BaseException as exc:  # belongs to the consumer, whatever it is
            end = exc
        with self._changed:
            self._end = end
            self._changed.notify_all()

    def _put(self, thing: T) -> bool:
        """Whether there is somebody who still wants it; waits for room."""
        with self._changed:
            while not self._is_closed and self._waiting and self._is_full:
                self._changed.wait()
            if self._is_closed:
                return False
            self._waiting.append(thing)
            self._held_bytes += self._size_of(thing)
            self._changed.notify_all()
        return True

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) >= self._most or self._held_bytes >= self._most_bytes
