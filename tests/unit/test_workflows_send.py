"""What sinks send: to a public name served from loopback, and to nowhere else."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from retinue.deadline import Deadline
from retinue.errors import RequestError, UrlError
from retinue.internet import Internet
from retinue.workflows.block import Runtime
from retinue.workflows.blocks.webhook_sink import WebhookSink
from retinue.workflows.errors import WorkflowLimitError
from retinue.workflows.query.syntax import Operation
from retinue.workflows.send import HttpSender
from tests.unit.buckets import SOON
from tests.unit.servers import LOOPBACK, Authority, Conversation, ScriptedServer, Step, make_authority, serving

NAME, OTHER_NAME = "hooks.example.com", "other.example.org"
URL = f"https://{NAME}/hook"


@dataclass
class Receiver:
    """A step that reads whole requests, and then does what it is told to."""

    answer: Step = lambda client: client.answer()
    bodies: list[bytes] = field(default_factory=list)

    def __call__(self, client: Conversation) -> None:
        headers = dict(line.lower().split(b": ", 1) for line in client.request.split(b"\r\n")[1:-2])
        body = b""
        while len(body) < int(headers.get(b"content-length", b"0")):
            body += client.connection.recv(65536)
        self.bodies.append(body)
        self.answer(client)


@dataclass
class Served:
    """A sender, and the server on which every name lies for it."""

    send: HttpSender
    server: ScriptedServer
    receiver: Receiver

    def post(self, url: str = URL, timeout_s: float = 5.0, **headers: str) -> int:
        return self.send("POST", url, headers=headers, body=b"body", timeout_s=timeout_s)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), NAME, OTHER_NAME)


Serve = Callable[..., Served]


@pytest.fixture
def serve(authority: Authority) -> Iterator[Serve]:
    """serve(step, option=...) -> a sender and a server that does the step for each request."""
    with ExitStack() as stack:

        def start(
            step: Step = lambda client: client.answer(),
            *,
            deadline: Deadline = SOON,
            most_requests: int = 100,
            **options: Any,
        ) -> Served:
            receiver = Receiver(step)
            server = stack.enter_context(serving(receiver, tls=authority.server))
            defaults = {
                "resolver": lambda host: [LOOPBACK],
                "is_public": lambda address: True,
                "tls": authority.client,
                "port": server.port,
            }
            internet = Internet(**{**defaults, **options})
            return Served(HttpSender(deadline, most_requests=most_requests, internet=internet), server, receiver)

        yield start


def nobody_asked(host: str) -> list[str]:
    raise AssertionError(f"{host} must not be resolved")


class TestWhatArrives:
    @pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
    def test_request(self, serve: Serve, method: str) -> None:
        served = serve()

        status = served.send(method, f"{URL}?a=1#part", headers={"X-Note": "n"}, body=b"\x00body", timeout_s=5)

        assert status == 200 and served.receiver.bodies == [b"\x00body"]
        head = served.server.requests[0].decode().split("\r\n")
        assert head[0] == f"{method} /hook?a=1 HTTP/1.1"
        sent = {line.lower() for line in head[1:] if line}
        assert sent == {
            f"host: {NAME}",
            "accept-encoding: identity",
            "content-length: 5",
            "x-note: n",
            "user-agent: retinue",
            "connection: close",
        }

    def test_a_large_body(self, serve: Serve) -> None:
        served = serve()
        body = bytes(range(256)) * 20_000

        assert served.send("POST", URL, headers={}, body=body, timeout_s=5) == 200
        assert served.receiver.bodies == [body]

    def test_headers_about_the_framing_are_the_senders(self, serve: Serve) -> None:
        served = serve()
        headers = {
            "Host": "internal",
            "Content-Length": "1",
            "Transfer-Encoding": "chunked",
            "connection": "keep-alive",
            "EXPECT": "100-continue",
            "User-Agent": "mine",
        }

        assert served.send("POST", URL, headers=headers, body=b"body", timeout_s=5) == 200

        request = served.server.requests[0].lower()
        assert request.count(b"host: ") == 1 and f"host: {NAME}\r\n".encode() in request
        assert b"user-agent: mine" in request and b"retinue" not in request
        assert not any(word in request for word in (b"chunked", b"keep-alive", b"expect", b"content-length: 1\r\n"))

    @pytest.mark.parametrize("headers", [{"X-A": "1\r\nX-B: 2"}, {"X-A\r\nX-B": "1"}, {"X-A": "日本"}, {"": "1"}])
    def test_headers_that_http_does_not_have(self, serve: Serve, headers: dict[str, str]) -> None:
        served = serve()

        with pytest.raises(RequestError, match="cannot be sent"):
            served.send("POST", URL, headers=headers, body=b"", timeout_s=5)

        assert served.server.requests == []


class TestAnswers:
    @pytest.mark.parametrize("status", ["200 OK", "204 No Content", "404 Not Found", "503 Busy"])
    def test_status(self, serve: Serve, status: str) -> None:
        assert serve(lambda client: client.answer(status)).post() == int(status[:3])

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(self, serve: Serve, status: int) -> None:
        served = serve(lambda client: client.answer(f"{status} Moved", b"", f"Location: https://{OTHER_NAME}/"))

        assert served.post() == status
        assert len(served.server.requests) == 1

    def test_a_body_without_end(self, serve: Serve) -> None:
        def pour(client: Conversation) -> None:
            client.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not client.is_over.is_set():
                client.connection.sendall(b"x" * 65536)

        started = time.monotonic()

        assert serve(pour).post(timeout_s=60) == 200
        assert time.monotonic() - started < 5

    @pytest.mark.parametrize("length", [100, 1], ids=["cut off", "longer than it says"])
    def test_a_body_of_another_length(self, serve: Serve, length: int) -> None:
        def answer(client: Conversation) -> None:
            client.answer(body=b"four", length=length)
            client.close()

        assert serve(answer).post() == 200

    def test_a_body_that_drips(self, serve: Serve) -> None:
        def drip(client: Conversation) -> None:
            client.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            client.drip(b"x" * 1000, pause_s=0.05)

        started = time.monotonic()

        assert serve(drip).post(timeout_s=0.3) == 200
        assert time.monotonic() - started < 2


class TestUrlsThatAreNotUsed:
    @pytest.mark.parametrize(
        ("url", "rule"),
        [
            ("", "form"),
            ("hook", "form"),
            ("https://[::1/a", "form"),
            ("https://example.com/a b", "form"),
            ("https://example.com/a\r\nX-Injected: 1", "form"),
            ("http://example.com/hook", "https"),
            ("file:///etc/passwd", "https"),
            ("https://127.0.0.1/", "domain name"),
            ("https://8.8.8.8/", "domain name"),
            ("https://2130706433/", "domain name"),
            ("https://[::ffff:127.0.0.1]/", "domain name"),
            ("https://localhost/", "domain name"),
            ("https://example.com:8443/", "public"),
            ("https://user:password@example.com/", "public"),
        ],
    )
    def test_refused_before_any_name_is_resolved(self, serve: Serve, url: str, rule: str) -> None:
        served = serve(resolver=nobody_asked)

        with pytest.raises(UrlError) as refused:
            served.post(url)

        assert refused.value.rule == rule
        assert served.server.requests == []

    @pytest.mark.parametrize(
        "addresses", [["127.0.0.1"], ["169.254.169.254"], ["93.184.215.14", "10.0.0.1"], ["::1"]], ids=" ".join
    )
    def test_names_that_lead_to_private_addresses(self, serve: Serve, addresses: list[str]) -> None:
        served = serve(resolver=lambda host: addresses, is_public=None)

        with pytest.raises(UrlError, match="not public") as refused:
            served.post()

        assert refused.value.rule == "public"
        assert served.server.connections == 0

    def test_names_are_resolved_once(self, serve: Serve) -> None:
        answers = [[LOOPBACK], ["10.0.0.1"]]

        assert serve(resolver=lambda host: answers.pop(0)).post() == 200
        assert answers == [["10.0.0.1"]]

    @pytest.mark.parametrize("problem", [OSError("no such name"), UnicodeError("label too long"), None])
    def test_names_that_do_not_resolve(self, serve: Serve, problem: Exception | None) -> None:
        def resolver(host: str) -> list[str]:
            if problem:
                raise problem
            return []

        with pytest.raises(UrlError) as refused:
            serve(resolver=resolver).post()

        assert refused.value.rule == "known host"


class TestBadServers:
    def test_a_certificate_for_another_name(self, serve: Serve) -> None:
        served = serve()

        with pytest.raises(ConnectionError, match=r"stranger\.example\.net did not answer"):
            served.post("https://stranger.example.net/")

        assert served.server.requests == []

    def test_a_certificate_of_a_stranger(self, serve: Serve) -> None:
        with pytest.raises(ConnectionError):
            serve(tls=None).post()

    def test_nobody_listens(self, serve: Serve) -> None:
        with pytest.raises(ConnectionError):
            serve(port=1).post()

    @pytest.mark.parametrize(
        "step",
        [lambda client: client.close(), lambda client: client.connection.sendall(b"SSH-2.0-OpenSSH\r\n")],
        ids=["closes", "no HTTP"],
    )
    def test_no_answer(self, serve: Serve, step: Step) -> None:
        with pytest.raises(ConnectionError):
            serve(step).post()

    @pytest.mark.parametrize(
        "step",
        [
            lambda client: client.is_over.wait(5),
            lambda client: client.drip(b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 1000, pause_s=0.05),
        ],
        ids=["silent", "dripping"],
    )
    @pytest.mark.parametrize(("timeout_s", "left_s"), [(0.3, 60), (60, 0.3)], ids=["its timeout", "the deadline"])
    def test_no_answer_in_time(self, serve: Serve, step: Step, timeout_s: float, left_s: float) -> None:
        served = serve(step, deadline=Deadline.after(left_s))
        started = time.monotonic()

        with pytest.raises(TimeoutError):
            served.post(timeout_s=timeout_s)

        assert time.monotonic() - started < 2

    def test_after_the_deadline(self, serve: Serve) -> None:
        served = serve(deadline=Deadline.after(-1), resolver=nobody_asked)

        with pytest.raises(TimeoutError, match="no time left"):
            served.post()

    def test_more_requests_than_a_run_may_send(self, serve: Serve) -> None:
        served = serve(most_requests=2)
        assert [served.post(), served.post()] == [200, 200]

        with pytest.raises(WorkflowLimitError, match="more than 2 requests"):
            served.post()

        assert len(served.server.requests) == 2


def test_no_thread_is_left_behind(serve: Serve) -> None:
    before = threading.active_count()
    served = serve()

    served.post()

    served.server.stop()
    assert threading.active_count() <= before


class NoModels:
    def predict(self, *_: Any) -> Any:
        raise AssertionError("a webhook needs no model")


class TestWebhook:
    """The block and the sender together."""

    def run(self, served: Served, **properties: Any) -> dict[str, Any]:
        nothing: dict[str, Operation] = {}
        defaults: dict[str, Any] = {
            "url": URL,
            "method": "POST",
            "query_parameters": {},
            "headers": {},
            "json_payload": {},
            "json_payload_operations": nothing,
            "multi_part_encoded_files": {},
            "multi_part_encoded_files_operations": nothing,
            "form_data": {},
            "form_data_operations": nothing,
            "request_timeout": 5,
            "fire_and_forget": False,
            "disable_sink": False,
            "cooldown_seconds": 5,
        }
        runtime = Runtime(models=NoModels(), send=served.send, deadline=SOON)
        result: dict[str, Any] = WebhookSink(runtime).run(**{**defaults, **properties})
        return result

    def test_a_file_with_a_field(self, serve: Serve) -> None:
        served = serve()

        result = self.run(
            served,
            query_parameters={"a": [1, 2]},
            headers={"X-Key": "k"},
            form_data={"note": "n"},
            multi_part_encoded_files={"picture": b"\xff\xd8"},
        )

        assert result["message"] == "Notification sent successfully"
        head = served.server.requests[0].decode()
        assert head.startswith("POST /hook?a=1&a=2 HTTP/1.1\r\n") and "X-Key: k\r\n" in head
        boundary = head.partition("multipart/form-data; boundary=")[2][:32]
        assert served.receiver.bodies[0].count(boundary.encode()) == 3

    @pytest.mark.parametrize(
        ("url", "details"),
        [
            ("http://hooks.example.com/", "the scheme is http, not https"),
            ("https://127.0.0.1/", "the host is no fully qualified domain name"),
            ("nonsense", "no URL: it has no scheme or no host"),
        ],
    )
    def test_a_forbidden_url(self, serve: Serve, url: str, details: str) -> None:
        result = self.run(serve(resolver=nobody_asked), url=url)

        assert result == {
            "error_status": True,
            "throttling_status": False,
            "message": f"Failed to send webhook notification. Internal error details: {details}",
        }

    def test_a_forgotten_request_has_arrived_before_the_answer(self, serve: Serve) -> None:
        served = serve(lambda client: client.answer("500 Oh"))

        result = self.run(served, fire_and_forget=True, json_payload={"n": 1})

        assert result["message"] == "Notification sent in the background task" and not result["error_status"]
        assert served.receiver.bodies == [b'{"n": 1}']
