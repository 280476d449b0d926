"""A deployment that things go wrong around, and what its answers must look like then.

Every detector here answers one box, whose width is the model's own, so that an answer of the wrong model shows.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from local.stack import Stack
from retinue.models.package import ModelId
from retinue.operator.publish import Candidate
from tests.contract.constant_models import NETWORK_SIZE, Anchor, write_detector
from tests.contract.deployment import Deployment
from tests.contract.pictures import base64_of, plain
from tests.stack.s3_proxy import S3Proxy

PICTURE = base64_of(plain("gray", (NETWORK_SIZE, NETWORK_SIZE)))


class Faulty(Deployment):
    """A deployment whose functions reach S3 through a proxy, and a client with a key for everything."""

    def __init__(self, stack: Stack, proxy: S3Proxy, candidate: Candidate, folder: Path) -> None:
        super().__init__(stack)
        self.proxy = proxy
        self.key = self.create_key()
        self.client = httpx.Client(base_url=stack.url, timeout=40)  # longer than the gateway waits
        self._candidate = candidate
        self._folder = folder

    def publish_box(self, model_id: str, width: int, *aliases: str, padding_bytes: int = 0, **changes: Any) -> None:
        """Publishes a detector that answers one box of this width on a picture of the network's size."""
        name = model_id.replace("/", "-")
        anchor = Anchor(0, 0.9, (32, 32, width, 10))
        weights = write_detector(self._folder / f"{name}.onnx", (anchor,), padding_bytes)
        self.publish_like(self._candidate, model_id, weights, *aliases, **changes)

    def infer(self, model_id: str, key: str = "") -> httpx.Response:
        """Sends a picture of the network's size to the detect pool."""
        query, headers = {"api_key": key or self.key}, {"content-type": "text/plain"}
        return self.client.post(f"/{model_id}", params=query, content=PICTURE, headers=headers)

    def width(self, model_id: str) -> float:
        """The width of the one box that the model answers; fails unless it does."""
        return width_of(self.infer(model_id))

    def forget_models(self) -> None:
        """Makes the process forget its models; the weights stay on its disk."""
        self.client.post("/model/clear", params={"api_key": self.key}).raise_for_status()

    def disks(self) -> list[Path]:
        """The weights folders of the processes of the detect pool."""
        pids = self.stack.workers("DetectFunction")
        return [Path(psutil.Process(pid).environ()["TMPDIR"]) / "retinue" for pid in pids]

    def weights_object(self, model_id: str) -> str:
        """The S3 key of a model's weights."""
        return f"{ModelId.parse(model_id).folder}weights.onnx"


def width_of(response: httpx.Response) -> float:
    assert response.status_code == 200, response.text
    (box,) = response.json()["predictions"]
    assert (box["x"], box["y"], box["height"]) == (32, 32, 10)
    return float(box["width"])


def assert_try_again(response: httpx.Response) -> None:
    """The 503 of contract/http.md 5.1, which clients repeat."""
    assert response.status_code == 503, response.text
    assert int(response.headers["retry-after"]) >= 1
    assert list(response.json()) == ["message"]
    assert "retry request" in response.json()["message"]


def assert_broken(response: httpx.Response) -> None:
    """The 500 of a package that is not what was published: an operator's error, said without insides."""
    assert response.status_code == 500
    assert list(response.json()) == ["message"]
    assert response.json()["message"].startswith("Model package is broken.")
    assert "Traceback" not in response.text


def wait_until(is_so: Callable[[], bool], what: str, timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s until {what}"
        time.sleep(0.05)


@contextmanager
def running(candidate: Candidate, folder: Path, environment: dict[str, str], **options: Any) -> Iterator[Faulty]:
    """A stack behind a proxy."""
    proxy = S3Proxy()
    try:
        with Stack(environment={"AWS_ENDPOINT_URL": proxy.url} | environment, **options) as stack:
            proxy.upstream = stack.s3_url
            deployment = Faulty(stack, proxy, candidate, folder)
            with deployment.client:
                yield deployment
    finally:
        proxy.close()
