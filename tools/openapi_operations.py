"""What the code does not say of its routes: for each function its bodies, its answers, and examples."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, get_args

from retinue.http import catalog, documentation, inference, jobs, models, uploads, videos, workflow_catalog, workflows
from retinue.http.task_requests import KeypointsRequest, ModelRequest, SemanticSegmentationRequest, TaskRequest
from retinue.jobs.record import State
from retinue.jobs.request import JobRequest
from tools import openapi_job_schemas as service_schemas
from tools import openapi_schemas as schemas
from tools import openapi_workflow_schemas as workflow_schemas
from tools.openapi_parameters import Schema, query_parameter, url_parameters

Type = type[Any] | UnionType

TAGS = {
    "Inference": "A picture in, predictions out. The model's package decides the task, not the route.",
    "Workflows": "Models and picture operations chained by a JSON document.",
    "Uploads": "Pictures put into a bucket, and requests answered later.",
    "Jobs": "Folders of pictures and videos.",
    "Models": "The models in memory. Nobody needs these routes: models load themselves.",
    "Service": "The service itself. These routes need no API key.",
}

# Red, 8 x 8 pixels, a PNG in base64.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP8z4AdMDEMKQkAzUEBD7t4NqoAAAAASUVORK5CYII="
_IMAGE = {"type": "base64", "value": PICTURE}
_DOCUMENT = {
    "version": "1.0",
    "inputs": [
        {"type": "WorkflowImage", "name": "image"},
        {"type": "WorkflowParameter", "name": "confidence", "default_value": 0.4},
    ],
    "steps": [
        {
            "type": "roboflow_core/roboflow_object_detection_model@v2",
            "name": "objects",
            "images": "$inputs.image",
            "model_id": "shapes/1",
            "confidence": "$inputs.confidence",
        }
    ],
    "outputs": [{"type": "JsonField", "name": "objects", "selector": "$steps.objects.predictions"}],
}
_RUN = {"inputs": {"image": _IMAGE, "confidence": 0.5}}
_JOB = {
    "target": {"type": "model", "model_id": "shapes/1"},
    "source": {"prefix": "sources/default/june/"},
    "parameters": {"confidence": 0.5},
}
_VIDEO = {
    "input_url": "https://example.com/street.mp4",
    "infer_fps": 2,
    "models": [{"model_id": "shapes", "model_version": "1", "inference_type": "object-detection"}],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A JSON body: its type, examples by name, and types of its own for some routes."""

    type: Type
    examples: Mapping[str, Any] = field(default_factory=dict)
    is_required: bool = True
    by_route: Mapping[str, tuple[Type, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a route function takes and gives. `refusals`: statuses beside those that every route may give."""

    tag: str
    answers: Mapping[int, Type]
    body: Body | None = None
    query: tuple[Schema, ...] = ()
    headers: tuple[Schema, ...] = ()
    refusals: tuple[int, ...] = ()
    needs_key: bool = True
    is_workflow: bool = False
    has_picture: bool = False  # a picture as body, and the drawn one as answer
    content_type: str = "application/json"


def _integer(default: int, least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, "default": default}


_TASKS: dict[str, tuple[Type, Any]] = {
    "POST /infer/classification": (TaskRequest, {"model_id": "colours/1", "image": _IMAGE}),
    "POST /infer/instance_segmentation": (TaskRequest, {"model_id": "tiles/1", "image": _IMAGE}),
    "POST /infer/keypoints_detection": (KeypointsRequest, {"model_id": "shapes/1", "image": _IMAGE}),
    "POST /infer/semantic_segmentation": (SemanticSegmentationRequest, {"model_id": "tiles/1", "image": _IMAGE}),
}
_ASYNC = query_parameter("async", "Answer at once; the result comes into a bucket.", {"type": "boolean"})
_STATES = {"type": "string", "enum": list(get_args(State))}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key gives the same job again.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$", "examples": ["june-1"]},
}
_INFERENCE_REFUSALS = (400, 403, 404, 422, 501)
_RUN_REFUSALS = (400, 403, 404, 422, 501, 502)
_MODELS = {200: schemas.LoadedModels}
_MODEL_BODY = Body(type=ModelRequest, examples={"a model": {"model_id": "shapes/1"}})

OPERATIONS: dict[Callable[..., Any], Operation] = {
    inference.infer_by_url: Operation(
        tag="Inference",
        query=(*url_parameters(), _ASYNC),
        has_picture=True,
        answers={200: schemas.Prediction, 202: schemas.Accepted},
        refusals=_INFERENCE_REFUSALS,
    ),
    inference.infer_by_task: Operation(
        tag="Inference",
        query=(_ASYNC,),
        body=Body(
            type=TaskRequest,
            examples={
                "one picture": {"model_id": "shapes/1", "image": _IMAGE, "confidence": 0.5},
                "several pictures": {"model_id": "shapes/1", "image": [_IMAGE, _IMAGE]},
            },
            by_route=_TASKS,
        ),
        answers={200: schemas.Prediction | list[schemas.Prediction], 202: schemas.Accepted},
        refusals=_INFERENCE_REFUSALS,
    ),
    workflows.run_saved: Operation(
        tag="Workflows",
        query=(_ASYNC,),
        body=Body(type=workflows.RunRequest, examples={"a picture": _RUN}),
        answers={200: workflow_schemas.Outputs, 202: schemas.Accepted},
        refusals=_RUN_REFUSALS,
        is_workflow=True,
    ),
    workflows.run_specification: Operation(
        tag="Workflows",
        body=Body(type=workflows.SpecificationRequest, examples={"a picture": {"specification": _DOCUMENT, **_RUN}}),
        answers={200: workflow_schemas.Outputs},
        refusals=_RUN_REFUSALS,
        is_workflow=True,
    ),
    workflow_catalog.validate: Operation(
        tag="Workflows",
        body=Body(type=workflow_schemas.WorkflowDocument, examples={"a workflow": _DOCUMENT}),
        answers={200: workflow_schemas.Verdict},
        refusals=_RUN_REFUSALS,
        is_workflow=True,
    ),
    workflow_catalog.describe_saved_interface: Operation(
        tag="Workflows",
        body=Body(type=workflow_catalog.SavedRequest, examples={"as it is": {}}),
        answers={200: workflow_schemas.Interface},
        refusals=_RUN_REFUSALS,
        is_workflow=True,
    ),
    workflow_catalog.describe_interface: Operation(
        tag="Workflows",
        body=Body(type=workflow_catalog.DocumentRequest, examples={"a workflow": {"specification": _DOCUMENT}}),
        answers={200: workflow_schemas.Interface},
        refusals=_RUN_REFUSALS,
        is_workflow=True,
    ),
    workflow_catalog.describe_all_blocks: Operation(
        tag="Workflows",
        body=Body(
            type=workflow_catalog.BlocksRequest,
            examples={"all blocks": {"execution_engine_version": "1.0.0"}},
            is_required=False,
        ),
        answers={200: workflow_schemas.Blocks},
        refusals=(400, 422),
        is_workflow=True,
    ),
    workflow_catalog.describe_step_outputs: Operation(
        tag="Workflows",
        body=Body(type=workflow_schemas.WorkflowStep, examples={"a step": _DOCUMENT["steps"][0]}),
        answers={200: list[workflow_schemas.StepOutput]},
        refusals=(400, 422),
        is_workflow=True,
    ),
    workflow_catalog.show_schema: Operation(
        tag="Workflows", answers={200: workflow_schemas.DefinitionSchema}, needs_key=False
    ),
    workflow_catalog.list_versions: Operation(tag="Workflows", answers={200: workflow_schemas.Versions}),
    uploads.create_upload: Operation(tag="Uploads", answers={200: service_schemas.Upload}, refusals=(501,)),
    uploads.show_upload: Operation(tag="Uploads", answers={200: service_schemas.UploadState}, refusals=(403, 404, 501)),
    jobs.submit_job: Operation(
        tag="Jobs",
        headers=(_IDEMPOTENCY,),
        body=Body(type=JobRequest, examples={"a folder": _JOB}),
        answers={200: service_schemas.SubmittedJob, 202: service_schemas.SubmittedJob},
        refusals=(400, 403, 404, 409, 422, 501, 502),
        is_workflow=True,
    ),
    jobs.list_jobs: Operation(
        tag="Jobs",
        query=(
            query_parameter("state", "Only jobs in this state.", _STATES),
            query_parameter("limit", "Jobs in an answer, at most.", _integer(50, 1, 100)),
            query_parameter("next", "The `next` of the page before.", {"type": "string"}),
        ),
        answers={200: service_schemas.JobPage},
        refusals=(400, 422, 501),
    ),
    jobs.show_job: Operation(
        tag="Jobs",
        query=(query_parameter("results_from", "The `next` of the links before.", _integer(0, 0, 10**6)),),
        answers={200: service_schemas.JobDetails},
        refusals=(404, 422, 501),
    ),
    jobs.cancel_job: Operation(tag="Jobs", answers={202: service_schemas.JobState}, refusals=(404, 409, 501)),
    videos.create_video_upload: Operation(tag="Jobs", answers={200: service_schemas.VideoUpload}, refusals=(501,)),
    videos.submit_video: Operation(
        tag="Jobs",
        headers=(_IDEMPOTENCY,),
        body=Body(type=service_schemas.VideoRequest, examples={"a video": _VIDEO}),
        answers={200: service_schemas.SubmittedVideo},
        refusals=(400, 403, 404, 409, 422, 501),
    ),
    videos.show_video: Operation(
        tag="Jobs",
        query=(query_parameter("job_id", "What `POST /videoinfer` answered.", {"type": "string"}, is_required=True),),
        answers={200: service_schemas.VideoState},
        refusals=(404, 422, 501),
    ),
    models.list_models: Operation(tag="Models", answers=_MODELS),
    models.add_model: Operation(tag="Models", body=_MODEL_BODY, answers=_MODELS, refusals=_INFERENCE_REFUSALS),
    models.remove_model: Operation(tag="Models", body=_MODEL_BODY, answers=_MODELS, refusals=(400, 403, 404, 422)),
    models.clear_models: Operation(tag="Models", answers=_MODELS),
    catalog.page: Operation(tag="Service", answers={200: str}, needs_key=False, content_type="text/html"),
    catalog.info: Operation(tag="Service", answers={200: service_schemas.Info}, needs_key=False),
    catalog.health: Operation(tag="Service", answers={200: service_schemas.Health}, needs_key=False),
    catalog.readiness: Operation(tag="Service", answers={200: service_schemas.Readiness}, needs_key=False),
    documentation.show_openapi: Operation(tag="Service", answers={200: dict[str, Any]}, needs_key=False),
    documentation.show_reference: Operation(
        tag="Service", answers={200: str}, needs_key=False, content_type="text/html"
    ),
}
