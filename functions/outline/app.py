"""The outline pool."""

from retinue.http.entry import handler as entry
from retinue.http.inference import infer_by_task, infer_by_url

ROUTES = {
    "GET /outline/{project}/{version}": infer_by_url,
    "POST /outline/{project}/{version}": infer_by_url,
    "POST /infer/instance_segmentation": infer_by_task,
    "POST /infer/semantic_segmentation": infer_by_task,
}

handler = entry(ROUTES)
