"""Requests, as the gateway makes them of what a client sends."""

import base64
from typing import Any

from retinue.deadline import Deadline
from retinue.http.event import Request

# The content types that an HTTP API passes on as text; every other body arrives base64-encoded.
_TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")


def http_event(
    method: str = "POST",
    path: str = "/things/1",
    *,
    route: str = "/{project}/{version}",
    query: str = "",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> dict[str, Any]:
    """The event of payload format 2.0 for a request; the body is encoded by the gateway's rule."""
    headers = headers or {}
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    is_text = content_type.startswith(_TEXT_TYPES)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {route}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {"requestId": "id-1", "http": {"method": method, "path": path}},
        "isBase64Encoded": bool(body) and not is_text,
    }
    if body:
        event["body"] = body.decode() if is_text else base64.b64encode(body).decode()
    return event


def a_request(
    *, query: dict[str, str] | None = None, headers: dict[str, str] | None = None, body: bytes = b""
) -> Request:
    """A request as the routes see it; header names in lower case."""
    return Request(
        route_key="POST /{project}/{version}",
        method="POST",
        path="/things/1",
        path_parameters={"project": "things", "version": "1"},
        query=query or {},
        headers=headers or {},
        body=body,
        request_id="id-1",
        deadline=Deadline.after(3600),
    )
