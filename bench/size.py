"""Unpacked size of what is built, as `make size` says it."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.workers import MeasurementError

SCRIPT = Path(__file__).parent.parent / "tools" / "layer_size.py"
# `RuntimeLayer    104.4 MiB`, `together    104.9 MiB of 120`; the packages below a layer are indented.
_LINE = re.compile(r"^(\S.*?) +([\d.]+) MiB(?: of (\d+))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """MiB of all layers with the largest function, by part and together, and what they may have at most."""

    parts_mib: dict[str, float]
    total_mib: float
    budget_mib: float


def unpacked() -> Unpacked:
    """Runs the script. Raises MeasurementError if it does not say a total; being above the budget is a result."""
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    *parts, (name, total, budget) = _LINE.findall(done.stdout) or [("", "", "")]
    if name != "together":
        raise MeasurementError(f"{SCRIPT.name} says no total: {done.stdout}{done.stderr}".strip())
    return Unpacked({part: float(size) for part, size, _ in parts}, float(total), float(budget))
