"""The answer to one upload: the same pipeline, and the same JSON, as the synchronous routes."""

from dataclasses import dataclass
from typing import Any

import orjson

from retinue.errors import ParameterError, RequestError
from retinue.http.parameters import parse_url_parameters
from retinue.ids import ids_of
from retinue.images.load import ImageReference
from retinue.inference import Call, Wish, find_model, infer
from retinue.models.package import ModelId
from retinue.uploads.layout import ModelTarget, Target, WorkflowTarget
from retinue.uploads.wishes import Wishes


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON, and the drawn picture (JPEG) if one was asked for."""

    body: bytes
    drawing: bytes = b""


def answer(target: Target, content: bytes, wishes: Wishes, upload_id: str, call: Call) -> Answer:
    """What the target says about the picture in `content`; `upload_id` becomes the id of the inference.

    Raises RetinueError, WorkflowError.
    """
    with ids_of(upload_id):
        if isinstance(target, WorkflowTarget):
            return _run_workflow(target, content, wishes, call)
        if wishes.task is not None:
            return _infer_task(target.model_id, content, wishes.task, upload_id, call)
        return _infer(target, content, wishes, upload_id, call)


def _infer(target: ModelTarget, content: bytes, wishes: Wishes, upload_id: str, call: Call) -> Answer:
    parameters = parse_url_parameters(wishes.query)
    lookup = find_model(target.model_id, call)
    (picture,) = infer(lookup.model, [ImageReference("raw", content)], Wish.of_url(parameters), call)
    drawing = b""
    if parameters.output_format != "json":
        drawing = picture.draw(parameters.has_labels, parameters.stroke_width)
    is_apart = parameters.output_format == "image"
    body = orjson.dumps(picture.answer_url(parameters, upload_id, b"" if is_apart else drawing))
    return Answer(body, drawing if is_apart else b"")


def _infer_task(model_id: ModelId, content: bytes, task: Any, upload_id: str, call: Call) -> Answer:
    from retinue.http.task_requests import task_request

    body = task_request(task)
    lookup = find_model(model_id, call)
    (picture,) = infer(lookup.model, [ImageReference("raw", content)], Wish.of_task(body), call)
    return Answer(orjson.dumps(picture.answer_task(body, upload_id)))


def _run_workflow(target: WorkflowTarget, content: bytes, wishes: Wishes, call: Call) -> Answer:
    import pybase64

    from retinue.workflow_inference import compiled, picture_inputs, run_document

    request = wishes.workflow or {"inputs": wishes.inputs}
    document = call.service.workflows.get(
        target.workspace, target.workflow_id, request.get("workflow_version_id"), call.deadline
    )
    names = picture_inputs(compiled(document, call))
    if len(names) != 1:
        raise RequestError(
            f"the workflow {target} has {len(names)} inputs for pictures ({', '.join(names) or 'none'}); an upload "
            "fills exactly one"
        )
    picture = {"type": "base64", "value": pybase64.b64encode(content).decode("ascii")}
    inputs = request.get("inputs") or {}
    if names[0] in inputs:
        raise ParameterError(
            [{"type": "value_error", "loc": ["metadata", "parameters", names[0]], "msg": "The upload is this input"}]
        )
    outputs = run_document(
        document,
        {**inputs, names[0]: picture},
        call,
        excluded=request.get("excluded_fields") or (),
        has_sinks=not request.get("disable_sinks", False),
    )
    return Answer(orjson.dumps({"outputs": outputs, "profiler_trace": []}))
