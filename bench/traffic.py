"""Requests through the whole stack: client process -> front door -> functions' processes."""

import json
import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.calls import Call
from bench.workers import MeasurementError

_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Milliseconds of each request as the client saw it, and of `session.run` as the function saw it.

    `cold` requests met a process without the model.
    """

    call: str
    clients: int
    times_ms: tuple[float, ...]
    infer_ms: tuple[float, ...]
    took_s: float
    cold: int

    @property
    def per_s(self) -> float:
        """Requests answered in a second."""
        return len(self.times_ms) / self.took_s


def send_traffic(url: str, call: Call, *, clients: int, requests: int) -> Traffic:
    """Sends `requests` from each of so many clients at once. Raises MeasurementError unless each gets a 200."""
    address = urlsplit(url)
    plan = {"host": "127.0.0.1", "port": address.port, "clients": clients, "requests": requests}
    plan |= {"target": call.target, "content_type": call.content_type, "body": call.body.decode("ascii")}
    command = [sys.executable, "-m", "bench.client"]
    try:
        done = subprocess.run(
            command, input=json.dumps(plan) + "\n", capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise MeasurementError(f"{call.name}: {clients} clients were not done after {_TIMEOUT_S:g} s") from exc
    if done.returncode:
        raise MeasurementError(f"{call.name}: {done.stderr.strip()[-500:]}")
    answer = json.loads(done.stdout)
    times_ms, infer_ms = tuple(answer["times_ms"]), tuple(answer["infer_ms"])
    return Traffic(call.name, clients, times_ms, infer_ms, answer["took_s"], answer["cold"])
