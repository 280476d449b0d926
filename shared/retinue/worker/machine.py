"""What the container owns: processors, memory, and perhaps a GPU. Read from the system, because a container sees all
of its machine but may use a part."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from retinue.models.session import CPU, Provider

Device = Literal["cpu", "gpu"]
_CGROUP = Path("/sys/fs/cgroup")
_CUDA = "CUDAExecutionProvider"
# The same pictures give the same numbers at every attempt: no search for the fastest algorithm by trying, which ends
# differently each time, and no shortened mantissas.
_CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}


def cpu_count(cgroup: Path = _CGROUP) -> int:
    """Processors that this process may use: those it may run on, or fewer where its container has a quota."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _first_line(cgroup / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        return max(1, min(available, round(int(quota) / int(period))))
    return available


def memory_bytes(cgroup: Path = _CGROUP) -> int:
    """Memory that this process may use: the machine's, or less where its container has a limit."""
    limits = [int(line) for line in _limits(cgroup) if line.isdigit()]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(limits, default=4 * 1024**3)


def choose_device(wanted: str, available: list[str]) -> tuple[Device, str]:
    """The device for `wanted` (auto, cpu, gpu) and, where that is not what was wanted, why.

    `available` are onnxruntime's execution providers: a build without CUDA has no provider for it.
    """
    if wanted == "cpu":
        return "cpu", ""
    if _CUDA in available:
        return "gpu", ""
    reason = f"this build of onnxruntime has no {_CUDA} (it has {', '.join(available)})"
    return "cpu", reason if wanted == "gpu" else ""


def providers_of(device: Device) -> tuple[Provider, ...]:
    """The execution providers of a device; the CPU takes what a GPU cannot run."""
    return ((_CUDA, _CUDA_OPTIONS), *CPU) if device == "gpu" else CPU


def is_on_gpu(session_providers: list[str]) -> bool:
    """Whether a session got its GPU: onnxruntime goes on without one where CUDA or cuDNN cannot be loaded."""
    return _CUDA in session_providers


def _limits(cgroup: Path) -> Iterator[str]:
    yield _first_line(cgroup / "memory.max")
    yield _first_line(cgroup / "memory" / "memory.limit_in_bytes")  # before version 2 of control groups


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").partition("\n")[0].strip()
    except OSError:
        return ""
