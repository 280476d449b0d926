"""The front door: an HTTP API of API Gateway on a local port."""

import asyncio
import contextlib
import logging
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local import cors
from local.http1 import Limits, Request, Response, Server, json_response
from local.payload import MalformedAnswer, http_event, http_response, split_target
from local.routes import Match, Router
from local.runtime_api import MAX_PAYLOAD_BYTES, Outcome
from local.template import Template

logger = logging.getLogger(__name__)

# API Gateway's own limits: 10 MB for a body, 10,240 bytes for the request line and headers.
LIMITS = Limits(head_bytes=10_240, body_bytes=10 * 1024 * 1024)

Submit = Callable[[bytes, str, str], asyncio.Future[Outcome]]  # event, request id, trace id


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the access log; `function` is empty where the gateway answered by itself."""

    method: str
    path: str
    status: int
    took_ms: float
    function: str
    is_cold: bool


class Gateway:
    """Turns requests into events for the functions that `submit` holds by logical id."""

    def __init__(self, template: Template, submit: Mapping[str, Submit], on_access: Callable[[Access], None]) -> None:
        self._router = Router(template.routes)
        self._cors = template.cors
        self._submit = submit
        self._on_access = on_access
        self._servers = [Server(self._answer, LIMITS), Server(self._answer, LIMITS)]  # IPv4 and IPv6
        self._port = 0

    async def listen(self, port: int) -> int:
        """Starts to serve on the loopback addresses and returns the port. Raises OSError if it is taken."""
        ipv4, ipv6 = self._servers
        self._port = await ipv4.listen("127.0.0.1", port)
        with contextlib.suppress(OSError):  # `localhost` may mean ::1 first, where the machine has it
            await ipv6.listen("::1", self._port)
        return self._port

    def close(self) -> None:
        """Stops serving and drops every connection."""
        for server in self._servers:
            server.close()

    async def _answer(self, request: Request) -> Response:
        started = time.perf_counter()
        path, _ = split_target(request.target)
        match = self._router.match(request.method, path)
        is_cold = False
        if request.is_oversize:
            response = _message(413, "Request Entity Too Large")
        elif self._cors is not None and request.method == "OPTIONS":
            response, match = cors.preflight(self._cors, request), None
        elif match is None:
            response = _message(404, "Not Found")
        else:
            response, is_cold = await self._run(request, match)
        if self._cors is not None and request.method != "OPTIONS":
            cors.apply(self._cors, request, response)
        took_ms = (time.perf_counter() - started) * 1000
        function = match.route.function if match else ""
        self._on_access(Access(request.method, path, response.status, took_ms, function, is_cold))
        return response

    async def _run(self, request: Request, match: Match) -> tuple[Response, bool]:
        """The function's answer as a response, and whether it was a cold start."""
        request_id, now = str(uuid.uuid4()), time.time()
        trace_id = f"Root=1-{int(now):08x}-{secrets.token_hex(12)}"
        event = http_event(request, match.route, match.parameters, request_id, trace_id, now, self._port)
        if len(event) > MAX_PAYLOAD_BYTES:
            return _message(413, "Request Entity Too Large"), False
        run = self._submit[match.route.function](event, request_id, trace_id)
        try:
            async with asyncio.timeout(match.route.timeout_s):
                outcome = await run
        except TimeoutError:  # the function itself goes on, until its own timeout
            return _message(503, "Service Unavailable"), False
        response = _response(outcome, match.route.function)
        response.headers.append(("apigw-requestid", request_id))
        return response, outcome.is_cold


def _response(outcome: Outcome, function: str) -> Response:
    if outcome.error:
        return _message(500, "Internal Server Error")
    try:
        return http_response(outcome.payload)
    except MalformedAnswer as exc:
        logger.warning("%s: malformed answer: %s", function, exc)
        return _message(500, "Internal Server Error")


def _message(status: int, text: str) -> Response:
    """An answer of the gateway itself."""
    return json_response(status, f'{{"message":"{text}"}}'.encode())
