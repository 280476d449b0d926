"""From an HTTP API event (payload 2.0) to a request."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from retinue.deadline import Deadline
from retinue.errors import RequestError

# The gateway gives up after 30 s; what is not ready before this is answered as "try again".
GATEWAY_LIMIT_S = 28.0
_GATEWAY_PATIENCE_S = 30.0
# Left for rendering and for the way back.
_MARGIN_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as the routes see it. Header names are lower case; of repeated query parameters the last one
    counts."""

    route_key: str
    method: str
    path: str
    path_parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    deadline: Deadline

    @property
    def content_type(self) -> str | None:
        """The Content-Type header as it was sent, None without one."""
        return self.headers.get("content-type")

    @cached_property
    def json(self) -> Any:
        """The body parsed as JSON, once. Raises orjson.JSONDecodeError, a ValueError."""
        return orjson.loads(self.body)


def parse_event(event: Mapping[str, Any], remaining_ms: float) -> Request:
    """The request behind `event`; remaining_ms is what the function has left.

    The query comes from rawQueryString: queryStringParameters joins repeated values with commas. The body is
    decoded once if the gateway encoded it; text that is itself base64 is left as it is. Raises RequestError if it
    cannot be.
    """
    context = event["requestContext"]
    http = context["http"]
    return Request(
        route_key=event["routeKey"],
        method=http["method"],
        path=event.get("rawPath", "/"),
        path_parameters=event.get("pathParameters") or {},
        query=dict(parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=_body(event),
        request_id=context.get("requestId", ""),
        deadline=Deadline.after(
            min(GATEWAY_LIMIT_S - _waited_s(context.get("timeEpoch", 0)), remaining_ms / 1000 - _MARGIN_S)
        ),
    )


def _waited_s(time_epoch_ms: float) -> float:
    """Seconds since the gateway got the request, of which the start of a new process may have used up several.

    0 for an event that is older than the gateway waits: somebody sends it again.
    """
    waited_s = time.time() - time_epoch_ms / 1000
    return waited_s if 0 < waited_s < _GATEWAY_PATIENCE_S else 0.0


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body")
    if not body:
        return b""
    if event.get("isBase64Encoded"):
        import binascii

        import pybase64

        try:
            return pybase64.b64decode(body, validate=True)
        except binascii.Error as exc:
            raise RequestError(
                f"the gateway's base64 of the body is broken: {exc}", public="Broken request body."
            ) from exc
    return str(body).encode()
