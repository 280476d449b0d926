"""What is known without a model: the page, the API's description, info, health, and the answer to unknown paths."""

from retinue.http.catalog import health, info, page, readiness, unknown_path
from retinue.http.documentation import show_openapi, show_reference
from retinue.http.entry import handler as entry

ROUTES = {
    "GET /": page,
    "GET /openapi.json": show_openapi,
    "GET /docs": show_reference,
    "GET /redoc": show_reference,
    "GET /info": info,
    "GET /healthz": health,
    "GET /readiness": readiness,
    "$default": unknown_path,
}

handler = entry(ROUTES)
