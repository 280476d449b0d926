"""The environments of one function: started on demand, one event each, ended after idle minutes."""

import asyncio
import logging
import os
from collections import deque

from local.runtime_api import Invocation, Outcome, Worker, WorkerSettings

logger = logging.getLogger(__name__)

IDLE_S = 300.0
# More than one process per core does not make inference faster; one more keeps the cores busy between two requests.
MAX_WORKERS = (os.cpu_count() or 1) + 1

# A process that has answered asks for the next event within milliseconds, a busy machine permitting; another one takes
# half a second to start.
_RETURN_S = 0.1


class Pool:
    """Serves the events of one function, in order of arrival once all environments are busy."""

    def __init__(self, settings: WorkerSettings, max_workers: int, idle_s: float) -> None:
        self._settings = settings
        self._max_workers = max_workers
        self._idle_s = idle_s
        self._workers: list[Worker] = []
        self._idle: dict[Worker, asyncio.TimerHandle] = {}  # in the order in which they became idle
        self._waiting: deque[Invocation] = deque()
        self._is_stopping = False

    @property
    def pids(self) -> list[int]:
        """The processes that run now."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def submit(self, event: bytes, request_id: str, trace_id: str) -> asyncio.Future[Outcome]:
        """Runs the function on `event` (JSON); the future tells how that ended, a failure too.

        Whoever no longer waits may cancel it: an event that is still queued is dropped then.
        """
        invocation = Invocation(event, request_id, trace_id)
        if self._idle:
            worker, timer = self._idle.popitem()  # the latest, so that surplus ones stay idle until they are ended
            timer.cancel()
            worker.assign(invocation)
        else:
            self._waiting.append(invocation)
            if any(worker.is_returning for worker in self._workers):
                asyncio.get_running_loop().call_later(_RETURN_S, self._grow_for, invocation)
            else:
                self._grow()
        return invocation.outcome

    async def stop(self) -> None:
        """Ends every environment; requests under way fail."""
        self._is_stopping = True
        for timer in self._idle.values():
            timer.cancel()
        await asyncio.gather(*(worker.stop() for worker in tuple(self._workers)))

    def _grow(self) -> None:
        """Starts as many environments as there are events that no starting one will take, up to the limit."""
        if self._is_stopping:
            return
        starting = sum(not worker.is_ready for worker in self._workers)
        free = self._max_workers - len(self._workers)
        for _ in range(min(len(self._waiting) - starting, free)):
            self._workers.append(Worker(self._settings, self._on_ready, self._on_end))

    def _grow_for(self, invocation: Invocation) -> None:
        """Starts more environments if the event still waits."""
        if invocation in self._waiting:
            self._grow()

    def _on_ready(self, worker: Worker) -> None:
        while self._waiting:
            invocation = self._waiting.popleft()
            if not invocation.outcome.done():  # the gateway may have given it up while it waited
                worker.assign(invocation)
                return
        loop = asyncio.get_running_loop()
        self._idle[worker] = loop.call_later(self._idle_s, self._end_idle, worker)

    def _end_idle(self, worker: Worker) -> None:
        # The last one stays: a developer's next request should be warm. One that was killed may still be in the list.
        if sum(not other.error for other in self._workers) > 1:
            del self._idle[worker]
            worker.kill("ended after being idle")

    def _on_end(self, worker: Worker) -> None:
        self._workers.remove(worker)
        timer = self._idle.pop(worker, None)
        if timer is not None:
            timer.cancel()
        if not worker.is_ready and self._waiting:
            # It died in its init phase: the event that it was started for fails, as on Lambda.
            worker.report(worker.error)
            self._waiting.popleft().finish(b"", worker.error, is_cold=True)
        self._grow()
