"""A shard in the container's process, against moto's server: what it writes, what it resumes, how it ends."""

import signal
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from retinue.jobs.layout import part_key
from retinue.models.session import load_model
from retinue.pipeline.prediction import Thresholds
from retinue.worker.exit_codes import ExitCode
from tests.unit.job_world import MODEL, JobWorld, environment
from tests.unit.networks import make_manifest

COUNT = 25


@pytest.fixture(scope="module")
def world(ordered_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobWorld]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(ordered_url).items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        yield from make_world(ordered_url, tmp_path_factory)


def make_world(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobWorld]:
    world = JobWorld(url, tmp_path_factory.mktemp("weights"))
    world.publish()
    world.publish("fixed/1", batch=3)
    yield world
    world.close()


@pytest.fixture(scope="module")
def lines(world: JobWorld) -> list[dict[str, Any]]:
    return world.put_pictures(COUNT)


@pytest.fixture(scope="module")
def undisturbed(world: JobWorld, lines: list[dict[str, Any]]) -> str:
    """A job that ran through."""
    job_id = world.plan(lines)
    assert world.attempt(job_id)[0] == ExitCode.DONE
    return job_id


def message(log: list[dict[str, Any]], text: str) -> dict[str, Any]:
    return next(line for line in log if line.get("message") == text)


def test_a_result_has_a_line_for_each_item_in_order(
    world: JobWorld, lines: list[dict[str, Any]], undisturbed: str
) -> None:
    result = world.result(undisturbed)
    assert [line["id"] for line in result] == [line["id"] for line in lines]
    for line, expected in zip(result, lines, strict=True):
        assert list(line) == ["id", "source", "result"]
        assert line["source"] == {name: expected[name] for name in ("bucket", "key", "version")}
        assert line["result"]["inference_id"] == line["id"] and "time" not in line["result"]
        assert line["result"]["image"] == {"width": 40, "height": 24}
    assert len({line["result"]["confidence"] for line in result}) > COUNT / 2  # the pictures differ, and it shows


def test_parts_are_whole_and_make_the_result(world: JobWorld, undisturbed: str) -> None:
    parts = world.parts(undisturbed)
    assert [len(part.splitlines()) for part in parts.values()] == [10, 10, 5]
    assert b"".join(parts.values()) == world.result_bytes(undisturbed)


def test_the_record_has_the_counts(world: JobWorld, undisturbed: str) -> None:
    job = world.store.get(undisturbed)
    assert (job.state, job.done, job.failed, job.shards_finished) == ("succeeded", COUNT, 0, 1)


@pytest.mark.parametrize(
    "existing",
    [
        pytest.param([], id="nothing"),
        pytest.param([0], id="the first"),
        pytest.param([0, 1], id="all but the last"),
        pytest.param([1], id="one after a gap"),
        pytest.param([0, 1, 2], id="all, only not joined"),
        pytest.param([0, 1, 2, 9], id="one too many, of another plan"),
    ],
)
def test_an_attempt_goes_on_where_parts_are_missing(
    world: JobWorld, lines: list[dict[str, Any]], undisturbed: str, existing: list[int]
) -> None:
    whole = world.parts(undisturbed)
    job_id = world.plan(lines)
    for number in existing:
        body = whole.get(f"{number:06d}.jsonl", b"rubbish\n")
        world.s3.put_object(Bucket=world.bucket, Key=part_key(job_id, 0, number), Body=body, Metadata={"failed": "0"})
    code, log = world.attempt(job_id)
    assert code == ExitCode.DONE
    made = {line["part"] for line in log if line.get("message") == "part"}
    assert made == {0, 1, 2} - set(existing)
    inferred = [identifier for line in log if line.get("message") == "batch" for identifier in line["ids"]]
    missing = [number for number in range(COUNT) if number // 10 not in existing]
    assert inferred == [lines[number]["id"] for number in missing]
    assert world.result_bytes(job_id) == world.result_bytes(undisturbed)
    assert (world.store.get(job_id).done, world.store.get(job_id).state) == (COUNT, "succeeded")


def test_bad_pictures_become_lines_and_leave_the_others_alone(
    world: JobWorld, lines: list[dict[str, Any]], undisturbed: str
) -> None:
    bad = {
        2: (world.line("in/absent.png"), "missing"),
        3: (world.put("in/words.jpg", b"no picture"), "not_a_picture"),
        4: (world.put("in/empty.jpg", b""), "not_a_picture"),
        11: (world.line("in/huge.png", 10**9), "too_large"),
        12: (world.line("in/x.png", bucket="nobody-has-this-bucket"), "missing"),
        **{number: (world.line(f"in/absent{number}.png"), "missing") for number in range(20, 24)},  # a whole batch
    }
    job_id = world.plan([bad[number][0] if number in bad else line for number, line in enumerate(lines)])
    assert world.attempt(job_id)[0] == ExitCode.DONE
    expected = world.result_bytes(undisturbed).splitlines()
    for number, line in enumerate(world.result_bytes(job_id).splitlines()):
        if number in bad:
            record = orjson.loads(line)
            assert list(record) == ["id", "source", "error"] and record["id"] == bad[number][0]["id"]
            assert record["error"]["type"] == bad[number][1] and record["error"]["message"]
        else:
            assert line == expected[number]
    job = world.store.get(job_id)
    assert (job.state, job.done, job.failed) == ("partly_failed", COUNT, len(bad))


def test_failures_of_an_earlier_attempt_count(world: JobWorld, lines: list[dict[str, Any]]) -> None:
    shard = [world.line("in/absent.png"), *lines[1:]]
    first, second = world.plan(shard), world.plan(shard)
    world.attempt(first)
    metadata = world.s3.head_object(Bucket=world.bucket, Key=part_key(first, 0, 0))["Metadata"]
    body = world.parts(first)["000000.jsonl"]
    world.s3.put_object(Bucket=world.bucket, Key=part_key(second, 0, 0), Body=body, Metadata=metadata)
    world.attempt(second)
    assert world.store.get(second).failed == 1
    assert world.result_bytes(second) == world.result_bytes(first)


@pytest.mark.parametrize(("batch_size", "part_size"), [(1, 10), (7, 10), (64, 10), (4, 3), (4, 1000)])
def test_the_numbers_are_those_of_the_pipeline_whatever_the_batch(
    world: JobWorld, lines: list[dict[str, Any]], undisturbed: str, batch_size: int, part_size: int
) -> None:
    """Of this tiny network; those of large ones may differ in their last bits between batch sizes."""
    job_id = world.plan(lines, batch_size=batch_size, part_size=part_size)
    assert world.attempt(job_id)[0] == ExitCode.DONE
    assert world.result_bytes(job_id) == world.result_bytes(undisturbed)


def test_a_fixed_batch_of_the_graph_wins(world: JobWorld, lines: list[dict[str, Any]]) -> None:
    job_id = world.plan(lines, target={"type": "model", "model_id": "fixed/1"}, batch_size=8)
    code, log = world.attempt(job_id)
    assert code == ExitCode.DONE
    assert [len(line["ids"]) for line in log if line.get("message") == "batch"] == [3, 3, 3, 1, 3, 3, 3, 1, 3, 2]


def test_drawn_pictures_lie_beside_the_results(world: JobWorld, lines: list[dict[str, Any]], undisturbed: str) -> None:
    job_id = world.plan(lines[:3], draw=True)
    assert world.attempt(job_id)[0] == ExitCode.DONE
    for line in lines[:3]:
        assert world.read(f"jobs/{job_id}/results/drawn/{line['id']}.jpg")[:3] == b"\xff\xd8\xff"


def test_a_versioned_object_is_read_in_its_version(world: JobWorld) -> None:
    bucket = f"versioned-{world.bucket}"[:63]
    world.s3.create_bucket(Bucket=bucket)
    world.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    good = world.read("in/00000.png")
    version = world.s3.put_object(Bucket=bucket, Key="a b+ä.png", Body=good)["VersionId"]
    world.s3.put_object(Bucket=bucket, Key="a b+ä.png", Body=b"replaced")
    line = world.line("a b+ä.png", bucket=bucket) | {"version": version}
    job_id = world.plan([line])
    assert world.attempt(job_id)[0] == ExitCode.DONE
    assert "result" in world.result(job_id)[0]


class TestExitCodes:
    def test_a_finished_shard_is_not_done_again(self, world: JobWorld, undisturbed: str) -> None:
        code, log = world.attempt(undisturbed)
        assert code == ExitCode.DONE
        assert "nothing to do" in message(log, "attempt ends")["reason"]

    def test_a_cancelled_job_is_not_begun(self, world: JobWorld, lines: list[dict[str, Any]]) -> None:
        job_id = world.plan(lines)
        world.store.cancel(job_id)
        assert world.attempt(job_id)[0] == ExitCode.DONE
        assert world.parts(job_id) == {}

    @pytest.mark.parametrize(
        ("changes", "shard", "reason"),
        [
            pytest.param({"target": {"type": "model", "model_id": "nobody/1"}}, 0, "nobody/1", id="unknown model"),
            pytest.param({"target": {"type": "model", "model_id": "../1"}}, 0, "invalid model id", id="no model id"),
            pytest.param({"parameters": {"confidence": "much"}}, 0, "confidence", id="wrong parameter"),
            pytest.param({"version": 7}, 0, "version 7", id="plan of a later release"),
            pytest.param({"source": {"type": "dream"}}, 0, "dream", id="unknown source"),
            pytest.param({}, 5, "no shard 5", id="no such shard"),
            pytest.param(
                {"output": {"bucket": "nobody-has-this-bucket", "prefix": "x/"}}, 0, "nobody-has", id="no output bucket"
            ),
            pytest.param(
                {"target": {"type": "workflow", "specification": {"version": "1.0"}}}, 0, "workflow", id="no workflow"
            ),
            pytest.param({"target": {"type": "workflow", "workspace": "local", "id": "x"}}, 0, "x", id="not saved"),
        ],
    )
    def test_what_will_never_work_is_not_tried_again(
        self, world: JobWorld, lines: list[dict[str, Any]], changes: dict[str, Any], shard: int, reason: str
    ) -> None:
        job_id = world.plan(lines, **changes)
        code, log = world.attempt(job_id, shard)
        assert code == ExitCode.UNUSABLE
        assert reason in message(log, "attempt ends")["reason"]
        if shard == 0:
            job = world.store.get(job_id)
            assert job.state == "failed" and reason in job.reason

    @pytest.mark.parametrize(
        "variables",
        [
            {"RETINUE_JOBS_TABLE": ""},
            {"RETINUE_THREADS": "many"},
            {"RETINUE_DEVICE": "tpu"},
            {"AWS_BATCH_JOB_ARRAY_INDEX": "x"},
        ],
        ids=lambda variables: next(iter(variables)),
    )
    def test_a_wrong_configuration_is_not_tried_again(self, world: JobWorld, variables: dict[str, str]) -> None:
        assert world.run("0" * 32, None, **variables)[0] == ExitCode.UNUSABLE

    def test_silence_of_aws_is_tried_again(
        self, world: JobWorld, undisturbed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
        monkeypatch.setattr("retinue.worker.attempt._AWS_ATTEMPTS", 2)
        code, _ = world.attempt(undisturbed)
        assert code == ExitCode.TRY_AGAIN

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_soon_and_for_another_attempt(
        self, world: JobWorld, lines: list[dict[str, Any]], number: signal.Signals
    ) -> None:
        job_id = world.plan(lines * 40, part_size=5, batch_size=1)
        process = world.start(job_id)
        assert process.stdout is not None
        next(line for line in process.stdout if '"part"' in line)
        started = time.monotonic()
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == ExitCode.TRY_AGAIN and "stopped: signal" in output
        assert time.monotonic() - started < 5
        assert all(len(part.splitlines()) == 5 for part in world.parts(job_id).values())


def test_cancelling_stops_within_seconds(world: JobWorld, lines: list[dict[str, Any]]) -> None:
    job_id = world.plan(lines * 200, part_size=5, batch_size=1)
    process = world.start(job_id)
    assert process.stdout is not None
    next(line for line in process.stdout if '"part"' in line)
    started = time.monotonic()
    world.store.cancel(job_id)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == ExitCode.DONE and "stopped: job over" in output
    assert time.monotonic() - started < 10
    assert world.store.get(job_id).state == "cancelled"


def test_answers_are_those_of_the_pipeline(world: JobWorld, undisturbed: str) -> None:
    """The model asked directly, picture by picture."""
    from retinue.images.decode import decode_image
    from retinue.pipeline.predict import predict

    network = world.read_model()
    manifest = make_manifest(
        model_id=MODEL,
        task="classification",
        family="classifier",
        class_names=("bright", "dark"),
        size_wh=(32, 32),
        batch=None,
    )
    model = load_model(manifest, network, 1)
    for line in world.result(undisturbed):
        image = decode_image(world.read(line["source"]["key"]), max_pixels=10**6, failure="")
        (prediction,) = predict(model, [image], Thresholds(confidence=0.01))
        assert prediction.classification is not None
        assert line["result"]["confidence"] == float(prediction.classification.confidence[0])
