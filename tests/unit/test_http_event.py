"""From an HTTP API event to a request: what the gateway encodes is decoded once, and nothing else is touched."""

import base64
import time
from typing import Any

import pytest

from retinue.errors import RequestError
from retinue.http.event import parse_event
from tests.unit.http_requests import http_event
from tests.unit.pictures import encode, smooth

JPEG = encode(smooth(8, 8), "JPEG")
TEXT = base64.b64encode(JPEG)


def test_the_parts_of_an_event() -> None:
    event = http_event(
        "GET", "/things/1", query="confidence=40", headers={"Content-Type": "text/plain", "X-Odd-Case": "Kept"}
    )
    event["pathParameters"] = {"project": "things", "version": "1"}

    request = parse_event(event, 28_000)

    assert (request.route_key, request.method, request.path) == ("GET /{project}/{version}", "GET", "/things/1")
    assert request.path_parameters == {"project": "things", "version": "1"}
    assert request.query == {"confidence": "40"}
    assert request.headers == {"content-type": "text/plain", "x-odd-case": "Kept"}
    assert (request.content_type, request.body, request.request_id) == ("text/plain", b"", "id-1")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("image/jpeg", JPEG, id="binary: encoded by the gateway, decoded once"),
        pytest.param("application/x-www-form-urlencoded", TEXT, id="base64 text, encoded by the gateway"),
        pytest.param("application/json", TEXT, id="base64 text that calls itself JSON, passed as text"),
        pytest.param("text/plain", TEXT, id="base64 as text"),
        pytest.param("multipart/form-data; boundary=x", b"--x\r\n\r\n" + JPEG + b"\r\n--x--", id="form"),
        pytest.param("application/json", '{"name": "münze"}'.encode(), id="text beyond ASCII"),
        pytest.param("", JPEG, id="no content type"),
    ],
)
def test_the_body_is_what_the_client_sent(content_type: str, body: bytes) -> None:
    event = http_event(headers={"content-type": content_type}, body=body)

    assert parse_event(event, 28_000).body == body


@pytest.mark.parametrize("body", ["a", "abc", "=abc", "ab=c"])
def test_a_body_that_the_gateway_cannot_have_encoded(body: str) -> None:
    with pytest.raises(RequestError):
        parse_event({**http_event(), "body": body, "isBase64Encoded": True}, 28_000)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("", {}, id="none"),
        pytest.param("a=1&b=2", {"a": "1", "b": "2"}, id="two"),
        pytest.param("a=1&a=2", {"a": "2"}, id="repeated: the last one counts"),
        pytest.param("a=1,2", {"a": "1,2"}, id="a comma is part of the value"),
        pytest.param("a=&b", {"a": "", "b": ""}, id="empty values stay"),
        pytest.param("a=x%20y+z%2B%26", {"a": "x y z+&"}, id="escapes"),
        pytest.param("image=https%3A%2F%2Fa.b%2Fc%3Fd%3De%26f", {"image": "https://a.b/c?d=e&f"}, id="a URL"),
        pytest.param("a=%FF%zz", {"a": "\ufffd%zz"}, id="broken escapes"),
        pytest.param("A=1&a=2", {"A": "1", "a": "2"}, id="names are exact"),
        pytest.param("a=b=c", {"a": "b=c"}, id="an equals sign in the value"),
    ],
)
def test_query(raw: str, expected: dict[str, str]) -> None:
    event = http_event(query=raw)
    event["queryStringParameters"] = {"a": "joined,by,the,gateway"}  # never read

    assert parse_event(event, 28_000).query == expected


@pytest.mark.parametrize("value", ["absent", None])
def test_fields_that_the_gateway_leaves_out(value: Any) -> None:
    event = http_event()
    for name in ("body", "headers", "pathParameters", "rawQueryString", "isBase64Encoded"):
        event.pop(name, None)
        if value is None:
            event[name] = None

    request = parse_event(event, 28_000)

    assert (request.body, request.headers, request.path_parameters, request.query) == (b"", {}, {}, {})
    assert request.content_type is None


@pytest.mark.parametrize(
    ("waited_s", "remaining_ms", "expected_s"),
    [
        pytest.param(0, 60_000, 28.0, id="the gateway's limit"),
        pytest.param(0, 28_500, 28.0, id="exactly"),
        pytest.param(0, 10_000, 9.5, id="the function's limit and a margin"),
        pytest.param(0, 300, -0.2, id="too late already"),
        pytest.param(4, 29_000, 24.0, id="a process that took four seconds to start"),
        pytest.param(29, 29_000, -1.0, id="a process that took all the time to start"),
        pytest.param(4, 10_000, 9.5, id="the function's limit comes first"),
        pytest.param(31, 29_000, 28.0, id="an event that is sent again"),
        pytest.param(-5, 29_000, 28.0, id="clocks that disagree"),
        pytest.param(None, 29_000, 28.0, id="no time in the event"),
    ],
)
def test_deadline(waited_s: float | None, remaining_ms: float, expected_s: float) -> None:
    event = http_event()
    if waited_s is not None:
        event["requestContext"]["timeEpoch"] = int((time.time() - waited_s) * 1000)

    request = parse_event(event, remaining_ms)

    assert request.deadline.remaining_s == pytest.approx(expected_s, abs=0.1)
