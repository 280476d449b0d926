"""Runs of a function in a process of its own: how long they take, and how much memory."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

# What `slowness` does, on a core of 2.5 GHz that nobody else uses.
_REFERENCE_S = 0.04
_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.unit.workflow_documents", "retinue.workflows.describe", "regex"])


@dataclass(frozen=True)
class Outcome:
    """What came of a run. seconds: of the processor, which others may use too. error: the class of what it raised, with
    its bases; text: its message."""

    seconds: float
    megabytes: float
    error: tuple[str, ...] = ()
    text: str = ""
    value: Any = None


def measured(function: Callable[..., Any], *arguments: Any, timeout_s: float = 30.0) -> Outcome:
    """The outcome of `function`, importable, called in a fresh process that has imported workflows already.

    megabytes: by how much the peak of the process' memory grew. Raises TimeoutError.
    """
    ours, theirs = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_run, args=(theirs, function, arguments))
    process.start()
    theirs.close()
    try:
        if not ours.poll(timeout_s):
            raise TimeoutError(f"{function.__name__} runs longer than {timeout_s} s")
        outcome: Outcome = ours.recv()
    finally:
        process.kill()
        process.join()
        ours.close()
    return outcome


def is_in_time(seconds: float, most_seconds: float) -> bool:
    """Whether a run took no more, or no more than that on a faster machine."""
    return seconds < most_seconds or seconds < most_seconds * slowness()


def slowness() -> float:
    """How many times as long as on the reference machine fixed work takes here and now; at least 1."""
    taken_s = []
    for _ in range(3):
        started_s = time.process_time()
        sum(number * number for number in range(300_000))
        values = np.arange(1_000_000, dtype=np.float32)
        for _ in range(10):
            values = values * np.float32(1.0001) + np.float32(0.5)
        taken_s.append(time.process_time() - started_s)
    return max(1.0, min(taken_s) / _REFERENCE_S)


def _run(answer: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    before_mb, started_s = _peak_mb(), time.process_time()
    error: tuple[str, ...] = ()
    text, value = "", None
    try:
        value = function(*arguments)
    except BaseException as exc:
        error, text = tuple(kind.__name__ for kind in type(exc).__mro__), str(exc)
    seconds = time.process_time() - started_s
    answer.send(Outcome(seconds, _peak_mb() - before_mb, error, text[:2_000], value))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
