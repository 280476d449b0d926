"""Jobs over videos and the hosted video API, on the local stack: link, upload, job, container, results."""

import io
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import orjson
import pytest
from PIL import Image
from typer.testing import CliRunner

from retinue.cli import app
from retinue.operator.keys import create_key
from retinue.video.frames import Video
from tests.contract.deployment import AS_JSON, CLASSIFIER, DETECTOR, Deployment
from tests.contract.pictures import base64_of
from tests.contract.test_published_clients import CLIENTS_PYTHON, needs_clients
from tests.unit.videos import make_video

CALLS = Path(__file__).with_name("video_calls.py")
FRAMES = 300
FINAL = ("succeeded", "partly_failed", "failed", "cancelled")
MODELS = [
    {"model_id": "shapes", "model_version": "1", "inference_type": "object-detection"},
    {"model_id": "colours", "model_version": 1, "inference_type": "classification"},
]
RANDOM = ("inference_id", "detection_id", "time")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds: noise that turns red, and a green square that wanders."""

    def frames() -> Any:
        random = np.random.default_rng(2)
        for number in range(FRAMES):
            picture = random.integers(0, 60, (96, 128, 3), np.uint8)
            picture[..., 0] = 80 + number // 2
            picture[10:40, number // 6 : number // 6 + 30] = (20, 200, 20)
            yield picture

    return make_video(tmp_path_factory.mktemp("video") / "v.mp4", frames())


def put(client: httpx.Client, video: Path, path: str = "/video_upload_signed_url/") -> str:
    """The link by which the video was put."""
    link: str = client.post(path, json={"file_name": video.name}).json()["signed_url"]
    answer = httpx.put(link, content=video.read_bytes(), headers={"content-type": "application/octet-stream"})
    assert answer.status_code == 200, answer.text
    return link


def done(client: httpx.Client, job_id: str, path: str = "/videoinfer/") -> dict[str, Any]:
    """The answer when the video is done, or has failed."""
    until = time.monotonic() + 110
    while time.monotonic() < until:
        answer: dict[str, Any] = client.get(path, params={"job_id": job_id}).json()
        assert answer["status"] == answer["success"]
        if answer["status"] != 1:
            return answer
        assert "output_signed_url" not in answer
        time.sleep(0.2)
    raise AssertionError(f"still {answer}")


def ended(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """The job when it is over."""
    until = time.monotonic() + 110
    while time.monotonic() < until:
        job: dict[str, Any] = client.get(f"/jobs/{job_id}").json()
        if job["state"] in FINAL:
            return job
        time.sleep(0.2)
    raise AssertionError(f"still {job}")


def without_random(answer: Any) -> Any:
    """The answer without what differs from one request to the next."""
    if isinstance(answer, dict):
        return {name: without_random(value) for name, value in answer.items() if name not in RANDOM}
    return [without_random(value) for value in answer] if isinstance(answer, list) else answer


def as_png(picture: Any) -> str:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return base64_of(stream.getvalue())


@pytest.mark.timeout(300)
def test_300_frames_are_answered_as_the_synchronous_routes_answer_them(client: httpx.Client, video: Path) -> None:
    body = {"input_url": put(client, video), "infer_fps": 30, "models": MODELS}
    answer = client.post("/videoinfer/", json=body)
    assert answer.status_code == 200 and set(answer.json()) == {"job_id", "message"}
    found = done(client, answer.json()["job_id"])
    assert (found["status"], found["status_info"]) == (0, "success")
    assert found["frames"] == {"total": FRAMES, "done": FRAMES, "failed": 0}
    results = httpx.get(found["output_signed_url"], timeout=40).json()
    assert list(results) == ["frame_offsets", "time_offsets", "frame_offset", "time_offset", "shapes", "colours"]
    assert {len(values) for values in results.values()} == {FRAMES}
    assert results["frame_offsets"] == list(range(FRAMES))
    assert results["time_offsets"] == [round(number / 30, 4) for number in range(FRAMES)]
    with Video(video, max_pixels=10**7) as opened:
        for frame in opened.frames(30):
            picture = as_png(frame.picture)
            for route, name in ((f"/detect/{DETECTOR}", "shapes"), (f"/classify/{CLASSIFIER}", "colours")):
                expected = client.post(route, content=picture, headers=AS_JSON).json()
                assert without_random(results[name][frame.number]) == without_random(expected)
    assert len({orjson.dumps(without_random(item)) for item in results["shapes"]}) > 50  # the frames differ


def test_a_job_over_a_video_with_tracks_and_a_drawn_video(client: httpx.Client, video: Path, tmp_path: Path) -> None:
    upload = client.post("/uploads").json()
    assert httpx.put(upload["url"], content=video.read_bytes()).status_code == 200
    target = {"type": "models", "models": [{"model_id": DETECTOR, "parameters": {"confidence": 0.55}}]}
    source = {"type": "video", "upload_id": upload["id"], "infer_fps": 5}
    made = client.post("/jobs", json={"target": target, "source": source, "track": True, "draw": True})
    assert made.status_code == 202, made.text
    job = ended(client, made.json()["id"])
    assert (job["state"], job["items"]["total"], job["items"]["done"]) == ("succeeded", 50, 50)
    (link,) = job["results"]["links"]
    lines = [orjson.loads(line) for line in httpx.get(link["url"]).content.splitlines()]
    for line in lines:
        predictions = line["results"][DETECTOR]["predictions"]
        still = [item["tracker_id"] for item in predictions if item["class"] != "red"]
        assert still == [1, 2, 3]  # they are where they were in each frame
    path = tmp_path / "drawn.mp4"
    path.write_bytes(httpx.get(job["results"]["drawn_signed_url"]).content)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 50


@pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
def test_paths_with_and_without_a_slash(client: httpx.Client, video: Path, slash: str) -> None:
    link = put(client, video, f"/video_upload_signed_url{slash}")
    body = {"input_url": link, "infer_fps": 1, "models": MODELS[:1]}
    answer = client.post(f"/videoinfer{slash}", json=body)
    assert answer.status_code == 200
    assert done(client, answer.json()["job_id"], f"/videoinfer{slash}")["status"] == 0


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        pytest.param({"infer_fps": 121}, 400, "at most 120", id="too many frames a second"),
        pytest.param({"infer_fps": 0}, 400, "above 0", id="no frames a second"),
        pytest.param({"infer_fps": -1}, 400, "above 0", id="fewer than none"),
        pytest.param({"infer_fps": "fast"}, 422, "number", id="frames a second in words"),
        pytest.param({"models": []}, 422, "at least one model", id="no model"),
        pytest.param({"models": "shapes/1"}, 422, "list", id="models as text"),
        pytest.param(
            {"models": [{"model_id": "clip", "model_version": "1", "inference_type": "clip-embed-image"}]},
            400,
            "object-detection, instance-segmentation",
            id="clip",
        ),
        pytest.param(
            {"models": [*MODELS, {"model_id": "gaze", "model_version": "1", "inference_type": "gaze-detection"}]},
            400,
            "'gaze-detection' of model 'gaze'",
            id="gaze beside others",
        ),
        pytest.param({"models": [{**MODELS[0], "model_version": None}]}, 422, "model_version", id="no version"),
        pytest.param(
            {"models": [{**MODELS[0], "model_version": "77"}]}, 404, "resource not found", id="unknown version"
        ),
        pytest.param({"models": [MODELS[0], MODELS[0]]}, 422, "named twice", id="a model twice"),
        pytest.param(
            {"models": [{**MODELS[0], "inference_params": {"iou": 1}}]}, 422, "no such parameter", id="params"
        ),
        pytest.param({"input_url": "http://example.com/v.mp4"}, 400, "https", id="plain http"),
        pytest.param({"input_url": "https://127.0.0.1/v.mp4"}, 400, "domain name", id="an address"),
        pytest.param({"input_url": "file:///etc/passwd"}, 400, "input_url cannot be used", id="a file"),
        pytest.param({"input_url": 7}, 422, "URL", id="no text"),
    ],
)
def test_requests_that_are_refused(
    client: httpx.Client, video: Path, changes: dict[str, Any], status: int, words: str
) -> None:
    link = client.post("/video_upload_signed_url/", json={}).json()["signed_url"]
    answer = client.post("/videoinfer/", json={"input_url": link, "infer_fps": 5, "models": MODELS} | changes)
    assert answer.status_code == status and words in answer.text


def test_a_link_by_which_nothing_was_put_is_refused(client: httpx.Client) -> None:
    link = client.post("/video_upload_signed_url/", json={}).json()["signed_url"]
    answer = client.post("/videoinfer/", json={"input_url": link, "infer_fps": 5, "models": MODELS})
    assert answer.status_code == 400 and "there is no such object" in answer.text


def test_videos_and_jobs_of_others_are_not_seen(
    deployment: Deployment, client: httpx.Client, video: Path, keyless: httpx.Client
) -> None:
    other = create_key(deployment.s3, deployment.bucket, name="other", workspace="other")
    link = put(client, video)
    body = {"input_url": link, "infer_fps": 1, "models": MODELS[:1]}
    job_id = client.post("/videoinfer/", json=body).json()["job_id"]
    assert keyless.post("/videoinfer/", params={"api_key": other}, json=body).status_code == 400
    assert keyless.get("/videoinfer/", params={"api_key": other, "job_id": job_id}).status_code == 404
    assert keyless.get("/videoinfer/", params={"job_id": job_id}).status_code == 401
    assert client.get("/videoinfer/").status_code == 422
    assert client.get("/videoinfer/", params={"job_id": "f" * 32}).status_code == 404
    assert done(client, job_id)["status"] == 0


def test_what_is_no_video_fails_with_the_reason(client: httpx.Client, tmp_path: Path) -> None:
    words = tmp_path / "words.mp4"
    words.write_bytes(b"no video at all" * 100)
    body = {"input_url": put(client, words), "infer_fps": 5, "models": MODELS[:1]}
    answer = done(client, client.post("/videoinfer/", json=body).json()["job_id"])
    assert answer["status"] == 2 and "no video that can be decoded" in answer["message"]
    assert "output_signed_url" not in answer


# ---------------------------------------------------------------- the operator's command


def test_the_command_uploads_follows_and_fetches(deployment: Deployment, key: str, video: Path, tmp_path: Path) -> None:
    environment = {"RETINUE_URL": deployment.url, "RETINUE_API_KEY": key, "COLUMNS": "500"}
    run = CliRunner().invoke
    options = ["--infer-fps", "2", "--track", "--draw", "--also", CLASSIFIER, "--follow"]
    submitted = run(app, ["jobs", "submit", DETECTOR, str(video), *options], env=environment)
    assert submitted.exit_code == 0, submitted.output
    job_id = submitted.stdout.splitlines()[0]
    paths = {form: tmp_path / form for form in ("jsonl", "csv", "hosted", "video")}
    for form, path in paths.items():
        fetched = run(app, ["jobs", "results", job_id, "--format", form, "--output", str(path)], env=environment)
        assert fetched.exit_code == 0, fetched.output
    assert len(paths["jsonl"].read_bytes().splitlines()) == 20
    assert orjson.loads(paths["hosted"].read_bytes())["frame_offsets"] == list(range(0, FRAMES, 15))
    assert "tracker_id" in paths["csv"].read_text().splitlines()[0]
    with av.open(str(paths["video"])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 20


def test_the_command_says_what_a_job_does_not_have(deployment: Deployment, key: str, video: Path) -> None:
    environment = {"RETINUE_URL": deployment.url, "RETINUE_API_KEY": key, "COLUMNS": "500"}
    run = CliRunner().invoke
    submitted = run(app, ["jobs", "submit", DETECTOR, str(video), "--infer-fps", "1", "--follow"], env=environment)
    fetched = run(app, ["jobs", "results", submitted.stdout.split()[0], "--format", "video"], env=environment)
    assert fetched.exit_code == 1 and "submit it with --draw" in fetched.output


# ---------------------------------------------------------------- the published package


@needs_clients
@pytest.mark.timeout(300)
def test_the_published_package(deployment: Deployment, key: str, video: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path)}
    ran = subprocess.run(
        [CLIENTS_PYTHON, str(CALLS), key, str(video)],
        env={**environment, "API_URL": deployment.url},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    seen = json.loads(ran.stdout.strip().splitlines()[-1])
    assert seen["expires"] == "3600"
    assert seen["results"] == seen["results of the other class"]
    assert seen["results"]["frame_offsets"] == list(range(0, FRAMES, 6))
    assert len(seen["results"]["shapes"]) == 50
    assert "clip-embed-image" in seen["refused"] and "object-detection" in seen["refused"]
