"""What the figures were measured on."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine. The load average counts the processes that wanted a core in the last minute."""

    cpu: str
    cores: int
    memory_gib: float
    system: str
    load_average: float
    date: str

    @property
    def is_busy(self) -> bool:
        """Whether others kept more than half of the cores busy, so that times will be too long."""
        return self.load_average > 0.5 * self.cores


def look_at_machine() -> Machine:
    """This machine, now."""
    return Machine(
        cpu=_cpu_name(),
        cores=os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=platform.platform(),
        load_average=round(psutil.getloadavg()[0], 2),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


class OthersMeter:
    """How much of the machine others use from now on: other programs, and other guests of the same host."""

    def __init__(self) -> None:
        self._started = _machine_s(), _own_s()

    def share(self) -> float:
        """Others' part of all cores' time since the start, 0 to 1. Counts children that have ended as our own."""
        (busy_s, total_s), own_s = _machine_s(), _own_s()
        (busy_before_s, total_before_s), own_before_s = self._started
        others_s = (busy_s - busy_before_s) - (own_s - own_before_s)
        return max(0.0, others_s / max(1e-9, total_s - total_before_s))


def _machine_s() -> tuple[float, float]:
    """Seconds that all cores were busy, and in all, since the machine was started."""
    times = psutil.cpu_times()
    # Linux counts the guests of this machine inside user and nice.
    total_s = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total_s - times.idle - getattr(times, "iowait", 0.0), total_s


def _own_s() -> float:
    """Seconds of CPU that this process and its ended children have used."""
    return sum(psutil.Process().cpu_times()[:4])


def _cpu_name() -> str:
    """The model as Linux names it, else as Python does."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
