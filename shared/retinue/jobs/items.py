"""Records as DynamoDB items: texts and whole numbers only, so no decimals and no boto3 serialiser are needed."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from retinue.jobs.record import Job, Shard

Item = dict[str, Any]

JOB = "job"
SHARD = "shard#"


def shard_item(index: int) -> str:
    """The sort key of a shard."""
    return f"{SHARD}{index:05d}"


def job_key(job_id: str) -> Item:
    """The key of a job's record."""
    return {"job_id": {"S": job_id}, "item": {"S": JOB}}


def shard_key(job_id: str, index: int) -> Item:
    """The key of a shard's record."""
    return {"job_id": {"S": job_id}, "item": {"S": shard_item(index)}}


def idempotency_key(workspace: str, key: str) -> Item:
    """The key of the record that remembers which job an idempotency key made."""
    return {"job_id": {"S": f"idempotency#{workspace}#{key}"}, "item": {"S": JOB}}


def encoded(values: Mapping[str, str | int]) -> Item:
    """DynamoDB's form of texts and numbers."""
    return {name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in values.items()}


def decoded(item: Mapping[str, Any]) -> dict[str, str | int]:
    """The reverse of `encoded`."""
    return {name: int(value["N"]) if "N" in value else str(value["S"]) for name, value in item.items()}


def item_of(job: Job) -> Item:
    """A job as it is first written. Empty texts are left out, so that `attribute_not_exists` means empty."""
    values = {name: value for name, value in asdict(job).items() if value != ""}
    return encoded({**values, "item": JOB})


def job_of(item: Mapping[str, Any]) -> Job:
    """The job in an item; attributes of later releases are ignored."""
    return _built(Job, decoded(item))


def shard_of(item: Mapping[str, Any]) -> Shard:
    """The shard in an item."""
    values = decoded(item)
    return _built(Shard, {**values, "index": int(str(values["item"]).removeprefix(SHARD))})


def _built(kind: Any, values: Mapping[str, str | int]) -> Any:
    known = {spec.name for spec in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in known})
