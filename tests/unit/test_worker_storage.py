"""The files of a shard: large results in pieces, and what S3's refusals and silence become."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
from botocore.config import Config

from retinue.aws import Credentials, S3Reader
from retinue.errors import StorageUnavailable
from retinue.jobs.layout import part_key, result_key
from retinue.worker import storage
from retinue.worker.pictures import PictureFailed, Pictures
from retinue.worker.plan import Item, Plan, PlanError
from retinue.worker.storage import ShardFiles
from tests.unit.servers import serving

JOB = "0" * 32


def plan(bucket: str) -> Plan:
    record = {
        "version": 1,
        "job_id": JOB,
        "workspace": "local",
        "target": {"type": "model", "model_id": "a/1"},
        "source": {"type": "s3"},
        "batch_size": 1,
        "part_size": 1,
        "shards": [],
        "output": {"bucket": bucket, "prefix": "out/"},
    }
    return Plan.from_json(orjson.dumps(record))


@pytest.mark.parametrize(
    ("sizes", "pieces"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([0, 10, 0], 0, id="empty parts"),
        pytest.param([5, 95], 0, id="exactly one piece"),
        pytest.param([5, 96], 2, id="a byte more"),
        pytest.param([250, 3, 250], 6, id="parts larger than a piece"),
        pytest.param([30] * 10, 3, id="exactly three pieces"),
    ],
)
def test_parts_are_joined_in_order(
    s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch, sizes: list[int], pieces: int
) -> None:
    monkeypatch.setattr(storage, "_PIECE_BYTES", 100)
    uploaded: list[int] = []
    s3.meta.events.register(
        "before-call.s3.UploadPart", lambda params, **_: uploaded.append(len(params["body"].getvalue()))
    )
    files = ShardFiles(s3, bucket, JOB, 0)
    bodies = [bytes([number]) * size for number, size in enumerate(sizes)]
    for number, body in reversed(list(enumerate(bodies))):
        files.write_part(number, body, failed=number)
    # moto, whose server is a thread of this process, holds to S3's rule that no piece but the last is below 5 MiB
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    assert files.parts() == {number: len(body) for number, body in enumerate(bodies)}
    assert files.join(plan(bucket), files.parts()) == sum(sizes)
    with s3.get_object(Bucket=bucket, Key=result_key("out/", 0))["Body"] as body:
        assert body.read() == b"".join(bodies)
    assert len(uploaded) == pieces
    assert [files.failed_in(number) for number in range(len(sizes))] == list(range(len(sizes)))


def test_an_output_that_may_be_written_leaves_nothing_behind(s3: Any, bucket: str) -> None:
    ShardFiles(s3, bucket, JOB, 0).check_output(plan(bucket))
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_what_is_missing_is_said(s3: Any, bucket: str) -> None:
    files = ShardFiles(s3, bucket, JOB, 0)
    with pytest.raises(PlanError, match=rf"s3://{bucket}/jobs/{JOB}/plan.json"):
        files.read_plan()
    with pytest.raises(PlanError, match="nobody-has-this"):
        files.check_output(plan("nobody-has-this"))


@pytest.fixture
def silent() -> Iterator[Any]:
    """A client of a server that only says 503, or as scripted."""
    made = []

    def client(url: str) -> Any:
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"})
        made.append(
            boto3.client(
                "s3",
                endpoint_url=url,
                region_name="us-east-1",
                aws_access_key_id="x",
                aws_secret_access_key="x",
                config=config,
            )
        )
        return made[-1]

    yield client
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        pytest.param("503 Slow Down", "SlowDown", StorageUnavailable, id="may pass"),
        pytest.param("500 Internal Server Error", "InternalError", StorageUnavailable, id="may pass too"),
        pytest.param("403 Forbidden", "AccessDenied", PlanError, id="never will"),
    ],
)
def test_refusals_end_the_job_and_silence_the_attempt(silent: Any, status: str, code: str, error: type) -> None:
    body = f"<Error><Code>{code}</Code></Error>".encode()
    with serving(lambda conversation: conversation.answer(status, body)) as server:
        files = ShardFiles(silent(server.url), "bucket", JOB, 0)
        with pytest.raises(error, match=part_key(JOB, 0, 0).rpartition("/")[0]):
            files.parts()


@pytest.mark.parametrize(
    ("status", "kind"),
    [("404 Not Found", "missing"), ("403 Forbidden", "refused"), ("301 Moved Permanently", "refused")],
)
def test_a_picture_that_cannot_be_had_is_its_own_failure(status: str, kind: str) -> None:
    with serving(lambda conversation: conversation.answer(status, b"<Error/>")) as server:
        reader = S3Reader(
            "bucket", region="us-east-1", credentials=lambda: Credentials("a", "b"), endpoint_url=server.url
        )
        pictures = Pictures(lambda bucket: reader, max_pixels=1000, max_file_bytes=1000)
        item = Item("i", "bucket", "a b.jpg", "v/1", 10)
        failures = []
        for _ in range(2):
            with pytest.raises(PictureFailed) as raised:
                pictures(item)
            failures.append(raised.value.failure)
        reader.close()
    assert failures[0] == failures[1] and failures[0].type == kind
    assert server.requests[0].startswith(b"GET /bucket/a%20b.jpg?versionId=v%2F1 HTTP/1.1")


def test_silence_of_s3_is_no_failure_of_a_picture(tmp_path: Path) -> None:
    reader = S3Reader(
        "bucket", region="r", credentials=Credentials("a", "b"), endpoint_url="http://127.0.0.1:9", attempts=2
    )
    with pytest.raises(StorageUnavailable):
        Pictures(lambda bucket: reader, max_pixels=1, max_file_bytes=100)(Item("i", "bucket", "k", None, 10))
