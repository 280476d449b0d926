"""The functions as `make build` made them, without this environment's packages: one answer from each pool."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import BUILD_NOTE, BUILT_TEMPLATE, Stack
from tests.contract.constant_models import write_classifier, write_detector, write_segmenter
from tests.contract.deployment import Deployment
from tests.contract.pictures import base64_of, plain

JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.skipif(
    not (BUILT_TEMPLATE.is_file() and BUILD_NOTE.is_file()), reason="nothing is built; run `make build` first"
)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("built")
    with Stack(artefacts="built", max_workers=1) as stack:
        running = Deployment(stack)
        running.publish("shapes/1", write_detector(folder / "shapes.onnx"))
        running.publish("tiles/1", write_segmenter(folder / "tiles"))
        running.publish("colours/1", write_classifier(folder / "colours"))
        yield running


@pytest.mark.parametrize(
    ("function", "path", "expected"),
    [
        ("DetectFunction", "/shapes/1", ["red", "circle", "square", "square", "square", "square", "star"]),
        ("OutlineFunction", "/outline/tiles/1", ["tile"]),
        ("ClassifyFunction", "/classify/colours/1", ["red"]),
    ],
)
def test_first_answer_of_a_pool(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], function: str, path: str, expected: list[str]
) -> None:
    key = deployment.create_key()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/plain"}
    picture = base64_of(plain("red", image_format="JPEG")).encode()

    started = time.perf_counter()
    answer = deployment.send("POST", path, picture, headers)
    took_ms = (time.perf_counter() - started) * 1e3

    assert answer.status == 200, answer.body
    assert [prediction["class"] for prediction in json.loads(answer.body)["predictions"]] == expected
    (pid,) = deployment.stack.workers(function)
    resident_mb = deployment.resident_mb()[pid]
    with capsys.disabled():
        print(f"\n{function}: first answer {took_ms:,.0f} ms after the request, {resident_mb:.0f} MB resident", end="")


def test_every_module_that_other_requests_need_is_there(deployment: Deployment) -> None:
    """Forms, JSON bodies, drawings and formats other than JPEG import what the first answer does not."""
    key = deployment.create_key()
    bearer = {"Authorization": f"Bearer {key}"}
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n%s\r\n--b--\r\n' % plain("red")
    body = {"model_id": "shapes/1", "image": {"type": "base64", "value": base64_of(plain("red", image_format="WEBP"))}}
    requests = [
        ("/shapes/1", form, {"Content-Type": "multipart/form-data; boundary=b"}),
        ("/infer/object_detection", json.dumps(body | {"visualize_predictions": True}).encode(), JSON),
        ("/shapes/1?format=image&labels=true", base64_of(plain("red", image_format="WEBP")).encode(), JSON),
        ("/model/add", b'{"model_id": "tiles/1"}', JSON),
    ]

    answers = [deployment.send("POST", target, content, bearer | headers) for target, content, headers in requests]

    assert [answer.status for answer in answers] == [200] * 4


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "PPM"])
def test_formats_whose_libraries_must_not_be_stripped(deployment: Deployment, image_format: str) -> None:
    bearer = {"Authorization": f"Bearer {deployment.create_key()}"}
    picture = base64_of(plain("red", image_format=image_format)).encode()

    answer = deployment.send("POST", "/classify/colours/1", picture, bearer | JSON)

    assert json.loads(answer.body)["top"] == "red"


def test_catalogue(deployment: Deployment) -> None:
    assert deployment.send("GET", "/healthz").status == 200
    assert deployment.send("GET", "/no/such/path").status == 401


def test_code_is_precompiled(deployment: Deployment) -> None:
    """A layer is read-only on Lambda: what is not compiled at build time is compiled again at every cold start."""
    layers = {folder for function in deployment.stack.template.functions.values() for folder in function.layers}
    sources = [path for folder in layers for path in Path(folder).rglob("*.py")]

    assert [path for path in sources if not _is_compiled(path)] == []


def _is_compiled(source: Path) -> bool:
    return any((source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"))
