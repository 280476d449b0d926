"""How far a shard is: told to the job's record, to the log, and to a terminal if there is one."""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from retinue.worker.stop import Stop

REPORT_S = 2.0


class Log(Protocol):
    """A logger that writes a line of JSON; `extra` are its fields."""

    def debug(self, message: str, *, extra: dict[str, Any]) -> None: ...
    def info(self, message: str, *, extra: dict[str, Any]) -> None: ...
    def warning(self, message: str, *, extra: dict[str, Any]) -> None: ...


@dataclass
class Progress:
    """Items of a shard that have an answer in a part that exists (`done`), and those of them that failed."""

    total: int
    done: int = 0
    failed: int = 0
    inferred: int = 0  # by this attempt, also in parts that do not exist yet
    started_s: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        """Items a second of this attempt."""
        return self.inferred / max(1e-6, time.monotonic() - self.started_s)


class Heartbeat:
    """Reports on a thread of its own and hears whether the job is over. A context manager."""

    def __init__(
        self, report: Callable[[int, int], bool], progress: Progress, stop: Stop, log: Log, period_s: float = REPORT_S
    ) -> None:
        """`report(done, failed)` says whether the job is over."""
        self._report, self._progress, self._stop, self._log, self._period_s = report, progress, stop, log, period_s
        self._is_finished = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_finished.set()

    def _run(self) -> None:
        while not self._is_finished.wait(self._period_s):
            try:
                if self._report(self._progress.done, self._progress.failed):
                    self._stop.ask("job over")
            except Exception as exc:  # the work goes on without its report; the end of the shard is reported anyway
                self._log.warning("report failed", extra={"reason": str(exc)[:500]})


class TerminalBar:
    """A bar on a terminal, or nothing where standard error is none."""

    def __init__(self, progress: Progress, shard: int) -> None:
        self._progress = progress
        self._bar: Any = None
        if sys.stderr.isatty():
            self._bar = self._make(shard)

    def show(self) -> None:
        """Draws how far it is now."""
        if self._bar is not None:
            failed = f"{self._progress.failed} failed" if self._progress.failed else ""
            self._bar.update(self._task, completed=self._progress.done, failed=failed)

    def close(self) -> None:
        """Leaves the last state on the terminal."""
        if self._bar is not None:
            self._bar.stop()

    def _make(self, shard: int) -> Any:
        try:
            from rich import progress as rich
            from rich.console import Console
        except ImportError:  # not in the image: nobody watches a terminal there
            return None
        bar = rich.Progress(
            rich.TextColumn(f"shard {shard}"),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TimeRemainingColumn(),
            rich.TextColumn("[red]{task.fields[failed]}"),
            console=Console(stderr=True),
        )
        self._task = bar.add_task("", total=self._progress.total, completed=self._progress.done, failed="")
        bar.start()
        return bar
