"""The workflow pool: models and image operations chained by a JSON document."""

from retinue.http.entry import handler as entry
from retinue.http.late import Late

RUNS, CATALOG = "retinue.http.workflows", "retinue.http.workflow_catalog"
RUN_SAVED = Late(RUNS, "run_saved", names_models=True)
RUN_SPECIFICATION = Late(RUNS, "run_specification", names_models=True)

ROUTES = {
    "POST /{workspace}/workflows/{id}": RUN_SAVED,
    "POST /infer/workflows/{workspace}/{id}": RUN_SAVED,
    "POST /workflows/run": RUN_SPECIFICATION,
    "POST /infer/workflows": RUN_SPECIFICATION,
    "POST /workflows/validate": Late(CATALOG, "validate"),
    "POST /{workspace}/workflows/{id}/describe_interface": Late(CATALOG, "describe_saved_interface"),
    "POST /workflows/describe_interface": Late(CATALOG, "describe_interface"),
    "GET /workflows/blocks/describe": Late(CATALOG, "describe_all_blocks"),
    "POST /workflows/blocks/describe": Late(CATALOG, "describe_all_blocks"),
    "POST /workflows/blocks/dynamic_outputs": Late(CATALOG, "describe_step_outputs"),
    "GET /workflows/definition/schema": Late(CATALOG, "show_schema"),
    "GET /workflows/execution_engine/versions": Late(CATALOG, "list_versions"),
}

handler = entry(ROUTES)
