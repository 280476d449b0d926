"""Routes about the models of a process. A function scales by copies, so these speak of the copy that answers."""

from typing import Any

from retinue.http.credentials import api_key_anywhere, authorise
from retinue.http.event import Request
from retinue.http.response import Response
from retinue.keys import Access
from retinue.models.package import Manifest, ModelId
from retinue.observe import RequestRecord
from retinue.service import Service

_UNKNOWN_HERE = (
    "torch_cuda_allocator_cache",
    "non_torch_gpu_memory",
    "total_vram_bytes",
    "gpu_memory_used",
    "gpu_memory_total",
    "torch_cuda_allocated",
    "torch_cuda_reserved",
)


def list_models(request: Request, service: Service, record: RequestRecord) -> Response:
    """The models in memory that the key may see."""
    return _descriptions(_access(request, service, record), service)


def add_model(request: Request, service: Service, record: RequestRecord) -> Response:
    """Loads a model, and lists it with the others. Doing so again changes nothing."""
    from retinue.http.task_requests import parse_model_request

    access = _access(request, service, record)
    model_id = ModelId.parse(parse_model_request(request).model_id)
    access.require(model_id.project)
    record.model_ids.append(str(model_id))
    with record.stage("model"):
        lookup = service.models.get(model_id, request.deadline)
    lookup.note_in(record, model_id)
    return _descriptions(access, service)


def remove_model(request: Request, service: Service, record: RequestRecord) -> Response:
    """Forgets a model; one that is not in memory is fine."""
    from retinue.http.task_requests import parse_model_request

    access = _access(request, service, record)
    model_id = ModelId.parse(parse_model_request(request).model_id)
    access.require(model_id.project)
    service.models.remove(model_id)
    return _descriptions(access, service)


def clear_models(request: Request, service: Service, record: RequestRecord) -> Response:
    """Forgets the models that the key may see."""
    access = _access(request, service, record)
    for name in service.models.models():
        if access.allows(ModelId.parse(name).project):
            service.models.remove(ModelId.parse(name))
    return _descriptions(access, service)


def _access(request: Request, service: Service, record: RequestRecord) -> Access:
    return authorise(api_key_anywhere(request), request, service, record)


def _descriptions(access: Access, service: Service) -> Response:
    models = [
        _description(name, manifest)
        for name, manifest in service.models.models().items()
        if access.allows(ModelId.parse(name).project)
    ]
    return Response({"models": models, **dict.fromkeys(_UNKNOWN_HERE)})


def _description(name: str, manifest: Manifest) -> dict[str, Any]:
    return {
        "model_id": name,
        # Clients choose the route by it, and one label or many go the same way.
        "task_type": "classification" if manifest.task == "multi-label-classification" else manifest.task,
        "batch_size": manifest.network_input.batch,
        "input_height": manifest.network_input.height,
        "input_width": manifest.network_input.width,
        "vram_bytes": None,
        "request_aliases": [manifest.model_id] if name != manifest.model_id else [],
        "request_paths": [],
    }
