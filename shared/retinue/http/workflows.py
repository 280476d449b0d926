"""Routes that run workflows: contract/workflows.md 9."""

from collections.abc import Callable
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retinue.errors import ParameterError, RequestError, RetinueError
from retinue.http.credentials import api_key_anywhere, authorise
from retinue.http.errors import status_and_body
from retinue.http.event import Request
from retinue.http.parameters import is_asynchronous
from retinue.http.response import Response
from retinue.inference import Call
from retinue.observe import RequestRecord
from retinue.service import Service
from retinue.workflow_inference import require_workspace, run_document
from retinue.workflows.errors import (
    ClientCausedStepExecutionError,
    ExecutionEngineRuntimeError,
    StepExecutionError,
    WorkflowError,
)
from retinue.workflows.trace import Profiler


class RunRequest(BaseModel):
    """The fields of all requests that run a workflow; unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    api_key: str | None = None
    inputs: dict[str, Any]
    excluded_fields: list[str] | None = None
    enable_profiling: bool = False
    disable_sinks: bool = False
    workflow_id: str | None = None
    use_cache: bool = True
    workflow_version_id: str | None = None
    # Declared by the contract and without effect here: still checked.
    debug: bool = False
    inner_workflow_dispatch_depth: int = Field(0, ge=0, strict=True)


class SpecificationRequest(RunRequest):
    """A run of a document that the request brings along."""

    specification: dict[str, Any]
    is_preview: bool = False


def run_saved(request: Request, service: Service, record: RequestRecord) -> Response:
    """A saved workflow, by workspace and id."""
    body = parse_body(request, RunRequest)
    call = call_of(request, service, record)
    workspace, workflow_id = (request.path_parameters[name] for name in ("workspace", "id"))
    require_workspace(call.access, workspace)
    document = service.workflows.get(
        workspace, workflow_id, body.workflow_version_id, request.deadline, is_fresh=not body.use_cache
    )
    if is_asynchronous(request.query):
        from retinue.http.asynchronous import accept_workflow  # boto3

        return answered(lambda: accept_workflow(workspace, workflow_id, document, body, call), service, record)
    answer = _run(document, body, call)
    answer.headers.update({"x-workflow-id": workflow_id, "x-workspace-id": workspace})
    return answer


def run_specification(request: Request, service: Service, record: RequestRecord) -> Response:
    """The workflow that the request brings along."""
    body = parse_body(request, SpecificationRequest)
    call = call_of(request, service, record)
    if is_asynchronous(request.query):
        raise RequestError(
            "async=true runs saved workflows only. Save this one with `retinue workflows put` and send the request to "
            "/{workspace}/workflows/{id}, or send its specification to POST /jobs."
        )
    return _run(body.specification, body, call)


def _run(document: dict[str, Any], body: RunRequest, call: Call) -> Response:
    profiler, record = Profiler(), call.record

    def rows() -> Response:
        outputs = run_document(
            document,
            body.inputs,
            call,
            excluded=body.excluded_fields or (),
            has_sinks=not body.disable_sinks,
            trace=profiler,
        )
        for event in profiler.events:
            if event["cat"] == "workflow":
                record.add(event["name"], event["dur"] / 1e3)
        return Response(_encoded(outputs, profiler.events if body.enable_profiling else []))

    return answered(rows, call.service, record)


def _encoded(outputs: list[dict[str, Any]], events: list[dict[str, Any]]) -> bytes:
    try:
        return orjson.dumps({"outputs": outputs, "profiler_trace": events})
    except TypeError as exc:  # blocks can put what they get into lists, and orjson gives up at some depth
        raise ExecutionEngineRuntimeError(
            f"The outputs cannot be sent: {exc}.", context="workflow_execution | output_construction", inner=exc
        ) from exc


def answered(run: Callable[[], Response], service: Service, record: RequestRecord) -> Response:
    """What `run` answers, or the body of the WorkflowError that it raises; the log tells why."""
    try:
        return run()
    except WorkflowError as exc:
        # Not its message: that repeats what the document or the inputs hold, perhaps a key or a picture.
        inner = f" ({type(exc.inner).__name__})" if exc.inner else ""
        record.facts["reason"] = f"{exc.type}: {exc.context}{inner}"
        if isinstance(exc, StepExecutionError) and not isinstance(exc.inner, RetinueError):
            service.observer.failure("unexpected error of a block")
        return Response(exc.render(), status=_status(exc))


def _status(error: WorkflowError) -> int:
    if isinstance(error, ClientCausedStepExecutionError) and isinstance(error.inner, RetinueError):
        return status_and_body(error.inner)[0]
    return 400 if error.is_callers_fault else 500


def call_of(request: Request, service: Service, record: RequestRecord) -> Call:
    """The request as work for the owner of its key. Raises AuthError."""
    access = authorise(api_key_anywhere(request), request, service, record)
    return Call(service, access, request.deadline, record)


def parse_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises ParameterError."""
    try:
        document = request.json
    except orjson.JSONDecodeError as exc:
        raise ParameterError(
            [{"type": "json_invalid", "loc": ["body", exc.pos], "msg": f"JSON decode error: {exc.msg}"}]
        ) from exc
    if not isinstance(document, dict):
        raise ParameterError([{"type": "dict_type", "loc": ["body"], "msg": "Input should be a valid dictionary"}])
    return document


def parse_body(request: Request, kind: type[Any]) -> Any:
    """The body as a model. Raises ParameterError."""
    try:
        return kind.model_validate(parse_object(request))
    except ValidationError as exc:
        problems = exc.errors(include_url=False, include_input=False, include_context=False)
        raise ParameterError(
            [{"type": item["type"], "loc": ["body", *item["loc"]], "msg": item["msg"]} for item in problems[:20]]
        ) from exc
