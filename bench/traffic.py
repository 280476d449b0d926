"""Requests through HTTP, to this stack and to upstream in turns: client process -> front door -> functions."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.calls import Call
from bench.workers import MeasurementError

OURS, UPSTREAM = "ours", "upstream"
_TIMEOUT_S = 300.0
# Requests of each client before the other side's turn: one by one, or few enough that a disturbance hits both sides.
_BLOCK = {1: 1}
_BLOCK_OF_MANY = 3


@dataclass(frozen=True, slots=True)
class Target:
    """A server on this machine, and the request that it gets."""

    name: str
    port: int
    call: Call


@dataclass(frozen=True, slots=True)
class Traffic:
    """One side of a series: milliseconds of each request as the client saw it, and of `session.run` if the answer says.

    `cold` requests met a process without the model; `predictions` are those of the last answer.
    """

    side: str
    times_ms: tuple[float, ...]
    infer_ms: tuple[float, ...]
    took_s: float
    cold: int
    predictions: tuple[dict[str, Any], ...]

    @property
    def per_s(self) -> float:
        """Requests answered in a second."""
        return len(self.times_ms) / self.took_s


def send_traffic(targets: Sequence[Target], *, clients: int, requests: int) -> tuple[Traffic, ...]:
    """Sends `requests` from each of so many clients to each target, the targets in turns.

    Raises MeasurementError unless each gets a 200.
    """
    plan = {
        "targets": [
            {
                "name": target.name,
                "host": "127.0.0.1",
                "port": target.port,
                "target": target.call.target,
                "content_type": target.call.content_type,
                "body": target.call.body.decode("ascii"),
            }
            for target in targets
        ],
        "clients": clients,
        "requests": requests,
        "block": _BLOCK.get(clients, _BLOCK_OF_MANY),
    }
    command = [sys.executable, "-m", "bench.client"]
    try:
        done = subprocess.run(
            command, input=json.dumps(plan) + "\n", capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise MeasurementError(f"{clients} clients were not done after {_TIMEOUT_S:g} s") from exc
    if done.returncode:
        raise MeasurementError(done.stderr.strip()[-500:])
    answers = json.loads(done.stdout)
    return tuple(_traffic(target.name, answer) for target, answer in zip(targets, answers, strict=True))


def _traffic(side: str, answer: dict[str, Any]) -> Traffic:
    times_ms, infer_ms = tuple(answer["times_ms"]), tuple(answer["infer_ms"])
    return Traffic(side, times_ms, infer_ms, answer["took_s"], answer["cold"], tuple(answer["predictions"]))
