"""Requests of jobs over videos: what is taken, what is refused, and what the plan's target becomes."""

from typing import Any

import orjson
import pytest

from retinue.errors import ParameterError
from retinue.jobs.request import JobRequest, ModelsTarget, VideoSource, parse_request
from retinue.worker.plan import PlanError, Target, _target

MODEL = {"type": "model", "model_id": "a/1"}
VIDEO = {"type": "video", "key": "sources/local/v.mp4"}
UPLOAD = "0123456789abcdef0123456789abcdef"


def parsed(**changes: Any) -> JobRequest:
    return parse_request(orjson.dumps({"target": MODEL, "source": VIDEO} | changes), {})


def models(*names: str, **changes: Any) -> dict[str, Any]:
    return {"type": "models", "models": [{"model_id": name} for name in names], **changes}


@pytest.mark.parametrize(
    ("source", "key"),
    [
        pytest.param(VIDEO, "sources/local/v.mp4", id="an object"),
        pytest.param(
            {**VIDEO, "bucket": "mine", "version": "7"}, "sources/local/v.mp4", id="a version of one elsewhere"
        ),
        pytest.param({"type": "video", "upload_id": UPLOAD}, f"uploads/local/{UPLOAD}", id="an upload"),
        pytest.param({"type": "video", "url": "https://example.com/v.mp4?a=b"}, "", id="a URL"),
    ],
)
def test_places_of_a_video(source: dict[str, Any], key: str) -> None:
    found = parsed(source=source).source
    assert isinstance(found, VideoSource) and found.key_of("local") == key and found.infer_fps == 5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"source": {"type": "video"}}, "one of key, url and upload_id", id="no place"),
        pytest.param({"source": {**VIDEO, "upload_id": UPLOAD}}, "one of key, url", id="two places"),
        pytest.param({"source": {"type": "video", "upload_id": "../x"}}, "pattern", id="no upload id"),
        pytest.param(
            {"source": {"type": "video", "url": "https://example.com/v", "bucket": "mine"}}, "with a key only", id="URL"
        ),
        pytest.param({"source": {"type": "video", "url": "http://example.com/v"}}, "not https", id="plain http"),
        pytest.param({"source": {"type": "video", "url": "https://[::1]/v"}}, "domain name", id="an address"),
        pytest.param({"source": {"type": "video", "url": "https://u:p@example.com/v"}}, "credentials", id="a password"),
        pytest.param({"source": {"type": "video", "url": "https://example.com:22/v"}}, "port", id="another port"),
        pytest.param({"source": {**VIDEO, "infer_fps": 0}}, "greater than 0", id="no frames"),
        pytest.param({"source": {**VIDEO, "infer_fps": 121}}, "less than or equal to 120", id="too many frames"),
        pytest.param({"target": models()}, "at least 1", id="no model"),
        pytest.param({"target": models("a/1", "a/1")}, "named twice", id="a model twice"),
        pytest.param({"target": models(*(f"m/{n}" for n in range(9)))}, "at most 8", id="nine models"),
        pytest.param(
            {"target": models("a/1"), "parameters": {"confidence": 0.5}}, "one by one", id="shared parameters"
        ),
        pytest.param({"target": models("a/1"), "source": {"prefix": "x/"}}, "sources of type video", id="pictures"),
        pytest.param({"track": True, "source": {"prefix": "x/"}}, "sources of type video", id="pictures followed"),
        pytest.param({"track": {"activation": 2}}, "less than or equal to 1", id="track"),
        pytest.param(
            {"draw": True, "target": {"type": "workflow", "workspace": "local", "id": "w"}}, "models say", id="draw"
        ),
    ],
)
def test_what_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parsed(**changes)
    assert words in str(caught.value.details)


def test_parameters_of_each_model_are_checked_and_written_as_texts() -> None:
    target = {"type": "models", "models": [{"model_id": "a/1", "parameters": {"confidence": 0.5, "classes": ["x"]}}]}
    found = parsed(target=target).target
    assert isinstance(found, ModelsTarget) and found.models[0].parameters == {"confidence": "0.5", "classes": "x"}
    target["models"][0]["parameters"] = {"confidence": "much"}  # type: ignore[index]
    with pytest.raises(ParameterError):
        parsed(target=target)


@pytest.mark.parametrize(("track", "expected"), [(None, None), (False, None), (True, 2.0), ({"memory_s": 9}, 9.0)])
def test_following_may_be_a_switch(track: Any, expected: float | None) -> None:
    wish = parsed(track=track).track
    assert (wish and wish.memory_s) == expected


def test_targets_of_a_plan() -> None:
    workflow = {"type": "workflow", "workspace": "local", "id": "w", "specification": {"version": "1.0"}}
    record = {"type": "models", "models": [{"model_id": "a/1", "parameters": {}}], "workflow": workflow}
    inner = Target("workflow", workspace="local", workflow_id="w", specification={"version": "1.0"})
    assert _target(record) == Target("models", models=(("a/1", {}),), beside=inner)
    with pytest.raises(PlanError, match="no model_id"):
        _target({"type": "models", "models": "a/1"})
