"""Where a request may carry its API key."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeGuard

from retinue.http.event import Request

if TYPE_CHECKING:
    from retinue.keys import Access
    from retinue.observe import RequestRecord
    from retinue.service import Service

# The SDK sends the text "None" when it has no key.
_NO_KEY = frozenset({"", "none", "null"})


def authorise(key: str | None, request: Request, service: "Service", record: "RequestRecord") -> "Access":
    """What the key opens; the record learns whose it is. Raises AuthError."""
    with record.stage("auth"):
        access = service.keys.lookup(key, request.deadline)
    record.workspace = access.workspace
    return access


def api_key(request: Request) -> str | None:
    """The key in query or Bearer header, in this order; None if there is none."""
    for candidate in (request.query.get("api_key"), _bearer(request.headers.get("authorization", ""))):
        if _is_key(candidate):
            return candidate
    return None


def api_key_anywhere(request: Request) -> str | None:
    """The key as `api_key` finds it, else in the body if that calls itself JSON and is an object."""
    key = api_key(request)
    if key is None and (request.content_type or "").lower().startswith("application/json"):
        with suppress(ValueError):
            body = request.json
            candidate = body.get("api_key") if isinstance(body, dict) else None
            return candidate if _is_key(candidate) else None
    return key


def _is_key(candidate: Any) -> TypeGuard[str]:
    return isinstance(candidate, str) and candidate.strip().lower() not in _NO_KEY


def _bearer(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None
