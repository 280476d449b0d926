"""The warm cache: models in memory under a byte budget, each loaded once."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from retinue.deadline import Deadline
from retinue.errors import HeavyModel, ModelLoading, ModelNotFound, PackageCorrupt
from retinue.models.cache import WarmCache, memory_bytes
from retinue.models.package import Manifest, ModelId
from retinue.models.registry import Registry
from retinue.models.session import load_model
from retinue.models.weights import WeightsCache
from tests.unit.buckets import SOON, MemoryBucket
from tests.unit.networks import brightness_network, make_manifest, package_file

pytestmark = pytest.mark.usefixtures("young_heap")

MB = 1024 * 1024
NETWORK = brightness_network()
WEIGHTS = NETWORK.SerializeToString()


def published(model_id: str, **changes: object) -> Manifest:
    """A small classifier that says it takes 10 MB."""
    return make_manifest(
        **{
            "model_id": model_id,
            "task": "classification",
            "family": "classifier",
            "class_names": ("bright", "dark"),
            "size_wh": (4, 4),
            "weights": package_file(WEIGHTS, part_bytes=64),
            "memory_bytes": 10 * MB,
            **changes,
        }
    )


@pytest.fixture(scope="module")
def young_heap() -> Iterator[None]:
    """Takes what other tests imported out of the sight of the collector, which runs at each eviction."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def bucket() -> MemoryBucket:
    """things/0 to things/19, all with the same weights; `latest` means 1."""
    bucket = MemoryBucket()
    for version in range(20):
        bucket.put_model(published(f"things/{version}"), NETWORK)
    bucket.put_alias("things/latest", "1")
    return bucket


def make_cache(bucket: MemoryBucket, folder: Path, *, budget_mb: int = 35, disk_bytes: int = 10 * MB) -> WarmCache:
    """Room for three models."""
    registry, weights = Registry(bucket, alias_cache_s=0), WeightsCache(folder, disk_bytes)
    return WarmCache(bucket, registry, weights, budget_bytes=budget_mb * MB, threads=1)


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds, at most 10 s."""
    limit = Deadline.after(10)
    while not condition():
        assert limit.remaining_s > 0
        time.sleep(0.001)


def get(cache: WarmCache, model_id: str) -> str:
    """Where the model came from."""
    lookup = cache.get(ModelId.parse(model_id), SOON)
    assert (lookup.load_s > 0) == (lookup.source != "memory")
    return lookup.source


def test_from_s3_then_from_memory_then_from_disk(bucket: MemoryBucket, tmp_path: Path) -> None:
    cache = make_cache(bucket, tmp_path)

    sources = [get(cache, "things/1"), get(cache, "things/1")]
    cache.clear()
    sources.append(get(cache, "things/1"))

    assert sources == ["s3", "memory", "disk"]


def test_the_budget_is_never_exceeded(bucket: MemoryBucket, tmp_path: Path) -> None:
    cache = make_cache(bucket, tmp_path)
    for version in range(20):
        assert get(cache, f"things/{version}") != "memory"

        loaded = cache.models()
        assert f"things/{version}" in loaded and len(loaded) == min(3, version + 1)
        assert sum(memory_bytes(manifest) for manifest in loaded.values()) <= 35 * MB


def test_the_least_recently_used_goes_first(bucket: MemoryBucket, tmp_path: Path) -> None:
    cache = make_cache(bucket, tmp_path)
    for version in (1, 2, 3):
        get(cache, f"things/{version}")
    get(cache, "things/1")

    get(cache, "things/4")

    assert sorted(cache.models()) == ["things/1", "things/3", "things/4"]


def test_a_large_model_takes_the_place_of_several(bucket: MemoryBucket, tmp_path: Path) -> None:
    bucket.put_model(published("large/1", memory_bytes=25 * MB), NETWORK)
    cache = make_cache(bucket, tmp_path)
    for version in (1, 2, 3):
        get(cache, f"things/{version}")

    get(cache, "large/1")

    assert sorted(cache.models()) == ["large/1", "things/3"]


def test_an_evicted_model_still_answers_those_who_hold_it(bucket: MemoryBucket, tmp_path: Path) -> None:
    cache = make_cache(bucket, tmp_path, budget_mb=10)
    held = cache.get(ModelId("things", "1"), SOON).model

    get(cache, "things/2")

    assert sorted(cache.models()) == ["things/2"]
    assert held.session.get_inputs()[0].name == "images"


def test_a_model_that_two_threads_want_is_loaded_once(bucket: MemoryBucket, tmp_path: Path) -> None:
    cache, together = make_cache(bucket, tmp_path), threading.Barrier(4)

    def want(_: int) -> tuple[str, int]:
        together.wait(10)
        lookup = cache.get(ModelId("things", "1"), SOON)
        return lookup.source, id(lookup.model)

    with ThreadPoolExecutor(4) as threads:
        sources, models = zip(*threads.map(want, range(4)), strict=True)

    assert sorted(sources) == ["memory", "memory", "memory", "s3"]
    assert len(set(models)) == 1
    assert max(bucket.ranges.values()) == 1


class TestLoadingAhead:
    def test_who_asks_next_has_what_it_took(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        cache, deadline, model_id = make_cache(bucket, tmp_path), Deadline.after(60), ModelId.parse("things/3")
        cache.load_ahead(model_id, deadline)
        first, second = cache.get(model_id, deadline), cache.get(model_id, deadline)
        assert (first.source, second.source, first.model is second.model) == ("s3", "memory", True)
        assert first.load_s > 0

    def test_another_request_finds_it_in_memory(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        cache = make_cache(bucket, tmp_path)
        cache.load_ahead(ModelId.parse("things/3"), Deadline.after(60))
        wait_for(lambda: bool(cache.models()))
        assert get(cache, "things/3") == "memory"

    def test_what_is_there_is_not_loaded_again(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        cache = make_cache(bucket, tmp_path)
        assert get(cache, "things/latest") == "s3"
        read, deadline = bucket.reads.total(), Deadline.after(60)
        cache.load_ahead(ModelId.parse("things/latest"), deadline)
        assert bucket.reads.total() == read

    def test_what_failed_is_tried_again(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        cache, deadline, model_id = make_cache(bucket, tmp_path), Deadline.after(60), ModelId.parse("things/77")
        cache.load_ahead(model_id, deadline)
        with pytest.raises(ModelNotFound):
            cache.get(model_id, deadline)
        cache.load_ahead(model_id, deadline)
        wait_for(lambda: all(loading.done() for loading in cache._ahead.values()))
        bucket.put_model(published("things/77"), NETWORK)
        assert cache.get(model_id, deadline).source == "s3"

    def test_what_nobody_asked_for_is_forgotten(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        cache = make_cache(bucket, tmp_path)
        for version in range(9):
            cache.load_ahead(ModelId.parse(f"things/{version}"), Deadline.after(60))
            wait_for(lambda: all(loading.done() for loading in cache._ahead.values()))
        assert len(cache._ahead) == 1


class TestAliases:
    def test_alias_and_version_share_a_model(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        cache = make_cache(bucket, tmp_path)

        assert [get(cache, "things/latest"), get(cache, "things/1")] == ["s3", "memory"]
        assert {name: manifest.model_id for name, manifest in cache.models().items()} == {
            "things/latest": "things/1",
            "things/1": "things/1",
        }

    def test_a_moved_alias_gives_the_other_version(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        cache = make_cache(bucket, tmp_path)
        get(cache, "things/latest")

        bucket.put_alias("things/latest", "2")

        assert cache.get(ModelId("things", "latest"), SOON).model.manifest.model_id == "things/2"
        assert cache.models()["things/latest"].model_id == "things/2"

    @pytest.mark.parametrize("name", ["things/latest", "things/1"])
    def test_removing_either_name_forgets_the_model(self, bucket: MemoryBucket, tmp_path: Path, name: str) -> None:
        cache = make_cache(bucket, tmp_path)
        get(cache, "things/latest")
        get(cache, "things/1")

        cache.remove(ModelId.parse(name))

        assert cache.models() == {}
        assert get(cache, "things/1") == "disk"


def test_removing_what_is_not_there_is_fine(bucket: MemoryBucket, tmp_path: Path) -> None:
    cache = make_cache(bucket, tmp_path)
    get(cache, "things/1")

    cache.remove(ModelId("things", "2"))
    cache.remove(ModelId("nothing", "1"))

    assert list(cache.models()) == ["things/1"]


def test_clear_forgets_all(bucket: MemoryBucket, tmp_path: Path) -> None:
    cache = make_cache(bucket, tmp_path)
    get(cache, "things/1")
    get(cache, "things/2")

    cache.clear()
    cache.clear()

    assert cache.models() == {}


class TestRefusals:
    def test_a_model_larger_than_the_budget(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        bucket.put_model(published("large/1", memory_bytes=36 * MB), NETWORK)
        cache = make_cache(bucket, tmp_path)
        get(cache, "things/1")

        with pytest.raises(HeavyModel, match=r"large/1 needs 36 MB; models have 35 MB here .*POST /jobs"):
            get(cache, "large/1")

        assert list(cache.models()) == ["things/1"]  # nothing was evicted in vain
        assert "models/large/1/weights.onnx" not in {key for key, _ in bucket.ranges}

    def test_a_model_for_gpus(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        bucket.put_model(published("heavy/1", device="gpu"), NETWORK)

        with pytest.raises(HeavyModel, match=r"heavy/1 was published for GPUs.*POST /jobs"):
            get(make_cache(bucket, tmp_path), "heavy/1")

    def test_who_has_time_runs_it_all_the_same(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        bucket.put_model(published("heavy/1", device="gpu"), NETWORK)
        registry, weights = Registry(bucket, alias_cache_s=0), WeightsCache(tmp_path, 10 * MB)
        cache = WarmCache(bucket, registry, weights, budget_bytes=35 * MB, threads=1, has_time=True)

        assert get(cache, "heavy/1") == "s3"

    def test_a_missing_model(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        with pytest.raises(ModelNotFound):
            get(make_cache(bucket, tmp_path), "things/99")

    def test_no_time_to_load(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        bucket.put_model(published("slow/1", load_ms=60_000.0), NETWORK)
        cache = make_cache(bucket, tmp_path)

        with pytest.raises(ModelLoading, match="slow/1 needs 60000 ms to load"):
            cache.get(ModelId("slow", "1"), Deadline.after(20))

        # the weights are there when the client comes back
        assert cache.get(ModelId("slow", "1"), SOON).source == "disk"

    def test_weights_that_are_no_network(self, bucket: MemoryBucket, tmp_path: Path) -> None:
        garbage = b"\x08\x07garbage" * 10
        bucket.put_model(published("broken/1", weights=package_file(garbage, part_bytes=64)))
        bucket.objects["models/broken/1/weights.onnx"] = garbage

        with pytest.raises(PackageCorrupt) as corrupt:
            get(make_cache(bucket, tmp_path), "broken/1")

        # the log may know the reason and the place; a client learns neither path nor runtime
        assert "broken/1" in corrupt.value.public
        assert str(tmp_path) not in corrupt.value.public and "ONNXRuntime" not in corrupt.value.public
        assert list(make_cache(bucket, tmp_path).models()) == []


@pytest.mark.parametrize(
    ("measured", "size_bytes", "expected"),
    [(7 * MB, 99 * MB, 7 * MB), (0, 10 * MB, 62 * MB)],
    ids=["as measured", "three times the weights and an arena"],
)
def test_memory_of_a_model(measured: int, size_bytes: int, expected: int) -> None:
    weights = replace(package_file(b"x"), size_bytes=size_bytes)

    assert memory_bytes(make_manifest(memory_bytes=measured, weights=weights)) == expected


def test_weights_from_bytes_and_from_a_file_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "weights.onnx").write_bytes(WEIGHTS)

    inputs = [
        load_model(published("things/1"), source, 1).session.get_inputs()[0].shape
        for source in (WEIGHTS, tmp_path / "weights.onnx")
    ]

    assert inputs == [[1, 3, 4, 4]] * 2
