"""The hosted video API on jobs: a link to put a video by, a job over its frames, and how far that is."""

from typing import Any

import orjson

from retinue.errors import JobNotFound, ParameterError, RequestError, UrlError
from retinue.http.event import Request
from retinue.http.jobs import opened
from retinue.http.response import Response
from retinue.internet import parse_public_url
from retinue.jobs.progress import progress_of
from retinue.jobs.record import Job
from retinue.keys import Access
from retinue.observe import RequestRecord
from retinue.service import Service
from retinue.uploads.layout import is_upload_id, new_upload_id, upload_object
from retinue.video.sampling import MOST_FPS

_DONE, _RUNNING, _FAILED = 0, 1, 2
_UPLOAD_LINK_S = 3600
# The published client reads when a link ends from this parameter, which it knows from another cloud, and stops with an
# error where it is missing. S3 does not mind it. It must not come first, so that an `&` stands before it.
_FOR_THE_CLIENT = {"x-id": "PutObject", "X-Goog-Expires": str(_UPLOAD_LINK_S)}
_KNOWN_TYPES = (
    "object-detection",
    "instance-segmentation",
    "keypoint-detection",
    "classification",
    "semantic-segmentation",
)
_DEFAULT_FPS = 5


def create_video_upload(request: Request, service: Service, record: RequestRecord) -> Response:
    """A link to put a video by. The name in the request is not needed: links are told apart by their own."""
    access, _ = opened(request, service, record)
    url = _put_link(service, upload_object(access.workspace, new_upload_id()))
    return Response({"signed_url": url})


def submit_video(request: Request, service: Service, record: RequestRecord) -> Response:
    """Takes a video and the models to ask about its frames."""
    from retinue.jobs.request import parse_request  # pydantic: 90 ms, which the other routes never pay

    access, jobs = opened(request, service, record)
    with record.stage("parse"):
        wish = _job_of(_body(request), access, service)
        job_request = parse_request(orjson.dumps(wish), request.headers)
    with record.stage("check"):
        job, _ = jobs.submit(job_request, service.catalogue(access, request.deadline))
    record.facts["job_id"] = job.job_id
    return Response(
        {"job_id": job.job_id, "message": "The video is queued; GET /videoinfer/?job_id= tells how far it is."}
    )


def show_video(request: Request, service: Service, record: RequestRecord) -> Response:
    """How far a video is: 0 done, 1 running, 2 failed, and then a link to its results."""
    access, jobs = opened(request, service, record)
    job_id = request.query.get("job_id")
    if job_id is None:
        raise _problem(["query", "job_id"], "Field required")
    job = jobs.get(job_id, access.workspace)
    accepted = orjson.loads(job.request)
    if accepted["body"]["source"]["type"] != "video":
        raise JobNotFound(f"Job {job_id} is not over a video; GET /jobs/{job_id} shows it.")
    status = _status(job)
    answer: dict[str, Any] = {"job_id": job.job_id, "status": status, "success": status}
    progress = progress_of(job, jobs.store.shards(job.job_id))
    answer["frames"] = {"total": progress.total, "done": progress.done, "failed": progress.failed}
    if status == _DONE:
        answer["status_info"] = "success"
        answer |= jobs.video_links(job)
    else:
        answer["status_info"] = job.reason or job.state
    if job.reason:
        answer["message"] = job.reason
    return Response(answer)


def _status(job: Job) -> int:
    if not job.is_final:
        return _RUNNING
    return _DONE if job.state in ("succeeded", "partly_failed") else _FAILED


def _put_link(service: Service, key: str) -> str:
    """A link to put one object by, which the published client can read, too."""

    def add(request: Any, **_: Any) -> None:
        request.params = {**(request.params or {}), **_FOR_THE_CLIENT}

    events, event = service.s3.meta.events, "before-sign.s3.PutObject"
    events.register_last(event, add)
    try:
        place = {"Bucket": service.settings.uploads_bucket, "Key": key}
        link: str = service.s3.generate_presigned_url("put_object", place, _UPLOAD_LINK_S)
        return link
    finally:
        events.unregister(event, add)


def _body(request: Request) -> dict[str, Any]:
    """Raises ParameterError."""
    try:
        body = request.json
    except ValueError as exc:
        raise _problem(["body"], f"JSON decode error: {exc}") from exc
    if not isinstance(body, dict):
        raise _problem(["body"], "Input should be a valid dictionary")
    return body


def _job_of(body: dict[str, Any], access: Access, service: Service) -> dict[str, Any]:
    """The request of a job that does what a request of the hosted API asks. Raises ParameterError, RequestError."""
    url, models = body.get("input_url"), body.get("models")
    if not isinstance(url, str):
        raise _problem(["body", "input_url"], "Input should be the URL of a video")
    if not isinstance(models, list) or not models or not all(isinstance(model, dict) for model in models):
        raise _problem(["body", "models"], "Input should be a list of at least one model")
    source = {"type": "video", "infer_fps": _fps(body.get("infer_fps", _DEFAULT_FPS)), **_place(url, access, service)}
    named = [_model(model, index) for index, model in enumerate(models)]
    if len(named) == 1:
        target: dict[str, Any] = {"type": "model", "model_id": named[0]["model_id"]}
        return {"target": target, "parameters": named[0]["parameters"], "source": source}
    return {"target": {"type": "models", "models": named}, "source": source}


def _fps(value: Any) -> float:
    try:
        fps = float(value)
    except (TypeError, ValueError):
        raise _problem(["body", "infer_fps"], "Input should be a number") from None
    if not 0 < fps <= MOST_FPS:
        raise RequestError(f"infer_fps is {fps:g}; it must be above 0 and at most {MOST_FPS} frames a second.")
    return fps


def _place(url: str, access: Access, service: Service) -> dict[str, str]:
    """What a job calls the video: the upload behind one of our own links, or a public URL. Raises RequestError."""
    upload_id = url.partition("?")[0].rpartition("/")[2]
    if is_upload_id(upload_id):
        own = _put_link(service, upload_object(access.workspace, upload_id))
        if own.partition("?")[0] == url.partition("?")[0]:
            return {"upload_id": upload_id}
    try:
        parse_public_url(url)
    except UrlError as exc:
        raise RequestError(
            f"input_url cannot be used: {exc.message}. It must be a link that POST /video_upload_signed_url/ gave for "
            "this API key, or a public https URL."
        ) from exc
    return {"url": url}


def _model(model: dict[str, Any], index: int) -> dict[str, Any]:
    """A model as jobs name it. What it does is said by its package; inference_type is only checked to be possible."""
    place: list[str | int] = ["body", "models", index]
    kind, project, version = model.get("inference_type"), model.get("model_id"), model.get("model_version")
    if kind not in _KNOWN_TYPES:
        raise RequestError(
            f"inference_type {kind!r} of model {project!r} is not available here; {', '.join(_KNOWN_TYPES)} are."
        )
    if not isinstance(project, str) or not isinstance(version, str | int):
        raise _problem(place, "Input should have model_id and model_version")
    parameters = model.get("inference_params") or {}
    if not isinstance(parameters, dict):
        raise _problem([*place, "inference_params"], "Input should be a valid dictionary")
    return {"model_id": f"{project}/{version}", "parameters": parameters}


def _problem(loc: list[str | int], msg: str) -> ParameterError:
    return ParameterError([{"type": "value_error", "loc": loc, "msg": msg}])
