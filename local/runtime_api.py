"""One execution environment of a function: a process, and the Lambda Runtime API that it talks to.

Each environment has an endpoint of its own, as on Lambda, so a call needs no other sign of who makes it. The process is
AWS's runtime client (awslambdaric); where that has no wheel, poll.py speaks the same API.
"""

import asyncio
import json
import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.http1 import Limits, Request, Response, Server, json_response
from local.intrinsics import ACCOUNT_ID, REGION
from local.processes import Child, Guardian
from local.template import Function

logger = logging.getLogger(__name__)

# What Lambda really refuses above: 6 MiB and a little room for the envelope.
MAX_PAYLOAD_BYTES = 6_291_556
INIT_LIMIT_S = 10.0
_PREFIX = "/2018-06-01/runtime"
_ACCEPTED = b'{"status":"OK"}'
# Error calls carry the stack trace in a header, up to 1 MiB.
_LIMITS = Limits(head_bytes=2 << 20, body_bytes=MAX_PAYLOAD_BYTES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: with the function's JSON, or with an error (`Type: message`)."""

    payload: bytes
    error: str
    is_cold: bool


class Invocation:
    """One event on its way through a function. `outcome` is set exactly once."""

    def __init__(self, event: bytes, request_id: str, trace_id: str) -> None:
        self.event = event
        self.request_id = request_id
        self.trace_id = trace_id
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def finish(self, payload: bytes, error: str, is_cold: bool) -> None:
        """Sets the outcome, unless it is set or its reader is gone."""
        if not self.outcome.done():
            self.outcome.set_result(Outcome(payload, error, is_cold))


@dataclass(frozen=True)
class WorkerSettings:
    """How the processes of one function are started."""

    function: Function
    command: Sequence[str]
    environment: Mapping[str, str]
    guardian: Guardian
    folder: Path  # each worker gets its own temporary folder in here


class Worker:
    """One environment. It serves one event at a time and dies as Lambda's do: on exit, timeout or an oversize answer.

    `on_ready(worker)` is called each time it asks for an event, `on_end(worker)` once, when its process is gone.
    """

    def __init__(
        self, settings: WorkerSettings, on_ready: Callable[["Worker"], None], on_end: Callable[["Worker"], None]
    ) -> None:
        self.function = settings.function
        self.is_ready = False  # whether its init phase is over
        self.error = ""  # why it ended, or is about to
        self._settings = settings
        self._on_ready = on_ready
        self._on_end = on_end
        self._server = Server(self._answer, _LIMITS)
        self._child: Child | None = None
        self._served = 0
        self._current: Invocation | None = None
        self._next: asyncio.Future[Invocation] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._running = asyncio.create_task(self._run())

    @property
    def pid(self) -> int | None:
        """The process, once it is started."""
        return self._child.pid if self._child else None

    @property
    def is_returning(self) -> bool:
        """Whether it has answered its event and not yet asked for the next one."""
        return self.is_ready and self._current is None and self._next is None and not self.error

    def assign(self, invocation: Invocation) -> None:
        """Hands the event to the process, which must have asked for one, and starts the function's clock."""
        assert self._next is not None and self._child is not None
        self._current = invocation
        self._child.tail.clear()  # a failure is shown with what was printed for its own event
        self._start_timer(self.function.timeout_s, f"Task timed out after {self.function.timeout_s:.2f} seconds")
        self._next.set_result(invocation)
        self._next = None

    def kill(self, error: str) -> None:
        """Ends the environment; a request that it is working on fails with `error`."""
        self.error = self.error or error
        self._finish(b"", self.error)
        if self._child is not None:
            self._child.kill()

    async def stop(self) -> None:
        """Kills the process and waits until it and everything that belongs to it is gone."""
        self.kill("Runtime.Stopped: the local stack is stopping")
        await self._running

    async def _run(self) -> None:
        """The environment's whole life."""
        started = time.perf_counter()
        name = self.function.logical_id
        with tempfile.TemporaryDirectory(
            prefix=f"{name}-", dir=self._settings.folder, ignore_cleanup_errors=True
        ) as folder:
            try:
                init_s = INIT_LIMIT_S + self.function.timeout_s  # Lambda repeats a slow init inside the first request
                self._start_timer(init_s, f"Sandbox.Timedout: init took more than {init_s:g} seconds")
                port = await self._server.listen("127.0.0.1", 0)
                environment = {
                    **self._settings.environment,
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
                    "TMPDIR": folder,
                }
                self._child = await Child.start(
                    name, self._settings.command, self.function.code, environment, self._settings.guardian
                )
                if self.error:  # stopped meanwhile
                    self._child.kill()
                status = await self._child.wait()
                self.error = self.error or f"Runtime.ExitError: the process exited with status {status}"
            except OSError as exc:
                self.error = f"Runtime.StartError: cannot run {self._settings.command[0]}: {exc}"
            finally:
                self._end()
        logger.debug("%s: environment ended after %.1f s: %s", name, time.perf_counter() - started, self.error)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._next is not None:
            self._next.cancel()
        self._finish(b"", self.error)
        self._server.close()
        self._on_end(self)

    def report(self, error: str) -> None:
        """Logs a failure with what the process printed last."""
        printed = "".join(f"\n    {line}" for line in self._child.tail) if self._child else ""
        logger.warning("%s: %s%s", self.function.logical_id, error, printed)

    def _start_timer(self, seconds: float, error: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.kill, error)

    def _finish(self, payload: bytes, error: str) -> None:
        """Answers the current request, if there is one."""
        invocation, self._current = self._current, None
        if invocation is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._served += 1
        if error:
            self.report(error)
        invocation.finish(payload, error, is_cold=self._served == 1)

    async def _answer(self, request: Request) -> Response:
        """The Runtime API."""
        if not request.target.startswith(_PREFIX):
            return _refusal(404, "not a path of the Runtime API")
        match request.method, request.target.removeprefix(_PREFIX).strip("/").split("/"):
            case "GET", ["invocation", "next"]:
                return await self._hand_over()
            case "POST", ["invocation", request_id, ("response" | "error") as kind]:
                return self._take(request, request_id, kind)
            case "POST", ["init", "error"]:
                self.error = _error_text(request.body)
                return json_response(202, _ACCEPTED)
        return _refusal(404, "not a path of the Runtime API")

    async def _hand_over(self) -> Response:
        """Waits for the next event."""
        if not self.is_ready and self._timer is not None:
            self._timer.cancel()
        self.is_ready = True
        waiting = self._next = asyncio.get_running_loop().create_future()
        self._on_ready(self)
        invocation = await waiting
        deadline_ms = int((time.time() + self.function.timeout_s) * 1000)
        headers = [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", invocation.request_id),
            ("lambda-runtime-deadline-ms", str(deadline_ms)),
            (
                "lambda-runtime-invoked-function-arn",
                f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{self.function.name}",
            ),
            ("lambda-runtime-trace-id", invocation.trace_id),
        ]
        return Response(200, headers, invocation.event)

    def _take(self, request: Request, request_id: str, kind: str) -> Response:
        """Takes the function's answer to the current event."""
        if self._current is None or self._current.request_id != request_id:
            return _refusal(400, f"{request_id} is not the current request")
        if request.is_oversize:
            # The client exits on the 413; like Lambda, this environment is not used again.
            self._finish(b"", f"Function.ResponseSizeTooLarge: the response is above {MAX_PAYLOAD_BYTES:,} bytes")
            self.error = "Function.ResponseSizeTooLarge"
            return _refusal(413, f"Exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes).")
        if kind == "error":
            self._finish(b"", _error_text(request.body))
        else:
            self._finish(request.body, "")
        return json_response(202, _ACCEPTED)


def _error_text(body: bytes) -> str:
    """`Type: message` from the client's report of an error; the trace is in what the process printed."""
    try:
        report = json.loads(body)
        return f"{report['errorType']}: {report['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return f"Runtime.Unknown: {body[:500].decode('utf-8', 'replace')}"


def _refusal(status: int, message: str) -> Response:
    return json_response(status, f'{{"errorMessage":"{message}","errorType":"InvalidRequest"}}'.encode())
