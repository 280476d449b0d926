"""GET requests over one kept connection (RFC 9112): what reading S3 needs, and no more.

http.client would do, but its import (email.parser, ssl, the enum of all statuses) takes 30 ms of every cold start.
"""

import socket
from collections.abc import Iterator, Mapping
from typing import Self
from urllib.parse import urlsplit

from retinue.deadline import Deadline

_MOST_HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
# A body of an error that is shorter is read to its end, to keep the connection.
_MOST_DRAINED_BYTES = 64 * 1024


class BrokenAnswer(ConnectionError):
    """What came is no HTTP answer, or less than was announced."""


class Connection:
    """A connection to one server. Not for several threads at once."""

    def __init__(self, endpoint_url: str, timeout_s: float) -> None:
        """Connects. Raises OSError."""
        endpoint = urlsplit(endpoint_url)
        is_tls, host = endpoint.scheme == "https", endpoint.hostname or ""
        line = socket.create_connection((host, endpoint.port or (443 if is_tls else 80)), timeout_s)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if is_tls:
            line = _with_tls(line, host)
        self._line = line
        self._ahead = b""  # received, but not asked for yet
        self._owed: int | None = 0  # bytes of the body that are still to come; None: nobody knows
        self._is_last = False
        self.status = 0

    def get(self, path: str, headers: Mapping[str, str], deadline: Deadline, timeout_s: float) -> Self:
        """Sends the request and reads the head of the answer, after which `status` and `body` are of this answer.

        timeout_s bounds each wait, the deadline all of them. Raises OSError, BrokenAnswer among them.
        """
        self._owed = None  # until the head says so
        self._line.settimeout(timeout_s)
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self._line.sendall("\r\n".join(lines).encode("latin-1"))
        head = b""
        while b"\r\n\r\n" not in head:
            if len(head) > _MOST_HEAD_BYTES:
                raise BrokenAnswer(f"a head of more than {_MOST_HEAD_BYTES} bytes")
            head += self._receive(_MOST_HEAD_BYTES, deadline)
        head, _, self._ahead = head.partition(b"\r\n\r\n")
        self._read_head(head.decode("latin-1").split("\r\n"))
        return self

    def body(self, deadline: Deadline) -> Iterator[bytes]:
        """The body as it arrives. Raises BrokenAnswer if it ends early or nobody knows where it ends, TimeoutError."""
        if self._owed is None:
            raise BrokenAnswer("an answer without Content-Length")
        while self._owed:
            chunk = self._ahead or self._receive(min(self._owed, _CHUNK_BYTES), deadline)
            self._ahead = b""
            self._owed -= len(chunk)
            yield chunk

    def is_reusable(self, deadline: Deadline) -> bool:
        """Whether another request may follow; reads what is left of the answer, if that is little."""
        if self._is_last or self._owed is None or self._owed > _MOST_DRAINED_BYTES:
            return False
        try:
            for _ in self.body(deadline):
                pass
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Closes the connection."""
        self._line.close()

    def _receive(self, size: int, deadline: Deadline) -> bytes:
        owed, self._owed = self._owed, None  # what goes wrong in here leaves an answer that nobody can finish
        if deadline.remaining_s <= 0:
            raise TimeoutError("the answer took too long")
        received = self._line.recv(size)
        if not received:
            raise BrokenAnswer("the connection was closed in the middle of an answer")
        self._owed = owed
        return received

    def _read_head(self, lines: list[str]) -> None:
        version, _, rest = lines[0].partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise BrokenAnswer(f"no HTTP answer: {lines[0][:80]!r}")
        fields = (line.partition(":") for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        length = headers.get("content-length", "")
        owed = int(length) if length.isdigit() and "transfer-encoding" not in headers else None
        if owed is not None and len(self._ahead) > owed:
            raise BrokenAnswer(f"{len(self._ahead) - owed} bytes more than Content-Length says")
        self.status = int(rest[:3])
        self._owed = owed
        self._is_last = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"


def _with_tls(line: socket.socket, host: str) -> socket.socket:
    import ssl  # 10 ms, and 25 for the system's certificates

    try:
        return ssl.create_default_context().wrap_socket(line, server_hostname=host)
    except OSError:
        line.close()
        raise
