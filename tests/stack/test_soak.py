"""Many requests from several clients: no error, and no memory that is never given back."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from local.gateway import Access
from local.stack import Stack
from retinue.operator.publish import Candidate
from tests.contract.constant_models import write_classifier, write_segmenter
from tests.contract.deployment import Deployment
from tests.contract.pictures import base64_of, plain, scene

REQUESTS = 2000
CLIENTS = 4
# Of each process, from the middle of the requests to their end.
MOST_GROWTH = 0.05
TEXT = {"content-type": "text/plain"}


@pytest.fixture(scope="module")
def accesses() -> list[Access]:
    return []


@pytest.fixture(scope="module")
def deployment(
    candidate: Candidate, tmp_path_factory: pytest.TempPathFactory, accesses: list[Access]
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("soak")
    with Stack(on_access=accesses.append, max_workers=2) as stack:
        running = Deployment(stack)
        running.publish_like(candidate, "shapes/1", candidate.source.weights)
        running.publish("tiles/1", write_segmenter(folder / "tiles"))
        running.publish("colours/1", write_classifier(folder / "colours"))
        yield running


def test_two_thousand_requests(deployment: Deployment, accesses: list[Access], tmp_path: Path) -> None:
    key = deployment.create_key()
    half = REQUESTS // 2 // CLIENTS
    with ThreadPoolExecutor(CLIENTS) as clients:
        for share in clients.map(send_many, [deployment.url] * CLIENTS, [key] * CLIENTS, range(CLIENTS), [half] * 4):
            assert share == half
        middle_mb = deployment.resident_mb()
        for share in clients.map(send_many, [deployment.url] * CLIENTS, [key] * CLIENTS, range(4, 8), [half] * 4):
            assert share == half
    end_mb = deployment.resident_mb()

    assert len(accesses) == REQUESTS
    assert {access.status for access in accesses} == {200}
    assert end_mb.keys() == middle_mb.keys()  # no process was replaced
    grown = {pid: end_mb[pid] / middle_mb[pid] - 1 for pid in end_mb}
    assert max(grown.values()) < MOST_GROWTH, (middle_mb, end_mb)


def send_many(url: str, key: str, seed: int, count: int) -> int:
    """Sends `count` requests of every kind, one after another, and returns how many came back right."""
    chance = random.Random(seed)
    pictures = {colour: base64_of(plain(colour, (200, 150), "JPEG")) for colour in ("red", "lime", "blue")}
    grey = base64_of(scene())
    right = 0
    with httpx.Client(base_url=url, timeout=40, headers={"authorization": f"Bearer {key}"}) as client:
        for _ in range(count):
            colour = chance.choice(tuple(pictures))
            match chance.randrange(6):
                case 0:
                    answer = client.post("/shapes/1", content=grey, headers=TEXT).json()
                    right += len(answer["predictions"]) == 6
                case 1:
                    answer = client.post("/outline/tiles/1", content=grey, headers=TEXT).json()
                    right += len(answer["predictions"]) == 1
                case 2:
                    answer = client.post("/classify/colours/1", content=pictures[colour], headers=TEXT).json()
                    right += answer["top"] == colour.replace("lime", "green")
                case 3:
                    images = [{"type": "base64", "value": pictures[name]} for name in (colour, "red")]
                    answers = client.post("/infer/classification", json={"model_id": "colours/1", "image": images})
                    right += [one["top"] for one in answers.json()][1] == "red"
                case 4:
                    drawn = client.post("/shapes/1", params={"format": "image"}, content=grey, headers=TEXT)
                    right += drawn.content.startswith(b"\xff\xd8\xff")
                case _:
                    form = client.post("/detect/shapes/1", files={"file": ("a.jpg", scene())})
                    right += len(form.json()["predictions"]) == 6
    return right
