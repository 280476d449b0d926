"""What is known without a model: the page, info, health, and the answer to unknown paths."""

from retinue.http.catalog import health, info, page, readiness, unknown_path
from retinue.http.entry import handler as entry

ROUTES = {
    "GET /": page,
    "GET /info": info,
    "GET /healthz": health,
    "GET /readiness": readiness,
    "$default": unknown_path,
}

handler = entry(ROUTES)
