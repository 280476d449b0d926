"""GET requests over a kept connection, against servers that are right, wrong or rude."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from retinue.connection import BrokenAnswer, Connection
from retinue.deadline import Deadline
from tests.unit.servers import Conversation, Step, serving


def saying(text: bytes) -> Step:
    """A step that sends exactly `text`."""
    return lambda client: client.connection.sendall(text)


@contextmanager
def connected(*script: Step) -> Iterator[Connection]:
    with serving(*script) as server:
        connection = Connection(server.url, timeout_s=2)
        try:
            yield connection
        finally:
            connection.close()


def get(connection: Connection, deadline_s: float = 5.0) -> tuple[int, bytes]:
    deadline = Deadline.after(deadline_s)
    answer = connection.get("/a%20b", {"host": "h", "x": "y"}, deadline, timeout_s=2)
    return answer.status, b"".join(answer.body(deadline))


def test_the_request_as_it_is_sent() -> None:
    with serving(lambda client: client.answer(body=b"ok")) as server:
        connection = Connection(server.url, timeout_s=2)
        assert get(connection) == (200, b"ok")
        connection.close()

    assert server.requests == [b"GET /a%20b HTTP/1.1\r\nhost: h\r\nx: y\r\n\r\n"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", (200, b"abc")),
        (b"HTTP/1.1 206 Partial Content\r\ncontent-length:  0 \r\n\r\n", (206, b"")),
        (b"HTTP/1.1 404\r\nContent-Length: 1\r\nX: a: b\r\n\r\n!", (404, b"!")),  # no reason; a colon in a value
    ],
    ids=["body", "empty body", "odd head"],
)
def test_answers(answer: bytes, expected: tuple[int, bytes]) -> None:
    with connected(saying(answer)) as connection:
        assert get(connection) == expected
        assert connection.is_reusable(Deadline.after(5))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 abc\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\n\r\nabc", "without Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", "without Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "without Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", "2 bytes more than Content-Length says"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "a head of more than 65536 bytes"),
    ],
    ids=["another protocol", "no status", "no length", "chunked", "negative length", "too long", "endless head"],
)
def test_broken_answers(answer: bytes, reason: str) -> None:
    with connected(saying(answer)) as connection:
        with pytest.raises(BrokenAnswer, match=reason):
            get(connection)
        assert not connection.is_reusable(Deadline.after(5))


def test_an_answer_that_ends_early() -> None:
    def cut(client: Conversation) -> None:
        client.answer(body=b"abc", length=10)
        client.close()

    with connected(cut) as connection:
        with pytest.raises(BrokenAnswer, match="in the middle of an answer"):
            get(connection)
        assert not connection.is_reusable(Deadline.after(5))


def test_a_short_body_that_nobody_read_is_drained_and_the_connection_kept() -> None:
    with connected(lambda client: client.answer("404 Not Found", b"<Error/>")) as connection:
        deadline = Deadline.after(5)
        assert connection.get("/", {"host": "h"}, deadline, 2).status == 404

        assert connection.is_reusable(deadline)
        assert get(connection) == (404, b"<Error/>")


def test_a_server_that_says_close_is_believed() -> None:
    with connected(lambda client: client.answer("200 OK", b"x", "Connection: close")) as connection:
        assert get(connection) == (200, b"x")
        assert not connection.is_reusable(Deadline.after(5))


def test_the_deadline_bounds_what_trickles() -> None:
    def slowly(client: Conversation) -> None:
        client.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        client.drip(b"x" * 100, pause_s=0.02)

    with connected(slowly) as connection, pytest.raises(TimeoutError, match="took too long"):
        get(connection, deadline_s=0.2)
