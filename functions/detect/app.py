"""The detect pool: URL routes of any task, object and keypoint detection, and the models of a copy."""

from retinue.http.entry import handler as entry
from retinue.http.inference import infer_by_task, infer_by_url
from retinue.http.models import add_model, clear_models, list_models, remove_model

ROUTES = {
    "GET /{project}/{version}": infer_by_url,
    "POST /{project}/{version}": infer_by_url,
    "GET /detect/{project}/{version}": infer_by_url,
    "POST /detect/{project}/{version}": infer_by_url,
    "POST /infer/object_detection": infer_by_task,
    "POST /infer/keypoints_detection": infer_by_task,
    "GET /model/registry": list_models,
    "POST /model/add": add_model,
    "POST /model/remove": remove_model,
    "POST /model/clear": clear_models,
}

handler = entry(ROUTES)
