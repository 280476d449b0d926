"""What uploads, jobs and the hosted video API answer, and the body that the video API reads by hand."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from retinue.jobs.record import State
from retinue.video.sampling import MOST_FPS
from tools.openapi_schemas import ABSENT, Answer, Result

# ---------------------------------------------------------------- uploads


class Upload(Answer):
    """A link to put a picture by; the id names the picture in later requests."""

    id: str
    url: str
    method: Literal["PUT"]
    headers: dict[str, str]
    expires_at: str
    max_mb: float


class UploadResult(Result):
    """Where the answer is, the answer itself unless it is long, and a link to the drawn picture."""

    answer: dict[str, Any] = ABSENT
    drawing_url: str = ABSENT


class UploadState(Answer):
    """What became of an upload or of an asynchronous request."""

    id: str
    status: Literal["waiting", "uploaded", "done", "failed"]
    result: UploadResult = ABSENT
    reason: str = ABSENT
    error_type: str = ABSENT


# ---------------------------------------------------------------- jobs


class JobState(Answer):
    """A job and its state."""

    id: str
    state: State


class SubmittedJob(JobState):
    """A job that was taken, and where it can be followed."""

    url: str


class Items(Answer):
    """Pictures of a job."""

    total: int
    done: int
    failed: int
    skipped: int


class Shards(Answer):
    """Parts of a job, by how far they are."""

    total: int
    waiting: int
    running: int
    finished: int
    failed: int


class Failure(Answer):
    """A part that failed for good."""

    shard: int
    reason: str


class JobSummary(JobState):
    """How far a job is."""

    reason: str | None
    name: str
    queue: str
    created_at: str
    updated_at: str
    started_at: str | None
    ended_at: str | None
    items: Items
    rate_per_s: float | None
    eta_s: float | None
    shards: Shards
    failures: list[Failure]


class JobPage(Answer):
    """Jobs, newest first; `next` asks for the page that follows."""

    jobs: list[JobSummary]
    next: str | None


class Place(Answer):
    """A folder of a bucket."""

    bucket: str
    prefix: str


class ResultLink(Answer):
    """A link to the results of a part."""

    shard: int
    url: str


class Results(Answer):
    """Links to results; `next` is where to go on, as `results_from`."""

    format: Literal["jsonl"]
    links: list[ResultLink]
    expires_in_s: int
    next: int | None
    output_signed_url: str = ABSENT
    drawn_signed_url: str = ABSENT


class JobDetails(JobSummary):
    """A job: what it does, how far it is, and its results once it has ended."""

    target: dict[str, Any]
    source: dict[str, Any]
    parameters: dict[str, Any]
    output: Place
    batch_job_id: str | None
    results: Results = ABSENT


# ---------------------------------------------------------------- hosted video API


class VideoUpload(Answer):
    """A link to put a video by."""

    signed_url: str


class AskedModel(BaseModel):
    """A model to ask about the frames."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: str
    model_version: str | int
    inference_type: Literal[
        "object-detection", "instance-segmentation", "keypoint-detection", "classification", "semantic-segmentation"
    ]
    inference_params: dict[str, Any] | None = None


class VideoRequest(BaseModel):
    """A video, by a link of `POST /video_upload_signed_url` or a public URL, and the models to ask about it."""

    input_url: str
    infer_fps: float = Field(5, gt=0, le=MOST_FPS)
    models: list[AskedModel] = Field(min_length=1)


class SubmittedVideo(Answer):
    """A video that was taken."""

    job_id: str
    message: str


class Frames(Answer):
    """Frames of a video."""

    total: int
    done: int
    failed: int


class VideoState(Answer):
    """How far a video is: 0 done, 1 running, 2 failed."""

    job_id: str
    status: Literal[0, 1, 2]
    success: Literal[0, 1, 2]
    frames: Frames
    status_info: str
    output_signed_url: str = ABSENT
    drawn_signed_url: str = ABSENT
    message: str = ABSENT


# ---------------------------------------------------------------- the service itself


class Info(Answer):
    """Name and version of the service, and the copy that answers."""

    name: str
    version: str
    uuid: str


class Health(Answer):
    """The service runs."""

    status: Literal["healthy"]


class Readiness(Answer):
    """The service takes requests."""

    status: Literal["ready"]
