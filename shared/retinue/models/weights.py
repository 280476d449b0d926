"""Weights on disk: downloaded in verified parts, kept under a byte budget.

A file carries its sha256 as its name. Parts arrive in parallel, and each is written only once its digest matches;
the file takes its name when all are there. What was verified before a timeout or a crash is found again and not
fetched twice.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from retinue.deadline import Deadline
from retinue.errors import ModelLoading, NotFound, PackageCorrupt, RetinueError
from retinue.models.package import PackageFile

_THREADS = 4
# An altered part is fetched once more, in case the bytes were changed on the way.
_PART_ATTEMPTS = 2

# Fills a buffer with the bytes of the object from an offset on, before the deadline.
ReadRange = Callable[[int, memoryview, Deadline], None]


class WeightsCache:
    """The files of one folder, least recently used first to go."""

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        self._folder = folder
        self._budget_bytes = budget_bytes

    def get(self, file: PackageFile, read_range: ReadRange, deadline: Deadline) -> tuple[Path | bytes, str]:
        """The verified weights and where they came from ("disk" or "s3"): a path, or bytes if the disk has no room.

        Raises PackageCorrupt if S3 holds other bytes than were published, ModelLoading when the time is up (verified
        parts stay, the next call goes on from there), StorageUnavailable.
        """
        path = self._folder / f"{file.sha256}.onnx"
        if _is_intact(path, file):
            return path, "disk"
        if file.size_bytes > self._budget_bytes:
            return self._download_to_memory(file, read_range, deadline), "s3"
        try:
            self._make_room(file.size_bytes, keep=file.sha256)
            self._download_to_disk(path, file, read_range, deadline)
        except OSError:  # no space, or a folder that cannot be written: memory still serves
            with suppress(OSError):
                path.with_suffix(".partial").unlink()
            return self._download_to_memory(file, read_range, deadline), "s3"
        return path, "s3"

    def _make_room(self, size_bytes: int, keep: str) -> None:
        """Removes the least recently used files until `size_bytes` more fit the budget; never the file `keep`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        files = sorted(
            (entry for entry in self._folder.iterdir() if entry.stem != keep), key=lambda entry: entry.stat().st_mtime
        )
        used_bytes = sum(entry.stat().st_size for entry in files)
        while files and used_bytes + size_bytes > self._budget_bytes:
            oldest = files.pop(0)
            used_bytes -= oldest.stat().st_size
            oldest.unlink()

    def _download_to_disk(self, path: Path, file: PackageFile, read_range: ReadRange, deadline: Deadline) -> None:
        partial = path.with_suffix(".partial")
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size > file.size_bytes:  # left behind by a process that died
                os.ftruncate(descriptor, 0)
            missing = _missing_parts(descriptor, file)

            def fetch(part: int) -> None:
                offset, size = _extent(file, part)
                buffer = bytearray(size)
                _fetch_verified(file, part, memoryview(buffer), read_range, deadline)
                if os.pwrite(descriptor, buffer, offset) != size:
                    raise OSError(f"{partial} cannot take {size} bytes more")

            _in_parallel(fetch, missing)
        finally:
            os.close(descriptor)
        partial.replace(path)

    def _download_to_memory(self, file: PackageFile, read_range: ReadRange, deadline: Deadline) -> bytes:
        buffer = bytearray(file.size_bytes)

        def fetch(part: int) -> None:
            offset, size = _extent(file, part)
            _fetch_verified(file, part, memoryview(buffer)[offset : offset + size], read_range, deadline)

        _in_parallel(fetch, list(range(len(file.part_sha256))))
        return bytes(buffer)


def _is_intact(path: Path, file: PackageFile) -> bool:
    """Whether the disk holds the published bytes; marks them as used. Hashing 12 MB on two cores takes some 20 ms."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        os.utime(path)
        return os.fstat(descriptor).st_size == file.size_bytes and not _missing_parts(descriptor, file)
    finally:
        os.close(descriptor)


def _missing_parts(descriptor: int, file: PackageFile) -> list[int]:
    """The parts whose bytes on disk are not those that were published."""
    parts = range(len(file.part_sha256))
    if os.fstat(descriptor).st_size == 0:
        return list(parts)
    missing: list[int] = []

    def check(part: int) -> None:
        offset, size = _extent(file, part)
        if _digest(os.pread(descriptor, size, offset)) != file.part_sha256[part]:
            missing.append(part)

    _in_parallel(check, list(parts))
    return sorted(missing)


def _extent(file: PackageFile, part: int) -> tuple[int, int]:
    """Offset and size of a part in bytes."""
    offset = part * file.part_bytes
    return offset, min(file.part_bytes, file.size_bytes - offset)


def _digest(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def _fetch_verified(file: PackageFile, part: int, into: memoryview, read_range: ReadRange, deadline: Deadline) -> None:
    """Fills `into` with a part whose digest matches. Raises PackageCorrupt, ModelLoading, StorageUnavailable."""
    problem = ""
    for _ in range(_PART_ATTEMPTS):
        try:
            read_range(part * file.part_bytes, into, deadline)
        except (EOFError, NotFound) as exc:
            problem = str(exc)
            continue
        except RetinueError as exc:
            if deadline.remaining_s <= 0:
                raise ModelLoading(f"part {part} of {file.name} did not arrive in time") from exc
            raise
        if _digest(into) == file.part_sha256[part]:
            return
        problem = f"part {part} has another sha256 than was published"
    raise PackageCorrupt(
        f"{file.name}: {problem}", public=f"{file.name} is not what was published ({problem}); publish a new version."
    )


def _in_parallel(work_on: Callable[[int], None], parts: list[int]) -> None:
    """Calls `work_on` for each part on a few threads; the first error is raised once all have stopped."""
    if len(parts) == 1:
        work_on(parts[0])
        return
    waiting = list(reversed(parts))
    errors: list[BaseException] = []

    def work() -> None:
        while not errors:
            try:
                part = waiting.pop()
            except IndexError:
                return
            try:
                work_on(part)
            except BaseException as exc:
                errors.append(exc)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(_THREADS, len(parts)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
