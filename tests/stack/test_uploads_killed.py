"""Uploads while everything goes wrong at once: delivered twice, corrupt, for nobody, and the processes killed."""

import io
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from local.stack import Stack
from retinue.jobs.layout import item_id
from retinue.operator.uploads import Queues, count_messages, list_failed
from retinue.uploads.events import uploads_of
from retinue.uploads.layout import failure_key, result_key
from tests.contract.constant_models import write_detector
from tests.contract.deployment import DETECTOR, Deployment

UPLOADS, CORRUPT, FOR_NOBODY = 500, 30, 5
SHARE_DELIVERED_TWICE = 0.15
KILLS = 12
VISIBILITY_S = 4
pytestmark = pytest.mark.timeout(400)


@dataclass
class World:
    """A stack, and two queues that listen: to the events, and to what the bucket tells of."""

    stack: Stack
    deployment: Deployment
    events_url: str
    copies_url: str
    versions: dict[str, str] = field(default_factory=dict)  # key -> version
    kills: int = 0
    delivered_twice: int = 0

    @property
    def bucket(self) -> str:
        return self.stack.buckets["UploadsBucket"]

    @property
    def queues(self) -> Queues:
        return Queues.of(self.deployment.s3, self.sqs, self.bucket)

    @property
    def sqs(self) -> Any:
        return self.stack.client("sqs")

    def keys(self, prefix: str) -> set[str]:
        pages = self.deployment.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    def received(self, url: str) -> Iterator[dict[str, Any]]:
        """What lies in a queue, taken off it."""
        sqs = self.sqs
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(message["Body"])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Stack(parameters={"IngestVisibilityTimeout": str(VISIBILITY_S)}, max_workers=2) as stack:
        deployment = Deployment(stack)
        deployment.publish(DETECTOR, write_detector(tmp_path / "shapes.onnx"))
        sqs, events = stack.client("sqs"), stack.client("events")
        urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("events", "copies")]
        arns = [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            for url in urls
        ]
        events.put_rule(Name="uploads", EventPattern=json.dumps({"source": ["retinue"]}))
        events.put_targets(Rule="uploads", Targets=[{"Id": "events", "Arn": arns[0]}])
        world = World(stack, deployment, *urls)
        rules = deployment.s3.get_bucket_notification_configuration(Bucket=world.bucket)["QueueConfigurations"]
        rules.append({"QueueArn": arns[1], "Events": rules[0]["Events"], "Filter": rules[0]["Filter"]})
        for rule in rules:
            rule.pop("Id", None)
        deployment.s3.put_bucket_notification_configuration(
            Bucket=world.bucket, NotificationConfiguration={"QueueConfigurations": rules}
        )
        yield world


def pictures() -> dict[str, bytes]:
    """Key -> content of all uploads, in a random order."""
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(stream, "PNG")
    good = stream.getvalue()
    broken = [good[:60], b"", b"\xff\xd8\xff\xe0 no JPEG", b"hello", good[::-1]]
    uploads = {f"inbox/{DETECTOR}/bad {number}+.png": broken[number % len(broken)] for number in range(CORRUPT)}
    uploads |= {f"inbox/nobody/{number}/picture.png": good for number in range(FOR_NOBODY)}
    uploads |= {f"inbox/{DETECTOR}/good/{number:03d}.png": good for number in range(UPLOADS - len(uploads))}
    return dict(random.sample(list(uploads.items()), len(uploads)))


@contextmanager
def killing(world: World) -> Iterator[None]:
    """Kills a process of the function now and then, at most KILLS times."""
    is_over = threading.Event()

    def kill() -> None:
        while world.kills < KILLS and not is_over.wait(random.uniform(0.2, 1.0)):
            if pids := world.stack.workers("IngestFunction"):
                with suppress(ProcessLookupError):
                    os.kill(random.choice(pids), signal.SIGKILL)
                    world.kills += 1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        is_over.set()
        killer.join()


def wait_until(is_so: Callable[[], bool], what: str, timeout_s: float) -> None:
    """Asks once a second: each question keeps the stand-in for AWS from its work."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s until {what}"
        time.sleep(1)


def upload_all(world: World, uploads: dict[str, bytes]) -> None:
    """Puts all, and sends some of the messages a second time."""
    s3, sqs = world.deployment.s3, world.sqs

    def put(key: str) -> None:
        world.versions[key] = s3.put_object(Bucket=world.bucket, Key=key, Body=uploads[key])["VersionId"]

    with ThreadPoolExecutor(4) as senders:
        list(senders.map(put, uploads))
    for told in world.received(world.copies_url):
        if "Records" in told and random.random() < SHARE_DELIVERED_TWICE:
            sqs.send_message(QueueUrl=world.queues.work, MessageBody=json.dumps(told))
            world.delivered_twice += 1


def test_one_result_or_one_dead_letter_for_each_upload(world: World) -> None:
    # GIVEN 500 uploads, of which 30 are no pictures and 5 are for models that do not exist
    uploads = pictures()
    bad = {key for key in uploads if "/good/" not in key}
    good = uploads.keys() - bad
    started = time.monotonic()

    # WHEN some are delivered twice, and processes are killed meanwhile
    with killing(world):
        upload_all(world, uploads)
        wait_until(lambda: len(world.keys("results/")) == len(good), "every good one has its result", 150)
    answered_s = time.monotonic() - started
    wait_until(lambda: count_messages(world.sqs, world.queues.work) == 0, "the queue is empty", 150)
    print(
        f"{len(good)} answered in {answered_s:.1f} s, all over after {time.monotonic() - started:.1f} s; "
        f"{world.delivered_twice} delivered twice, {world.kills} processes killed"
    )

    # THEN there is exactly one result for each good one, written once
    assert world.kills >= 3 and world.delivered_twice >= 20
    pages = world.deployment.s3.get_paginator("list_object_versions").paginate(Bucket=world.bucket, Prefix="results/")
    versions = [version for page in pages for version in page.get("Versions", [])]
    assert Counter(version["Key"] for version in versions) == Counter(map(result_key, good))
    for key in good:
        answer = json.loads(world.deployment.s3.get_object(Bucket=world.bucket, Key=result_key(key))["Body"].read())
        assert answer["inference_id"] == item_id(world.bucket, key, world.versions[key])
        assert len(answer["predictions"]) >= 1

    # AND one dead letter with its reason for each bad one
    failed = list_failed(world.deployment.s3, world.sqs, world.bucket)
    assert {item.record.key for item in failed} == bad
    for item in failed:
        assert item.is_dead and item.record.is_final
        nobody = item.record.key.startswith("inbox/nobody/")
        assert item.record.error_type == ("ModelNotFound" if nobody else "ImageError")
        assert item.record.reason
        assert item.record.version == world.versions[item.record.key]
    assert world.keys("failures/") == set(map(failure_key, bad))
    dead = [upload.version for told in world.received(world.queues.dead) for upload in uploads_of(json.dumps(told))]
    assert Counter(dead) == Counter(world.versions[key] for key in bad)

    # AND each was told of; twice only where a process was killed between telling and noting that it did
    told = Counter((event["detail-type"], event["detail"]["key"]) for event in world.received(world.events_url))
    assert told.keys() == {("Inference finished", key) for key in good} | {("Inference failed", key) for key in bad}
    assert sum(told.values()) - len(told) <= world.kills
