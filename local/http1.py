"""A small HTTP/1.1 server on asyncio: what the front door and the Runtime API both need, and nothing more.

Requests of one connection are answered in their order; the body is read whole. Parsing is httptools' (llhttp). asyncio
sets TCP_NODELAY on every socket, without which each call to the Runtime API took 88 ms.
"""

import asyncio
import logging
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

import httptools

logger = logging.getLogger(__name__)

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Request:
    """One request. Header names are lower case, in the order sent; `target` is the path and query as sent."""

    method: str
    target: str
    version: str
    headers: Headers
    body: bytes
    peer: str
    is_oversize: bool = False  # the body was longer than the server takes; `body` is empty then

    def header(self, name: str) -> str | None:
        """The first header called `name` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(slots=True)
class Response:
    """One response; the server adds Date, Content-Length and, where needed, Connection."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


Answer = Callable[[Request], Awaitable[Response]]


def json_response(status: int, body: bytes) -> Response:
    """A response with a JSON text as its body."""
    return Response(status, [("content-type", "application/json")], body)


@dataclass(slots=True, frozen=True)
class Limits:
    """What a server takes: bytes of the request line and headers together, and bytes of the body."""

    head_bytes: int
    body_bytes: int


class Connection(asyncio.Protocol):
    """One client's connection; it keeps its transport in `open_transports` while it lasts."""

    def __init__(self, answer: Answer, limits: Limits, open_transports: set[asyncio.BaseTransport]) -> None:
        self._answer = answer
        self._limits = limits
        self._open_transports = open_transports
        self._parser = httptools.HttpRequestParser(self)
        self._pending: deque[tuple[Request, bool]] = deque()  # with: is the connection kept?
        self._serving: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._is_finished = False  # the last request of this connection is in; whatever follows is ignored
        self._forget_request()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open_transports.add(transport)
        address = transport.get_extra_info("peername")
        self._peer = address[0] if address else ""

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._open_transports.discard(self._transport)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        while data and not self._is_finished:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = self._head_without_upgrade() + data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserError:
                self._refuse(400, b'{"message":"Bad Request"}')
                return

    # httptools calls the following while it parses.

    def on_message_begin(self) -> None:
        self._forget_request()

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))
        self._head_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        if self._head_bytes > self._limits.head_bytes:
            self._refuse(431, b'{"message":"Request Header Or Cookie Too Large"}')
            return
        headers = dict(self._headers)
        if headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            if int(headers.get("content-length", 0)) <= self._limits.body_bytes:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            else:  # the client has not sent the body: answer now, and take nothing more from this connection
                self._is_oversize = True
                self._enqueue(keep_alive=False)

    def on_body(self, chunk: bytes) -> None:
        self._body_bytes += len(chunk)
        if self._body_bytes > self._limits.body_bytes:
            self._is_oversize = True
            self._chunks.clear()
        else:
            self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        if not self._is_finished and not self._parser.should_upgrade():
            self._enqueue(keep_alive=self._parser.should_keep_alive())

    # Answering.

    def _forget_request(self) -> None:
        self._target = b""
        self._headers: Headers = []
        self._head_bytes = 0
        self._chunks: list[bytes] = []
        self._body_bytes = 0
        self._is_oversize = False

    def _enqueue(self, keep_alive: bool) -> None:
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            target=self._target.decode("utf-8", "replace"),
            version=self._parser.get_http_version(),
            headers=self._headers,
            body=self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks),
            peer=self._peer,
            is_oversize=self._is_oversize,
        )
        self._chunks = []
        self._is_finished = not keep_alive
        self._pending.append((request, keep_alive))
        if self._serving is None:
            self._serving = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        while self._pending:
            request, keep_alive = self._pending.popleft()
            try:
                response = await self._answer(request)
            except Exception as exc:  # the outermost place: a bug of ours must not leave the client waiting
                _log_failure(request, exc)
                response = json_response(500, b'{"message":"Internal Server Error"}')
            self._write(response, keep_alive, with_body=request.method != "HEAD")
        self._serving = None

    def _head_without_upgrade(self) -> bytes:
        """The head once more, for a fresh parser, which would else drop the body of a request that asks for an upgrade.

        `Upgrade: h2c`, which Java's client sends, is declined by answering in HTTP/1.1. CONNECT is refused.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._refuse(400, b'{"message":"Bad Request"}')
        lines = [f"{name}: {value}" for name, value in self._headers if name != "upgrade"]
        return b"%s %s HTTP/1.1\r\n%s\r\n\r\n" % (method, self._target, "\r\n".join(lines).encode("latin-1"))

    def _refuse(self, status: int, body: bytes) -> None:
        """Answers a request that cannot be parsed or kept, and closes."""
        self._is_finished = True
        self._write(json_response(status, body), keep_alive=False, with_body=True)

    def _write(self, response: Response, keep_alive: bool, with_body: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        # One write, one system call: joining costs less than a second send, even for a few megabytes.
        self._transport.write(_head(response, keep_alive) + (response.body if with_body else b""))
        if not keep_alive:
            self._transport.close()


def _log_failure(request: Request, error: Exception) -> None:
    """Where it happened, and neither the query nor the words of the error: both may hold a key."""
    path, frames = request.target.partition("?")[0], "".join(traceback.format_tb(error.__traceback__))
    kind = type(error).__name__
    logger.error("%s %s failed inside the local stack: %s\n%s", request.method, path, kind, frames)


def _head(response: Response, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {_reason(response.status)}", f"date: {formatdate(usegmt=True)}"]
    lines.extend(f"{name}: {value}" for name, value in response.headers)
    if response.status >= 200 and response.status not in (204, 304):
        lines.append(f"content-length: {len(response.body)}")
    if not keep_alive:
        lines.append("connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # a function may answer any number
        return "Unknown"


class Server:
    """A listening socket and its connections; `close()` ends all of them."""

    def __init__(self, answer: Answer, limits: Limits) -> None:
        self._answer = answer
        self._limits = limits
        self._server: asyncio.Server | None = None
        self._transports: set[asyncio.BaseTransport] = set()

    async def listen(self, host: str, port: int) -> int:
        """Starts to listen and returns the port; 0 lets the system choose one. Raises OSError if it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stops listening and drops every connection."""
        if self._server is not None:
            self._server.close()
        for transport in tuple(self._transports):
            transport.close()

    def _connection(self) -> Connection:
        return Connection(self._answer, self._limits, self._transports)
