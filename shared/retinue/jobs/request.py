"""The body of `POST /jobs`: types, limits, and what can be said to be wrong with it before anything is asked of AWS."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from retinue.errors import ParameterError, PayloadTooLarge, UrlError
from retinue.internet import parse_public_url
from retinue.uploads.layout import upload_object
from retinue.video.sampling import MOST_FPS

Device = Literal["auto", "cpu", "gpu"]

MOST_SHARDS = 10_000  # of an AWS Batch array
MOST_REQUEST_BYTES = 200_000  # it lies in the job's record, and DynamoDB's items end at 400 KB
_KEY = r"^[\x21-\x7e]{1,128}$"
_BUCKET = r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$"

# Of the URL routes' parameters those that say something about a folder of pictures.
_MODEL_PARAMETERS = frozenset(
    {
        "confidence",
        "overlap",
        "max_detections",
        "classes",
        "keypoint_confidence",
        "response_mask_format",
        "mask_decode_mode",
        "tradeoff_factor",
        "allow_reduced_mask_resolution",
        "labels",
        "stroke",
        "disable_preproc_auto_orient",
        "disable_preproc_static_crop",
        "disable_preproc_contrast",
        "disable_preproc_grayscale",
    }
)


class _Strict(BaseModel):
    """Unknown fields are refused: a typo would otherwise run a long job with a default."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class ModelTarget(_Strict):
    """A published model, by version or alias."""

    type: Literal["model"]
    model_id: str


class WorkflowTarget(_Strict):
    """A saved workflow (workspace and id), or one that the request brings along (specification)."""

    type: Literal["workflow"]
    workspace: str | None = None
    id: str | None = None
    specification: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        is_saved = self.workspace is not None and self.id is not None
        is_partly_saved = self.workspace is not None or self.id is not None
        if is_saved == (self.specification is not None) or is_partly_saved != is_saved:
            raise ValueError("either workspace and id of a saved workflow, or a specification")
        return self


class VideoModel(_Strict):
    """One of several models asked about the frames of a video, with parameters of its own."""

    model_id: str
    parameters: dict[str, Any] = {}


class ModelsTarget(_Strict):
    """Several models, and perhaps a workflow, asked about the same frames of a video."""

    type: Literal["models"]
    models: list[VideoModel] = Field(min_length=1, max_length=8)
    workflow: WorkflowTarget | None = None

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        names = [model.model_id for model in self.models]
        if len(set(names)) < len(names):
            raise ValueError("a model is named twice; the results go by its id")
        return self


class FolderSource(_Strict):
    """Every picture below a prefix. Without a bucket: the stack's own, below sources/{workspace}/."""

    type: Literal["s3"] = "s3"
    bucket: str | None = Field(None, pattern=_BUCKET)
    prefix: str = Field(max_length=1024)


class VideoSource(_Strict):
    """The frames of one video, infer_fps of each second: an object of S3 (key, and perhaps bucket and version), a
    public https URL, or what was put to a link of `POST /uploads`."""

    type: Literal["video"]
    bucket: str | None = Field(None, pattern=_BUCKET)
    key: str | None = Field(None, min_length=1, max_length=1024)
    version: str | None = None
    url: str | None = Field(None, max_length=4096)
    upload_id: str | None = Field(None, pattern=r"^[0-9a-f]{32}$")
    infer_fps: float = Field(5, gt=0, le=MOST_FPS)

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if [self.key, self.url, self.upload_id].count(None) != 2:
            raise ValueError("name the video by one of key, url and upload_id")
        if self.key is None and (self.bucket, self.version) != (None, None):
            raise ValueError("bucket and version go with a key only")
        return self

    @field_validator("url")
    @classmethod
    def _is_public(cls, url: str | None) -> str | None:
        if url is not None:
            try:
                parse_public_url(url)
            except UrlError as exc:
                raise ValueError(f"this URL cannot be used: {exc.message}") from exc
        return url

    def key_of(self, workspace: str) -> str:
        """The key of the object; empty for a URL."""
        return upload_object(workspace, self.upload_id) if self.upload_id else self.key or ""


class TrackWish(_Strict):
    """How objects are followed from frame to frame; what the numbers mean: retinue/video/tracker.py."""

    activation: float = Field(0.25, ge=0, le=1)
    min_iou: float = Field(0.2, gt=0, lt=1)
    memory_s: float = Field(2.0, ge=0, le=600)
    is_class_agnostic: bool = False


class Output(_Strict):
    """Where the results go, in a folder named after the job."""

    bucket: str = Field(pattern=_BUCKET)
    prefix: str = Field("", max_length=900)


class JobRequest(_Strict):
    """A job as a caller asks for it."""

    target: Annotated[ModelTarget | ModelsTarget | WorkflowTarget, Field(discriminator="type")]
    source: Annotated[FolderSource | VideoSource, Field(discriminator="type")]
    parameters: dict[str, Any] = {}
    output: Output | None = None
    draw: bool = False
    track: TrackWish | None = None
    batch_size: int = Field(8, ge=1, le=256)
    part_size: int = Field(100, ge=1, le=10_000)
    shard_size: int = Field(1000, ge=1, le=10_000)
    device: Device = "auto"
    idempotency_key: str | None = Field(None, pattern=_KEY)
    api_key: str | None = Field(None, exclude=True)

    @field_validator("source", mode="before")
    @classmethod
    def _is_a_folder_unless_it_says_so(cls, source: Any) -> Any:
        return {"type": "s3", **source} if isinstance(source, dict) else source

    @field_validator("track", mode="before")
    @classmethod
    def _may_be_a_switch(cls, track: Any) -> Any:
        return {True: {}, False: None}[track] if isinstance(track, bool) else track

    @model_validator(mode="after")
    def _fits_its_source(self) -> Self:
        is_video = isinstance(self.source, VideoSource)
        if not is_video and (isinstance(self.target, ModelsTarget) or self.track is not None):
            raise ValueError("several models and `track` are for sources of type video")
        if is_video and self.draw and isinstance(self.target, WorkflowTarget):
            raise ValueError("a video is drawn of what models say; name a model, or let the workflow draw its frames")
        if isinstance(self.target, ModelsTarget) and self.target.workflow is None and self.parameters:
            raise ValueError("several models take their parameters one by one, in target.models")
        return self

    @property
    def target_name(self) -> str:
        """The target for people."""
        if isinstance(self.target, ModelTarget):
            return self.target.model_id
        if isinstance(self.target, ModelsTarget):
            return ", ".join(model.model_id for model in self.target.models)
        return "(workflow)" if self.target.id is None else f"{self.target.workspace}/{self.target.id}"

    def digest(self) -> str:
        """The same for equal requests: SHA-256 in hex of everything but the keys."""
        record = self.model_dump(exclude={"idempotency_key", "api_key"})
        return hashlib.sha256(orjson.dumps(record, option=orjson.OPT_SORT_KEYS)).hexdigest()


def parse_request(body: bytes, headers: Mapping[str, str]) -> JobRequest:
    """The request in the body, its idempotency key perhaps in the header. Raises ParameterError, PayloadTooLarge."""
    if len(body) > MOST_REQUEST_BYTES:
        raise PayloadTooLarge(
            f"the request has {len(body):,} bytes; {MOST_REQUEST_BYTES:,} can be kept. Save a large workflow with "
            "`retinue workflows put` and name it by workspace and id."
        )
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise _problem("json_invalid", ["body", exc.pos], f"JSON decode error: {exc.msg}") from exc
    if not isinstance(record, dict):
        raise _problem("dict_type", ["body"], "Input should be a valid dictionary")
    key = headers.get("idempotency-key")
    if key is not None:
        if record.get("idempotency_key") not in (None, key):
            raise _problem("value_error", ["body", "idempotency_key"], "differs from the header Idempotency-Key")
        record["idempotency_key"] = key
    try:
        request = JobRequest.model_validate(record)
    except ValidationError as exc:
        problems = exc.errors(include_url=False, include_input=False, include_context=False)
        raise ParameterError(
            [{"type": item["type"], "loc": ["body", *item["loc"]], "msg": item["msg"]} for item in problems[:20]]
        ) from exc
    if isinstance(request.target, ModelTarget):
        request.parameters = model_parameters(request.parameters)
    if isinstance(request.target, ModelsTarget):
        for model in request.target.models:
            model.parameters = dict(model_parameters(model.parameters))
    return request


def model_parameters(given: Mapping[str, Any]) -> dict[str, str]:
    """The parameters as the URL routes write them, checked as they check them. Raises ParameterError."""
    from retinue.http.parameters import parse_url_parameters

    unknown = sorted(set(given) - _MODEL_PARAMETERS)
    if unknown:
        known = ", ".join(sorted(_MODEL_PARAMETERS))
        raise _problem("extra_forbidden", ["body", "parameters", unknown[0]], f"no such parameter; there are {known}")
    texts = {name: _as_text(value) for name, value in given.items() if value is not None}
    try:
        parse_url_parameters(texts)
    except ParameterError as exc:
        places = [["body", "parameters", *item["loc"][1:]] for item in exc.details]
        raise ParameterError([item | {"loc": loc} for item, loc in zip(exc.details, places, strict=True)]) from exc
    return texts


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _problem(kind: str, loc: list[str | int], msg: str) -> ParameterError:
    return ParameterError([{"type": kind, "loc": loc, "msg": msg}])
