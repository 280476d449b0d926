"""API Gateway's payload format 2.0: an HTTP request as the event of a function, a function's answer as a response."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
import pybase64

from local.http1 import Headers, Request, Response
from local.intrinsics import ACCOUNT_ID
from local.template import Route

API_ID = "local"
# The only types whose body reaches the function as text; any other, and a missing one, arrives as base64. So a form,
# and base64 text sent without a type, are encoded once more.
_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})
# About the connection to the gateway, not about the request; cookies have a list of their own.
_NOT_FORWARDED = frozenset({"connection", "cookie", "expect", "keep-alive", "te", "transfer-encoding", "upgrade"})
_SET_BY_GATEWAY = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding"})


class MalformedAnswer(Exception):
    """The function's answer is not something that API Gateway can turn into a response; it answers 500."""


def is_text(content_type: str | None) -> bool:
    """Whether a body of this Content-Type reaches the function as text instead of base64."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return media_type.startswith("text/") or media_type in _TEXT_TYPES


def split_target(target: str) -> tuple[str, str]:
    """The path (percent-encoded) and the query string (raw) of a request target, relative or absolute."""
    if not target.startswith("/"):  # `GET http://host/path`, as sent to a proxy
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    return path, query


def http_event(
    request: Request, route: Route, parameters: Mapping[str, str], request_id: str, trace_id: str, now: float, port: int
) -> bytes:
    """The JSON event for `request`. `now` is seconds since the epoch, `port` where the gateway listens."""
    path, query = split_target(request.target)
    raw_path = unquote(path)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": raw_path,
        "rawQueryString": query,
        "headers": _event_headers(request, trace_id, port),
        "requestContext": _context(request, route, raw_path, request_id, now),
        "isBase64Encoded": False,
    }
    cookies = [item.strip() for key, value in request.headers if key == "cookie" for item in value.split(";")]
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
    if parameters:
        event["pathParameters"] = parameters
    if request.body:
        if is_text(request.header("content-type")):
            event["body"] = request.body.decode("utf-8", "replace")
        else:
            event["body"] = pybase64.b64encode(request.body).decode("ascii")
            event["isBase64Encoded"] = True
    return orjson.dumps(event)


def http_response(answer: bytes) -> Response:
    """The response that API Gateway makes of a function's answer (JSON). Raises MalformedAnswer.

    Without a `statusCode` the whole answer is the body of a 200 in JSON; a bare string is that body as it is.
    """
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError as exc:
        raise MalformedAnswer(f"not JSON: {exc}") from exc
    if not isinstance(value, dict) or "statusCode" not in value:
        body = value.encode() if isinstance(value, str) else answer
        return Response(200, [("content-type", "application/json")], body)
    headers = [(name.lower(), _header_text(name, item)) for name, item in (value.get("headers") or {}).items()]
    headers = [header for header in headers if header[0] not in _SET_BY_GATEWAY]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    headers.extend(("set-cookie", str(cookie)) for cookie in value.get("cookies") or ())
    return Response(_status(value["statusCode"]), headers, _body(value))


def _event_headers(request: Request, trace_id: str, port: int) -> dict[str, str]:
    forwarded = request.header("x-forwarded-for")
    headers = _joined([header for header in request.headers if header[0] not in _NOT_FORWARDED])
    headers["content-length"] = str(len(request.body))
    headers["x-amzn-trace-id"] = trace_id
    headers["x-forwarded-for"] = f"{forwarded}, {request.peer}" if forwarded else request.peer
    headers["x-forwarded-port"] = str(port)
    headers["x-forwarded-proto"] = "http"
    return headers


def _context(request: Request, route: Route, raw_path: str, request_id: str, now: float) -> dict[str, Any]:
    return {
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": urlsplit(f"//{request.header('host') or ''}").hostname or "localhost",
        "domainPrefix": API_ID,
        "http": {
            "method": request.method,
            "path": raw_path,
            "protocol": f"HTTP/{request.version}",
            "sourceIp": request.peer,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": request_id,
        "routeKey": route.key,
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }


def _joined(pairs: Headers) -> dict[str, str]:
    """Values of the same name joined by commas, names in their first order."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError):
        raise MalformedAnswer(f"statusCode is {value!r}") from None
    if not 100 <= status <= 599:
        raise MalformedAnswer(f"statusCode is {status}")
    return status


def _header_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise MalformedAnswer(f"header {name} is {type(value).__name__}, not text")
    text = str(value)
    if "\r" in text or "\n" in text:
        raise MalformedAnswer(f"header {name} holds a line break")
    return text


def _body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedAnswer(f"body is {type(body).__name__}, not text")
    if not answer.get("isBase64Encoded"):
        return body.encode()
    try:
        return pybase64.b64decode(body, validate=True)
    except ValueError as exc:
        raise MalformedAnswer(f"body is not base64: {exc}") from exc
