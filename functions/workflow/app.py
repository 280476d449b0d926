"""The workflow pool: models and image operations chained by a JSON document."""

from retinue.http.entry import handler as entry
from retinue.http.workflows import run_saved, run_specification, validate

ROUTES = {
    "POST /{workspace}/workflows/{id}": run_saved,
    "POST /infer/workflows/{workspace}/{id}": run_saved,
    "POST /workflows/run": run_specification,
    "POST /infer/workflows": run_specification,
    "POST /workflows/validate": validate,
}

handler = entry(ROUTES)
