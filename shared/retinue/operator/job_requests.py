"""What an operator writes on the command line as the target and the source of a job."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retinue.errors import RequestError
from retinue.models.package import ModelId
from retinue.operator.workflows import WorkflowId, read_document

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")


def read_target(text: str, *, is_workflow: bool) -> dict[str, Any]:
    """The target in `text`: a file with a workflow, a saved workflow, or a model. Raises RequestError."""
    if Path(text).is_file():
        return {"type": "workflow", "specification": read_document(Path(text))}
    if is_workflow:
        workflow = WorkflowId.parse(text)
        return {"type": "workflow", "workspace": workflow.workspace, "id": workflow.name}
    try:
        return {"type": "model", "model_id": str(ModelId.parse(text))}
    except RequestError as exc:
        raise RequestError(f"{text!r} is neither a file here nor PROJECT/VERSION or PROJECT/ALIAS") from exc


def read_targets(
    text: str, *, is_workflow: bool, also: Sequence[str], also_workflow: str, parameters: dict[str, Any]
) -> dict[str, Any]:
    """Target and parameters of a job's request. With further models, each of them has the parameters.

    Raises RequestError.
    """
    target = read_target(text, is_workflow=is_workflow)
    if not also and not also_workflow:
        return {"target": target, "parameters": parameters}
    models = [target, *(read_target(name, is_workflow=False) for name in also)]
    if any(model["type"] != "model" for model in models):
        raise RequestError("--also and --also-workflow go with a model: name the models first, as PROJECT/VERSION")
    named = [{"model_id": model["model_id"], "parameters": parameters} for model in models]
    beside = {"workflow": read_target(also_workflow, is_workflow=True)} if also_workflow else {}
    return {"target": {"type": "models", "models": named, **beside}}


def read_source(text: str, infer_fps: float | None) -> dict[str, Any]:
    """The source in `text`: s3://BUCKET/PREFIX, a video in S3, or a video behind https. Raises RequestError."""
    rate = {} if infer_fps is None else {"infer_fps": infer_fps}
    if text.startswith("https://"):
        return {"type": "video", "url": text, **rate}
    scheme, separator, place = text.partition("://")
    bucket, _, key = place.partition("/")
    if scheme != "s3" or not separator or not bucket:
        raise RequestError(f"{text!r} is no source; write s3://BUCKET/PREFIX, or a video as s3://... or https://...")
    if key.lower().endswith(VIDEO_SUFFIXES):
        return {"type": "video", "bucket": bucket, "key": key, **rate}
    if rate:
        raise RequestError(f"--infer-fps is for videos; {text} names none ({', '.join(VIDEO_SUFFIXES)})")
    return {"type": "s3", "bucket": bucket, "prefix": key}
