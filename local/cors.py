"""What API Gateway does for browsers when the API has a CorsConfiguration: preflights answered, headers set."""

from local.http1 import Headers, Request, Response
from local.template import Cors


def preflight(cors: Cors, request: Request) -> Response:
    """The gateway's answer to any OPTIONS request: 204, with the permissions if the origin is allowed."""
    headers = _origin_headers(cors, request)
    if headers:
        for name, values in (("methods", cors.allow_methods), ("headers", cors.allow_headers)):
            if values:
                headers.append((f"access-control-allow-{name}", ",".join(values)))
        if cors.max_age_s is not None:
            headers.append(("access-control-max-age", str(cors.max_age_s)))
    return Response(204, headers)


def apply(cors: Cors, request: Request, response: Response) -> None:
    """Replaces the function's own CORS headers in `response` by those of the configuration."""
    response.headers = [header for header in response.headers if not header[0].startswith("access-control-")]
    headers = _origin_headers(cors, request)
    if headers and cors.expose_headers:
        headers.append(("access-control-expose-headers", ",".join(cors.expose_headers)))
    response.headers.extend(headers)


def _origin_headers(cors: Cors, request: Request) -> Headers:
    """Headers that let the request's origin in; none for a request without an origin or from another one."""
    origin = request.header("origin")
    if origin is None:
        return []
    if "*" in cors.allow_origins:
        headers = [("access-control-allow-origin", "*")]
    elif any(_covers(pattern, origin) for pattern in cors.allow_origins):
        headers = [("access-control-allow-origin", origin)]
    else:
        return []
    if cors.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    return headers


def _covers(pattern: str, origin: str) -> bool:
    """Whether an allowed origin, which may be `https://*` or `https://*.example.com`, covers this one."""
    head, star, tail = pattern.lower().partition("*")
    origin = origin.lower()
    return origin.startswith(head) and origin.endswith(tail) if star else origin == head
