"""Routes whose modules the first request imports, while the models that it names are loading.

The workflow engine takes 200 ms to import and to compile its first document, a model about as long to load: side by
side, the first answer of a copy comes that much earlier.
"""

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from itertools import islice
from typing import Any

import retinue.inference  # noqa: F401  onnxruntime and numpy, which every first request needs, while the copy starts
from retinue.errors import RetinueError
from retinue.http.credentials import api_key_anywhere, authorise
from retinue.http.entry import Route
from retinue.http.event import Request
from retinue.http.response import Response
from retinue.models.package import ModelId
from retinue.observe import RequestRecord
from retinue.service import Service

# Each takes a thread and memory; those that follow are loaded by their steps.
_MOST_MODELS = 2


def late(module: str, name: str) -> Route:
    """The route of that name, whose module is imported when it is first asked for."""

    def route(request: Request, service: Service, record: RequestRecord) -> Response:
        answer: Response = getattr(import_module(module), name)(request, service, record)
        return answer

    return route


def with_models_ahead(route: Route) -> Route:
    """The route; before it runs, the models that the request's workflow names start to load in threads."""

    def ahead(request: Request, service: Service, record: RequestRecord) -> Response:
        # Whatever is wrong with the request, the route finds again and says.
        with suppress(RetinueError, ValueError):
            _load_models(request, service, record)
        return route(request, service, record)

    return ahead


def _load_models(request: Request, service: Service, record: RequestRecord) -> None:
    access = authorise(api_key_anywhere(request), request, service, record)
    for text in islice(_named_models(_document(request, service, access.workspace)), _MOST_MODELS):
        model_id = ModelId.parse(text)
        access.require(model_id.project)
        service.models.load_ahead(model_id, request.deadline)


def _document(request: Request, service: Service, workspace: str) -> Any:
    """The workflow that the request brings along or names."""
    body = request.json if isinstance(request.json, dict) else {}
    if "id" not in request.path_parameters:
        return body.get("specification")
    version = body.get("workflow_version_id")
    if request.path_parameters["workspace"] != workspace or not isinstance(version, str | None):
        return None
    return service.workflows.get(workspace, request.path_parameters["id"], version, request.deadline)


def _named_models(document: Any) -> Iterator[str]:
    """The models of its steps that are written out, each once."""
    steps = document.get("steps") if isinstance(document, dict) else None
    named = [step.get("model_id") for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    yield from dict.fromkeys(text for text in named if isinstance(text, str) and not text.startswith("$"))
