"""The sample events of events/, run through the functions that they are for."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from events.make_events import KEY, WORKFLOW
from retinue.keys import key_digest, key_object
from retinue.process import process_service
from retinue.workflows.saved import workflow_object
from tests.contract.constant_models import write_classifier, write_detector
from tests.contract.deployment import Deployment
from tests.contract.families import write_families
from tests.contract.pictures import plain

ROOT = Path(__file__).parents[2]
EVENTS = sorted((ROOT / "events").glob("http-*.json"))

Invoke = Callable[[dict[str, Any]], dict[str, Any]]


class Context:
    """The one thing that a handler asks Lambda for."""

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


@pytest.fixture(scope="module")
def published(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The models, the workflow and the key that the events name."""
    folder = tmp_path_factory.mktemp("events")
    deployment.publish("coins/1", write_detector(folder / "coins.onnx"))
    deployment.publish("digits/1", write_classifier(folder / "digits"))
    families = write_families(folder)
    deployment.publish("people/1", families["yolov8-pose"])
    deployment.publish("roads/1", families["semantic"])
    deployment.s3.put_object(
        Bucket=deployment.bucket, Key=workflow_object("default", "coins"), Body=orjson.dumps(WORKFLOW)
    )
    record = {"name": "sample", "workspace": "default", "scopes": ["*"], "created": "2026-01-01T00:00:00+00:00"}
    deployment.s3.put_object(Bucket=deployment.bucket, Key=key_object(key_digest(KEY)), Body=orjson.dumps(record))
    return deployment


@pytest.fixture
def invoke(published: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Invoke]:
    """Runs an event through the function that has its route."""
    for name, value in {**published.stack.environment(), "TMPDIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    process_service.cache_clear()
    functions = [_load(path) for path in sorted((ROOT / "functions").glob("*/app.py"))]

    def run(event: dict[str, Any]) -> dict[str, Any]:
        if "routeKey" in event:
            (function,) = [app for app in functions if event["routeKey"] in getattr(app, "ROUTES", ())]
        else:
            (function,) = [app for app in functions if app.__name__ == "ingest_app"]
        answer: dict[str, Any] = function.handler(event, Context())
        return answer

    yield run
    process_service().reader.close()
    process_service.cache_clear()


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_app", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_sample_event(path: Path, invoke: Invoke) -> None:
    answer = invoke(json.loads(path.read_text()))

    body = json.loads(answer["body"])
    if "url" in path.stem:  # example.com has no such host: the request came as far as it can
        assert (answer["statusCode"], body) == (
            400,
            {"message": "Could not load input image. Cause: Data pointed by URL could not be decoded into image."},
        )
    else:
        assert answer["statusCode"] == 200, body
        assert body


def test_sample_of_the_queue(invoke: Invoke, published: Deployment) -> None:
    """The upload that it names is answered; S3's test event beside it is passed over."""
    text = (ROOT / "events" / "sqs-uploads.json").read_text()
    bucket, rest = published.stack.buckets["UploadsBucket"], "coins/1/red flower+coin.png"
    there = published.s3.put_object(Bucket=bucket, Key=f"inbox/{rest}", Body=plain("red"))
    text = text.replace("096fKKXTRTtl3on89fVO.nfljtsv6qko", there["VersionId"])

    assert invoke(json.loads(text)) == {"batchItemFailures": []}

    result = orjson.loads(published.s3.get_object(Bucket=bucket, Key=f"results/{rest}.json")["Body"].read())
    assert result["image"] == {"width": 64, "height": 64}


def test_there_are_events() -> None:
    assert len(EVENTS) >= 10
