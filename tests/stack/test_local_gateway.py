"""The front door against a real function process: events in, responses out, as API Gateway does it."""

import base64
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.gateway import Access
from local.stack import Stack
from tests.stack.local_functions import write_template

MIB = 1024 * 1024
ROUTES: dict[str, dict[str, Any]] = {
    "Default": {},
    "Model": {"Path": "/models/{project}/{version}", "Method": "post"},
    "Impatient": {"Path": "/hang/impatient", "Method": "GET", "TimeoutInMillis": 300},
}
CORS = {
    "AllowOrigins": ["https://app.example.com"],
    "AllowMethods": ["GET", "POST"],
    "AllowHeaders": ["*"],
    "ExposeHeaders": ["X-Request-ID"],
    "MaxAge": 600,
}
API = {"Api": {"Type": "AWS::Serverless::HttpApi", "Properties": {"CorsConfiguration": CORS}}}


@pytest.fixture(scope="module")
def accesses() -> list[Access]:
    return []


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, accesses: list[Access]) -> Iterator[Stack]:
    template = write_template(tmp_path_factory.mktemp("gateway"), ROUTES, API)
    with Stack(template, on_access=accesses.append) as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=30) as open_client:
        yield open_client


def event_of(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return response.json()["event"]


def answer(client: httpx.Client, value: Any) -> httpx.Response:
    """The gateway's response when the function answers `value`."""
    return client.post("/answer", content=json.dumps(value), headers={"content-type": "application/json"})


def exchange(stack: Stack, *parts: bytes) -> bytes:
    """Sends the parts over one bare connection and returns all that comes back until the server closes it."""
    with socket.create_connection(("127.0.0.1", httpx.URL(stack.url).port or 0), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


# ---------------------------------------------------------------- events


@pytest.mark.parametrize(
    ("content_type", "is_text"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("Application/JSON", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("text/plain", True),
        ("text/html", True),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("image/jpeg", False),
        ("application/octet-stream", False),
        ("application/vnd.api+json", False),  # not in the list, though it is JSON
        ("", False),
        (None, False),  # no Content-Type at all
    ],
)
def test_body_arrives_as_text_only_for_the_listed_types(
    client: httpx.Client, content_type: str | None, is_text: bool
) -> None:
    body = "Grüße: aGVsbG8=".encode()

    event = event_of(
        client.post("/x", content=body, headers={"content-type": content_type} if content_type is not None else {})
    )

    assert event["isBase64Encoded"] is not is_text
    assert event["body"] == (body.decode() if is_text else base64.b64encode(body).decode())


def test_event_has_the_shape_of_payload_2_0(client: httpx.Client, stack: Stack) -> None:
    response = client.post(
        "/models/my%20project/a%2Fb?x=1&x=2&y=&z=%C3%A4+b",
        json={"a": 1},
        headers=[("X-Two", "1"), ("x-two", "2"), ("Cookie", "a=1; b=2"), ("User-Agent", "test")],
    )

    event = event_of(response)
    host = httpx.URL(stack.url).netloc.decode()
    context = event.pop("requestContext")
    headers = event.pop("headers")
    assert event == {
        "version": "2.0",
        "routeKey": "POST /models/{project}/{version}",
        "rawPath": "/models/my project/a/b",
        "rawQueryString": "x=1&x=2&y=&z=%C3%A4+b",
        "cookies": ["a=1", "b=2"],
        "queryStringParameters": {"x": "1,2", "y": "", "z": "ä b"},
        "pathParameters": {"project": "my project", "version": "a/b"},
        "body": '{"a":1}',
        "isBase64Encoded": False,
    }
    assert headers["x-two"] == "1,2"
    assert headers["host"] == host
    assert headers["content-length"] == "7"
    assert headers["x-forwarded-for"] in ("127.0.0.1", "::1")
    assert headers["x-forwarded-port"] == host.rpartition(":")[2]
    assert headers["x-amzn-trace-id"].startswith("Root=1-")
    assert "cookie" not in headers
    assert context["http"] == {
        "method": "POST",
        "path": "/models/my project/a/b",
        "protocol": "HTTP/1.1",
        "sourceIp": headers["x-forwarded-for"],
        "userAgent": "test",
    }
    assert context["routeKey"] == "POST /models/{project}/{version}"
    assert (context["stage"], context["domainName"]) == ("$default", "localhost")
    assert context["requestId"] == response.json()["request_id"] == response.headers["apigw-requestid"]
    assert isinstance(context["timeEpoch"], int)


def test_event_leaves_out_what_the_request_lacks(client: httpx.Client) -> None:
    event = event_of(client.get("/"))

    assert event["routeKey"] == "$default"
    assert event["rawQueryString"] == ""
    assert event["isBase64Encoded"] is False
    assert not {"body", "cookies", "queryStringParameters", "pathParameters"} & set(event)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST"])
def test_every_method_reaches_the_default_route(client: httpx.Client, method: str) -> None:
    assert event_of(client.request(method, "/models/a/1" if method != "POST" else "/"))["routeKey"] == "$default"


def test_chunked_body_arrives_whole(client: httpx.Client) -> None:
    event = event_of(client.post("/x", content=iter([b"a" * 70_000, b"b"]), headers={"content-type": "text/plain"}))

    assert event["body"] == "a" * 70_000 + "b"
    assert event["headers"]["content-length"] == "70001"
    assert "transfer-encoding" not in event["headers"]


def test_connection_is_kept_and_closed_as_the_client_asks(stack: Stack) -> None:
    request = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"

    received = exchange(stack, request + b"\r\nhi", request + b"Connection: close\r\n\r\nho")

    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.lower().count(b"connection: close") == 1


def test_expect_100_continue_is_answered_before_the_body(stack: Stack) -> None:
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: "

    received = exchange(stack, head + b"2\r\n\r\n", b"hi")
    refused = exchange(stack, head + b"20000000\r\n\r\n")  # the body is never sent

    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert refused.startswith(b"HTTP/1.1 413 ")


def test_upgrade_to_http2_is_declined_by_answering(stack: Stack) -> None:
    upgrade = b"Host: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"

    received = exchange(
        stack,
        b"POST /x HTTP/1.1\r\n" + upgrade + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi",
        b"GET /x HTTP/1.1\r\n" + upgrade + b"\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )

    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert b'"body": "hi"' in received


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 10_300 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_not_http_is_refused_and_closed(stack: Stack, sent: bytes, status: int) -> None:
    assert exchange(stack, sent).startswith(b"HTTP/1.1 %d " % status)


# ---------------------------------------------------------------- responses


@pytest.mark.parametrize(
    ("value", "status", "content_type", "body"),
    [
        ({"statusCode": 201, "headers": {"Content-Type": "text/csv"}, "body": "a,b"}, 201, "text/csv", b"a,b"),
        ({"statusCode": "404", "body": "no"}, 404, "text/plain;charset=UTF-8", b"no"),
        ({"statusCode": 200}, 200, "text/plain;charset=UTF-8", b""),
        ({"statusCode": 200, "body": None}, 200, "text/plain;charset=UTF-8", b""),
        (
            {"statusCode": 200, "headers": {"content-type": "image/jpeg"}, "body": "/9j/", "isBase64Encoded": True},
            200,
            "image/jpeg",
            b"\xff\xd8\xff",
        ),
        ({"no": "status"}, 200, "application/json", b'{"no": "status"}'),  # the inferred format
        ([1, 2], 200, "application/json", b"[1, 2]"),
        ("plain words", 200, "application/json", b"plain words"),
        (None, 200, "application/json", b"null"),
    ],
)
def test_answer_becomes_the_response(
    client: httpx.Client, value: Any, status: int, content_type: str, body: bytes
) -> None:
    response = answer(client, value)

    assert (response.status_code, response.headers["content-type"], response.content) == (status, content_type, body)


@pytest.mark.parametrize(
    "value",
    [
        {"statusCode": "fine"},
        {"statusCode": 1000},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "%%%", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"x": ["list"]}},
        {"statusCode": 200, "headers": {"x": "split\r\nset-cookie: a"}},
    ],
)
def test_malformed_answer_is_a_500(client: httpx.Client, value: Any) -> None:
    response = answer(client, value)

    assert (response.status_code, response.json()) == (500, {"message": "Internal Server Error"})


def test_cookies_and_headers_of_the_answer(client: httpx.Client) -> None:
    value = {
        "statusCode": 200,
        "cookies": ["a=1; Path=/", "b=2"],
        "headers": {"X-Count": 3, "X-Is": True, "Content-Length": "9"},
    }

    response = answer(client, value)

    assert response.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]
    assert (response.headers["x-count"], response.headers["x-is"], response.headers["content-length"]) == (
        "3",
        "true",
        "0",
    )


def test_head_has_headers_and_no_body(client: httpx.Client) -> None:
    response = client.head("/x")

    assert response.status_code == 200
    assert int(response.headers["content-length"]) > 100
    assert response.content == b""


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("size", "content_type", "status"),
    [
        (10 * MIB + 1, "application/json", 413),  # API Gateway's own limit
        (7 * MIB, "text/plain", 413),  # Lambda's: the event
        (5 * MIB, "image/jpeg", 413),  # as base64 above Lambda's limit
        (4 * MIB, "image/jpeg", 200),
    ],
)
def test_size_limits_hold_before_the_function_runs(
    client: httpx.Client, accesses: list[Access], size: int, content_type: str, status: int
) -> None:
    response = client.post(
        "/answer" if status == 413 else "/big?bytes=5", content=b"1" * size, headers={"content-type": content_type}
    )

    assert response.status_code == accesses[-1].status == status
    if status == 413:
        assert response.json() == {"message": "Request Entity Too Large"}


def test_gateway_gives_up_before_the_function(client: httpx.Client) -> None:
    response = client.get("/hang/impatient")

    assert (response.status_code, response.json()) == (503, {"message": "Service Unavailable"})


# ---------------------------------------------------------------- CORS


def test_preflight_is_answered_by_the_gateway(client: httpx.Client, accesses: list[Access]) -> None:
    response = client.options(
        "/models/a/1", headers={"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    )

    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://app.example.com"
    assert response.headers["access-control-allow-methods"] == "GET,POST"
    assert response.headers["access-control-allow-headers"] == "*"
    assert response.headers["access-control-max-age"] == "600"
    assert accesses[-1].function == ""


def test_cors_headers_are_the_gateways(client: httpx.Client) -> None:
    value = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "https://elsewhere.example"}}

    allowed = client.post("/answer", json=value, headers={"Origin": "https://app.example.com"})
    foreign = client.post("/answer", json=value, headers={"Origin": "https://evil.example"})

    assert allowed.headers["access-control-allow-origin"] == "https://app.example.com"
    assert allowed.headers["access-control-expose-headers"] == "X-Request-ID"
    assert "access-control-allow-origin" not in foreign.headers


def test_the_gateways_own_answers_have_cors_headers_too(client: httpx.Client) -> None:
    response = client.post("/x", content=b"1" * (11 * MIB), headers={"Origin": "https://app.example.com"})

    assert response.status_code == 413
    assert response.headers["access-control-allow-origin"] == "https://app.example.com"


def test_body_of_the_answer_is_not_touched(client: httpx.Client) -> None:
    words = json.dumps({"emoji": "🙂", "quote": '"'})

    assert answer(client, {"statusCode": 200, "body": words}).text == words


def test_localhost_is_served(stack: Stack) -> None:
    assert stack.url.startswith("http://localhost:")
    assert httpx.get(stack.url + "/x").status_code == 200
