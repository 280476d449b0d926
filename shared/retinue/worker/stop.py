"""Stopping before the end: asked for by a signal (the machine goes away) or because the job is over (cancelled)."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Literal

from retinue.worker.exit_codes import ExitCode

Cause = Literal["signal", "job over"]
# AWS Batch kills 30 s after SIGTERM. A run of a network, or a call to S3 that is tried again, may take longer than
# that; what is under way is lost then, but never half written: an object of S3 exists whole or not at all.
GRACE_S = 20.0


class Stopped(Exception):
    """The work was broken off between two batches."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause = cause


class Stop:
    """Whether to stop, and why; the first cause counts. Safe to use from several threads and from signal handlers."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.cause: Cause | None = None

    @property
    def is_asked(self) -> bool:
        """Whether someone asked."""
        return self._event.is_set()

    def ask(self, cause: Cause) -> None:
        """Asks to stop at the next opportunity."""
        self.cause = self.cause or cause
        self._event.set()

    def wait(self, timeout_s: float) -> bool:
        """Waits until someone asks, but not longer; whether someone did."""
        return self._event.wait(timeout_s)

    def check(self) -> None:
        """Raises Stopped if someone asked."""
        if self._event.is_set():
            assert self.cause is not None
            raise Stopped(self.cause)


def stop_on_signals(stop: Stop) -> None:
    """Lets SIGTERM and SIGINT ask; whatever still runs GRACE_S later ends with the exit code for another attempt."""

    def ask(number: int, frame: FrameType | None) -> None:
        if not stop.is_asked:
            watchdog = threading.Timer(GRACE_S, _give_up)
            watchdog.daemon = True
            watchdog.start()
        stop.ask("signal")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)


def _give_up() -> None:
    sys.stdout.flush()
    os._exit(ExitCode.TRY_AGAIN)
