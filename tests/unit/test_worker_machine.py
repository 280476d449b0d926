"""What a container owns: read from control groups, and the choice of its device."""

from pathlib import Path

import pytest

from retinue.worker.machine import choose_device, cpu_count, is_on_gpu, memory_bytes, providers_of

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        pytest.param("100000 100000", 1, id="one processor"),
        pytest.param("50000 100000", 1, id="half a processor"),
        pytest.param("99999900000 100000", None, id="more than there are"),
        pytest.param("max 100000", None, id="no quota"),
        pytest.param("", None, id="no control group"),
    ],
)
def test_processors_are_those_of_the_quota(tmp_path: Path, quota: str, expected: int | None) -> None:
    everything = cpu_count(tmp_path / "absent")
    if quota:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert cpu_count(tmp_path) == (expected or everything) and everything >= 1


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_memory_is_that_of_the_limit(tmp_path: Path, name: str) -> None:
    everything = memory_bytes(tmp_path / "absent")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    for text, expected in (("1048576", 1048576), ("max", everything), ("9223372036854771712", everything)):
        (tmp_path / name).write_text(f"{text}\n")
        assert memory_bytes(tmp_path) == expected


@pytest.mark.parametrize(
    ("wanted", "available", "device", "is_explained"),
    [
        ("auto", [CUDA, CPU], "gpu", False),
        ("auto", [CPU], "cpu", False),
        ("gpu", [CUDA, CPU], "gpu", False),
        pytest.param("gpu", [CPU], "cpu", True, id="a GPU that is not there is said aloud"),
        ("cpu", [CUDA, CPU], "cpu", False),
    ],
)
def test_the_device(wanted: str, available: list[str], device: str, is_explained: bool) -> None:
    chosen, reason = choose_device(wanted, available)
    assert (chosen, bool(reason)) == (device, is_explained)
    names = [provider if isinstance(provider, str) else provider[0] for provider in providers_of(chosen)]
    assert names == ([CUDA, CPU] if device == "gpu" else [CPU])
    assert is_on_gpu(names) == (device == "gpu")
