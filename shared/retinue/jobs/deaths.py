"""What AWS Batch says of a job that failed for good, as EventBridge passes it on: which shard, and why. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retinue.jobs.layout import is_job_id
from retinue.jobs.submit import job_id_of

DETAIL_TYPE = "Batch Job State Change"


@dataclass(frozen=True, slots=True)
class Death:
    """A shard all of whose attempts have failed."""

    job_id: str
    shard: int
    reason: str


def death_of(event: Mapping[str, Any]) -> Death | None:
    """The shard that an event says has died; None for anything else.

    Batch calls a job FAILED once its last attempt has failed; before, it is RUNNABLE again. The parent of an array
    fails after its children, each of which has an event of its own, so it is passed over.
    """
    detail = event.get("detail") or {}
    job_id = job_id_of(str(detail.get("jobName", "")))
    if event.get("detail-type") != DETAIL_TYPE or detail.get("status") != "FAILED" or not is_job_id(job_id):
        return None
    array = detail.get("arrayProperties") or {}
    if "size" in array and "index" not in array:
        return None
    return Death(job_id, int(array.get("index", 0)), _reason(detail))


def _reason(detail: Mapping[str, Any]) -> str:
    container = detail.get("container") or {}
    parts = [str(detail.get("statusReason") or "AWS Batch gave no reason")]
    if container.get("reason"):
        parts.append(str(container["reason"]))
    if container.get("exitCode") is not None:
        parts.append(f"exit code {container['exitCode']}")
    if attempts := len(detail.get("attempts") or ()):
        parts.append(f"{attempts} attempt{'s' if attempts > 1 else ''}")
    return "; ".join(parts)
