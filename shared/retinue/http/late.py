"""Routes whose modules the first request imports, while the models that it names are loading.

The workflow engine takes 200 ms to import and to compile its first document, a model about as long to load: side by
side, the first answer of a copy comes that much earlier.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
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
from retinue.process import importing
from retinue.service import Service

# Each takes a thread and memory; those that follow are loaded by their steps.
_MOST_MODELS = 2


@dataclass(frozen=True, slots=True)
class Late:
    """The route of that name, whose module is imported when it is first asked for.

    names_models: the models of the request's workflow start to load in a thread before.
    """

    module: str
    name: str
    names_models: bool = False

    def __call__(self, request: Request, service: Service, record: RequestRecord) -> Response:
        """Answers the request, as the route does."""
        if self.names_models:
            # Whatever is wrong with the request, the route finds again and says.
            with suppress(RetinueError, ValueError):
                load_models_ahead(request, service, record)
        return self.route(request, service, record)

    @property
    def route(self) -> Route:
        """The route itself."""
        if self.module not in sys.modules:
            with importing():
                import_module(self.module)
        route: Route = getattr(import_module(self.module), self.name)
        return route


def load_models_ahead(request: Request, service: Service, record: RequestRecord) -> None:
    """Starts loading the models that the request's workflow names. Raises RetinueError or ValueError for requests that
    the route refuses."""
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
