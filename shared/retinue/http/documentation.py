"""The service's own description: the OpenAPI document, and a page that shows it without asking any other host."""

from pathlib import Path

from retinue.http.event import Request
from retinue.http.response import Response
from retinue.observe import RequestRecord
from retinue.service import Service

# Both lie beside this file; `python -m tools.write_openapi` writes the first.
DOCUMENT = Path(__file__).with_name("openapi.json")
_PAGE = Path(__file__).with_name("openapi.html")
# What is in the page itself, and the document.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"


def show_openapi(request: Request, service: Service, record: RequestRecord) -> Response:
    """The OpenAPI document of this service."""
    return Response(DOCUMENT.read_bytes())


def show_reference(request: Request, service: Service, record: RequestRecord) -> Response:
    """The OpenAPI document as a page for people."""
    headers = {"content-security-policy": _POLICY}
    return Response(_PAGE.read_bytes(), content_type="text/html; charset=utf-8", headers=headers)
