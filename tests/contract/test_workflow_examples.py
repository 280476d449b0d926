"""The examples of docs/workflows.md, over the sample models: saved and sent, by HTTP and by the operator's command."""

import base64
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from local.samples import sample_models
from local.stack import ROOT, Stack
from retinue.cli import app
from tests.contract.deployment import Deployment

EXAMPLES = ROOT / "events" / "workflows"
COINS = ROOT / "samples" / "photos" / "coins.png"
NAMES = ("detect-filter-crop-classify-draw", "count-with-expression", "consensus-of-two-detectors")


@pytest.fixture(scope="module")
def samples() -> Iterator[Deployment]:
    """A stack with the sample models and the examples, put by the operator's command."""
    with Stack(max_workers=1) as stack:
        running = Deployment(stack)
        for sample in sample_models():
            running.publish(sample.model_id, sample.package)
        for name in NAMES:
            assert retinue(running, "put", f"default/{name}", str(EXAMPLES / f"{name}.json")).exit_code == 0
        yield running


def retinue(deployment: Deployment, *arguments: str) -> Result:
    """`retinue workflows ARGUMENTS`, as a user of the stack runs it."""
    environment = {**deployment.stack.environment(), "COLUMNS": "200", "TERM": "dumb"}
    return CliRunner().invoke(app, ["workflows", *arguments], env=environment)


@pytest.fixture(scope="module")
def client(samples: Deployment) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {samples.create_key()}"}
    with httpx.Client(base_url=samples.url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture(params=["saved", "specification"])
def run(request: pytest.FixtureRequest, client: httpx.Client) -> Any:
    """Runs an example over the photograph of 24 coins, by either route."""

    def run_example(name: str, **parameters: Any) -> dict[str, Any]:
        picture = {"type": "base64", "value": base64.b64encode(COINS.read_bytes()).decode()}
        body: dict[str, Any] = {"inputs": {"image": picture, **parameters}}
        path = f"/default/workflows/{name}"
        if request.param == "specification":
            path = "/workflows/run"
            body["specification"] = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
        answer = client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        (row,) = answer.json()["outputs"]
        return dict(row)

    return run_example


def size_of(picture: dict[str, Any]) -> tuple[int, int]:
    with Image.open(io.BytesIO(base64.b64decode(picture["value"]))) as image:
        return image.size


def test_detect_filter_crop_classify_draw(run: Any) -> None:
    row = run("detect-filter-crop-classify-draw")

    classes = Counter(coin["class"] for coin in row["predictions"]["predictions"])
    assert sum(classes.values()) == 12 and classes["unclear"] >= 6
    assert all(coin["width"] * coin["height"] >= 2000 for coin in row["predictions"]["predictions"])
    assert row["predictions"]["image"] == {"width": 384, "height": 303}
    assert size_of(row["picture"]) == (384, 303)
    # AND a request may ask for all coins
    everything = run("detect-filter-crop-classify-draw", least_area=0)
    assert len(everything["predictions"]["predictions"]) == 24


@pytest.mark.parametrize(
    ("parameters", "verdict"), [({}, "fine"), ({"room": 24}, "fine"), ({"room": 23}, "too many")], ids=str
)
def test_count_with_expression(run: Any, parameters: dict[str, int], verdict: str) -> None:
    assert run("count-with-expression", **parameters) == {"count": 24, "verdict": verdict}


def test_consensus_of_two_detectors(run: Any) -> None:
    row = run("consensus-of-two-detectors")

    coins = row["coins"]["predictions"]
    assert len(coins) == 24 and row["are_enough"] is True
    assert {coin["class"] for coin in coins} == {"coin"}
    assert all(len(coin["points"]) > 8 for coin in coins)
    assert size_of(row["picture"]) == (384, 303)


@pytest.mark.parametrize("target", ["file", "saved"])
@pytest.mark.parametrize("place", ["service", "here"])
def test_the_command_runs_them(
    samples: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, target: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    where = ["--url", samples.url, "--api-key", samples.create_key()] if place == "service" else []
    for name in NAMES:
        workflow = str(EXAMPLES / f"{name}.json") if target == "file" else f"default/{name}"

        result = retinue(samples, "run", workflow, str(COINS), "--output", str(tmp_path / name), *where)

        assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / NAMES[1] / "coins.json").read_text()) == {"count": 24, "verdict": "fine"}
    for name in (NAMES[0], NAMES[2]):
        with Image.open(tmp_path / name / "coins.picture.jpg") as drawn:
            assert drawn.size == (384, 303)


def test_the_command_says_what_the_service_refuses(samples: Deployment) -> None:
    key = samples.create_key()

    for target, api_key, reason in (
        (f"default/{NAMES[1]}", "wrong", "answered 401: Unauthorized api_key"),
        (f"acme/{NAMES[1]}", key, "answered 403"),
        ("default/none", key, "There is no workflow default/none"),
    ):
        result = retinue(samples, "run", target, str(COINS), "--url", samples.url, "--api-key", api_key)
        assert result.exit_code == 1 and reason in " ".join(result.output.split()), result.output
