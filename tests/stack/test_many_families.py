"""Many models of all families through room for a few: every answer right, and no memory that is never given back.

RETINUE_SOAK_REQUESTS: how many requests; the default keeps it short.
"""

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.gateway import Access
from local.stack import Stack
from tests.contract.deployment import Deployment
from tests.contract.families import write_families
from tests.contract.pictures import base64_of, scene

REQUESTS = int(os.environ.get("RETINUE_SOAK_REQUESTS", "600"))
CLIENTS = 4
MODELS = 20
# Of each process, from the middle of the requests to their end.
MOST_GROWTH = 0.05
TEXT = {"content-type": "text/plain"}


@pytest.fixture(scope="module")
def accesses() -> list[Access]:
    return []


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, accesses: list[Access]) -> Iterator[Deployment]:
    environment = {"RETINUE_MODEL_MEMORY_MB": "24"}
    with Stack(on_access=accesses.append, max_workers=2, environment=environment) as stack:
        yield Deployment(stack)


@pytest.mark.timeout(1800)
def test_twenty_models_of_all_families(
    deployment: Deployment, accesses: list[Access], tmp_path_factory: pytest.TempPathFactory
) -> None:
    families = list(write_families(tmp_path_factory.mktemp("families")).items())
    names = []
    for index in range(MODELS):
        name, source = families[index % len(families)]
        names.append(f"{name}-{index}/1")
        deployment.publish(names[-1], source)
    key = deployment.create_key()
    with httpx.Client(base_url=deployment.url, timeout=40, headers={"authorization": f"Bearer {key}"}) as client:
        expected = {name: answer(client, name) for name in names}
    accesses.clear()

    def send(seed: int) -> int:
        return send_many(deployment.url, key, expected, seed, REQUESTS // 2 // CLIENTS)

    with ThreadPoolExecutor(CLIENTS) as clients:
        right = sum(clients.map(send, range(CLIENTS)))
        middle_mb = deployment.resident_mb()
        right += sum(clients.map(send, range(CLIENTS, 2 * CLIENTS)))
    end_mb = deployment.resident_mb()

    assert right == len(accesses) == 2 * CLIENTS * (REQUESTS // 2 // CLIENTS)
    assert {access.status for access in accesses} == {200}
    assert end_mb.keys() == middle_mb.keys()  # no process was replaced
    grown = {pid: end_mb[pid] / middle_mb[pid] - 1 for pid in end_mb}
    print(f"{len(accesses)} requests; resident MB in the middle {middle_mb}, at the end {end_mb}")
    assert max(grown.values()) < MOST_GROWTH, (middle_mb, end_mb)
    assert max(end_mb.values()) < 200


def send_many(url: str, key: str, expected: dict[str, Any], seed: int, count: int) -> int:
    """Sends `count` requests to models at random and returns how many came back as expected."""
    chance, right = random.Random(seed), 0
    with httpx.Client(base_url=url, timeout=40, headers={"authorization": f"Bearer {key}"}) as client:
        for _ in range(count):
            name = chance.choice(list(expected))
            right += answer(client, name) == expected[name]
    return right


def answer(client: httpx.Client, name: str) -> Any:
    """The predictions of a model for the scene, without what differs from request to request."""
    response = client.post(f"/{name}", content=base64_of(scene()), headers=TEXT)
    assert response.status_code == 200, response.text
    predictions = response.json()["predictions"]
    if isinstance(predictions, list):
        predictions = [{key: value for key, value in one.items() if key != "detection_id"} for one in predictions]
    assert predictions
    return predictions
