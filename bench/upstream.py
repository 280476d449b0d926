"""Upstream's server, offline, as a process of this one: started, asked, measured, ended.

The variable RETINUE_PEER_PYTHON names a Python that has `inference-cpu` with uvicorn. The server serves model packages
from the folder that it runs in, so an id `project/version` is the folder of that name there, as in our bucket.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.calls import Call
from bench.workers import MeasurementError
from local.processes import Guardian, plain_environment

VARIABLE = "RETINUE_PEER_PYTHON"
APP = Path(__file__).with_name("upstream_app.py")
FACTS = Path(__file__).with_name("upstream_facts.py")
HOST = "127.0.0.1"
# Upstream mounts these below the folder that it runs in and does not start without them.
_MOUNTED = ("inference/landing/out/static", "inference/landing/out/_next/static")
_START_LIMIT_S = 180.0
_ANSWER_LIMIT_S = 60.0
_END_LIMIT_S = 10.0
_POLL_S = 0.02
_CLOSED = f"http://{HOST}:9"


@dataclass(frozen=True, slots=True)
class UpstreamFacts:
    """Versions, and the bytes of the package with everything that it requires; `gpu_bytes` of them are CUDA's."""

    versions: dict[str, str]
    packages: int
    size_bytes: int
    gpu_bytes: int


@dataclass(frozen=True, slots=True)
class UpstreamStart:
    """From the start of the process until it serves, and until the first answer of a model; memory after that."""

    ready_ms: float
    total_ms: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Upstream:
    """A running server. Made by `start_upstream`."""

    port: int
    start: UpstreamStart


def upstream_python() -> str | None:
    """The executable that the variable names, None without it. Raises MeasurementError if there is no such file."""
    python = os.environ.get(VARIABLE)
    if python and not Path(python).is_file():
        raise MeasurementError(f"{VARIABLE} names {python}, which is not a file")
    return python or None


def upstream_facts(python: str) -> UpstreamFacts:
    """What is installed for it. Raises MeasurementError if upstream is not."""
    done = subprocess.run(
        [python, "-P", str(FACTS)], capture_output=True, text=True, check=False, env=plain_environment()
    )
    if done.returncode:
        raise MeasurementError(f"{VARIABLE} names {python}: {done.stderr.strip()[-300:]}")
    return UpstreamFacts(**json.loads(done.stdout))


@contextmanager
def start_upstream(python: str, packages: Path, threads: int, first: Call, guardian: Guardian) -> Iterator[Upstream]:
    """Starts it in `packages`, waits until it has answered `first`, ends it afterwards.

    Raises MeasurementError if it does not start or refuses the request.
    """
    for name in _MOUNTED:
        (packages / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(APP, packages)
    port = _free_port()
    command = [python, "-m", "uvicorn", f"{APP.stem}:app", "--host", HOST, "--port", str(port)]
    log = packages / "upstream.log"
    with log.open("wb") as output:
        started_s = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--log-level", "warning"],
            cwd=packages,
            env=_environment(packages, threads),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    guardian.watch(process.pid)
    try:
        yield Upstream(port, _wait_for_start(process, port, first, started_s, log))
    finally:
        _end(process)
        guardian.forget(process.pid)


def _wait_for_start(
    process: "subprocess.Popen[bytes]", port: int, first: Call, started_s: float, log: Path
) -> UpstreamStart:
    while not _answers(port):
        if process.poll() is not None:
            text = log.read_text(encoding="utf-8", errors="replace")
            raise MeasurementError(f"upstream ended with status {process.returncode}: {text[-500:]}")
        if time.perf_counter() - started_s > _START_LIMIT_S:
            raise MeasurementError(f"upstream did not serve after {_START_LIMIT_S:g} s")
        time.sleep(_POLL_S)
    ready_ms = (time.perf_counter() - started_s) * 1e3
    connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_LIMIT_S)
    try:
        connection.request("POST", first.target, first.body, {"content-type": first.content_type})
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as exc:
        raise MeasurementError(f"upstream did not answer its first request: {exc!r}") from exc
    finally:
        connection.close()
    total_ms = (time.perf_counter() - started_s) * 1e3
    if response.status != 200:
        raise MeasurementError(f"upstream answered {response.status}: {answer[:500].decode('utf-8', 'replace')}")
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    return UpstreamStart(ready_ms, total_ms, sum(one.memory_info().rss for one in family))


def _answers(port: int) -> bool:
    """Whether /info says something."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_LIMIT_S)
    try:
        connection.request("GET", "/info")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends it and waits for that."""
    process.terminate()
    try:
        process.wait(_END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _environment(packages: Path, threads: int) -> dict[str, str]:
    """Offline, its newer engine, nothing beside inference; closed proxies are a second guard against the network."""
    cache = str(packages / "cache")
    settings = {
        "OFFLINE_MODE": "True",
        "USE_INFERENCE_MODELS": "True",
        "ALLOW_INFERENCE_MODELS_DIRECTLY_ACCESS_LOCAL_PACKAGES": "True",
        "MODEL_CACHE_DIR": cache,
        "INFERENCE_HOME": cache,
        "MAX_ACTIVE_MODELS": "32",
        "ONNXRUNTIME_EXECUTION_PROVIDERS": "[CPUExecutionProvider]",
        "OMP_NUM_THREADS": str(threads),
        "INFERENCE_WARNINGS_DISABLED": "True",
        "IGNORE_MODEL_DEPENDENCIES_WARNINGS": "True",
        "LOG_LEVEL": "WARNING",
        "TELEMETRY_API_USAGE_ENDPOINT_URL": f"{_CLOSED}/none",
        "TELEMETRY_API_PLAN_ENDPOINT_URL": f"{_CLOSED}/none",
        "DISABLE_VERSION_CHECK": "True",
        "DISABLE_INFERENCE_CACHE": "True",
    }
    switched_off = (
        "METRICS_ENABLED",
        "ACTIVE_LEARNING_ENABLED",
        "ENABLE_STREAM_API",
        "OTEL_TRACING_ENABLED",
        "MODELS_CACHE_AUTH_ENABLED",
        "DISK_CACHE_CLEANUP",
        "CORE_MODELS_ENABLED",
        "CORE_MODEL_GAZE_ENABLED",
        "LMM_ENABLED",
    )
    settings |= dict.fromkeys(switched_off, "False")
    settings |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _CLOSED)
    settings |= dict.fromkeys(("no_proxy", "NO_PROXY"), f"{HOST},localhost")
    if psutil.cpu_count(logical=False) != threads:
        settings["BENCH_SESSION_THREADS"] = str(threads)
    return plain_environment() | settings
