"""Weights on disk: verified parts, resumed downloads, a byte budget, and memory where the disk has no room."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from retinue.deadline import Deadline
from retinue.errors import ModelLoading, PackageCorrupt, StorageUnavailable
from retinue.models.package import PackageFile
from retinue.models.weights import WeightsCache
from tests.unit.buckets import SOON, MemoryBucket
from tests.unit.networks import package_file

KEY = "weights"
DATA = bytes(range(100))
FILE = package_file(DATA, part_bytes=16)  # 7 parts, the last one of 4 bytes
PARTS = list(range(0, 100, 16))


class Storage:
    """A bucket with one object, of which single parts can fail."""

    def __init__(self, data: bytes = DATA) -> None:
        self.bucket = MemoryBucket()
        self.bucket.objects[KEY] = data
        self.failures: dict[int, BaseException] = {}

    def read_range(self, first: int, into: memoryview, deadline: Deadline) -> None:
        if first in self.failures:
            raise self.failures[first]
        self.bucket.read_range(KEY, first, into, deadline)

    @property
    def fetched(self) -> list[int]:
        """First bytes of what was fetched, with repetitions, sorted."""
        return sorted(first for _, first in self.bucket.ranges.elements())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "weights"


def content_of(weights: Path | bytes) -> bytes:
    return weights if isinstance(weights, bytes) else weights.read_bytes()


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_downloaded_once_then_found_on_disk(folder: Path) -> None:
    storage, cache = Storage(), WeightsCache(folder, 1000)

    first = cache.get(FILE, storage.read_range, SOON)
    second = cache.get(FILE, storage.read_range, SOON)

    path = folder / f"{FILE.sha256}.onnx"
    assert (first, second) == ((path, "s3"), (path, "disk"))
    assert path.read_bytes() == DATA and list(folder.iterdir()) == [path]
    assert storage.fetched == PARTS


@pytest.mark.parametrize("size", [1, 15, 16, 17, 32], ids=lambda size: f"{size} bytes in parts of 16")
def test_sizes_around_a_part(folder: Path, size: int) -> None:
    file, storage = package_file(DATA[:size], part_bytes=16), Storage(DATA[:size])

    weights, _ = WeightsCache(folder, 1000).get(file, storage.read_range, SOON)

    assert content_of(weights) == DATA[:size]


def test_verified_parts_are_not_fetched_twice_after_an_interruption(folder: Path) -> None:
    # GIVEN a download that breaks off at the fourth part
    storage = Storage()
    storage.failures[48] = StorageUnavailable("S3 is silent")
    with pytest.raises(StorageUnavailable):
        WeightsCache(folder, 1000).get(FILE, storage.read_range, SOON)
    arrived = set(storage.fetched)
    assert arrived and not (folder / f"{FILE.sha256}.onnx").exists()

    # WHEN another process goes on
    storage.failures.clear()
    weights, source = WeightsCache(folder, 1000).get(FILE, storage.read_range, SOON)

    # THEN it fetches the rest only
    assert (content_of(weights), source) == (DATA, "s3")
    assert storage.fetched == PARTS and 48 not in arrived


def test_a_part_damaged_on_disk_is_fetched_again(folder: Path) -> None:
    storage = Storage()
    storage.failures[96] = StorageUnavailable("S3 is silent")
    with pytest.raises(StorageUnavailable):
        WeightsCache(folder, 1000).get(FILE, storage.read_range, SOON)
    (partial,) = folder.iterdir()
    damaged = bytearray(partial.read_bytes())
    damaged[20] ^= 1
    partial.write_bytes(damaged)
    before = storage.fetched

    storage.failures.clear()
    weights, _ = WeightsCache(folder, 1000).get(FILE, storage.read_range, SOON)

    assert content_of(weights) == DATA
    again = sorted(set(PARTS) - set(before) | {16})
    assert sorted(storage.fetched) == sorted(before + again)


def test_a_truncated_file_is_downloaded_again(folder: Path) -> None:
    storage, cache = Storage(), WeightsCache(folder, 1000)
    path, _ = cache.get(FILE, storage.read_range, SOON)
    assert isinstance(path, Path)
    path.write_bytes(DATA[:50])

    weights, source = cache.get(FILE, storage.read_range, SOON)

    assert (content_of(weights), source) == (DATA, "s3")


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        pytest.param(DATA[:40] + b"x" + DATA[41:], "part 2 has another sha256 than was published", id="altered"),
        pytest.param(DATA[:90], "ends after", id="truncated"),
        pytest.param(b"", "ends after", id="empty"),
        pytest.param(DATA[16:] + DATA[:16], "another sha256", id="parts in another order"),
    ],
)
def test_other_bytes_than_were_published(folder: Path, stored: bytes, reason: str) -> None:
    storage = Storage(stored)

    with pytest.raises(PackageCorrupt, match=reason) as corrupt:
        WeightsCache(folder, 1000).get(FILE, storage.read_range, SOON)

    assert "publish a new version" in corrupt.value.public
    assert not (folder / f"{FILE.sha256}.onnx").exists()
    assert max(storage.fetched.count(first) for first in PARTS) == 2  # once more, in case of a fault on the way


def test_a_missing_object(folder: Path) -> None:
    storage = Storage()
    del storage.bucket.objects[KEY]

    with pytest.raises(PackageCorrupt, match="does not exist"):
        WeightsCache(folder, 1000).get(FILE, storage.read_range, SOON)


def test_a_fault_on_the_way_is_repaired(folder: Path) -> None:
    storage, faults = Storage(), [48]

    def read_range(first: int, into: memoryview, deadline: Deadline) -> None:
        storage.read_range(first, into, deadline)
        if first in faults:
            faults.remove(first)
            into[0] ^= 1

    weights, _ = WeightsCache(folder, 1000).get(FILE, read_range, SOON)

    assert content_of(weights) == DATA


def test_when_the_time_is_up_what_arrived_stays(folder: Path) -> None:
    storage, late = Storage(), Deadline.after(-1)
    storage.failures[96] = StorageUnavailable("no time left")

    with pytest.raises(ModelLoading) as loading:
        WeightsCache(folder, 1000).get(FILE, storage.read_range, late)

    assert loading.value.public == "Model is temporarily not ready - retry request."
    assert loading.value.retry_after_s == 1
    storage.failures.clear()
    WeightsCache(folder, 1000).get(FILE, storage.read_range, SOON)
    assert storage.fetched == PARTS


@pytest.mark.parametrize("problem", [IndexError("pop from an empty list"), KeyError("x"), ZeroDivisionError()])
def test_a_file_with_a_hole_never_takes_its_name(folder: Path, problem: Exception) -> None:
    # GIVEN an error that nobody thought of while a part is read
    storage = Storage()
    storage.failures[48] = problem

    with pytest.raises(type(problem)):
        WeightsCache(folder, 1000).get(FILE, storage.read_range, SOON)

    assert not (folder / f"{FILE.sha256}.onnx").exists()


class TestBudget:
    def files(self, count: int) -> list[tuple[PackageFile, Storage]]:
        """Files of 100 bytes each."""
        contents = [bytes([index]) * 100 for index in range(count)]
        return [(package_file(content, part_bytes=64), Storage(content)) for content in contents]

    def is_on_disk(self, folder: Path, file: PackageFile) -> bool:
        return (folder / f"{file.sha256}.onnx").exists()

    def test_the_least_recently_used_goes_first(self, folder: Path) -> None:
        # GIVEN room for three, and three of known ages of which the oldest was used again
        cache, files = WeightsCache(folder, 300), self.files(4)
        for age_s, (file, storage) in zip((30, 20, 10), files, strict=False):
            path, _ = cache.get(file, storage.read_range, SOON)
            assert isinstance(path, Path)
            modified = path.stat().st_mtime - age_s
            os.utime(path, (modified, modified))
        cache.get(files[0][0], files[0][1].read_range, SOON)

        cache.get(files[3][0], files[3][1].read_range, SOON)

        assert [self.is_on_disk(folder, file) for file, _ in files] == [True, False, True, True]

    def test_never_exceeded(self, folder: Path) -> None:
        cache = WeightsCache(folder, 350)
        for file, storage in self.files(10):
            cache.get(file, storage.read_range, SOON)

            assert size_of(folder) <= 350
            assert self.is_on_disk(folder, file)

    def test_an_interrupted_download_of_another_file_counts_and_goes(self, folder: Path) -> None:
        (broken, broken_storage), (file, storage) = self.files(2)
        broken_storage.failures[64] = StorageUnavailable("S3 is silent")
        cache = WeightsCache(folder, 150)
        with pytest.raises(StorageUnavailable):
            cache.get(broken, broken_storage.read_range, SOON)

        cache.get(file, storage.read_range, SOON)

        assert [path.name for path in folder.iterdir()] == [f"{file.sha256}.onnx"]

    def test_a_file_larger_than_the_budget_goes_to_memory_and_evicts_nothing(self, folder: Path) -> None:
        cache, ((small, small_storage), *_) = WeightsCache(folder, 150), self.files(1)
        cache.get(small, small_storage.read_range, SOON)
        large, storage = package_file(DATA * 2, part_bytes=64), Storage(DATA * 2)

        weights, source = cache.get(large, storage.read_range, SOON)

        assert (weights, source) == (DATA * 2, "s3")
        assert size_of(folder) <= 150 and self.is_on_disk(folder, small)


class TestNoRoomOnDisk:
    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("a file where the folder should be")

        got = WeightsCache(tmp_path / "file" / "weights", 1000).get(FILE, Storage().read_range, SOON)

        assert got == (DATA, "s3")

    def test_a_disk_that_is_full(self, folder: Path) -> None:
        # GIVEN a process that may write files of 64 bytes at most
        script = (
            "import resource, sys; from pathlib import Path\n"
            "from tests.unit.test_models_weights import DATA, FILE, SOON, Storage\n"
            "from retinue.models.weights import WeightsCache\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
            "weights, source = WeightsCache(Path(sys.argv[1]), 1000).get(FILE, Storage().read_range, SOON)\n"
            "assert weights == DATA and source == 's3', weights"
        )

        done = subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert list(folder.iterdir()) == []  # nothing half-written stays

    def test_memory_is_verified_too(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("a file where the folder should be")

        with pytest.raises(PackageCorrupt, match="another sha256"):
            WeightsCache(tmp_path / "file", 1000).get(FILE, Storage(DATA[::-1]).read_range, SOON)
