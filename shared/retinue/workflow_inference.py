"""Workflows over the parts of this process: what the routes and the uploads share."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from retinue.errors import Forbidden, PayloadTooLarge
from retinue.images.decode import Image
from retinue.images.load import ImageReference
from retinue.inference import Call
from retinue.keys import Access
from retinue.service import Service
from retinue.workflows.block import Limits, Runtime
from retinue.workflows.engine import Trace
from retinue.workflows.plan import Plan
from retinue.workflows.run import run_workflow
from retinue.workflows.send import HttpSender
from retinue.workflows.values import ValueReader
from retinue.workflows.warm_models import WarmModels


def _untraced(name: str, category: str) -> AbstractContextManager[None]:
    return nullcontext()


def run_document(
    document: dict[str, Any],
    inputs: Mapping[str, Any],
    call: Call,
    *,
    excluded: Collection[str] = (),
    has_sinks: bool = True,
    trace: Trace = _untraced,
) -> list[dict[str, Any]]:
    """The rows of the answer. Raises WorkflowError, RetinueError."""
    service, limits = call.service, limits_of(call.service)
    runtime = Runtime(
        models=WarmModels(service.models, call.access, call.deadline, call.record, service.settings.run_memory_bytes),
        send=HttpSender(call.deadline, most_requests=limits.sent_requests),
        deadline=call.deadline,
        limits=limits,
        secrets=service.workflow_secrets,
        has_sinks=has_sinks,
    )

    loaded_bytes, most_bytes = 0, service.settings.run_memory_bytes

    def load(reference: ImageReference) -> Image:
        nonlocal loaded_bytes
        with call.record.stage("load"):
            image = call.load(reference)
        loaded_bytes += image.nbytes
        if loaded_bytes > most_bytes:
            raise PayloadTooLarge(
                f"The images of the request take more than {most_bytes / 1e6:,.0f} MB once decoded "
                "(RETINUE_RUN_MEMORY_MB). Send fewer or smaller ones."
            )
        return image

    return run_workflow(
        document,
        inputs,
        plans=service.plans,
        look_up=look_up_of(call),
        read=ValueReader(load),
        runtime=runtime,
        excluded=excluded,
        trace=trace,
    )


def compiled(document: dict[str, Any], call: Call) -> Plan:
    """The plan of a document. Raises WorkflowError."""
    return call.service.plans.get(document, limits_of(call.service), look_up_of(call))


def picture_inputs(plan: Plan) -> list[str]:
    """The names of the inputs that are pictures."""
    return [name for name, item in plan.inputs.items() if item.is_batch and "image" in item.kinds]


def limits_of(service: Service) -> Limits:
    """What one workflow may use, by the settings of the service."""
    settings = service.settings
    return Limits(
        images=settings.max_images,
        steps=settings.workflow_max_steps,
        elements=settings.workflow_max_elements,
        answer_bytes=int(settings.max_response_mb * 1e6),
    )


def look_up_of(call: Call) -> Any:
    """Finds the saved workflows that others nest, of the caller's own workspace."""

    def look_up(workspace: str, workflow_id: str, version: str | None) -> dict[str, Any]:
        require_workspace(call.access, workspace)
        return call.service.workflows.get(workspace, workflow_id, version, call.deadline)

    return look_up


def require_workspace(access: Access, workspace: str) -> None:
    """Raises Forbidden unless the key is of this workspace."""
    if access.workspace != workspace:
        raise Forbidden(f"This API key is not for workspace {workspace}; it is for {access.workspace}.")
