"""Jobs over videos in the container's process, against moto's server: what it writes, resumes and refuses."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import orjson
import pytest

from retinue.jobs.layout import fetched_video_key, part_key
from retinue.worker.exit_codes import ExitCode
from tests.unit.job_world import MODEL, JobWorld, environment
from tests.unit.videos import cut, make_video, moving_box

KEY = "uploads/local/v.mp4"
FRAMES = 45  # of the 90 of the video, at 15 of its 30 frames a second
PLAN: dict[str, Any] = {"batch_size": 4, "part_size": 10}
WORKFLOW = {
    "version": "1.0",
    "inputs": [{"type": "WorkflowImage", "name": "image"}],
    "steps": [
        {
            "type": "roboflow_core/property_definition@v1",
            "name": "size",
            "data": "$inputs.image",
            "operations": [{"type": "ExtractImageProperty", "property_name": "size"}],
        }
    ],
    "outputs": [
        {"type": "JsonField", "name": "size", "selector": "$steps.size.output"},
        {"type": "JsonField", "name": "frame", "selector": "$inputs.image"},
    ],
}


@pytest.fixture(scope="module")
def world(ordered_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobWorld]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(ordered_url).items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        world = JobWorld(ordered_url, tmp_path_factory.mktemp("weights"))
        world.publish()
        world.publish("fixed/1", batch=3)
        yield world
        world.close()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "v.mp4", moving_box(90))


@pytest.fixture(scope="module")
def line(world: JobWorld, video: Path) -> dict[str, Any]:
    return world.put(KEY, video.read_bytes())


def plan(world: JobWorld, line: dict[str, Any], infer_fps: float = 15, **changes: Any) -> str:
    place = {"bucket": line["bucket"], "key": line["key"], "version": line["version"]}
    source = {"type": "video", "infer_fps": infer_fps, **place}
    return world.plan([line], **{"source": source, **PLAN, **changes})


@pytest.fixture(scope="module")
def undisturbed(world: JobWorld, line: dict[str, Any]) -> str:
    job_id = plan(world, line, draw=True, track={})
    assert world.attempt(job_id)[0] == ExitCode.DONE
    return job_id


def outputs(world: JobWorld, job_id: str) -> dict[str, bytes]:
    """What a job leaves, by name."""
    folder = f"jobs/{job_id}/results/"
    found = world.s3.list_objects_v2(Bucket=world.bucket, Prefix=folder).get("Contents", [])
    return {item["Key"].removeprefix(folder): world.read(item["Key"]) for item in found}


def test_a_line_for_each_frame(world: JobWorld, line: dict[str, Any], undisturbed: str) -> None:
    result = world.result(undisturbed)
    assert [item["source"]["frame_offset"] for item in result] == list(range(0, 90, 2))
    for number, item in enumerate(result):
        assert list(item) == ["id", "source", "result"]
        assert item["source"]["key"] == KEY and item["source"]["time_offset_s"] == round(number / 15, 4)
        assert item["result"]["inference_id"] == item["id"] and "time" not in item["result"]
        assert item["result"]["image"] == {"width": 160, "height": 120}
    assert len({item["id"] for item in result}) == FRAMES


def test_the_record_counts_frames(world: JobWorld, undisturbed: str) -> None:
    job = world.store.get(undisturbed)
    assert (job.state, job.items_total, job.done, job.failed) == ("succeeded", FRAMES, FRAMES, 0)


def test_the_published_shape(world: JobWorld, undisturbed: str) -> None:
    published = orjson.loads(outputs(world, undisturbed)["video.json"])
    result = world.result(undisturbed)
    assert list(published) == ["frame_offsets", "time_offsets", "frame_offset", "time_offset", "light"]
    assert {len(values) for values in published.values()} == {FRAMES}
    assert published["frame_offsets"] == list(range(0, 90, 2))
    assert published["light"] == [item["result"] for item in result]


def test_the_drawn_video(world: JobWorld, undisturbed: str, tmp_path: Path) -> None:
    path = tmp_path / "drawn.mp4"
    path.write_bytes(outputs(world, undisturbed)["video.mp4"])
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([number / 15 for number in range(FRAMES)], abs=1e-4)


@pytest.mark.parametrize("existing", [[], [0], [0, 1, 2, 3], [1, 2], [0, 1, 2, 3, 4]])
def test_an_attempt_goes_on_where_parts_are_missing(
    world: JobWorld, line: dict[str, Any], undisturbed: str, existing: list[int]
) -> None:
    whole = world.parts(undisturbed)
    assert [len(part.splitlines()) for part in whole.values()] == [10, 10, 10, 10, 5]
    job_id = plan(world, line, draw=True, track={})
    for number in existing:
        body = whole[f"{number:06d}.jsonl"]
        world.s3.put_object(Bucket=world.bucket, Key=part_key(job_id, 0, number), Body=body, Metadata={"failed": "0"})
    code, log = world.attempt(job_id)
    assert code == ExitCode.DONE
    first = next(number for number in range(6) if number not in existing)
    assert [item["part"] for item in log if item.get("message") == "part"] == list(range(first, 5))
    assert outputs(world, job_id) == outputs(world, undisturbed)
    assert world.store.get(job_id).done == FRAMES


@pytest.mark.timeout(300)
def test_kills_change_nothing(world: JobWorld, line: dict[str, Any], undisturbed: str) -> None:
    job_id = plan(world, line, draw=True, track={})
    for kill, after_parts in ((signal.SIGKILL, 1), (signal.SIGTERM, 1), (signal.SIGKILL, 2)):
        process = world.start(job_id)
        parts = 0
        assert process.stdout is not None
        with process.stdout:
            for text in process.stdout:
                parts += orjson.loads(text)["message"] == "part"
                if parts == after_parts:
                    process.send_signal(kill)
                    parts += 10
        code = process.wait(60)
        assert code in (-signal.SIGKILL, ExitCode.TRY_AGAIN, ExitCode.DONE)
    assert world.run(job_id)[0] == ExitCode.DONE
    assert outputs(world, job_id) == outputs(world, undisturbed)


def test_several_models_and_a_workflow(world: JobWorld, line: dict[str, Any]) -> None:
    target = {
        "type": "models",
        "models": [
            {"model_id": MODEL, "parameters": {"confidence": "0.01"}},
            {"model_id": "fixed/1", "parameters": {"confidence": "0.9"}},
        ],
        "workflow": {"type": "workflow", "workspace": "local", "id": "w", "specification": WORKFLOW},
    }
    job_id = plan(world, line, 5, target=target, parameters={})
    assert world.attempt(job_id)[0] == ExitCode.DONE
    result = world.result(job_id)
    assert len(result) == 15
    for number, item in enumerate(result):
        assert list(item) == ["id", "source", "results", "result"]
        assert list(item["results"]) == [MODEL, "fixed/1"]
        ids = {answer["inference_id"] for answer in item["results"].values()}
        assert len(ids | {item["id"]}) == 3
        (answer,) = item["result"]["outputs"]
        assert answer["size"] == [120, 160] or answer["size"] == 160 * 120
        metadata = answer["frame"]["video_metadata"]
        assert metadata["frame_number"] == number * 6 and metadata["fps"] == 30.0
        assert metadata["total_frames"] == 90 and metadata["comes_from_video_file"] is True
        assert metadata["video_identifier"] == line["id"]
        assert metadata["frame_timestamp"].startswith(f"1970-01-01T00:00:0{number // 5}")
    published = orjson.loads(outputs(world, job_id)["video.json"])
    assert list(published)[4:] == ["light", "fixed", "w"]


def test_a_truncated_video_keeps_its_frames(world: JobWorld, video: Path, tmp_path: Path) -> None:
    whole = make_video(tmp_path / "v.mkv", moving_box(90))
    short = world.put("uploads/local/short.mkv", cut(tmp_path / "short.mkv", whole, 0.5).read_bytes())
    job_id = plan(world, short)
    assert world.attempt(job_id)[0] == ExitCode.DONE
    *frames, last = world.result(job_id)
    assert 10 < len(frames) < 40 and all("result" in item for item in frames)
    assert last["error"]["type"] == "damaged" and "ends early" in last["error"]["message"]
    assert last["source"]["frame_offset"] is None
    job = world.store.get(job_id)
    assert (job.state, job.items_total, job.failed) == ("partly_failed", len(frames) + 1, 1)
    published = orjson.loads(outputs(world, job_id)["video.json"])
    assert {len(values) for values in published.values()} == {len(frames)}


@pytest.mark.parametrize(
    ("body", "settings", "words"),
    [
        pytest.param(b"no video", {}, "no video that can be decoded", id="no video"),
        pytest.param(b"", {}, "no video that can be decoded", id="empty"),
        pytest.param(None, {"RETINUE_MAX_PIXELS": "100"}, "160 x 120 pixels; the limit is 100", id="large frames"),
        pytest.param(None, {"RETINUE_VIDEO_MAX_MB": "0.01"}, "RETINUE_VIDEO_MAX_MB", id="large file"),
    ],
)
def test_a_video_that_cannot_be_used_fails_the_job_with_the_reason(
    world: JobWorld, line: dict[str, Any], body: bytes | None, settings: dict[str, str], words: str
) -> None:
    job_id = plan(world, line if body is None else world.put("uploads/local/bad.mp4", body))
    code, _ = world.run(job_id, **settings)
    job = world.store.get(job_id)
    assert (code, job.state) == (ExitCode.UNUSABLE, "failed") and words in job.reason


def test_a_missing_video_and_an_unknown_model_fail_the_job(world: JobWorld, line: dict[str, Any]) -> None:
    for job_id, words in (
        (plan(world, world.line("uploads/local/none.mp4")), "there is no such object"),
        (plan(world, line, target={"type": "model", "model_id": "nobody/7"}), "nobody/7"),
    ):
        assert world.attempt(job_id)[0] == ExitCode.UNUSABLE
        assert words in world.store.get(job_id).reason


def test_a_fetched_video_is_read_again_by_later_attempts(world: JobWorld, video: Path) -> None:
    url = "https://videos.example.com/v.mp4?signature=secret"  # resolves nowhere
    item = {**world.line("", 0), "bucket": world.bucket, "key": "", "version": None}
    job_id = world.plan([item], source={"type": "video", "url": url, "infer_fps": 5}, **PLAN)
    item["key"] = fetched_video_key(job_id)
    world.s3.put_object(Bucket=world.bucket, Key=f"jobs/{job_id}/shards/00000.jsonl", Body=orjson.dumps(item))
    world.s3.put_object(Bucket=world.bucket, Key=item["key"], Body=video.read_bytes())
    assert world.attempt(job_id)[0] == ExitCode.DONE
    assert {frozenset(item["source"]) for item in world.result(job_id)} == {
        frozenset({"url", "frame_offset", "time_offset_s"})
    }
