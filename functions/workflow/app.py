"""The workflow pool: models and image operations chained by a JSON document."""

from retinue.http.entry import handler as entry
from retinue.http.late import late, with_models_ahead

RUNS, CATALOG = "retinue.http.workflows", "retinue.http.workflow_catalog"
RUN_SAVED = with_models_ahead(late(RUNS, "run_saved"))
RUN_SPECIFICATION = with_models_ahead(late(RUNS, "run_specification"))

ROUTES = {
    "POST /{workspace}/workflows/{id}": RUN_SAVED,
    "POST /infer/workflows/{workspace}/{id}": RUN_SAVED,
    "POST /workflows/run": RUN_SPECIFICATION,
    "POST /infer/workflows": RUN_SPECIFICATION,
    "POST /workflows/validate": late(CATALOG, "validate"),
    "POST /{workspace}/workflows/{id}/describe_interface": late(CATALOG, "describe_saved_interface"),
    "POST /workflows/describe_interface": late(CATALOG, "describe_interface"),
    "GET /workflows/blocks/describe": late(CATALOG, "describe_all_blocks"),
    "POST /workflows/blocks/describe": late(CATALOG, "describe_all_blocks"),
    "POST /workflows/blocks/dynamic_outputs": late(CATALOG, "describe_step_outputs"),
    "GET /workflows/definition/schema": late(CATALOG, "show_schema"),
    "GET /workflows/execution_engine/versions": late(CATALOG, "list_versions"),
}

handler = entry(ROUTES)
