"""Writes shared/retinue/http/openapi.json: the routes of template.yaml with what the package and tools/openapi_* say.

`.venv/bin/python -m tools.write_openapi`; a test compares the file with what this writes.
"""

import importlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from local.template import CATCH_ALL, read_template
from retinue import __version__
from retinue.http.documentation import DOCUMENT
from retinue.http.late import Late
from tools.openapi_operations import OPERATIONS, PICTURE, TAGS, Operation, Type
from tools.openapi_parameters import Schema
from tools.openapi_schemas import Detail, Invalid, Message, Unauthorized, WorkflowProblem

ROOT = Path(__file__).parent.parent
_SCHEMAS = "#/components/schemas/"
_ABOUT = (
    "Vision inference in your own AWS account. The requests and answers are those of Roboflow's hosted API, so its "
    "clients work after a change of the address. The models in the examples stand for your own."
)
# Values that path parameters of the examples have.
_PATH: dict[str, tuple[str, str]] = {
    "project": ("Project of the model.", "shapes"),
    "version": ("Version of the model, or an alias.", "1"),
    "workspace": ("Workspace of the workflow.", "default"),
    "id": ("What the workflow was saved as, or the id of an upload.", "shapes"),
    "job_id": ("What `POST /jobs` answered.", "0123456789abcdef0123456789abcdef"),
}
_REFUSALS: dict[int, tuple[str, Type]] = {
    400: ("The request makes no sense, or its picture cannot be used.", Message),
    401: ("There is no API key, or it is not known.", Unauthorized),
    403: ("The API key is not for this project or workspace.", Message),
    404: ("What was asked for does not exist.", Message | Detail),
    409: ("The state of the job does not allow it.", Message),
    413: ("The request or its answer is too large.", Message),
    422: ("Parameters or fields are wrong.", Invalid),
    429: ("More requests than the API lets through.", Message),
    500: ("A model package is broken, or there is a defect.", Message),
    501: ("The model cannot be served, or the stack was deployed without what is needed.", Message),
    502: ("What is saved under this name is no workflow.", Message),
    503: ("Not ready yet; the same request succeeds later.", Message),
}
_OF_EVERY_ROUTE = (413, 429, 500, 503)
# Where a step of a workflow may be the reason.
_OF_STEPS = (400, 401, 403, 404, 413, 422, 500, 501, 502, 503)
_HEADERS: dict[str, tuple[str, Schema]] = {
    "X-Request-ID": ("The request in the service's log.", {"type": "string"}),
    "Server-Timing": ("What took how long, for a browser's tools.", {"type": "string"}),
    "X-Model-Id": ("The models that were asked, separated by commas.", {"type": "string"}),
    "X-Model-Version": ("The versions behind these, whatever alias was asked for.", {"type": "string"}),
    "X-Model-SHA256": ("The weights of these versions.", {"type": "string"}),
    "Retry-After": ("Seconds to wait.", {"type": "integer"}),
}
_OF_ANSWERS = ("X-Request-ID", "Server-Timing")
_OF_MODELS = ("X-Model-Id", "X-Model-Version", "X-Model-SHA256")


class _Generator(GenerateJsonSchema):
    """pydantic's schemas without a title for each field that repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def render() -> str:
    """The document as the file has it."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    functions = route_functions()
    schemas, definitions = _schemas(_types(OPERATIONS.values()))
    paths: dict[str, dict[str, Any]] = {}
    for key in sorted(functions, key=lambda key: (key.partition(" ")[2], key)):
        method, _, path = key.partition(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(key, functions[key], schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Retinue", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "parameters": {one["name"]: one for operation in OPERATIONS.values() for one in operation.query},
            "responses": _refusals(schemas),
            "headers": {name: {"description": about, "schema": schema} for name, (about, schema) in _HEADERS.items()},
            "securitySchemes": {
                "query": {"type": "apiKey", "in": "query", "name": "api_key"},
                "header": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def route_functions() -> dict[str, Callable[..., Any]]:
    """The function of the package behind each route of the template, but the catch-all."""
    template = read_template(ROOT / "template.yaml")
    folders = {name: function.code.name for name, function in template.functions.items()}
    found = {}
    for route in template.routes:
        if route.path != CATCH_ALL:
            table = importlib.import_module(f"functions.{folders[route.function]}.app").ROUTES
            function = table[route.key]
            found[route.key] = function.route if isinstance(function, Late) else function
    return found


def _types(operations: Iterable[Operation]) -> list[Type]:
    """Every type that the document shows."""
    types: list[Type] = [WorkflowProblem, *(kind for _, kind in _REFUSALS.values())]
    for operation in operations:
        types += operation.answers.values()
        if operation.body is not None:
            types += [operation.body.type, *(kind for kind, _ in operation.body.by_route.values())]
    return list(dict.fromkeys(types))


def _schemas(types: Iterable[Type]) -> tuple[dict[Type, Schema], dict[str, Any]]:
    """The schema of each type, and what these refer to."""
    listed = list(types)
    adapters: list[tuple[int, Literal["validation"], TypeAdapter[Any]]] = [
        (number, "validation", TypeAdapter(kind)) for number, kind in enumerate(listed)
    ]
    by_number, rest = TypeAdapter.json_schemas(
        adapters, ref_template=f"{_SCHEMAS}{{model}}", schema_generator=_Generator
    )
    found = {kind: by_number[number, "validation"] for number, kind in enumerate(listed)}
    return found, dict(sorted(rest["$defs"].items()))


def _refusals(schemas: Mapping[Type, Schema]) -> dict[str, Any]:
    """The answers that several routes have, as components: `refused-404`, and `workflow-404` where steps run."""
    found = {}
    for status, (description, kind) in _REFUSALS.items():
        found[f"refused-{status}"] = _refusal(status, description, schemas[kind])
    for status in _OF_STEPS:
        description, kind = _REFUSALS[status]
        forms = [schemas[kind]] if "$ref" in schemas[kind] else list(schemas[kind]["anyOf"])
        either = {"anyOf": [*forms, schemas[WorkflowProblem]]}
        found[f"workflow-{status}"] = _refusal(status, description, either)
    return found


def _refusal(status: int, description: str, schema: Schema) -> Schema:
    refusal: Schema = {"description": description, "content": {"application/json": {"schema": schema}}}
    return refusal | ({"headers": _headers("Retry-After")} if status == 503 else {})


def _headers(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _operation(key: str, function: Callable[..., Any], schemas: Mapping[Type, Schema]) -> Schema:
    method, _, path = key.partition(" ")
    operation = OPERATIONS[function]
    summary, _, rest = " ".join((function.__doc__ or "").split()).partition(". ")
    described: Schema = {
        "operationId": _identifier(method, path),
        "tags": [operation.tag],
        "summary": summary.rstrip("."),
    }
    if rest:
        described["description"] = rest
    parameters = [*_path_parameters(path), *map(_reference, operation.query), *operation.headers]
    if parameters:
        described["parameters"] = parameters
    if method == "POST":
        body = _picture_body() if operation.has_picture else _body(key, operation, schemas)
        described |= {"requestBody": body} if body else {}
    described["responses"] = _responses(operation, schemas)
    described["security"] = [{"query": []}, {"header": []}] if _needs_key(method, operation) else []
    return described


def _reference(parameter: Schema) -> Schema:
    return {"$ref": f"#/components/parameters/{parameter['name']}"}


def _needs_key(method: str, operation: Operation) -> bool:
    """Editors read the blocks without a key, by GET or with a body."""
    is_open = operation.body is not None and not operation.body.is_required
    return operation.needs_key and not is_open


def _identifier(method: str, path: str) -> str:
    words = re.findall(r"\w+", path)
    return "_".join([method.lower(), *words, *(["slash"] if len(path) > 1 and path.endswith("/") else [])])


def _path_parameters(path: str) -> list[Schema]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH[name][0],
            "schema": {"type": "string", "minLength": 1, "examples": [_PATH[name][1]]},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]


def _picture_body() -> Schema:
    """Base64 under whatever type (clients label it as JSON, too), or a form."""
    text = {"schema": {"type": "string", "contentEncoding": "base64"}}
    examples = {"examples": {"a picture": {"value": PICTURE}}}
    form = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
    return {
        "description": "The picture in base64, whatever the Content-Type says, or as the file of a form.",
        "content": {
            "text/plain": text | examples,
            "application/x-www-form-urlencoded": text,
            "multipart/form-data": {"schema": form},
        },
    }


def _body(key: str, operation: Operation, schemas: Mapping[Type, Schema]) -> Schema | None:
    body = operation.body
    if body is None:
        return None
    kind, examples = body.type, dict(body.examples)
    if key in body.by_route:
        kind, example = body.by_route[key]
        examples = {"one picture": example}
    media: Schema = {"schema": schemas[kind]}
    if examples:
        media["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"required": body.is_required, "content": {"application/json": media}}


def _responses(operation: Operation, schemas: Mapping[Type, Schema]) -> dict[str, Schema]:
    responses: dict[str, Schema] = {}
    headers = _headers(*_OF_ANSWERS, *(_OF_MODELS if operation.tag in ("Inference", "Workflows") else ()))
    for status, kind in operation.answers.items():
        content = {operation.content_type: {"schema": schemas[kind]}}
        if operation.has_picture and status == 200:
            content["image/jpeg"] = {"schema": {"type": "string", "format": "binary"}}
        description = "Taken; the result comes later." if status == 202 else "The answer."
        responses[str(status)] = {"description": description, "headers": headers, "content": content}
    refusals = {*_OF_EVERY_ROUTE, *operation.refusals, *([401] if operation.needs_key else [])}
    for status in sorted(refusals):
        kind_of = "workflow" if operation.is_workflow and status in _OF_STEPS else "refused"
        responses[str(status)] = {"$ref": f"#/components/responses/{kind_of}-{status}"}
    return responses


if __name__ == "__main__":
    DOCUMENT.write_text(render(), "utf-8")
    print(DOCUMENT)
