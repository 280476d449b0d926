"""What the figures were measured on."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, and how busy others kept it: processes that wanted a core, averaged over the last minute."""

    cpu: str
    cores: int
    memory_gib: float
    system: str
    load_average: float
    date: str

    @property
    def is_noisy(self) -> bool:
        """Whether others use so much of it that times are too long."""
        return self.load_average > 0.25 * self.cores


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


def _cpu_name() -> str:
    """The model as Linux names it, else as Python does."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
