"""A gateway in front of a stack that refuses the first requests, as where a copy is not ready yet."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


@dataclass
class Unsteady:
    """What is still to be refused, `spared` being a path that never is; the requests that came, with their status."""

    target: str
    refusals: list[int]
    spared: str = ""
    url: str = ""
    seen: list[tuple[str, int]] = field(default_factory=list)


@contextmanager
def unsteady(target: str, refusals: Sequence[int], spared: str = "") -> Iterator[Unsteady]:
    """A gateway that answers the first requests with `refusals`, in turn, and passes on the others."""
    state = Unsteady(target, list(refusals), spared)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, content_type, answer = self.answer(body)
            state.seen.append((self.path.partition("?")[0], status))
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(answer)))
            if status == 503:
                self.send_header("retry-after", "1")
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST

        def answer(self, body: bytes) -> tuple[int, str, bytes]:
            if state.refusals and self.path.partition("?")[0] != state.spared:
                status = state.refusals.pop(0)
                return status, "application/json", b'{"message":"refused with %d"}' % status
            kept = {name: self.headers[name] for name in ("content-type", "authorization") if name in self.headers}
            passed = httpx.request(self.command, state.target + self.path, content=body, headers=kept, timeout=40)
            return passed.status_code, passed.headers["content-type"], passed.content

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the tests read `seen`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
