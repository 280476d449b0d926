"""What a shard has to do: the plan of its job and its own items, as the planner wrote them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import orjson

PLAN_VERSION = 1


class PlanError(Exception):
    """The plan or the configuration cannot be used, now or later. The message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked about each picture: a model by its id, a saved workflow, or a workflow that the request brought.

    Of a video also several models (`models`: ids and parameters) and perhaps a workflow beside them (`beside`).
    """

    kind: Literal["model", "workflow", "models"]
    model_id: str = ""
    workspace: str = ""
    workflow_id: str = ""
    specification: dict[str, Any] | None = None
    models: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    beside: "Target | None" = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a job. `part_size` items are one checkpoint, `batch_size` pictures one run of the network."""

    job_id: str
    workspace: str
    scopes: frozenset[str]  # projects whose models the job may use
    target: Target
    device: str
    parameters: Mapping[str, Any]
    source: Mapping[str, Any]
    batch_size: int
    part_size: int
    shard_sizes: tuple[int, ...]
    output_bucket: str
    output_prefix: str
    is_drawn: bool
    track: Mapping[str, Any] | None = None  # how objects of a video are followed; None: not at all

    @property
    def is_video(self) -> bool:
        """Whether the items are the frames of a video."""
        return self.source.get("type") == "video"

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """The plan in the bytes of plan.json. Raises PlanError."""
        try:
            record = orjson.loads(text)
            if record["version"] != PLAN_VERSION:
                raise PlanError(f"the plan has version {record['version']}; this container reads {PLAN_VERSION}")
            plan = cls(
                job_id=str(record["job_id"]),
                workspace=str(record["workspace"]),
                scopes=frozenset(record.get("scopes", ())),
                target=_target(record["target"]),
                device=str(record.get("device", "auto")),
                parameters=dict(record.get("parameters") or {}),
                source=dict(record["source"]),
                batch_size=int(record["batch_size"]),
                part_size=int(record["part_size"]),
                shard_sizes=tuple(int(shard["items"]) for shard in record["shards"]),
                output_bucket=str(record["output"]["bucket"]),
                output_prefix=str(record["output"]["prefix"]),
                is_drawn=bool(record.get("draw", False)),
                track=record.get("track"),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise PlanError(f"the plan cannot be read: {exc!r}") from exc
        if plan.batch_size < 1 or plan.part_size < 1:
            raise PlanError(f"batch_size {plan.batch_size} and part_size {plan.part_size} must be at least 1")
        return plan


@dataclass(frozen=True, slots=True)
class Item:
    """One picture: its id, where it lies, and how large its file is."""

    id: str
    bucket: str
    key: str
    version: str | None
    size_bytes: int

    @property
    def source(self) -> dict[str, str | None]:
        """How lines of the results name it."""
        return {"bucket": self.bucket, "key": self.key, "version": self.version}


def read_items(text: bytes, expected: int) -> list[Item]:
    """The items in the bytes of a shard file. Raises PlanError, also if there are not as many as the plan says."""
    try:
        records = [orjson.loads(line) for line in text.splitlines() if line]
        items = [
            Item(record["id"], record["bucket"], record["key"], record["version"], int(record["size_bytes"]))
            for record in records
        ]
    except (ValueError, KeyError, TypeError) as exc:
        raise PlanError(f"the shard file cannot be read: {exc!r}") from exc
    if len(items) != expected:
        raise PlanError(f"the shard file has {len(items)} items; the plan says {expected}")
    return items


def _target(record: Mapping[str, Any]) -> Target:
    match record:
        case {"type": "model", "model_id": str(model_id)}:
            return Target("model", model_id=model_id)
        case {"type": "models", "models": list(models)}:
            beside = _target(record["workflow"]) if "workflow" in record else None
            named = tuple((str(model["model_id"]), dict(model["parameters"])) for model in models)
            return Target("models", models=named, beside=beside)
        case {"type": "workflow", "specification": dict(specification)}:
            return Target(
                "workflow",
                workspace=str(record.get("workspace") or ""),
                workflow_id=str(record.get("id") or ""),
                specification=specification,
            )
        case {"type": "workflow", "workspace": str(workspace), "id": str(workflow_id)}:
            return Target("workflow", workspace=workspace, workflow_id=workflow_id)
    raise PlanError(f"the plan has the target {str(record)[:200]}: no model_id, no workflow's id, no specification")
