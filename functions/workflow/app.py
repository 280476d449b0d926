"""The workflow pool: models and image operations chained by a JSON document."""

from retinue.http.entry import handler as entry
from retinue.http.workflow_catalog import (
    describe_all_blocks,
    describe_interface,
    describe_saved_interface,
    describe_step_outputs,
    list_versions,
    show_schema,
    validate,
)
from retinue.http.workflows import run_saved, run_specification

ROUTES = {
    "POST /{workspace}/workflows/{id}": run_saved,
    "POST /infer/workflows/{workspace}/{id}": run_saved,
    "POST /workflows/run": run_specification,
    "POST /infer/workflows": run_specification,
    "POST /workflows/validate": validate,
    "POST /{workspace}/workflows/{id}/describe_interface": describe_saved_interface,
    "POST /workflows/describe_interface": describe_interface,
    "GET /workflows/blocks/describe": describe_all_blocks,
    "POST /workflows/blocks/describe": describe_all_blocks,
    "POST /workflows/blocks/dynamic_outputs": describe_step_outputs,
    "GET /workflows/definition/schema": show_schema,
    "GET /workflows/execution_engine/versions": list_versions,
}

handler = entry(ROUTES)
