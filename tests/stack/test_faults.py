"""What goes wrong around the service: S3, disk, memory, time, processes. On real worker processes."""

import os
import re
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.interpreter import Interpreter, for_source
from local.stack import ROOT, SOURCE_TEMPLATE
from retinue.keys import key_digest, key_object
from retinue.models.package import ModelId
from retinue.operator.keys import revoke_key
from retinue.operator.publish import PART_BYTES, Candidate, move_alias
from tests.stack.faulty import Faulty, assert_broken, assert_try_again, running, wait_until, width_of

MIB = 1024 * 1024
CACHE_S = 1


@pytest.fixture(scope="module")
def faulty(candidate: Candidate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """One process a pool, with room for three models in memory and on disk, and short caches of keys and aliases."""
    environment = {
        "RETINUE_KEY_CACHE_S": str(CACHE_S),
        "RETINUE_ALIAS_CACHE_S": str(CACHE_S),
        "RETINUE_MODEL_MEMORY_MB": "32",
        "RETINUE_MODEL_DISK_MB": "1",
    }
    with running(candidate, tmp_path_factory.mktemp("faulty"), environment, max_workers=1) as deployment:
        deployment.publish_box("steady/1", 50)
        assert deployment.width("steady/1") == 50
        yield deployment


# ---------------------------------------------------------------- packages that are not what was published


def truncated(data: bytes) -> bytes:
    return data[:-100]


def garbled(data: bytes) -> bytes:
    return data[:200] + bytes([data[200] ^ 1]) + data[201:]


def falsified(data: bytes) -> bytes:
    """Weights that load and answer a box in another place."""
    centre, elsewhere = struct.pack("<f", 32), struct.pack("<f", 33)
    assert centre in data
    return data.replace(centre, elsewhere)


def emptied(data: bytes) -> bytes:
    return b""


def prolonged(data: bytes) -> bytes:
    return b"\0" * 8 + data


# Each with a width of its own: weights of equal bytes would be found on the disk.
DAMAGES = [(truncated, 15), (garbled, 16), (falsified, 17), (emptied, 18), (prolonged, 19)]


@pytest.mark.parametrize(("damage", "width"), DAMAGES)
def test_damaged_weights_in_s3(faulty: Faulty, damage: Callable[[bytes], bytes], width: int) -> None:
    model_id = f"damaged/{damage.__name__}"
    faulty.publish_box(model_id, width)
    name = faulty.weights_object(model_id)
    good = faulty.s3.get_object(Bucket=faulty.bucket, Key=name)["Body"].read()

    faulty.s3.put_object(Bucket=faulty.bucket, Key=name, Body=damage(good))
    assert_broken(faulty.infer(model_id))
    assert faulty.width("steady/1") == 50  # the process goes on with other models

    faulty.s3.put_object(Bucket=faulty.bucket, Key=name, Body=good)
    assert faulty.width(model_id) == width


def test_missing_weights_in_s3(faulty: Faulty) -> None:
    faulty.publish_box("damaged/missing", 21)
    name = faulty.weights_object("damaged/missing")
    good = faulty.s3.get_object(Bucket=faulty.bucket, Key=name)["Body"].read()

    faulty.s3.delete_object(Bucket=faulty.bucket, Key=name)
    assert_broken(faulty.infer("damaged/missing"))

    faulty.s3.put_object(Bucket=faulty.bucket, Key=name, Body=good)
    assert faulty.width("damaged/missing") == 21


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b'{"format": 99}', b'{"format": 1}', b"\xff" * 50])
def test_damaged_manifest_in_s3(faulty: Faulty, manifest: bytes) -> None:
    faulty.s3.put_object(Bucket=faulty.bucket, Key="models/damaged/manifest/manifest.json", Body=manifest)

    assert_broken(faulty.infer("damaged/manifest"))


@pytest.mark.parametrize(("damage", "width"), DAMAGES)
def test_damaged_weights_on_the_disk_of_the_process(
    faulty: Faulty, damage: Callable[[bytes], bytes], width: int
) -> None:
    file = publish_to_disk(faulty, f"spoilt/{damage.__name__}", 45 + width)
    file.write_bytes(damage(file.read_bytes()))

    response = faulty.infer(f"spoilt/{damage.__name__}")

    assert width_of(response) == 45 + width
    assert response.headers["x-model-cold-start"] == "true"


def test_rubbish_of_an_unfinished_download(faulty: Faulty) -> None:
    """What a process left that was killed while it wrote."""
    file = publish_to_disk(faulty, "spoilt/unfinished", 59)
    rubbish = file.rename(file.with_suffix(".partial"))
    rubbish.write_bytes(b"rubbish" * 1000)

    assert faulty.width("spoilt/unfinished") == 59
    assert not rubbish.exists()


def publish_to_disk(deployment: Faulty, model_id: str, width: int) -> Path:
    """The file with the weights of a new model that a process has on its disk and not in its memory."""
    (disk,) = deployment.disks()
    before = set(disk.iterdir())
    deployment.publish_box(model_id, width)
    assert deployment.width(model_id) == width
    deployment.forget_models()
    (file,) = set(disk.iterdir()) - before
    return file


# ---------------------------------------------------------------- S3 and its network


def test_s3_silent_for_five_seconds(faulty: Faulty) -> None:
    faulty.publish_box("silent/1", 22)
    release = threading.Timer(5, faulty.proxy.release)
    with faulty.proxy.held():
        release.start()
        started = time.monotonic()
        response = faulty.infer("silent/1")

    assert width_of(response) == 22
    assert 4 < time.monotonic() - started < 12


@pytest.mark.parametrize("answers", [1, 2, 3])
def test_s3_cuts_its_answers_off(faulty: Faulty, answers: int) -> None:
    faulty.publish_box(f"cut/{answers}", 23)

    faulty.proxy.cut(answers)

    assert faulty.width(f"cut/{answers}") == 23


# ---------------------------------------------------------------- little room


def test_twenty_models_through_room_for_three(faulty: Faulty) -> None:
    for number in range(20):
        faulty.publish_box(f"many/{number}", 10 + number, padding_bytes=300_000, memory_bytes=10 * MIB)

    for round_trip in range(2):
        for number in range(20) if round_trip == 0 else reversed(range(20)):
            assert faulty.width(f"many/{number}") == 10 + number
            (disk,) = faulty.disks()
            assert sum(file.stat().st_size for file in disk.iterdir()) <= 1 * MIB
    registry = faulty.client.get("/model/registry", params={"api_key": faulty.key}).json()
    assert [model["model_id"] for model in registry["models"]] == ["many/2", "many/1", "many/0"]


def test_model_above_the_memory_of_the_function(faulty: Faulty) -> None:
    faulty.publish_box("large/1", 24, memory_bytes=33 * MIB)

    response = faulty.infer("large/1")

    assert response.status_code == 400
    assert list(response.json()) == ["message"]
    assert "33 MB" in response.json()["message"] and "POST /jobs" in response.json()["message"]
    assert faulty.width("steady/1") == 50


def write_limited(folder: Path) -> dict[str, Any]:
    """A Python that cannot write files above 32 kB: what a full disk is to it."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nulimit -f 64\nexec {for_source().executable} "$@"\n')
    python.chmod(0o755)
    return {"environment": {}, "interpreter": Interpreter(str(python))}


def write_forbidden(folder: Path) -> dict[str, Any]:
    """A cache folder that can never be made: its parent is a file."""
    (folder / "file").write_text("no folder")
    return {"environment": {"RETINUE_CACHE_DIR": str(folder / "file" / "cache")}}


@pytest.mark.parametrize("disk", [write_limited, write_forbidden])
def test_no_space_for_the_weights(candidate: Candidate, tmp_path: Path, disk: Callable[[Path], dict[str, Any]]) -> None:
    with running(candidate, tmp_path, max_workers=1, **disk(tmp_path)) as deployment:
        deployment.publish_box("padded/1", 25, padding_bytes=200_000)

        assert deployment.width("padded/1") == 25
        assert deployment.infer("padded/1").headers["x-model-cold-start"] == "false"
        deployment.forget_models()
        assert deployment.width("padded/1") == 25


# ---------------------------------------------------------------- processes


def test_process_killed_in_the_middle_of_a_request(faulty: Faulty) -> None:
    faulty.publish_box("killed/1", 26)
    with ThreadPoolExecutor(2) as clients, faulty.proxy.held(lambda request: "killed/1/weights" in request):
        under_way = clients.submit(faulty.infer, "killed/1")
        faulty.proxy.wait_for("killed/1/weights")
        waiting = clients.submit(faulty.width, "steady/1")
        (pid,) = faulty.stack.workers("DetectFunction")
        os.kill(pid, signal.SIGKILL)
        lost = under_way.result()

        assert waiting.result() == 50  # another process takes it
    assert lost.status_code == 500
    assert lost.json() == {"message": "Internal Server Error"}  # the gateway's own words
    assert faulty.width("killed/1") == 26


def test_process_killed_between_requests(faulty: Faulty) -> None:
    assert faulty.width("steady/1") == 50
    (pid,) = faulty.stack.workers("DetectFunction")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in faulty.stack.workers("DetectFunction"), "the stack sees that the process is gone")

    assert faulty.width("steady/1") == 50


def test_two_clients_want_one_cold_model(candidate: Candidate, tmp_path: Path) -> None:
    with running(candidate, tmp_path, {}, max_workers=2) as deployment, ThreadPoolExecutor(2) as clients:
        deployment.publish_box("wanted/1", 40, padding_bytes=9_000_000)

        widths = list(clients.map(deployment.width, ["wanted/1", "wanted/1"]))

        assert widths == [40, 40]
        assert len(deployment.stack.workers("DetectFunction")) == 2


# ---------------------------------------------------------------- what operators change


def test_moved_alias(faulty: Faulty) -> None:
    for version in (1, 2):
        faulty.publish_box(f"moving/{version}", 30 + version)
    alias = ModelId("moving", "production")
    move_alias(alias, "1", faulty.s3, faulty.bucket)
    assert faulty.width("moving/production") == 31

    move_alias(alias, "2", faulty.s3, faulty.bucket)

    wait_until(lambda: faulty.width("moving/production") == 32, "the alias means the other version", 10 * CACHE_S)
    assert (faulty.width("moving/1"), faulty.width("moving/latest")) == (31, 32)


def test_alias_to_nowhere(faulty: Faulty) -> None:
    move_alias(ModelId("moving", "lost"), "999", faulty.s3, faulty.bucket)

    assert_broken(faulty.infer("moving/lost"))


def test_revoked_key(faulty: Faulty) -> None:
    key = faulty.create_key()
    assert faulty.infer("steady/1", key).status_code == 200

    revoke_key(faulty.s3, faulty.bucket, key)
    revoked = time.monotonic()
    wait_until(lambda: faulty.infer("steady/1", key).status_code == 401, "the key is refused", 10 * CACHE_S)

    assert time.monotonic() - revoked < 3 * CACHE_S
    assert faulty.infer("steady/1", key).json()["message"].startswith("Unauthorized api_key.")


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"workspace": "w"}', b'{"workspace": 1, "scopes": null}'])
def test_damaged_record_of_a_key_lets_nobody_in(faulty: Faulty, record: bytes) -> None:
    key = faulty.create_key()
    faulty.s3.put_object(Bucket=faulty.bucket, Key=key_object(key_digest(key)), Body=record)

    response = faulty.infer("steady/1", key)

    assert response.status_code in (401, 500)
    assert "Traceback" not in response.text


# ---------------------------------------------------------------- time


LIMIT_S = 6


@pytest.fixture(scope="module")
def hurried(candidate: Candidate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """Functions with a short time limit."""
    folder = tmp_path_factory.mktemp("hurried")
    text = re.sub(r"(CodeUri|ContentUri): (\S+)", rf"\1: {ROOT}/\2", SOURCE_TEMPLATE.read_text("utf-8"))
    assert "Timeout: 29" in text
    template = folder / "template.yaml"
    template.write_text(text.replace("Timeout: 29", f"Timeout: {LIMIT_S}"))
    with running(candidate, folder, {}, template=template, max_workers=1) as deployment:
        deployment.publish_box("steady/1", 50)
        assert deployment.width("steady/1") == 50
        yield deployment


def test_model_that_cannot_be_ready_in_time(hurried: Faulty) -> None:
    """Every part arrives but the last: the next call goes on from there."""
    hurried.publish_box("slow/1", 41, padding_bytes=20_000_000)
    size_bytes = hurried.s3.head_object(Bucket=hurried.bucket, Key=hurried.weights_object("slow/1"))["ContentLength"]
    last_part = f"slow/1/weights.onnx bytes={size_bytes // PART_BYTES * PART_BYTES}-"
    started = time.monotonic()
    with hurried.proxy.held(lambda request: last_part in request):
        response = hurried.infer("slow/1")

    assert_try_again(response)
    assert time.monotonic() - started < LIMIT_S
    tried = len(hurried.proxy.requests)
    assert hurried.width("slow/1") == 41
    again = [request for request in hurried.proxy.requests[tried:] if "slow/1/weights" in request]
    assert again
    assert all(last_part in request for request in again)


def test_no_time_for_the_first_run(hurried: Faulty) -> None:
    """A model whose run takes longer than what loading left of the time: not the caller's fault, and no 413."""
    hurried.publish_box("long/1", 43, latency_ms=LIMIT_S * 1000.0)

    assert_try_again(hurried.infer("long/1"))


def test_s3_that_does_not_answer_at_all(hurried: Faulty) -> None:
    hurried.publish_box("silent/1", 42)
    started = time.monotonic()
    with hurried.proxy.held():
        response = hurried.infer("silent/1")

    assert_try_again(response)
    assert time.monotonic() - started < LIMIT_S
    assert hurried.width("silent/1") == 42


def test_key_that_cannot_be_looked_up(hurried: Faulty) -> None:
    """Silence of S3 says nothing about a key: neither 401 nor an answer."""
    key = hurried.create_key()
    with hurried.proxy.held():
        response = hurried.infer("steady/1", key)

    assert_try_again(response)
    assert hurried.infer("steady/1", key).status_code == 200
