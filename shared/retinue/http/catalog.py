"""Routes about the service itself, and the answer to paths that nobody serves."""

import uuid

from retinue import __version__
from retinue.errors import MethodNotAllowed, NotFound
from retinue.http.credentials import api_key_anywhere, authorise
from retinue.http.event import Request
from retinue.http.response import Response
from retinue.observe import RequestRecord
from retinue.service import Service

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Retinue {version}</title>
<style>body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 44rem; margin: 4rem auto; padding: 0 1rem }}
pre {{ background: #f3f4f6; padding: 1rem; overflow-x: auto }}</style></head>
<body><h1>Retinue {version}</h1><p>Vision inference, compatible with Roboflow's hosted API. This is its address:
{url}</p> <pre>base64 -w0 photo.jpg | curl -d @- "{url}/PROJECT/VERSION?api_key=KEY"

from inference_sdk import InferenceHTTPClient
client = InferenceHTTPClient(api_url="{url}", api_key="KEY")
client.infer("photo.jpg", model_id="PROJECT/VERSION")</pre> <p><a href="docs">All routes</a></p></body></html>
"""
# Stays the same while this copy of the function lives.
_SERVER_ID = uuid.uuid4().hex


def page(request: Request, service: Service, record: RequestRecord) -> Response:
    """What this is and how to call it, for people who open the address in a browser."""
    host = request.headers.get("host", "")
    scheme = request.headers.get("x-forwarded-proto", "https")
    url = f"{scheme}://{host}" if host.replace(".", "").replace("-", "").replace(":", "").isalnum() else ""
    return Response(_PAGE.format(version=__version__, url=url).encode(), content_type="text/html; charset=utf-8")


def info(request: Request, service: Service, record: RequestRecord) -> Response:
    """Name and version of the service."""
    return Response({"name": "Retinue", "version": __version__, "uuid": _SERVER_ID})


def health(request: Request, service: Service, record: RequestRecord) -> Response:
    """Whether the function runs."""
    return Response({"status": "healthy"})


def readiness(request: Request, service: Service, record: RequestRecord) -> Response:
    """Whether requests can be served: a function needs no warm-up, so whenever it runs."""
    return Response({"status": "ready"})


def unknown_path(request: Request, service: Service, record: RequestRecord) -> Response:
    """401 without a good key, else 404 for reading and 405 for the rest, as the contract has it."""
    authorise(api_key_anywhere(request), request, service, record)
    if request.method in ("GET", "HEAD"):
        raise NotFound("Not Found")
    raise MethodNotAllowed("Method Not Allowed")
