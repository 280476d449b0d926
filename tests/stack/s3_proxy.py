"""A relay in front of the S3 stand-in that misbehaves as a network does: silent for a while, or cut off."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_REQUEST = re.compile(rb"GET (\S+) HTTP/1\.1\r\n")
_RANGE = re.compile(rb"\r\nrange: (\S+)\r\n", re.IGNORECASE)


class S3Proxy:
    """Relays to `upstream`, an http:// URL that may be set later. Only GETs are told apart.

    `requests` are the paths that went through, with the range where there was one: `/bucket/key bytes=0-99`.
    """

    def __init__(self) -> None:
        self.upstream = ""
        self.requests: list[str] = []
        self._is_held: Callable[[str], bool] = lambda request: False
        self._cuts = 0
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="s3-proxy", daemon=True).start()

    @property
    def url(self) -> str:
        """Where S3 seems to be."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Stops and drops every connection."""
        self.release()
        for connection in (self._listener, *tuple(self._open)):
            _close(connection)

    @contextmanager
    def held(self, is_held: Callable[[str], bool] = lambda request: True) -> Iterator[None]:
        """While inside, no byte of the answers to the matching requests comes through."""
        self._is_held = is_held
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Lets through what was held."""
        with self._changed:
            self._is_held = lambda request: False
            self._changed.notify_all()

    def cut(self, answers: int) -> None:
        """Drops the connection in the middle of each of the next `answers` answers."""
        self._cuts = answers

    def wait_for(self, text: str, timeout_s: float = 20.0) -> None:
        """Returns once a request with `text` in its path came through; fails after the time."""
        with self._changed:
            is_there = self._changed.wait_for(lambda: any(text in request for request in self.requests), timeout_s)
        assert is_there, f"waited {timeout_s:g} s for a request with {text!r}"

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            upstream = urlsplit(self.upstream)
            server = socket.create_connection((str(upstream.hostname), upstream.port or 80))
            self._open |= {client, server}
            current = [""]
            threading.Thread(target=self._pump_requests, args=(client, server, current), daemon=True).start()
            threading.Thread(target=self._pump_answers, args=(server, client, current), daemon=True).start()

    def _pump_requests(self, client: socket.socket, server: socket.socket, current: list[str]) -> None:
        with suppress(OSError):
            while chunk := client.recv(65536):
                if match := _REQUEST.match(chunk):
                    found = _RANGE.search(chunk)
                    with self._changed:
                        current[0] = match[1].decode() + (f" {found[1].decode()}" if found else "")
                        self.requests.append(current[0])
                        self._changed.notify_all()
                server.sendall(chunk)
        self._drop(client, server)

    def _pump_answers(self, server: socket.socket, client: socket.socket, current: list[str]) -> None:
        with suppress(OSError):
            while chunk := server.recv(65536):
                with self._changed:
                    self._changed.wait_for(lambda: not self._is_held(current[0]))
                if self._cuts and chunk.startswith(b"HTTP/1.1 20"):
                    self._cuts -= 1
                    client.sendall(chunk[: len(chunk) // 2])
                    break
                client.sendall(chunk)
        self._drop(server, client)

    def _drop(self, *connections: socket.socket) -> None:
        for connection in connections:
            self._open.discard(connection)
            _close(connection)


def _close(connection: socket.socket) -> None:
    # close() alone does not wake a thread that waits in recv() or accept().
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
