"""The classify pool."""

from retinue.http.entry import handler as entry
from retinue.http.inference import infer_by_task, infer_by_url

ROUTES = {
    "GET /classify/{project}/{version}": infer_by_url,
    "POST /classify/{project}/{version}": infer_by_url,
    "POST /infer/classification": infer_by_task,
}

handler = entry(ROUTES)
