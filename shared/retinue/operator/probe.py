"""Runs a network once in a process of its own, under a memory limit, and measures it.

`python -m retinue.operator.probe` is that process: it reads what to do as JSON from standard input and answers with
JSON.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from retinue.errors import UnsupportedModel
from retinue.models.package import NetworkInput

_MEMORY_LIMIT_BYTES = 8 * 1024**3
_TIMEOUT_S = 300
_RUNS = 5


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a run on noise: its name, its shape with one picture in the batch, its highest value."""

    name: str
    shape: tuple[int, ...]
    highest: float

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(map(str, self.shape))})"


@dataclass(frozen=True, slots=True)
class Measured:
    """What some runs showed: the outputs, and times and memory of this machine."""

    outputs: tuple[Output, ...]
    load_ms: float
    latency_ms: float
    memory_bytes: int


def measure(weights: Path, network: NetworkInput, threads: int) -> Measured:
    """Loads and runs the network on noise. Raises UnsupportedModel with onnxruntime's reason, or the limit that was
    met."""
    order = json.dumps({"weights": str(weights), "network": asdict(network), "threads": threads})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "retinue.operator.probe"],
            input=order,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise UnsupportedModel(f"{weights.name} did not finish one run within {_TIMEOUT_S} s") from exc
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"it ended with status {done.returncode}"]
        raise UnsupportedModel(
            f"{weights.name} does not run within {_MEMORY_LIMIT_BYTES // 1024**3} GiB: {reason[0][:500]}"
        )
    return read_measured(json.loads(done.stdout.strip().splitlines()[-1]), weights.name)


def read_measured(answer: dict[str, Any], name: str) -> Measured:
    """What the process found. Raises UnsupportedModel if the network `name` answered NaN or infinity."""
    if not answer.pop("is_finite"):
        raise UnsupportedModel(f"{name} answers NaN or infinity to a picture of noise; export it again in float32")
    outputs = tuple(Output(output, tuple(shape), highest) for output, shape, highest in answer.pop("outputs"))
    return Measured(outputs, **answer)


def probe(order: dict[str, Any]) -> dict[str, Any]:
    """Loads and runs the network of an order, in this process: what `measure` asks its child for."""
    import numpy as np
    import onnxruntime

    from retinue.models.session import session_options

    network = NetworkInput(**order["network"])
    before = _resident_bytes()
    started = time.perf_counter()
    session = onnxruntime.InferenceSession(
        str(order["weights"]),
        session_options(int(order["threads"])),
        providers=["CPUExecutionProvider"],
    )
    load_ms = (time.perf_counter() - started) * 1e3
    shape = (network.batch or 1, 3, network.height, network.width)
    tensor = np.random.default_rng(0).random(shape).astype(network.dtype)
    feeds = {network.name: tensor}
    if network.picture_size_name:
        feeds[network.picture_size_name] = np.full((shape[0], 2), (network.width, network.height), np.int64)
    times_ms = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        outputs = session.run(None, feeds)
        times_ms.append((time.perf_counter() - started) * 1e3)
    return {
        "outputs": [
            (described.name, output.shape, float(output.max(initial=0)))
            for described, output in zip(session.get_outputs(), outputs, strict=True)
        ],
        "is_finite": all(bool(np.isfinite(output).all()) for output in outputs),
        "load_ms": round(load_ms, 2),
        "latency_ms": round(sorted(times_ms)[_RUNS // 2], 2),
        "memory_bytes": max(0, _resident_bytes() - before - tensor.nbytes),
    }


def _resident_bytes() -> int:
    """Resident memory of this process; where /proc is missing, the peak that the system keeps."""
    status = Path("/proc/self/statm")
    if status.is_file():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    print(json.dumps(probe(json.load(sys.stdin))))
