"""AWS Batch in a template: its queues, its job definitions, and when a job is tried again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from local.intrinsics import ACCOUNT_ID, REGION

JOB_QUEUE = "AWS::Batch::JobQueue"
JOB_DEFINITION = "AWS::Batch::JobDefinition"
RULE = "AWS::Events::Rule"


@dataclass(frozen=True, slots=True)
class JobQueue:
    """One job queue; machines are no matter here."""

    logical_id: str
    name: str

    @property
    def arn(self) -> str:
        """What `!Ref` gives."""
        return f"arn:aws:batch:{REGION}:{ACCOUNT_ID}:job-queue/{self.name}"


@dataclass(frozen=True, slots=True)
class ExitRule:
    """One entry of EvaluateOnExit: patterns that may end with `*`; all that are given must match."""

    action: Literal["RETRY", "EXIT"]
    status_reason: str = ""
    reason: str = ""
    exit_code: str = ""

    def matches(self, status_reason: str, reason: str, exit_code: int) -> bool:
        """Whether an attempt ended as this entry says."""
        pairs = ((self.status_reason, status_reason), (self.reason, reason), (self.exit_code, str(exit_code)))
        return all(not pattern or fnmatchcase(text, pattern) for pattern, text in pairs)


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """What a job runs with: its variables, how often it is tried, and what decides about that."""

    logical_id: str
    name: str
    environment: Mapping[str, str]
    attempts: int = 1
    rules: Sequence[ExitRule] = ()
    timeout_s: float | None = None

    @property
    def arn(self) -> str:
        """What `!Ref` gives."""
        return f"arn:aws:batch:{REGION}:{ACCOUNT_ID}:job-definition/{self.name}:1"

    def tries_again(self, status_reason: str, reason: str, exit_code: int, attempt: int) -> bool:
        """Whether another attempt follows number `attempt` (from 1). The first entry that matches decides; what none of
        them names is tried again, as AWS does it."""
        if attempt >= self.attempts:
            return False
        for rule in self.rules:
            if rule.matches(status_reason, reason, exit_code):
                return rule.action == "RETRY"
        return True


@dataclass(frozen=True, slots=True)
class EventRule:
    """A rule of EventBridge that sends events of AWS Batch to queues."""

    pattern: Mapping[str, Any]
    queue_arns: tuple[str, ...]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event has, for each key of the pattern, one of the values listed there."""
        return _matches(self.pattern, event)


def read_job_definition(logical_id: str, name: str, properties: Mapping[str, Any]) -> JobDefinition:
    """The definition that resolved `properties` (RetryStrategy, Timeout, ContainerProperties.Environment) describe."""
    retry = properties.get("RetryStrategy") or {}
    rules = [
        ExitRule(
            entry["Action"].upper(),
            str(entry.get("OnStatusReason", "")),
            str(entry.get("OnReason", "")),
            str(entry.get("OnExitCode", "")),
        )
        for entry in retry.get("EvaluateOnExit", ())
    ]
    timeout = (properties.get("Timeout") or {}).get("AttemptDurationSeconds")
    return JobDefinition(
        logical_id,
        name,
        {entry["Name"]: str(entry["Value"]) for entry in properties.get("Environment") or ()},
        int(retry.get("Attempts", 1)),
        rules,
        None if timeout is None else float(timeout),
    )


def read_event_rule(properties: Mapping[str, Any]) -> EventRule | None:
    """The rule that resolved `properties` describe, None unless it is one of AWS Batch's events."""
    pattern = properties.get("EventPattern") or {}
    if "aws.batch" not in pattern.get("source", ()) or properties.get("State", "ENABLED") != "ENABLED":
        return None
    arns = tuple(str(target["Arn"]) for target in properties.get("Targets", ()) if ":sqs:" in str(target["Arn"]))
    return EventRule(pattern, arns)


def _matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    for key, wanted in pattern.items():
        found = event.get(key)
        if isinstance(wanted, Mapping):
            if not isinstance(found, Mapping) or not _matches(wanted, found):
                return False
        elif found not in wanted:
            return False
    return True
