"""Routes that describe: documents, blocks, the language itself (contract/workflows.md 9)."""

from typing import Any

from pydantic import BaseModel, Field

from retinue.errors import RequestError
from retinue.http.credentials import api_key_anywhere
from retinue.http.event import Request
from retinue.http.response import Response
from retinue.http.workflows import answered, call_of, parse_body, parse_object
from retinue.observe import RequestRecord
from retinue.service import Service
from retinue.workflow_inference import compiled, limits_of, look_up_of, require_workspace
from retinue.workflows.compile import describe_document, refuse_custom_code
from retinue.workflows.definition import ENGINE_VERSION, parse_definition
from retinue.workflows.describe import definition_schema, describe_blocks, describe_outputs


class DocumentRequest(BaseModel):
    """A question about a document."""

    api_key: str | None = None
    specification: dict[str, Any] = Field()


class BlocksRequest(BaseModel):
    """A question about all blocks."""

    # The document says that it must be empty; what is not is refused in the words that clients know.
    dynamic_blocks_definitions: list[Any] = Field(default_factory=list, json_schema_extra={"maxItems": 0})
    execution_engine_version: str | None = None


class SavedRequest(BaseModel):
    """A question about a saved workflow."""

    api_key: str | None = None
    use_cache: bool = True
    workflow_version_id: str | None = None


def describe_saved_interface(request: Request, service: Service, record: RequestRecord) -> Response:
    """What goes into a saved workflow and what comes out."""
    call = call_of(request, service, record)
    body = parse_body(request, SavedRequest)
    workspace, workflow_id = (request.path_parameters[name] for name in ("workspace", "id"))
    require_workspace(call.access, workspace)
    document = service.workflows.get(
        workspace, workflow_id, body.workflow_version_id, request.deadline, is_fresh=not body.use_cache
    )
    look_up = look_up_of(call)
    return answered(lambda: Response(describe_document(document, limits_of(service), look_up)), service, record)


def describe_interface(request: Request, service: Service, record: RequestRecord) -> Response:
    """What goes into the workflow that the request brings along, and what comes out."""
    if api_key_anywhere(request) is None:
        raise RequestError("Required Roboflow API key is missing. Send it as api_key in the query or in the body.")
    call = call_of(request, service, record)
    body = parse_body(request, DocumentRequest)
    document, look_up = body.specification, look_up_of(call)
    return answered(lambda: Response(describe_document(document, limits_of(service), look_up)), service, record)


def describe_all_blocks(request: Request, service: Service, record: RequestRecord) -> Response:
    """All blocks, kinds and operations; blocks that a request defines itself are refused, as runs refuse them.

    Editors read it without a key, with GET or with a JSON body (contract/http.md 4.3).
    """
    if request.method == "POST" and not request.body:
        call_of(request, service, record)
    body = parse_body(request, BlocksRequest) if request.body else BlocksRequest()
    if body.dynamic_blocks_definitions:
        call_of(request, service, record)
        return answered(refuse_custom_code, service, record)
    blocks = describe_blocks()
    if (body.execution_engine_version or ENGINE_VERSION).startswith("0."):
        blocks = blocks | {"blocks": []}
    return Response(blocks)


def describe_step_outputs(request: Request, service: Service, record: RequestRecord) -> Response:
    """What the step in the body gives."""
    call_of(request, service, record)
    step = parse_object(request)

    def outputs() -> Response:
        document = {"version": "1.0", "inputs": [], "steps": [step], "outputs": []}
        (parsed,) = parse_definition(document, limits_of(service)).steps.values()
        return Response(describe_outputs(parsed.block.outputs_of(parsed.manifest)))

    return answered(outputs, service, record)


def show_schema(request: Request, service: Service, record: RequestRecord) -> Response:
    """The JSON schema of documents."""
    return Response({"schema": definition_schema()})


def list_versions(request: Request, service: Service, record: RequestRecord) -> Response:
    """The versions of the language that documents may ask for."""
    call_of(request, service, record)
    return Response({"versions": [ENGINE_VERSION]})


def validate(request: Request, service: Service, record: RequestRecord) -> Response:
    """Whether the document in the body can be run."""
    call = call_of(request, service, record)
    document = parse_object(request)

    def verdict() -> Response:
        compiled(document, call)
        return Response({"status": "ok"})

    return answered(verdict, service, record)
