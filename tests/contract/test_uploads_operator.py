"""`retinue uploads put | failed | redrive` against a running stack: what an operator does and sees."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from local.stack import Stack
from retinue.operator.uploads import Queues, count_messages
from tests.contract.constant_models import write_detector
from tests.contract.deployment import DETECTOR, Deployment

WAIT_S = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A stack that tries again after a second."""
    with Stack(parameters={"IngestVisibilityTimeout": "1"}, max_workers=1) as stack:
        deployment = Deployment(stack)
        deployment.publish(DETECTOR, write_detector(tmp_path_factory.mktemp("model") / "shapes.onnx"))
        yield deployment


def retinue(deployment: Deployment, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, as an operator of the stack runs it."""
    environment = {**os.environ, **deployment.stack.environment(), "COLUMNS": "250", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "retinue.cli", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=100)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.png"
    Image.new("RGB", (64, 64), "grey").save(path)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad [1].png"
    path.write_bytes(b"no picture")
    return path


def wait_for_dead_letters(deployment: Deployment, count: int) -> None:
    sqs, bucket = deployment.stack.client("sqs"), deployment.stack.buckets["UploadsBucket"]
    queues, deadline = Queues.of(deployment.s3, sqs, bucket), time.monotonic() + WAIT_S
    while (count_messages(sqs, queues.dead), count_messages(sqs, queues.work)) != (count, 0):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_put_failed_repair_redrive(running: Deployment, good: Path, bad: Path, tmp_path: Path) -> None:
    # GIVEN one good picture, one that is none, and one for a model that is not published yet
    put = retinue(running, "uploads", "put", good, bad, "--model", DETECTOR, "--set", "confidence=0.01", "--wait")
    assert put.returncode == 1
    assert "done" in put.stdout and "failed" in put.stdout and "2/2" in put.stdout
    early = retinue(running, "uploads", "put", good, "--model", "later/1")
    assert (early.returncode, "1 uploaded to" in early.stdout) == (0, True)
    wait_for_dead_letters(running, 2)

    # WHEN the operator asks what failed
    failed = json.loads(retinue(running, "uploads", "failed", "--json").stdout)
    # THEN each has its target, reason and attempts
    assert [(item["key"], item["error_type"], item["attempt"], item["is_dead"]) for item in failed] == [
        ("inbox/later/1/good.png", "ModelNotFound", 5, True),
        (f"inbox/{DETECTOR}/bad [1].png", "ImageError", 5, True),
    ]
    table = retinue(running, "uploads", "failed", "--prefix", "later/").stdout
    assert "later/1/good.png" in table and "no version or alias later/1" in table and "bad" not in table
    assert "1 failed; 0 in the queue, 2 dead letters." in table

    # WHEN the model is published, and the letters of that model sent through again
    running.publish("later/1", write_detector(tmp_path / "later.onnx"))
    again = retinue(running, "uploads", "redrive", "--prefix", "later/")
    assert again.returncode == 0 and "1 of 2 dead letters sent through again." in again.stdout
    wait_for_dead_letters(running, 1)
    # THEN there is a result, and no reason any more
    bucket = running.stack.buckets["UploadsBucket"]
    answer = running.s3.get_object(Bucket=bucket, Key="results/later/1/good.png.json")["Body"].read()
    assert json.loads(answer)["predictions"]
    assert [item["target"] for item in json.loads(retinue(running, "uploads", "failed", "--json").stdout)] == [DETECTOR]

    # AND what is still bad comes back with a new reason
    once_more = retinue(running, "uploads", "redrive", f"inbox/{DETECTOR}/bad [1].png")
    assert "1 of 1 dead letters" in once_more.stdout
    wait_for_dead_letters(running, 1)
    (item,) = json.loads(retinue(running, "uploads", "failed", "--json").stdout)
    assert (item["attempt"], item["is_dead"]) == (5, True)

    # AND one that is put again by its name needs no letter: sending it clears the old one
    bad.write_bytes(good.read_bytes())
    assert retinue(running, "uploads", "put", bad, "--model", DETECTOR, "--wait").returncode == 0
    assert "Answered meanwhile" in retinue(running, "uploads", "failed").stdout
    retinue(running, "uploads", "redrive")
    wait_for_dead_letters(running, 0)
    assert "0 failed; 0 in the queue, 0 dead letters." in retinue(running, "uploads", "failed").stdout


def test_a_dead_letter_without_reason(running: Deployment) -> None:
    sqs, bucket = running.stack.client("sqs"), running.stack.buckets["UploadsBucket"]
    sqs.send_message(QueueUrl=Queues.of(running.s3, sqs, bucket).work, MessageBody='{"hello": 1}')
    wait_for_dead_letters(running, 1)
    assert "no event of a bucket" in retinue(running, "uploads", "failed").stdout
    dead = Queues.of(running.s3, sqs, bucket).dead
    for message in sqs.receive_message(QueueUrl=dead)["Messages"]:
        sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("put", "GOOD"), "either --model PROJECT/VERSION or --workflow"),
        (("put", "GOOD", "--model", "a/1", "--workflow", "b/c"), "either --model PROJECT/VERSION or --workflow"),
        (("put", "GOOD", "--model", "a"), "PROJECT/VERSION"),
        (("put", "GOOD", "--model", "a/1", "--set", "confidence"), "NAME=VALUE"),
        (("put", "GOOD", "GOOD", "--model", "a/1"), "same name"),
        (("redrive", "inbox/a/1/none.png"), "no dead letter"),
        (("failed", "--bucket", "retinue-models-123456789012"), "is it an uploads bucket?"),
    ],
)
def test_refusals_say_what_to_do(running: Deployment, good: Path, arguments: tuple[str, ...], words: str) -> None:
    answer = retinue(running, "uploads", *(str(good) if word == "GOOD" else word for word in arguments))
    assert answer.returncode == 1
    assert words in answer.stderr
