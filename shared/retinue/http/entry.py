"""The outermost function of an HTTP pool: event in, response out, and every error turned into an answer."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from retinue.errors import Busy, InvalidModelId, RetinueError
from retinue.http.errors import status_and_body
from retinue.http.event import Request, parse_event
from retinue.http.response import Response, to_gateway
from retinue.observe import RequestRecord
from retinue.process import process_service
from retinue.service import Service

Route = Callable[[Request, Service, RequestRecord], Response]
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
_EXECUTION_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def handler(routes: Mapping[str, Route]) -> Handler:
    """The Lambda handler that serves `routes` (routeKey -> function)."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        record, service = RequestRecord(), process_service()
        reason = ""
        try:
            request = parse_event(event, context.get_remaining_time_in_millis())
            answer = to_gateway(routes[request.route_key](request, service, record), service.settings.max_response_mb)
        except RetinueError as exc:
            # What is no model id may be a key or a picture in the wrong place, which no log may hold.
            answer, reason = (
                to_gateway(_refusal(exc), 6),
                exc.public if isinstance(exc, InvalidModelId) else exc.message,
            )
        except Exception as exc:  # the outermost function: no trace ever reaches a client
            service.observer.failure("unexpected error")
            answer, reason = to_gateway(Response({"message": "Internal error."}, status=500), 6), type(exc).__name__
        request_id = event["requestContext"].get("requestId", "")
        answer["headers"] |= {"x-request-id": request_id, **_echoed(event), **record.headers()}
        service.observer.request_done(
            record, route=event["routeKey"], request_id=request_id, status=answer["statusCode"], reason=reason
        )
        return answer

    return handle


def _refusal(error: RetinueError) -> Response:
    status, body = status_and_body(error)
    headers = {"retry-after": str(error.retry_after_s)} if isinstance(error, Busy) else {}
    return Response(body, status=status, headers=headers)


def _echoed(event: Mapping[str, Any]) -> dict[str, str]:
    """The name that the client gave to what it is doing, which it may look for in the answer."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    given = headers.get("execution_id", "")
    return {"execution_id": given} if _EXECUTION_ID.fullmatch(given) else {}
