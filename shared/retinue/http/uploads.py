"""`POST /uploads`: a link to put a picture by. `GET /uploads/{id}`: what became of it or of an asynchronous request."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from retinue.errors import NotDeployed, UploadGone, UploadNotFound
from retinue.http.credentials import api_key_anywhere, authorise
from retinue.http.event import Request
from retinue.http.response import Response
from retinue.keys import Access
from retinue.observe import RequestRecord
from retinue.service import NO_UPLOADS_BUCKET, Service
from retinue.uploads.failure import FailureRecord
from retinue.uploads.layout import (
    Accepted,
    ModelTarget,
    drawing_key,
    failure_key,
    is_upload_id,
    new_upload_id,
    result_key,
    upload_object,
)
from retinue.uploads.store import UploadStore

_UPLOAD_LINK_S = 900  # seconds for which a picture can be put
_RESULT_LINK_S = 3600
# A result up to this size is in the answer itself.
_MOST_INLINE_BYTES = 1_000_000


def create_upload(request: Request, service: Service, record: RequestRecord) -> Response:
    """The id of a picture to come, and the link to put it by."""
    access, bucket = _access(request, service, record), _bucket(service)
    upload_id = new_upload_id()
    place = {"Bucket": bucket, "Key": upload_object(access.workspace, upload_id)}
    expires_at = datetime.now(UTC) + timedelta(seconds=_UPLOAD_LINK_S)
    return Response(
        {
            "id": upload_id,
            "url": service.s3.generate_presigned_url("put_object", place, _UPLOAD_LINK_S),
            "method": "PUT",
            "headers": {},
            "expires_at": expires_at.isoformat(timespec="seconds"),
            "max_mb": service.settings.upload_max_mb,
        }
    )


def show_upload(request: Request, service: Service, record: RequestRecord) -> Response:
    """The state of an asynchronous request (waiting, done, failed) or of an upload (waiting, uploaded)."""
    access, bucket = _access(request, service, record), _bucket(service)
    upload_id, s3 = request.path_parameters["id"], service.s3
    store = UploadStore(s3, bucket)
    if is_upload_id(upload_id):
        there = store.trace(upload_object(access.workspace, upload_id))
        return Response({"id": upload_id, "status": "waiting" if there is None else "uploaded"})
    accepted = Accepted.parse(upload_id)
    if accepted is None:
        raise UploadNotFound(f"There is no upload {upload_id[:200]!r}; POST /uploads and async=true give ids.")
    if isinstance(accepted.target, ModelTarget):
        access.require(accepted.target.model_id.project)
    return Response({"id": upload_id, **_state(accepted.key(access.workspace), store, s3, bucket)})


def _state(key: str, store: UploadStore, s3: Any, bucket: str) -> dict[str, Any]:
    """Raises UploadNotFound, StorageUnavailable."""
    if store.trace(result_key(key)) is not None:
        return {"status": "done", "result": _result(key, store, s3, bucket)}
    try:
        failure = FailureRecord.parse(store.content(failure_key(key)))
    except UploadGone:
        failure = None
    if failure is not None and failure.is_final:
        return {"status": "failed", "reason": failure.reason, "error_type": failure.error_type}
    if store.trace(key) is None:
        raise UploadNotFound("There is no such upload, or it is of another workspace.")
    return {"status": "waiting"}


def _result(key: str, store: UploadStore, s3: Any, bucket: str) -> dict[str, Any]:
    """Where the answer is, and the answer itself unless it is long."""

    def link(name: str) -> str:
        url: str = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": name}, _RESULT_LINK_S)
        return url

    result: dict[str, Any] = {"bucket": bucket, "key": result_key(key), "url": link(result_key(key))}
    content = store.content(result_key(key))
    if len(content) <= _MOST_INLINE_BYTES:
        result["answer"] = orjson.Fragment(content)
    if store.trace(drawing_key(key)) is not None:
        result["drawing_url"] = link(drawing_key(key))
    return result


def _access(request: Request, service: Service, record: RequestRecord) -> Access:
    return authorise(api_key_anywhere(request), request, service, record)


def _bucket(service: Service) -> str:
    if not service.settings.uploads_bucket:
        raise NotDeployed("no RETINUE_UPLOADS_BUCKET", public=NO_UPLOADS_BUCKET)
    return service.settings.uploads_bucket
