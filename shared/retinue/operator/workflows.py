"""The workflows of a bucket, as an operator sees them: read from files, checked as the service does, saved, listed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import orjson

from retinue.errors import RequestError, WorkflowCorrupt, WorkflowNotFound
from retinue.models.package import ModelId, alias_object
from retinue.operator.publish import exists
from retinue.workflows.block import Limits
from retinue.workflows.compile import compile_definition, describe_document
from retinue.workflows.errors import WorkflowError
from retinue.workflows.inner import Lookup
from retinue.workflows.plan import Plan
from retinue.workflows.saved import workflow_object

_ROOT = "workflows/"
_MOST_WRAPPERS = 8


@dataclass(frozen=True, slots=True)
class WorkflowId:
    """Names a saved workflow."""

    workspace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The id in `WORKSPACE/ID`. Raises RequestError."""
        workspace, separator, name = text.partition("/")
        if not separator:
            raise RequestError(f"{text!r} names no workflow; write WORKSPACE/ID, for example default/{text or 'count'}")
        workflow_object(workspace, name)
        return cls(workspace, name)

    def __str__(self) -> str:
        return f"{self.workspace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedWorkflow:
    """What a list says about a workflow: its versions in order, how many steps it has, the models it names."""

    id: WorkflowId
    versions: tuple[str, ...]
    steps: int
    models: tuple[str, ...]
    changed: datetime


def read_document(path: Path) -> dict[str, Any]:
    """The definition in a file: bare, as `{"specification": ...}`, or as Roboflow's API hands it out.

    Raises RequestError.
    """
    try:
        document = orjson.loads(path.read_bytes())
        for _ in range(_MOST_WRAPPERS):
            match document:
                case {"specification": dict(inner)}:
                    document = inner
                case {"workflow": {"config": str(text)}}:
                    document = orjson.loads(text)
                case {"workflow": {"config": dict(inner)}}:
                    document = inner
                case _:
                    break
    except orjson.JSONDecodeError as exc:
        raise RequestError(f"{path} is no JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise RequestError(f"{path} holds no workflow: a JSON object with version, inputs, steps and outputs is one")
    return document


def check(document: dict[str, Any], look_up: Lookup) -> Plan:
    """The compiled document. Raises RequestError in the service's words, RetinueError for what it nests."""
    try:
        return compile_definition(document, Limits(), look_up)
    except WorkflowError as exc:
        raise RequestError(explain(exc.render())) from exc


def describe(document: dict[str, Any], look_up: Lookup) -> dict[str, Any]:
    """What goes into a document and what comes out: the answer of `/workflows/describe_interface`. Raises as check."""
    try:
        return describe_document(document, Limits(), look_up)
    except WorkflowError as exc:
        raise RequestError(explain(exc.render())) from exc


def explain(body: Mapping[str, Any]) -> str:
    """The body of an error as lines for a person: what is wrong, in which steps and properties."""
    lines = [str(body.get("message") or orjson.dumps(body.get("detail", body)).decode())]
    inner = body.get("inner_error_message")
    if inner not in (None, "None", lines[0]):
        lines += [f"  {line}" for line in str(inner).splitlines()]
    for block in body.get("blocks_errors") or ():
        place = f"step '{block['block_id']}' ({block['block_type']})"
        if block["property_name"]:
            place += f", property '{block['property_name']}'"
        details = block["property_details"] or block["block_details"]
        lines.append(f"  {place}: {details}" if details else f"  {place}")
    if body.get("error_type"):
        lines.append(f"  {body['error_type']} in {body.get('context')}")
    return "\n".join(lines)


def lookup_in(s3: Any, bucket: str, workspace: str | None = None) -> Lookup:
    """Finds the saved workflows that others nest, in one workspace or in any. s3 is a boto3 client."""

    def look_up(of_workspace: str, name: str, version: str | None) -> dict[str, Any]:
        if workspace not in (None, of_workspace):
            raise RequestError(
                f"It nests {of_workspace}/{name}, but a workflow of workspace {workspace} can nest only those of its "
                "own: save it there too."
            )
        return load(s3, bucket, WorkflowId.parse(f"{of_workspace}/{name}"), version)

    return look_up


def load(s3: Any, bucket: str, workflow: WorkflowId, version: str | None = None) -> dict[str, Any]:
    """A saved document. Raises WorkflowNotFound that names what there is, WorkflowCorrupt."""
    key = workflow_object(workflow.workspace, workflow.name, version)
    if exists(s3, bucket, key):
        return _read(s3, bucket, key)
    saved = list_workflows(s3, bucket, workflow.workspace)
    versions = next((other.versions for other in saved if other.id == workflow), None)
    if versions is not None:
        raise WorkflowNotFound(
            f"{workflow} has no version {version}; it has {', '.join(versions) or 'none: leave it out'}"
        )
    there = ", ".join(str(other.id) for other in saved)
    raise WorkflowNotFound(f"{workflow} is not saved; workspace {workflow.workspace} has {there or 'no workflows'}")


def save(s3: Any, bucket: str, workflow: WorkflowId, document: dict[str, Any], version: str | None = None) -> None:
    """Makes the document what `workflow` means; with a version, it keeps that name also when others follow.

    Raises RequestError if the version exists with other content.
    """
    if version is not None:
        key = workflow_object(workflow.workspace, workflow.name, version)
        if exists(s3, bucket, key) and _read(s3, bucket, key) != document:
            raise RequestError(f"{workflow} has a version {version}, and versions never change; save it as the next")
        _write(s3, bucket, key, document)
    _write(s3, bucket, workflow_object(workflow.workspace, workflow.name), document)


def list_workflows(s3: Any, bucket: str, workspace: str = "") -> list[SavedWorkflow]:
    """Every saved workflow, or those of one workspace, by id."""
    found: dict[WorkflowId, dict[str | None, Mapping[str, Any]]] = {}
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{_ROOT}{workspace}/" if workspace else _ROOT
    )
    for entry in (entry for page in pages for entry in page.get("Contents", [])):
        parts = entry["Key"].removeprefix(_ROOT).removesuffix(".json").split("/")
        if entry["Key"].endswith(".json") and len(parts) in (2, 3):
            version = parts[2] if len(parts) == 3 else None
            found.setdefault(WorkflowId(parts[0], parts[1]), {})[version] = entry
    return [
        _listed(s3, bucket, workflow, found[workflow])
        for workflow in sorted(found, key=lambda workflow: (workflow.workspace, workflow.name))
    ]


def _listed(
    s3: Any, bucket: str, workflow: WorkflowId, objects: Mapping[str | None, Mapping[str, Any]]
) -> SavedWorkflow:
    newest = max(objects.values(), key=lambda entry: entry["LastModified"])
    document = _read(s3, bucket, objects.get(None, newest)["Key"])
    steps = [step for step in document.get("steps", []) if isinstance(step, dict)]
    return SavedWorkflow(
        id=workflow,
        versions=tuple(sorted((version for version in objects if version is not None), key=_natural)),
        steps=len(steps),
        models=_literals(step.get("model_id") for step in steps),
        changed=newest["LastModified"],
    )


def models_of(plan: Plan) -> tuple[str, ...]:
    """The model ids that are written into a workflow and into what it nests."""
    return _literals(getattr(planned.step.manifest, "model_id", None) for planned in plan.steps)


def unpublished(s3: Any, bucket: str, model_ids: Iterable[str]) -> Iterator[str]:
    """Why each of the models that are not in the bucket cannot be used."""
    for text in model_ids:
        try:
            model_id = ModelId.parse(text)
        except RequestError:
            yield f"{text} is no id of a model here; those are PROJECT/VERSION or PROJECT/ALIAS"
            continue
        if not exists(s3, bucket, f"{model_id.folder}manifest.json") and not exists(s3, bucket, alias_object(model_id)):
            yield f"{model_id} is not published; `retinue publish {model_id} model.onnx` does it"


def _literals(model_ids: Iterable[Any]) -> tuple[str, ...]:
    named = (model_id for model_id in model_ids if isinstance(model_id, str) and not model_id.startswith("$"))
    return tuple(dict.fromkeys(named))


def _read(s3: Any, bucket: str, key: str) -> dict[str, Any]:
    try:
        document = orjson.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise WorkflowCorrupt(f"{key} in the bucket is no JSON object; save the workflow again, or delete it")
    return document


def _write(s3: Any, bucket: str, key: str, document: dict[str, Any]) -> None:
    content = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json")


def _natural(version: str) -> tuple[int, str]:
    """Sorts version 10 behind version 9."""
    return (int(version), "") if version.isdecimal() else (0, version)
