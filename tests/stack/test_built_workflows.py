"""The workflow function as `make build` made it: answers, sizes of descriptions, cold start, what it imports."""

import asyncio
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench.calls import Call
from bench.documents import FILTER_CROP_DRAW, ONE_STEP, Document
from bench.rows import BUDGET_COLD_START_MS, BUDGET_RESIDENT_MIB, MIB
from bench.workers import WORKFLOW, ColdStart, cold_start, settings_of
from local.processes import Guardian
from local.stack import BUILD_NOTE, BUILT_TEMPLATE, Stack
from tests.contract.constant_models import write_classifier, write_detector, write_segmenter
from tests.contract.deployment import AS_JSON, CLASSIFIER, DETECTOR, SEGMENTER, Deployment
from tests.contract.many_blocks import EVERY_DOCUMENT, EVERY_PARAMETER
from tests.contract.pictures import SCENE_SIZE, scene
from tests.contract.workflows import BLOCKS, DETECT, DRAWING, RUN, SCHEMA, classes, one, picture_of
from tests.stack.local_functions import wait_until

# What a function may answer with on Lambda: the JSON around its body included, in which every quote takes two bytes.
MOST_PAYLOAD_BYTES = 6 * MIB
STARTS = 5
# Other jobs of the machine lengthen a start; `make bench` holds it to the budget itself.
MOST_COLD_START_MS = 3 * BUDGET_COLD_START_MS
# What only some documents need.
PARTS = ("PIL", "retinue.workflows.drawing", "retinue.workflows.imaging", "retinue.workflows.query.syntax")

pytestmark = pytest.mark.skipif(
    not (BUILT_TEMPLATE.is_file() and BUILD_NOTE.is_file()), reason="nothing is built; run `make build` first"
)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("built-workflows")
    with Stack(artefacts="built", max_workers=1) as stack:
        running = Deployment(stack)
        running.publish(DETECTOR, write_detector(folder / "shapes.onnx"))
        running.publish(SEGMENTER, write_segmenter(folder / "tiles"))
        running.publish(CLASSIFIER, write_classifier(folder / "colours"))
        running.save_workflow("default/drawing", DRAWING)
        running.save_workflow("default/shapes", DETECT)  # nested by one of EVERY_DOCUMENT
        yield running


def call(deployment: Deployment, path: str, **fields: Any) -> Call:
    """A run with the scene as its picture, and a key for everything in the body."""
    inputs = EVERY_PARAMETER | {"image": one(scene()), "words": ["north"]}
    return Call(path, "application/json", orjson.dumps({"api_key": deployment.create_key(), "inputs": inputs} | fields))


def row_of(deployment: Deployment, sent: Call) -> dict[str, Any]:
    """The only row of the answer."""
    answer = deployment.send("POST", sent.target, sent.body, AS_JSON)
    assert answer.status == 200, answer.body
    [row] = orjson.loads(answer.body)["outputs"]
    assert isinstance(row, dict)
    return row


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        pytest.param("/default/workflows/drawing", {}, id="saved"),
        pytest.param(RUN, {"specification": DRAWING}, id="specification"),
    ],
)
def test_a_model_and_a_drawing(deployment: Deployment, path: str, fields: dict[str, Any]) -> None:
    row = row_of(deployment, call(deployment, path, **fields))

    drawn = picture_of(row["picture"])
    assert (drawn.format, drawn.size) == ("JPEG", SCENE_SIZE)
    assert [picture_of(crop).size for crop in row["crops"]][:2] == [(160, 80), (40, 40)]


def test_filtered_cropped_and_drawn(deployment: Deployment) -> None:
    row = row_of(deployment, call(deployment, RUN, specification=FILTER_CROP_DRAW.specification(DETECTOR)))

    assert classes(row["predictions"]) == ["circle", "square", "square", "square"]
    assert len(row["crops"]) == 4
    assert picture_of(row["picture"]).size == SCENE_SIZE


@pytest.mark.parametrize("name", EVERY_DOCUMENT)
def test_every_module_that_blocks_need_is_there(deployment: Deployment, name: str) -> None:
    assert row_of(deployment, call(deployment, RUN, specification=EVERY_DOCUMENT[name]))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("GET", BLOCKS, None, id="blocks"),
        pytest.param("POST", BLOCKS, b"{}", id="blocks, asked with a body"),
        pytest.param("GET", SCHEMA, None, id="schema of documents"),
    ],
)
def test_descriptions_fit_into_what_lambda_carries(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], method: str, path: str, body: bytes | None
) -> None:
    answer = deployment.send(method, path, body, AS_JSON | {"accept-encoding": "gzip"})

    assert answer.status == 200, answer.body
    assert "content-encoding" not in answer.headers
    payload = orjson.dumps({"statusCode": 200, "headers": answer.headers, "body": answer.body.decode()})
    assert len(payload) < MOST_PAYLOAD_BYTES
    with capsys.disabled():
        print(f"\n{method} {path}: {len(answer.body):,} bytes, {len(payload):,} as the function's answer", end="")


def test_cold_start(deployment: Deployment, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """From the start of a process to its first answer of a workflow that detects, filters, crops and draws."""
    sent = call(deployment, RUN, specification=FILTER_CROP_DRAW.specification(DETECTOR))
    row_of(deployment, sent)  # there must be a process to learn from how others are started
    event = sent.event(deployment.stack.template)

    async def start_each() -> list[ColdStart]:
        return [await cold_start(settings, event) for _ in range(STARTS)]

    guardian = Guardian(tmp_path)
    try:
        settings = settings_of(deployment.stack, WORKFLOW, guardian, tmp_path)
        starts = asyncio.run(start_each())
    finally:
        guardian.close()

    best_ms, cpu_ms = min(start.total_ms for start in starts), min(start.cpu_ms for start in starts)
    resident_mib = max(start.rss_bytes for start in starts) / MIB
    with capsys.disabled():
        print(f"\n{WORKFLOW}: first answer {best_ms:.0f} ms after the start, {cpu_ms:.0f} ms of CPU time", end="")
        print(f", {resident_mib:.0f} MiB resident", end="")
    assert {start.first.detections for start in starts} == {4}
    assert resident_mib <= BUDGET_RESIDENT_MIB
    assert best_ms <= MOST_COLD_START_MS


@pytest.mark.parametrize(
    ("document", "blocks", "parts"),
    [
        pytest.param(ONE_STEP, {"roboflow_object_detection_model"}, set(), id="one step"),
        pytest.param(
            FILTER_CROP_DRAW,
            {
                "roboflow_object_detection_model",
                "detections_filter",
                "dynamic_crop",
                "bounding_box_visualization",
                "label_visualization",
            },
            set(PARTS) - {"retinue.workflows.imaging"},
            id="filter, crop, draw",
        ),
    ],
)
def test_blocks_that_a_document_does_not_use_are_not_imported(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, document: Document, blocks: set[str], parts: set[str]
) -> None:
    caplog.set_level(logging.DEBUG, logger="local.processes")
    with Stack(artefacts="built", max_workers=1, environment={"PYTHONVERBOSE": "1"}) as stack:
        deployment = Deployment(stack)
        deployment.publish(DETECTOR, write_detector(tmp_path / "shapes.onnx"))
        row_of(deployment, call(deployment, RUN, specification=document.specification(DETECTOR)))
        wait_until(lambda: '"message":"request"' in caplog.text, "the request is logged")

    imported = set(re.findall(rf"{WORKFLOW}: import '(\S+)' # ", caplog.text))
    # A line may be broken by another thread's; that of the file is there as well.
    files = set(re.findall(r"retinue/workflows/blocks/(?:__pycache__/)?([a-z]\w+)\.", caplog.text))
    prefix = "retinue.workflows.blocks."
    assert "retinue.workflows.engine" in imported
    assert files | {name.removeprefix(prefix) for name in imported if name.startswith(prefix)} == blocks
    assert {part for part in PARTS for name in imported if f"{name}.".startswith(f"{part}.")} == parts
