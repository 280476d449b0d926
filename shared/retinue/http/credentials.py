"""Where a request may carry its API key."""

from typing import Any

import orjson
from retinue.http.event import Request

# The SDK sends the text "None" when it has no key.
_NO_KEY = frozenset({"", "none", "null"})


def api_key(request: Request, body: Any = None) -> str | None:
    """The key in query, Bearer header or JSON body, in this order; None if there is none.

    `body` is the parsed JSON body where a route has parsed it already.
    """
    candidates = [request.query.get("api_key"), _bearer(request.headers.get("authorization", ""))]
    for candidate in candidates:
        if candidate is not None and candidate.strip().lower() not in _NO_KEY:
            return candidate.strip()
    candidate = body.get("api_key") if isinstance(body, dict) else None
    if isinstance(candidate, str) and candidate.strip().lower() not in _NO_KEY:
        return candidate.strip()
    return None


def api_key_anywhere(request: Request) -> str | None:
    """The key as `api_key` finds it, with the body parsed only if it calls itself JSON and is an object."""
    key = api_key(request)
    if key is None and (request.content_type or "").startswith("application/json") and request.body[:1] == b"{":
        try:
            return api_key(request, orjson.loads(request.body))
        except orjson.JSONDecodeError:
            return None
    return key


def _bearer(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    return value if scheme.lower() == "bearer" else None
