"""Routes that run workflows: contract/workflows.md 9."""

from collections.abc import Callable
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from retinue.errors import Forbidden, ParameterError, PayloadTooLarge, RetinueError
from retinue.http.credentials import api_key_anywhere
from retinue.http.errors import status_and_body
from retinue.http.event import Request
from retinue.http.response import Response
from retinue.images.decode import Image
from retinue.images.load import ImageReference, load_image
from retinue.keys import Access
from retinue.observe import RequestRecord
from retinue.service import Service
from retinue.workflows.block import Limits, Runtime
from retinue.workflows.errors import (
    ClientCausedStepExecutionError,
    ExecutionEngineRuntimeError,
    StepExecutionError,
    WorkflowError,
)
from retinue.workflows.run import run_workflow
from retinue.workflows.send import HttpSender
from retinue.workflows.trace import Profiler
from retinue.workflows.values import ValueReader
from retinue.workflows.warm_models import WarmModels


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


class SpecificationRequest(RunRequest):
    """A run of a document that the request brings along."""

    specification: dict[str, Any]


def run_saved(request: Request, service: Service, record: RequestRecord) -> Response:
    """A saved workflow, by workspace and id."""
    body = parse_body(request, RunRequest)
    access = access_of(request, service, record)
    workspace, workflow_id = (request.path_parameters[name] for name in ("workspace", "id"))
    require_workspace(access, workspace)
    document = service.workflows.get(
        workspace, workflow_id, body.workflow_version_id, request.deadline, is_fresh=not body.use_cache
    )
    answer = _run(document, body, access, request, service, record)
    answer.headers.update({"x-workflow-id": workflow_id, "x-workspace-id": workspace})
    return answer


def run_specification(request: Request, service: Service, record: RequestRecord) -> Response:
    """The workflow that the request brings along."""
    body = parse_body(request, SpecificationRequest)
    access = access_of(request, service, record)
    return _run(body.specification, body, access, request, service, record)


def _run(
    document: dict[str, Any],
    body: RunRequest,
    access: Access,
    request: Request,
    service: Service,
    record: RequestRecord,
) -> Response:
    profiler = Profiler()
    settings, limits = service.settings, limits_of(service)
    runtime = Runtime(
        models=WarmModels(service.models, access, request.deadline, record, settings.run_memory_bytes),
        send=HttpSender(request.deadline, most_requests=limits.sent_requests),
        deadline=request.deadline,
        limits=limits,
        secrets=service.workflow_secrets,
        has_sinks=not body.disable_sinks,
    )

    loaded_bytes = 0

    def load(reference: ImageReference) -> Image:
        nonlocal loaded_bytes
        with record.stage("load"):
            image = load_image(
                reference, fetch=service.fetch, deadline=request.deadline, max_pixels=settings.max_pixels
            )
        loaded_bytes += image.nbytes
        if loaded_bytes > settings.run_memory_bytes:
            raise PayloadTooLarge(
                f"The images of the request take more than {settings.run_memory_bytes / 1e6:,.0f} MB once decoded "
                "(RETINUE_RUN_MEMORY_MB). Send fewer or smaller ones."
            )
        return image

    def rows() -> Response:
        outputs = run_workflow(
            document,
            body.inputs,
            plans=service.plans,
            look_up=look_up_of(access, request, service),
            read=ValueReader(load),
            runtime=runtime,
            excluded=body.excluded_fields or (),
            trace=profiler,
        )
        for event in profiler.events:
            if event["cat"] == "workflow":
                record.add(event["name"], event["dur"] / 1e3)
        return Response(_encoded(outputs, profiler.events if body.enable_profiling else []))

    return answered(rows, service, record)


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
        record.facts["reason"] = f"{exc.type}: {exc.message}"
        if isinstance(exc, StepExecutionError) and not isinstance(exc.inner, RetinueError):
            service.observer.failure("unexpected error of a block")
        return Response(exc.render(), status=_status(exc))


def _status(error: WorkflowError) -> int:
    if isinstance(error, ClientCausedStepExecutionError) and isinstance(error.inner, RetinueError):
        return status_and_body(error.inner)[0]
    return 400 if error.is_callers_fault else 500


def access_of(request: Request, service: Service, record: RequestRecord) -> Access:
    with record.stage("auth"):
        return service.keys.lookup(api_key_anywhere(request), request.deadline)


def require_workspace(access: Access, workspace: str) -> None:
    """Raises Forbidden unless the key is of this workspace."""
    if access.workspace != workspace:
        raise Forbidden(f"This API key is not for workspace {workspace}; it is for {access.workspace}.")


def limits_of(service: Service) -> Limits:
    """What one workflow may use, by the settings of the service."""
    settings = service.settings
    return Limits(
        images=settings.max_images,
        steps=settings.workflow_max_steps,
        elements=settings.workflow_max_elements,
        answer_bytes=int(settings.max_response_mb * 1e6),
    )


def look_up_of(access: Access, request: Request, service: Service) -> Any:
    """Finds the saved workflows that others nest, of the key's own workspace."""

    def look_up(workspace: str, workflow_id: str, version: str | None) -> dict[str, Any]:
        require_workspace(access, workspace)
        return service.workflows.get(workspace, workflow_id, version, request.deadline)

    return look_up


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
