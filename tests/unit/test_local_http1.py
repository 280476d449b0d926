"""The local server when what it serves fails."""

import asyncio
import secrets

import pytest

from local.http1 import Limits, Request, Response, Server

KEY = secrets.token_urlsafe(24)


async def failing(request: Request) -> Response:
    raise ValueError(request.target)


async def answer_to(head: bytes) -> bytes:
    """What comes back for one request."""
    server = Server(failing, Limits(head_bytes=8192, body_bytes=0))
    port = await server.listen("127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        answer = await reader.read()
        writer.close()
        return answer
    finally:
        server.close()


def test_a_failure_is_answered_and_logged_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    head = f"GET /things/1?api_key={KEY} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    answer = asyncio.run(answer_to(head.encode()))

    assert answer.startswith(b"HTTP/1.1 500 ") and answer.endswith(b'{"message":"Internal Server Error"}')
    assert "GET /things/1 failed inside the local stack: ValueError" in caplog.text
    assert "in failing" in caplog.text and KEY not in caplog.text
