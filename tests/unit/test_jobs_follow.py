"""The progress of a job in words, and what an operator may write as a target or a source."""

from pathlib import Path
from typing import Any

import pytest

from retinue.errors import RequestError
from retinue.operator.commands.follow import EXIT_STATUS, duration_text, follow, progress_text, told
from retinue.operator.job_requests import read_source, read_target


def job(state: str = "running", **changes: Any) -> dict[str, Any]:
    """A job as `GET /jobs/{id}` describes it."""
    items = {"total": 1000, "done": 250, "failed": 2, "skipped": 0}
    shards = {"total": 1, "waiting": 0, "running": 1, "finished": 0, "failed": 0}
    given = {"id": "1", "reason": None, "rate_per_s": 12.5, "eta_s": 60.0, "failures": []}
    return {**given, "state": state, "items": items, "shards": shards, **changes}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (3600, "1 h 0 min"), (90_000, "25 h 0 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({}, "250 of 1,000, 12.5/s, 1 min 0 s left, 2 failed", id="one shard"),
        pytest.param({"rate_per_s": None, "eta_s": None}, "250 of 1,000, 2 failed", id="no rate yet"),
        pytest.param(
            {"items": {"total": 0, "done": 30, "failed": 0}, "eta_s": None}, "30, 12.5/s, 0 failed", id="a video"
        ),
        pytest.param(
            {"shards": {"total": 3, "running": 2, "finished": 1}},
            "250 of 1,000, 12.5/s, 1 min 0 s left, 2 failed, shards: 2 running, 1 of 3 finished",
            id="several shards",
        ),
    ],
)
def test_progress(changes: dict[str, Any], text: str) -> None:
    assert progress_text(job(**changes)) == text


def test_how_it_ended() -> None:
    dead = job("failed", reason="1 of 3 shards died.", failures=[{"shard": 2, "reason": "exit code 137"}])
    assert str(told(dead)) == ("Failed: 250 of 1,000 items, 2 failed. 1 of 3 shards died.\n  shard 2: exit code 137")
    assert str(told(job("partly_failed"))).startswith("Partly failed: 250")
    assert set(EXIT_STATUS) == {"succeeded", "partly_failed", "failed", "cancelled"}


def test_without_a_terminal_a_line_is_printed_when_something_changes(capsys: pytest.CaptureFixture[str]) -> None:
    none = {"total": 0, "running": 0, "finished": 0}
    states = [job("submitted", shards=none), job("submitted", shards=none), job(), job(), job("succeeded")]
    assert follow(states)["state"] == "succeeded"
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "submitted",
        "running",
        "succeeded",
    ]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("s3://photos/june/", {"type": "s3", "bucket": "photos", "prefix": "june/"}),
        ("s3://photos", {"type": "s3", "bucket": "photos", "prefix": ""}),
        ("s3://photos/a b/ü", {"type": "s3", "bucket": "photos", "prefix": "a b/ü"}),
        ("s3://films/a/clip.MP4", {"type": "video", "bucket": "films", "key": "a/clip.MP4"}),
        ("https://example.com/clip.mp4", {"type": "video", "url": "https://example.com/clip.mp4"}),
    ],
)
def test_sources(text: str, source: dict[str, Any]) -> None:
    assert read_source(text, None) == source


@pytest.mark.parametrize("text", ["", "june/", "s3:/photos", "s3://", "http://example.com/a.mp4", "gs://photos/june"])
def test_no_sources(text: str) -> None:
    with pytest.raises(RequestError, match="is no source"):
        read_source(text, None)


def test_frames_a_second_are_for_videos() -> None:
    assert read_source("s3://films/clip.mp4", 2.5)["infer_fps"] == 2.5
    with pytest.raises(RequestError, match="--infer-fps is for videos"):
        read_source("s3://photos/june/", 2.5)


def test_targets(tmp_path: Path) -> None:
    (tmp_path / "count.json").write_text('{"specification": {"version": "1.0"}}')
    assert read_target("coins/1", is_workflow=False) == {"type": "model", "model_id": "coins/1"}
    assert read_target("default/count", is_workflow=True) == {"type": "workflow", "workspace": "default", "id": "count"}
    found = read_target(str(tmp_path / "count.json"), is_workflow=False)
    assert found == {"type": "workflow", "specification": {"version": "1.0"}}
    for text in ("coins", "a/b/c", "none.json"):
        with pytest.raises(RequestError, match="is neither a file here nor PROJECT/VERSION"):
            read_target(text, is_workflow=False)
