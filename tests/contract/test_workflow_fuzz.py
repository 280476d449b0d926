"""Good workflow requests, damaged at random: every answer is the contract's, in time. A seed brings a failure back.

A workflow may end in a 500 that says which block failed and why; never in one that says nothing.
"""

import copy
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.deployment import Deployment
from tests.contract.many_blocks import EVERY_DOCUMENT, EVERY_PARAMETER
from tests.contract.pictures import plain, scene
from tests.contract.workflows import BLOCKS, INTERFACE, OUTPUTS, PLAIN_KEYS, RUN, SAVED, VALIDATE, one

SEEDS = range(10)
REQUESTS = 100  # for each seed
LONGEST_S = 20.0
LARGEST_BYTES = 6_000_000
# What a 500 may be called: contract/workflows.md 2.2.
SERVER_ERRORS = {
    "StepExecutionError",
    "WorkflowEnvironmentConfigurationError",
    "InvalidBlockBehaviourError",
    "ExecutionEngineRuntimeError",
    "EvaluationEngineError",
    "OperationError",
    "UndeclaredSymbolError",
}
# Exceptions that no block raises on purpose: one of these is a fault of ours, however well it is told.
FAULTS = {"AttributeError", "AssertionError", "IndexError", "NameError", "RecursionError", "UnboundLocalError", "error"}

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 3.7, 255, 1e308, -1e-308, 2**31, 2**63, 2**70, float("nan"), float("inf"), "", " ",
    "$", "$inputs.", "$inputs.image", "$inputs.nothing", "$steps.", "$steps.objects", "$steps.objects.*",
    "$steps.objects.predictions", "$steps.crops.crops", "$steps.objects.predictions.more", "\0", "ä" * 50, "\u2028",
    "a" * 5000, "NaN", "#zzz", "(1,2,3)", "1.17.0", "roboflow_core/dynamic_crop@v1", "(a+)+$", "{{", "image",
    [], {}, [[]], [None], {"type": []}, {"": None}, ["$inputs.image", "$steps.objects.predictions"], [1, "a", None],
    {"type": "base64", "value": "%%%"}, {"type": "url", "value": "https://127.0.0.1/"}, [{"type": "WorkflowImage"}],
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_server_error() -> Iterator[None]:
    """A 500 is looked at here, one by one."""
    yield


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_requests_are_answered_as_the_contract_says(saved: Deployment, key: str, seed: int) -> None:
    chance, statuses = random.Random(seed), Counter[int]()
    before = saved.stack.workers("WorkflowFunction")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for number in range(REQUESTS):
        path, body = _damaged_request(chance)
        started = time.monotonic()
        answer = saved.send("POST", path, body, headers)
        took_s = time.monotonic() - started
        statuses[answer.status] += 1
        request = (
            f"request {number} of seed {seed}: POST {path} {body[:2000]!r}\n{answer.status} {answer.body[:1500]!r}"
        )
        assert took_s < LONGEST_S, f"{took_s:.1f} s, {request}"
        assert len(answer.body) < LARGEST_BYTES, request
        assert b"Traceback" not in answer.body and b"Internal error." not in answer.body, request
        said = json.loads(answer.body)
        if answer.status >= 500:
            assert answer.status == 500 and set(said) >= PLAIN_KEYS, request
            assert said["error_type"] in SERVER_ERRORS and said["message"], request
            assert said["inner_error_type"] not in FAULTS, request
        elif answer.status == 400:
            assert set(said) >= PLAIN_KEYS or list(said) == ["message"], request
    assert saved.stack.workers("WorkflowFunction") == before or not before  # the process is the same
    # The damage must neither be harmless nor stop everything at the first check.
    assert statuses[200] >= REQUESTS // 20, statuses
    assert statuses[400] >= REQUESTS // 4, statuses


def _damaged_request(chance: random.Random) -> tuple[str, bytes]:
    document = EVERY_DOCUMENT[chance.choice(sorted(EVERY_DOCUMENT))]
    pictures = [one(scene()), one(plain("red")), one(plain((0, 0, 255), (5, 70)))][: chance.randint(1, 3)]
    given = {"image": pictures if chance.random() < 0.7 else pictures[0]} | EVERY_PARAMETER
    if chance.random() < 0.7:
        given["words"] = ["north", "south", "east"][: len(pictures)]
    path = chance.choice((RUN, RUN, RUN, RUN, RUN, RUN, SAVED[0], VALIDATE, INTERFACE, OUTPUTS, BLOCKS))
    request: Any = {
        RUN: {"specification": document, "inputs": given, "enable_profiling": chance.random() < 0.3},
        SAVED[0]: {"inputs": given, "use_cache": True, "excluded_fields": ["run"], "workflow_version_id": None},
        VALIDATE: document,
        INTERFACE: {"specification": document},
        OUTPUTS: chance.choice(document["steps"]),
        BLOCKS: {"execution_engine_version": "1.0.0", "dynamic_blocks_definitions": []},
    }[path]
    request = copy.deepcopy(request)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 6))):
        _damage(request, chance)
    text = json.dumps(request).encode()
    return path, _scratched(text, chance) if chance.random() < 0.05 else text


def _damage(document: Any, chance: random.Random) -> None:
    """Changes one place of the document."""
    places = list(_places(document))
    if not places:
        return
    # Most places are in the steps; the rarer ones of inputs and of the request itself are taken as often.
    holder, key, _ = chance.choice([place for place in places if place[2] == chance.choice(places)[2]] or places)
    old = holder[key]
    match chance.randrange(8):
        case 0:
            del holder[key]
        case 1 | 2 | 3:
            holder[key] = copy.deepcopy(chance.choice(ODD_VALUES))
        case 4:
            other_holder, other_key, _ = chance.choice(places)
            holder[key] = copy.deepcopy(other_holder[other_key])
        case 5 if isinstance(old, list):
            holder[key] = old * 2
        case 5 if isinstance(old, int | float):
            holder[key] = old * chance.choice((-1, 0, 1e-9, 1000, 10**12))
        case 5 if isinstance(old, str):
            holder[key] = old[: chance.randrange(len(old) + 1)]
        case 6:
            holder[key] = {chance.choice(("type", "value", "a")): old}
        case _:
            holder[key] = [old] * chance.randint(1, 3)


def _places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any, int]]:
    """Every entry of every dict and list: where it is, under what, and how deep."""
    entries = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    for key, item in entries:
        yield value, key, depth
        yield from _places(item, depth + 1)


def _scratched(text: bytes, chance: random.Random) -> bytes:
    """The text with a few bytes changed, cut out or put in."""
    damaged = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(damaged))
        damaged[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    return bytes(damaged)
