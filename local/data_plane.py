"""Queues, tables and bucket notifications of a template: what they say, and what makes them in the stand-in for AWS."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.intrinsics import ACCOUNT_ID, REGION, TemplateError

QUEUE = "AWS::SQS::Queue"
TABLE = "AWS::DynamoDB::Table"

_QUEUE_ATTRIBUTES = (
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)
# Of a table's properties those that CreateTable takes by the same name.
_TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
)


@dataclass(frozen=True)
class Queue:
    """One SQS queue: its attributes as SQS takes them, texts all of them."""

    logical_id: str
    name: str
    attributes: Mapping[str, str]

    @property
    def arn(self) -> str:
        """What `!GetAtt Queue.Arn` gives."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{self.name}"

    @property
    def url(self) -> str:
        """What `!Ref` gives, as in the cloud; the stand-in goes by the name at its end."""
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{self.name}"


@dataclass(frozen=True)
class Table:
    """One DynamoDB table: what CreateTable takes besides its name, and the attribute by which items expire."""

    logical_id: str
    name: str
    definition: Mapping[str, Any]
    expires_by: str = ""


@dataclass(frozen=True)
class QueueSource:
    """A queue whose messages are a function's events."""

    function: str
    queue: str  # logical id
    batch_size: int = 10
    window_s: float = 0
    most_at_once: int = 0  # batches; 0: as many as the function has processes
    reports_failures: bool = False  # the function says which messages failed


@dataclass(frozen=True)
class QueueNotification:
    """Events of a bucket that go to a queue."""

    event: str
    queue_arn: str
    rules: Sequence[Mapping[str, str]] = ()


def read_queue(logical_id: str, name: str, properties: Mapping[str, Any]) -> Queue:
    """The queue that resolved `properties` describe."""
    attributes = {key: str(properties[key]) for key in _QUEUE_ATTRIBUTES if key in properties}
    if "RedrivePolicy" in properties:
        policy = dict(properties["RedrivePolicy"])
        attributes["RedrivePolicy"] = json.dumps(policy | {"maxReceiveCount": int(policy["maxReceiveCount"])})
    return Queue(logical_id, name, attributes)


def read_table(logical_id: str, name: str, properties: Mapping[str, Any]) -> Table:
    """The table that resolved `properties` describe."""
    definition = {key: properties[key] for key in _TABLE_PROPERTIES if key in properties}
    lifetime = properties.get("TimeToLiveSpecification") or {}
    is_on = str(lifetime.get("Enabled", False)).lower() == "true"
    return Table(logical_id, name, definition, str(lifetime["AttributeName"]) if is_on else "")


def read_source(function: str, properties: Mapping[str, Any], queues: Mapping[str, str], place: str) -> QueueSource:
    """The SQS event of a function, from its resolved properties; `queues` has logical ids by ARN.

    Raises TemplateError for a queue that is not of this template.
    """
    arn = str(properties.get("Queue"))
    if arn not in queues:
        raise TemplateError(f"{place}.Queue: {arn} is not a queue of this template")
    scaling = properties.get("ScalingConfig") or {}
    return QueueSource(
        function=function,
        queue=queues[arn],
        batch_size=int(properties.get("BatchSize", 10)),
        window_s=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
        most_at_once=int(scaling.get("MaximumConcurrency", 0)),
        reports_failures="ReportBatchItemFailures" in (properties.get("FunctionResponseTypes") or ()),
    )


def read_notifications(configuration: Mapping[str, Any] | None, place: str) -> tuple[QueueNotification, ...]:
    """A bucket's resolved NotificationConfiguration. Raises TemplateError for what goes elsewhere than to queues."""
    given = dict(configuration or {})
    entries = given.pop("QueueConfigurations", ())
    if given:
        raise TemplateError(f"{place}: {', '.join(given)} has no local counterpart; only QueueConfigurations has")
    return tuple(
        QueueNotification(
            entry["Event"],
            entry["Queue"],
            tuple((entry.get("Filter") or {}).get("S3Key", {}).get("Rules", ())),
        )
        for entry in entries
    )
