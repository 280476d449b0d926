"""A trace of a run in the format that chrome://tracing, Perfetto and Speedscope open (Trace Event Format)."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Profiler:
    """Collects complete events (phase X): name, category, start and duration in microseconds."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    @contextmanager
    def __call__(self, name: str, category: str) -> Iterator[None]:
        """Records the time spent inside."""
        started_ns = time.time_ns()
        try:
            yield
        finally:
            self.events.append(
                {
                    "name": name,
                    "cat": category,
                    "ph": "X",
                    "ts": started_ns / 1e3,
                    "dur": (time.time_ns() - started_ns) / 1e3,
                    "pid": os.getpid(),
                    "tid": threading.get_ident(),
                    "args": {},
                }
            )
