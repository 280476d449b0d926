"""`async=true`: the picture goes into the bucket's inbox, the answer says where the result will be."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from retinue.aws import boto3_errors
from retinue.errors import NotDeployed, PayloadTooLarge, RequestError, StorageUnavailable
from retinue.http.response import Response
from retinue.images.load import ImageReference, image_bytes
from retinue.inference import Call
from retinue.models.package import ModelId
from retinue.service import NO_UPLOADS_BUCKET
from retinue.uploads.layout import Accepted, ModelTarget, Target, WorkflowTarget, result_key
from retinue.uploads.wishes import PARAMETERS, SCOPES, TASK, WORKFLOW

if TYPE_CHECKING:
    from retinue.http.task_requests import TaskRequest
    from retinue.http.workflows import RunRequest

LINK_S = 3600  # seconds for which a link to a result works
# S3 takes 2 KB of metadata, names and values together.
_MOST_METADATA_BYTES = 1900
_NOT_WISHES = frozenset({"api_key", "async", "image", "image_type"})


def accept_by_url(model_id: ModelId, reference: ImageReference, query: Mapping[str, str], call: Call) -> Response:
    """202 for a request of a URL route."""
    wishes = {name: value for name, value in query.items() if name not in _NOT_WISHES}
    return _accept(ModelTarget(model_id), reference, {PARAMETERS: wishes}, call)


def accept_by_task(model_id: ModelId, body: "TaskRequest", call: Call) -> Response:
    """202 for a request of a task route. Raises RequestError for a list of pictures."""
    if isinstance(body.image, list):
        raise RequestError(
            f"async=true takes one picture a request, not a list (of {len(body.image)}). Send a request for each, or a "
            "folder of pictures to POST /jobs."
        )
    (reference,) = body.references()
    wishes = body.model_dump(exclude={"id", "api_key", "model_id", "image"}, exclude_unset=True)
    return _accept(ModelTarget(model_id), reference, {TASK: wishes}, call)


def accept_workflow(
    workspace: str, workflow_id: str, document: dict[str, Any], body: "RunRequest", call: Call
) -> Response:
    """202 for a run of a saved workflow. Raises RequestError unless it has one picture, WorkflowError."""
    from retinue.workflow_inference import compiled, picture_inputs
    from retinue.workflows.values import reference_of

    names = picture_inputs(compiled(document, call))
    if len(names) != 1:
        raise RequestError(
            f"async=true takes one picture, and this workflow has {len(names)} inputs for pictures "
            f"({', '.join(names) or 'none'})."
        )
    inputs = dict(body.inputs)
    picture = inputs.pop(names[0], None)
    if isinstance(picture, list) and len(picture) == 1:
        (picture,) = picture
    if picture is None or isinstance(picture, list):
        count = len(picture) if picture else 0
        raise RequestError(f"async=true takes one picture a request; the input `{names[0]}` has {count}.")
    try:
        reference = reference_of(picture)
    except ValueError as exc:
        raise RequestError(f"The input `{names[0]}`: {exc}") from exc
    fields = body.model_dump(include={"excluded_fields", "disable_sinks", "workflow_version_id"}, exclude_unset=True)
    return _accept(WorkflowTarget(workspace, workflow_id), reference, {WORKFLOW: fields | {"inputs": inputs}}, call)


def _accept(target: Target, reference: ImageReference, wishes: Mapping[str, Any], call: Call) -> Response:
    service, record, bucket = call.service, call.record, call.service.settings.uploads_bucket
    if not bucket:
        raise NotDeployed("async=true without RETINUE_UPLOADS_BUCKET", public=NO_UPLOADS_BUCKET)
    metadata = _metadata(wishes, call)
    with record.stage("load"):
        content = image_bytes(
            reference,
            fetch=service.fetch,
            fetch_upload=service.uploads_of(call.access.workspace),
            deadline=call.deadline,
            takes_pickles=service.settings.accept_pickled_arrays,
        )
    accepted = Accepted.new(target)
    key = accepted.key(call.access.workspace)
    with record.stage("write"):
        s3 = service.s3
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=content, Metadata=metadata)
        except boto3_errors() as exc:
            raise StorageUnavailable(
                f"writing {key} failed: {exc}", public="The storage does not answer at the moment - retry request."
            ) from exc
    result = {"bucket": bucket, "key": result_key(key)}
    link = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": result["key"]}, LINK_S)
    record.facts["accepted"] = accepted.id
    return Response(
        {
            "id": accepted.id,
            "status": "accepted",
            "result": result | {"url": link},
            "status_url": f"/uploads/{accepted.id}",
        },
        status=202,
    )


def _metadata(wishes: Mapping[str, Any], call: Call) -> dict[str, str]:
    """Raises PayloadTooLarge for more than an object's metadata hold."""
    import json  # writes ASCII only, which is what headers take

    metadata = {name: json.dumps(value, separators=(",", ":")) for name, value in wishes.items() if value}
    metadata[SCOPES] = ",".join(sorted(call.access.scopes))
    size = sum(len(name) + len(value) for name, value in metadata.items())
    if size > _MOST_METADATA_BYTES:
        raise PayloadTooLarge(
            f"The parameters take {size:,} bytes; beside a picture in the bucket there is room for "
            f"{_MOST_METADATA_BYTES:,}. Send the request without async=true, or as a job (POST /jobs)."
        )
    return metadata
