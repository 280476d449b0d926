"""What stands between a queue and a function: events, reports, and what the template says of queues and tables."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from local.data_plane import Queue, QueueNotification, QueueSource, Table
from local.intrinsics import TemplateError
from local.queues import Poller
from local.runtime_api import Outcome
from local.template import Template, read_template

TEMPLATE = """
Parameters:
  Hidden: {{Type: Number, Default: 360}}
Resources:
  Uploads:
    Type: AWS::S3::Bucket
    Properties: {{NotificationConfiguration: {notifications}}}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Hidden
      RedrivePolicy: {{deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}}
  Dead: {{Type: AWS::SQS::Queue, Properties: {{QueueName: graveyard}}}}
  Jobs:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
      TimeToLiveSpecification: {{AttributeName: expires, Enabled: true}}
      PointInTimeRecoverySpecification: {{PointInTimeRecoveryEnabled: true}}
  Ingest:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Handler: app.handler
      Runtime: python3.13
      Environment: {{Variables: {{QUEUE: !Ref Work, NAME: !GetAtt Dead.QueueName, TABLE: !Ref Jobs}}}}
      Events:
        Uploads: {{Type: SQS, Properties: {event}}}
"""
INBOX = "{QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: !GetAtt Work.Arn, Filter: {S3Key: {Rules: [{Name: prefix, Value: inbox/}]}}}]}"  # noqa: E501
EVENT = "{Queue: !GetAtt Work.Arn}"


def read(folder: Path, event: str = EVENT, notifications: str = INBOX) -> Template:
    (folder / "code").mkdir(exist_ok=True)
    path = folder / "template.yaml"
    path.write_text(TEMPLATE.format(event=event, notifications=notifications))
    return read_template(path)


def test_queues_tables_and_notifications(tmp_path: Path) -> None:
    template = read(tmp_path)
    redrive = '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:graveyard", "maxReceiveCount": 5}'
    attributes = {"VisibilityTimeout": "360", "RedrivePolicy": redrive}
    assert template.queues == {
        "Work": Queue("Work", "retinue-Work", attributes),
        "Dead": Queue("Dead", "graveyard", {}),
    }
    (table,) = template.tables.values()
    assert (table.name, table.expires_by) == ("retinue-Jobs", "expires")
    assert isinstance(table, Table)
    assert table.definition.keys() == {"BillingMode", "AttributeDefinitions", "KeySchema"}
    arn = "arn:aws:sqs:us-east-1:123456789012:retinue-Work"
    rule = {"Name": "prefix", "Value": "inbox/"}
    assert template.buckets["Uploads"].notifications == (QueueNotification("s3:ObjectCreated:*", arn, (rule,)),)
    assert template.functions["Ingest"].environment == {
        "QUEUE": "https://sqs.us-east-1.amazonaws.com/123456789012/retinue-Work",
        "NAME": "graveyard",
        "TABLE": "retinue-Jobs",
    }


@pytest.mark.parametrize(
    ("event", "source"),
    [
        (EVENT, QueueSource("Ingest", "Work")),
        (
            "{Queue: !GetAtt Work.Arn, BatchSize: 50, MaximumBatchingWindowInSeconds: 2, "
            "FunctionResponseTypes: [ReportBatchItemFailures], ScalingConfig: {MaximumConcurrency: 3}}",
            QueueSource("Ingest", "Work", 50, 2.0, 3, True),
        ),
    ],
)
def test_sources(tmp_path: Path, event: str, source: QueueSource) -> None:
    assert read(tmp_path, event).sources == (source,)


def test_switched_off_source(tmp_path: Path) -> None:
    assert read(tmp_path, "{Queue: !GetAtt Work.Arn, Enabled: false}").sources == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"event": "{Queue: 'arn:aws:sqs:us-east-1:1:other'}"}, "Uploads.Properties.Queue: arn"),
        ({"notifications": "{LambdaConfigurations: []}"}, "LambdaConfigurations has no local counterpart"),
    ],
)
def test_what_cannot_be_followed_names_its_place(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        read(tmp_path, **changes)


class OneBatch:
    """A queue that gives three messages once, and notes what is taken off."""

    def __init__(self) -> None:
        self.waiting = [
            {"MessageId": name, "ReceiptHandle": f"r-{name}", "Body": "{}", "MD5OfBody": ""} for name in "abc"
        ]
        self.deleted: list[str] = []

    def receive_message(self, *, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:
        given, self.waiting = self.waiting[:MaxNumberOfMessages], self.waiting[MaxNumberOfMessages:]
        return {"Messages": given} if given else {}

    def delete_message_batch(self, *, Entries: list[dict[str, str]], **_: Any) -> None:
        self.deleted += [entry["ReceiptHandle"] for entry in Entries]


ALL, NONE = ["r-a", "r-b", "r-c"], list[str]()


@pytest.mark.parametrize(
    ("answer", "error", "deleted"),
    [
        pytest.param("null", "", ALL, id="no report: all done"),
        pytest.param("{}", "", ALL, id="empty report"),
        pytest.param('{"batchItemFailures": []}', "", ALL, id="no failures"),
        pytest.param('{"batchItemFailures": null}', "", ALL, id="failures are null"),
        pytest.param('{"batchItemFailures": [{"itemIdentifier": "b"}]}', "", ["r-a", "r-c"], id="one failed"),
        pytest.param('{"batchItemFailures": [{"itemIdentifier": "x"}]}', "", NONE, id="unknown id fails the batch"),
        pytest.param('{"batchItemFailures": [{"itemIdentifier": ""}]}', "", NONE, id="empty id fails the batch"),
        pytest.param('{"batchItemFailures": [{"id": "b"}]}', "", NONE, id="wrong name fails the batch"),
        pytest.param('{"batchItemFailures": 7}', "", NONE, id="no list fails the batch"),
        pytest.param('"text"', "", NONE, id="text fails the batch"),
        pytest.param("", "", NONE, id="no JSON fails the batch"),
        pytest.param("null", "Runtime.ExitError: killed", NONE, id="a crash fails the batch"),
    ],
)
def test_what_is_taken_off_the_queue(answer: str, error: str, deleted: list[str]) -> None:
    queue, events = OneBatch(), []

    async def submit(event: bytes, request_id: str, trace_id: str) -> Outcome:
        events.append(json.loads(event))
        return Outcome(answer.encode(), error, False)

    async def run() -> None:
        source = QueueSource("Ingest", "Work", reports_failures=True)
        poller = Poller(queue, Queue("Work", "work", {}), source, submit, 2)
        running = asyncio.create_task(poller.run())
        while not events or (deleted and not queue.deleted):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 10))
    assert queue.deleted == deleted
    (event,) = events
    record = event["Records"][0]
    assert (record["messageId"], record["eventSource"]) == ("a", "aws:sqs")
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:work"
