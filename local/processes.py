"""Child processes that cannot outlive the stack: a group each, watched by the guardian, their output kept."""

import asyncio
import logging
import os
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.guardian import kill_group

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
TAIL_LINES = 40
LINE_LIMIT = 4000  # characters kept of one line


class Guardian:
    """The process of guardian.py; see there."""

    def __init__(self, folder: Path) -> None:
        """Starts it; `folder` is removed when the stack dies without stopping."""
        # -I -S: it needs nothing but the standard library and should be up at once.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(HERE / "guardian.py"), str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
            bufsize=1,
        )

    def watch(self, pid: int) -> None:
        """From now on the process group `pid` dies with the stack."""
        self._tell(f"+{pid}\n")

    def forget(self, pid: int) -> None:
        """The process has ended and its number may be reused."""
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """Ends the guardian, which kills what is still watched, and waits for it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line)


class Child:
    """A running process and the last lines that it printed."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, guardian: Guardian) -> None:
        self.pid = process.pid
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._name = name
        self._process = process
        self._guardian = guardian
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str], guardian: Guardian
    ) -> "Child":
        """Starts `command` in `folder` with exactly this environment. Raises OSError if it cannot be started."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own: killed whole, and deaf to the terminal's Ctrl-C
        )
        guardian.watch(process.pid)
        return cls(name, process, guardian)

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    def signal(self, number: int) -> None:
        """Sends a signal to the process alone; nothing happens if it has ended."""
        if self._process.returncode is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kills the process and all that it started; nothing happens if it has ended."""
        if self._process.returncode is None:
            kill_group(self.pid)

    async def wait(self) -> int:
        """Waits for the end of the process and of its output; returns the exit status, negative for a signal."""
        status = await self._process.wait()
        kill_group(self.pid)  # what it started must not outlive it, nor hold its output open
        self._guardian.forget(self.pid)
        await self._reading
        return status

    async def _read(self) -> None:
        assert self._process.stdout is not None
        rest = ""  # of an unfinished line
        while chunk := await self._process.stdout.read(65536):
            # AWS's client ends the lines inside one error message with a carriage return.
            *lines, rest = (rest + chunk.decode("utf-8", "replace").replace("\r", "\n")).split("\n")
            for line in lines:
                self._keep(line)
            rest = rest[:LINE_LIMIT]
        if rest:
            self._keep(rest)

    def _keep(self, line: str) -> None:
        line = line[:LINE_LIMIT]
        self.tail.append(line)
        logger.debug("%s: %s", self._name, line)


def plain_environment(names: Sequence[str] = ("PATH", "HOME", "LANG", "SYSTEMROOT")) -> dict[str, str]:
    """The few variables of this process that a child may see; everything else is left behind."""
    return {name: os.environ[name] for name in names if name in os.environ}
