"""S3 without boto3: the signature is botocore's, and the reader survives a server that does not behave."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from retinue.aws import Credentials, S3Reader, sign_get
from retinue.deadline import Deadline
from retinue.errors import NotFound, StorageUnavailable
from tests.unit.buckets import SOON
from tests.unit.servers import Conversation, ScriptedServer, Step, serving

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TIMESTAMP = "20261121T101112Z"
DATA = bytes(range(256)) * 4


class TestSignature:
    @pytest.mark.parametrize("token", ["", "a/session+token=="], ids=["no session", "session token"])
    @pytest.mark.parametrize(
        "key",
        [
            "models/coins/1/weights.onnx",
            "keys/0a1b.json",
            "a key with spaces/and+plus",
            "münzen/日本.json",
            "tilde~dot.dash-under_score",
            "odd !*'()[]{}@:;,$&=?#%25/x",
        ],
    )
    def test_equals_botocores(self, key: str, token: str) -> None:
        host, region = "things-models-1.s3.eu-central-1.amazonaws.com", "eu-central-1"
        path, theirs = self._signed_by_botocore(host, region, key, token)

        ours = sign_get(host, path, Credentials(KEYS.access_key, KEYS.secret_key, token), region, TIMESTAMP)

        assert ours["authorization"] == theirs["Authorization"]
        assert ours["x-amz-content-sha256"] == theirs["X-Amz-Content-SHA256"]
        assert ours.get("x-amz-security-token") == theirs.get("X-Amz-Security-Token")

    @pytest.mark.parametrize("version", ["null", "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"])
    def test_equals_botocores_for_a_version(self, version: str) -> None:
        host, region, query = "b.s3.us-east-1.amazonaws.com", "us-east-1", f"versionId={quote(version, safe='-_.~')}"
        path, theirs = self._signed_by_botocore(host, region, "a key", "", query)

        ours = sign_get(host, path, Credentials(KEYS.access_key, KEYS.secret_key, ""), region, TIMESTAMP, query)

        assert ours["authorization"] == theirs["Authorization"]

    @staticmethod
    def _signed_by_botocore(host: str, region: str, key: str, token: str, query: str = "") -> tuple[str, Any]:
        """The encoded path and the headers of botocore's own request for the object, at the test's time."""
        path = quote(f"/{key}", safe="/-_.~")
        request = AWSRequest("GET", f"https://{host}{path}{'?' if query else ''}{query}")
        auth = S3SigV4Auth(BotocoreCredentials(KEYS.access_key, KEYS.secret_key, token or None), "s3", region)
        # What add_auth does, but for the clock.
        request.context["timestamp"] = request.headers["X-Amz-Date"] = TIMESTAMP
        request.headers["X-Amz-Content-SHA256"] = auth.payload(request)
        if token:
            request.headers["X-Amz-Security-Token"] = token
        to_sign = auth.string_to_sign(request, auth.canonical_request(request))
        auth._inject_signature_to_request(request, auth.signature(to_sign, request))
        return path, request.headers


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, Credentials("", "", "")),
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}, Credentials("a", "s", "")),
        (
            {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"},
            Credentials("a", "s", "t"),
        ),
    ],
)
def test_credentials_of_a_function(env: dict[str, str], expected: Credentials) -> None:
    assert Credentials.from_env(env) == expected


@contextmanager
def reading(*script: Step, timeout_s: float = 2.0, attempts: int = 4) -> Iterator[tuple[S3Reader, ScriptedServer]]:
    """A reader of a server that follows the script."""
    with serving(*script) as server:
        reader = S3Reader(
            "bucket",
            region="eu-west-1",
            credentials=KEYS,
            endpoint_url=server.url,
            timeout_s=timeout_s,
            attempts=attempts,
        )
        try:
            yield reader, server
        finally:
            forget_connections(reader)


def forget_connections(reader: S3Reader) -> None:
    """Closes what a function keeps open for as long as it lives."""
    for connection in reader._idle:
        connection.close()


def answer(status: str = "200 OK", body: bytes = DATA, *headers: str, length: int | None = None) -> Step:
    return lambda client: client.answer(status, body, *headers, length=length)


def cut(client: Conversation) -> None:
    """Half of the body, then nothing more."""
    client.answer(body=DATA[:512], length=len(DATA))
    client.close()


def silence(client: Conversation) -> None:
    client.is_over.wait(5)


def close(client: Conversation) -> None:
    client.close()


FAULTS: list[Any] = [
    pytest.param(answer("500 Internal Server Error", b""), id="500"),
    pytest.param(answer("503 Slow Down", b"<Error/>"), id="503 with a body"),
    pytest.param(close, id="closed without an answer"),
    pytest.param(cut, id="closed in the middle of the body"),
    pytest.param(lambda client: client.connection.sendall(b"SSH-2.0\r\n\r\n"), id="no HTTP"),
]


def whole(reader: S3Reader, deadline: Deadline = SOON) -> bytes:
    return reader.read("models/a b/ü.json", deadline)


def ranged(reader: S3Reader, deadline: Deadline = SOON) -> bytes:
    buffer = bytearray(len(DATA))
    reader.read_range("models/a b/ü.json", 0, memoryview(buffer), deadline)
    return bytes(buffer)


Read = Callable[..., bytes]
either = pytest.mark.parametrize("read", [whole, ranged])


class TestReader:
    @either
    def test_a_signed_request_by_path(self, read: Read) -> None:
        with reading(answer()) as (reader, server):
            assert read(reader) == DATA

        head = server.requests[0].decode().lower()
        assert head.startswith("get /bucket/models/a%20b/%c3%bc.json http/1.1\r\n")
        assert "credential=akidexample/" in head and "/eu-west-1/s3/aws4_request" in head
        assert ("range: bytes=0-1023\r\n" in head) == (read is ranged)

    def test_a_range_in_the_middle(self) -> None:
        buffer = bytearray(10)
        with reading(answer("206 Partial Content", DATA[100:110])) as (reader, server):
            reader.read_range("key", 100, memoryview(buffer), SOON)

        assert bytes(buffer) == DATA[100:110]
        assert b"range: bytes=100-109\r\n" in server.requests[0].lower()

    def test_one_connection_for_many_reads(self) -> None:
        with reading(answer()) as (reader, server):
            for _ in range(5):
                whole(reader)

            assert (len(server.requests), server.connections) == (5, 1)

    @either
    def test_missing(self, read: Read) -> None:
        with reading(answer("404 Not Found", b"<Error/>")) as (reader, server):
            with pytest.raises(NotFound, match=r"models/a b/ü\.json does not exist"):
                read(reader)

            assert len(server.requests) == 1  # no second try

    @either
    @pytest.mark.parametrize("status", ["403 Forbidden", "400 Bad Request", "301 Moved Permanently"])
    def test_refusals_are_not_tried_again(self, read: Read, status: str) -> None:
        with reading(answer(status, b"<Error/>")) as (reader, server):
            with pytest.raises(StorageUnavailable, match=f"status {status[:3]}") as unavailable:
                read(reader)

            assert len(server.requests) == 1
        assert "Error" not in unavailable.value.public and status[:3] not in unavailable.value.public

    @either
    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_fault_and_then_an_answer(self, read: Read, fault: Step) -> None:
        with reading(fault, answer()) as (reader, server):
            assert read(reader) == DATA

            assert len(server.requests) == 2

    @either
    def test_silence_and_then_an_answer(self, read: Read) -> None:
        with reading(silence, answer(), timeout_s=0.1) as (reader, _):
            assert read(reader) == DATA

    def test_a_kept_connection_that_was_closed_meanwhile(self) -> None:
        def answer_and_close(client: Conversation) -> None:
            client.answer(body=DATA)
            client.close()

        with reading(answer_and_close, answer()) as (reader, _):
            assert [whole(reader), whole(reader)] == [DATA, DATA]

    def test_it_gives_up_after_its_attempts(self) -> None:
        with reading(answer("500 Internal Server Error", b""), attempts=2) as (reader, server):
            with pytest.raises(StorageUnavailable, match="failed at try 2: status 500"):
                whole(reader)

            assert len(server.requests) == 2

    @either
    def test_nothing_is_sent_without_time(self, read: Read) -> None:
        with reading(answer()) as (reader, server):
            with pytest.raises(StorageUnavailable, match="no time left"):
                read(reader, Deadline.after(-1))

            assert server.requests == []

    @either
    @pytest.mark.parametrize("is_dripping", [False, True], ids=["silence", "a byte now and then"])
    def test_the_deadline_holds(self, read: Read, is_dripping: bool) -> None:
        def drip(client: Conversation) -> None:
            client.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n")
            client.drip(DATA[:100], pause_s=0.02)  # 2 s, and no single byte is late

        with reading(drip if is_dripping else silence) as (reader, _):
            started = time.monotonic()
            with pytest.raises(StorageUnavailable):
                read(reader, Deadline.after(0.2))

            assert time.monotonic() - started < 1.5

    @pytest.mark.parametrize(
        "step", [answer("416 Range Not Satisfiable", b"<Error/>"), answer("206 Partial Content", DATA[:1000])]
    )
    def test_an_object_shorter_than_the_range(self, step: Step) -> None:
        with reading(step) as (reader, _), pytest.raises(EOFError, match=r"models/a b/ü\.json"):
            ranged(reader)

    def test_nobody_listens(self) -> None:
        with reading(answer(), attempts=1) as (reader, server):
            server.stop()

            with pytest.raises(StorageUnavailable):
                whole(reader)

    def test_several_threads(self) -> None:
        # GIVEN threads that start together and share the kept connections
        together = threading.Barrier(8)

        def many(_: int) -> int:
            together.wait(10)
            return sum(whole(reader) == DATA for _ in range(10))

        with reading(answer()) as (reader, server), ThreadPoolExecutor(8) as threads:
            assert list(threads.map(many, range(8))) == [10] * 8
            assert server.connections <= 8

    @pytest.mark.parametrize(
        "env", [{"AWS_ENDPOINT_URL": "URL"}, {"AWS_ENDPOINT_URL_S3": "URL", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}]
    )
    def test_from_the_environment_of_a_function(self, env: dict[str, str]) -> None:
        with serving(answer()) as server:
            env = {name: value.replace("URL", server.url) for name, value in env.items()}
            env |= {"AWS_REGION": "us-west-2", "AWS_ACCESS_KEY_ID": "ME", "AWS_SECRET_ACCESS_KEY": "s"}
            reader = S3Reader.from_env("bucket", env)

            assert whole(reader) == DATA

            forget_connections(reader)
        assert b"Credential=ME/" in server.requests[0] and b"/us-west-2/s3/" in server.requests[0]
