"""Finds manifests by version and by alias, through a cache."""

import pytest

from retinue.errors import ModelNotFound, PackageCorrupt
from retinue.models.package import ModelId
from retinue.models.registry import Registry
from tests.unit.buckets import SOON, MemoryBucket
from tests.unit.networks import make_manifest

VERSION, LATEST = ModelId("things", "1"), ModelId("things", "latest")


@pytest.fixture
def bucket() -> MemoryBucket:
    """things/1 and things/2, where `latest` means 1."""
    bucket = MemoryBucket()
    for version in ("1", "2"):
        bucket.put_model(make_manifest(model_id=f"things/{version}"))
    bucket.put_alias("things/latest", "1")
    return bucket


def test_a_version_is_read_once(bucket: MemoryBucket) -> None:
    registry = Registry(bucket, alias_cache_s=0)

    found = [registry.resolve(VERSION, SOON) for _ in range(3)]

    assert found == [make_manifest(model_id="things/1")] * 3
    assert bucket.reads == {"models/things/1/manifest.json": 1}


def test_an_alias_is_remembered_for_its_time(bucket: MemoryBucket) -> None:
    registry = Registry(bucket, alias_cache_s=3600)
    assert registry.resolve(LATEST, SOON).model_id == "things/1"

    bucket.put_alias("things/latest", "2")

    assert registry.resolve(LATEST, SOON).model_id == "things/1"
    assert bucket.reads["aliases/things/latest.json"] == 1


def test_a_moved_alias_is_followed_once_its_time_is_over(bucket: MemoryBucket) -> None:
    registry = Registry(bucket, alias_cache_s=0)
    assert registry.resolve(LATEST, SOON).model_id == "things/1"

    bucket.put_alias("things/latest", "2")

    assert registry.resolve(LATEST, SOON).model_id == "things/2"
    # the manifest of a version by the alias's name is looked for only once
    assert bucket.reads["models/things/latest/manifest.json"] == 1
    assert bucket.reads["aliases/things/latest.json"] == 2


@pytest.mark.parametrize("model_id", ["things/3", "things/none", "nothing/1"])
def test_missing(bucket: MemoryBucket, model_id: str) -> None:
    project, version = model_id.split("/")

    with pytest.raises(ModelNotFound) as missing:
        Registry(bucket, 60).resolve(ModelId.parse(model_id), SOON)

    assert missing.value.public == f"Project {project} has no version or alias {version}."


def test_a_model_published_after_it_was_missed_is_found(bucket: MemoryBucket) -> None:
    registry = Registry(bucket, alias_cache_s=3600)
    with pytest.raises(ModelNotFound):
        registry.resolve(ModelId("things", "3"), SOON)

    bucket.put_model(make_manifest(model_id="things/3"))

    assert registry.resolve(ModelId("things", "3"), SOON).model_id == "things/3"


def test_a_removed_alias_is_missing_once_its_time_is_over(bucket: MemoryBucket) -> None:
    registry = Registry(bucket, alias_cache_s=0)
    registry.resolve(LATEST, SOON)

    del bucket.objects["aliases/things/latest.json"]

    for _ in range(2):
        with pytest.raises(ModelNotFound):
            registry.resolve(LATEST, SOON)


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        (b'{"version": "9"}', "alias things/latest means things/9, which does not exist"),
        (b"{", "cannot be read"),
        (b"{}", "cannot be read"),
        (b"[1]", "cannot be read"),
    ],
)
def test_a_broken_alias(bucket: MemoryBucket, alias: bytes, reason: str) -> None:
    bucket.objects["aliases/things/latest.json"] = alias

    with pytest.raises(PackageCorrupt, match=reason):
        Registry(bucket, 60).resolve(LATEST, SOON)


def test_a_broken_manifest(bucket: MemoryBucket) -> None:
    bucket.objects["models/things/1/manifest.json"] = b"{}"

    with pytest.raises(PackageCorrupt, match="format None"):
        Registry(bucket, 60).resolve(LATEST, SOON)
