"""The process of bare.py, started with the interpreter, layers and environment of the function that is measured."""

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.workers import MeasurementError, cpu_time_ms
from local.runtime_api import WorkerSettings
from retinue.config import Settings

SCRIPT = Path(__file__).with_name("bare.py")


@dataclass(frozen=True, slots=True)
class BareStart:
    """From the start of the process to the end of its first run; CPU time is user and system."""

    total_ms: float
    cpu_ms: float


class Floor:
    """The running process. Made by `start_floor`."""

    def __init__(self, process: asyncio.subprocess.Process, started_s: float) -> None:
        self.pid = process.pid
        self._process = process
        self._started_s = started_s
        self.versions: dict[str, str] = {}
        self.start = BareStart(0.0, 0.0)

    async def wait_for_start(self) -> None:
        """Returns once the first run is done. Raises MeasurementError."""
        self.versions = json.loads(await self._line())
        self.start = BareStart((time.perf_counter() - self._started_s) * 1e3, cpu_time_ms(self.pid))

    async def run_ms(self) -> float:
        """Milliseconds of one `session.run`. Raises MeasurementError."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        return float(await self._line())

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise MeasurementError(f"{SCRIPT.name} ended; its message is above")
        return line


@asynccontextmanager
async def start_floor(settings: WorkerSettings, weights: Path) -> AsyncIterator[Floor]:
    """Starts the process, waits for its first run, ends it afterwards. As many threads as the function uses."""
    threads = Settings.from_env(settings.environment).effective_threads
    started_s = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        settings.command[0],
        "-P",  # this script's own folder is not a place to import from
        str(SCRIPT),
        str(weights),
        str(threads),
        env=settings.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        floor = Floor(process, started_s)
        await floor.wait_for_start()
        yield floor
    finally:
        process.kill()
        await process.communicate()
