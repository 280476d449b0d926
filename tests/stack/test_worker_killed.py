"""A job whose container is killed again and again ends with the result of one that nobody disturbed, byte for byte.

RETINUE_KILL_PICTURES sets how many pictures it has; 300 by default.
"""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from local.processes import HERE
from retinue.worker.exit_codes import ExitCode
from tests.unit.job_world import JobWorld, environment

PICTURES = int(os.environ.get("RETINUE_KILL_PICTURES", "300"))
KILLS = 10
BATCH_SIZE = 4
PART_SIZE = max(20, PICTURES // 20)
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobWorld]:
    """The stand-in for AWS in a process of its own, as the local stack has it."""
    server = subprocess.Popen(
        [sys.executable, "-P", str(HERE / "aws_server.py")],
        env={"PATH": os.environ["PATH"], **environment("")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    world = JobWorld(server.stdout.readline().strip(), tmp_path_factory.mktemp("weights"))
    try:
        world.publish()
        yield world
    finally:
        world.close()
        server.kill()
        server.communicate()


@pytest.fixture(scope="module")
def lines(world: JobWorld) -> list[dict[str, Any]]:
    lines = world.put_pictures(PICTURES)
    lines[PICTURES // 3] = world.line("in/absent.png")
    lines[PICTURES // 2] = world.put("in/words.jpg", b"no picture")
    return lines


def killed(world: JobWorld, job_id: str, number: signal.Signals, after_batches: int) -> tuple[int, list[list[str]]]:
    """Runs the container until it has logged so many batches, then sends the signal: its exit status, and the ids of
    each batch that it inferred, to the end."""
    process = world.start(job_id, RETINUE_LOG_LEVEL="DEBUG")
    batches: list[list[str]] = []
    assert process.stdout is not None
    with process.stdout:
        for text in process.stdout:
            line = orjson.loads(text)
            if line["message"] == "batch":
                batches.append(line["ids"])
            if line["message"] == ("batch" if after_batches else "shard starts") and len(batches) == after_batches:
                process.send_signal(number)
    return process.wait(60), batches


@pytest.mark.timeout(600)
def test_ten_kills_change_nothing(world: JobWorld, lines: list[dict[str, Any]]) -> None:
    plan = {"part_size": PART_SIZE, "batch_size": BATCH_SIZE}
    quiet, disturbed = world.plan(lines, **plan), world.plan(lines, **plan)
    assert world.run(quiet)[0] == ExitCode.DONE
    part_of = {line["id"]: number // PART_SIZE for number, line in enumerate(lines)}
    chance, per_part = random.Random(3), PART_SIZE // BATCH_SIZE
    inferred: Counter[str] = Counter()
    for kill in range(KILLS):
        # Before the first batch, in the middle of parts, and right after their ends.
        after = (0, per_part, chance.randint(1, 2 * per_part - 1))[min(kill, 2)]
        number = SIGNALS[kill % 2]
        status, batches = killed(world, disturbed, number, after)
        assert status == (-signal.SIGKILL if number == signal.SIGKILL else ExitCode.TRY_AGAIN)
        ids = [identifier for batch in batches for identifier in batch]
        again = {part_of[identifier] for identifier in ids if inferred[identifier]}
        assert len(again) <= 1, f"kill {kill}: pictures of the parts {sorted(again)} were inferred again"
        inferred.update(ids)
    status, log = world.run(disturbed, RETINUE_LOG_LEVEL="DEBUG")
    assert status == ExitCode.DONE
    inferred.update(identifier for line in log if line["message"] == "batch" for identifier in line["ids"])

    repeated = sum(inferred.values()) - len(lines)
    print(f"{PICTURES} pictures, {KILLS} kills: {repeated} inferred again, parts of {PART_SIZE}")
    assert inferred.keys() == part_of.keys()
    assert repeated <= KILLS * PART_SIZE
    assert world.result_bytes(disturbed) == world.result_bytes(quiet)
    assert world.parts(disturbed) == world.parts(quiet)
    job = world.store.get(disturbed)
    assert (job.state, job.done, job.failed, job.shards_finished) == ("partly_failed", PICTURES, 2, 1)
    assert [shard.attempt for shard in world.store.shards(disturbed)] == [KILLS + 1]
