"""What the published inference-sdk tries again, and what it gives up at once: contract/http.md 7.7."""

import json
import os
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract.deployment import DETECTOR, Deployment
from tests.contract.pictures import scene
from tests.contract.test_published_clients import CLIENTS_PYTHON, SCENE_CLASSES, needs_clients
from tests.contract.unsteady import Unsteady, unsteady

CALLS = Path(__file__).with_name("retry_calls.py")
REGISTRY, BY_TASK, BY_URL = "/model/registry", "/infer/object_detection", f"/{DETECTOR}"
WORKFLOW = "/default/workflows/shapes"


@dataclass(frozen=True, slots=True)
class Case:
    """A call, how the gateway refuses its first requests, and the requests that come of it."""

    kind: str
    refusals: tuple[int, ...]
    paths: tuple[str, ...]
    error: int = 0
    spared: str = ""


CASES = {
    "by url, 503 twice": Case("by url", (503, 503), (BY_URL,) * 3),
    "by url, 429 once": Case("by url", (429,), (BY_URL,) * 2),
    "by url, 504 once": Case("by url", (504,), (BY_URL,) * 2),
    "async by url, 503 twice": Case("async by url", (503, 503), (BY_URL,) * 3),
    "by task, 503 twice": Case("by task", (503, 503), (REGISTRY, *(BY_TASK,) * 3), spared=REGISTRY),
    "async by task, 503 once": Case("async by task", (503,), (REGISTRY, *(BY_TASK,) * 2), spared=REGISTRY),
    "503 for the registry is the end": Case("by task", (503,), (REGISTRY,), error=503),
    "workflow, 503 twice": Case("workflow", (503, 503), (WORKFLOW,) * 3),
    "503 three times is the end": Case("by url", (503, 503, 503), (BY_URL,) * 3, error=503),
    **{f"{status} is the end": Case("by url", (status,), (BY_URL,), error=status)
       for status in (400, 401, 403, 404, 413, 422, 500, 501, 502)},
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(saved: Deployment, key: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of each call, and the requests that its gateway saw."""
    folder = tmp_path_factory.mktemp("retries")
    (folder / "scene.jpg").write_bytes(scene())
    with ExitStack() as stack:
        gateways: dict[str, Unsteady] = {
            name: stack.enter_context(unsteady(saved.url, case.refusals, case.spared)) for name, case in CASES.items()
        }
        wishes = {name: (case.kind, gateways[name].url) for name, case in CASES.items()}
        done = subprocess.run(
            [CLIENTS_PYTHON, str(CALLS), key, "scene.jpg", json.dumps(wishes)],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "MPLCONFIGDIR": str(folder)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    ends: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {name: end | {"requests": gateways[name].seen} for name, end in ends.items()}


@needs_clients
@pytest.mark.parametrize("name", CASES)
def test_what_is_tried_again(outcomes: dict[str, Any], name: str) -> None:
    case, outcome = CASES[name], outcomes[name]

    # Whether a model is loaded already is up to the tests before.
    assert [path for path, _ in outcome["requests"] if path != "/model/add"] == list(case.paths)
    if case.error:
        assert (outcome["status"], outcome["message"]) == (case.error, f"refused with {case.error}")
        assert [status for _, status in outcome["requests"]] == list(case.refusals)
    else:
        assert outcome["objects"] == len(SCENE_CLASSES)
        assert outcome["requests"][-1][1] == 200
