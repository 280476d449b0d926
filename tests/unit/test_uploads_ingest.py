"""One upload, delivered however often and in whatever order: what is written, what is told, what is tried again."""

import time
from typing import Any

import orjson
import pytest

from retinue.config import Settings
from retinue.deadline import Deadline
from retinue.errors import BadUploadKey, StorageUnavailable, UploadAtWork, UploadGone
from retinue.observe import RequestRecord
from retinue.service import Service
from retinue.uploads.events import Upload
from retinue.uploads.ingest import Delivery, Ingest
from retinue.uploads.layout import failure_key, result_key
from retinue.uploads.store import UploadStore

KEY = "inbox/coins/1/a.png"
RESULT, FAILURE = result_key(KEY), failure_key(KEY)


class Bus:
    """Notes what is told; refuses the first `refusals`."""

    def __init__(self, refusals: int = 0) -> None:
        self.told: list[tuple[str, str]] = []
        self.refusals = refusals

    def announce(self, kind: str, upload: Upload, target: Any, facts: Any) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StorageUnavailable("the bus is silent")
        self.told.append((kind, upload.version))


class World:
    """A bucket with versions, and an ingest over it."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3, self.bucket, self.bus, self.store = s3, bucket, Bus(), UploadStore(s3, bucket)

    def upload(self, version: str, sequencer: str, key: str = KEY) -> Upload:
        return Upload(self.bucket, key, version, sequencer)

    def deliver(self, upload: Upload, message_id: str = "m-1", attempt: int = 1) -> None:
        service = Service(Settings(ingest_deliveries=3), None, None)  # type: ignore[arg-type]
        ingest = Ingest(service, self.store, self.bus, telling_s=2.0)  # type: ignore[arg-type]
        ingest(Delivery(upload, message_id, attempt, Deadline.after(10), RequestRecord()))

    def versions(self, key: str) -> int:
        return len(self.s3.list_object_versions(Bucket=self.bucket, Prefix=key).get("Versions", []))

    def failure(self) -> dict[str, Any]:
        record: dict[str, Any] = orjson.loads(self.store.content(FAILURE))
        return record


@pytest.fixture
def world(s3: Any, bucket: str) -> World:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return World(s3, bucket)


@pytest.mark.parametrize(
    ("there", "comes", "written", "owner"),
    [
        pytest.param(None, ("v1", "01"), "written", "v1", id="nothing there"),
        pytest.param(("v1", "01"), ("v2", "02"), "written", "v2", id="later over earlier"),
        pytest.param(("v1", "01"), ("v1", "01"), "same", "v1", id="the same again"),
        pytest.param(("v2", "02"), ("v1", "01"), "later", "v2", id="never earlier over later"),
        pytest.param(("v2", "1"), ("v1", "0F"), "later", "v2", id="sequencers of two lengths"),
        pytest.param(("", ""), ("v1", "01"), "written", "v1", id="over what is not ours"),
        pytest.param(("v1", "01"), ("v2", "01"), "later", "v1", id="two versions of one moment: the first stays"),
    ],
)
def test_who_wins(
    world: World, there: tuple[str, str] | None, comes: tuple[str, str], written: str, owner: str
) -> None:
    if there is not None:
        world.store.put(RESULT, b"there", world.upload(*there))
    assert world.store.put(RESULT, b"comes", world.upload(*comes)) == written
    trace = world.store.trace(RESULT)
    assert trace is not None and trace.version == owner
    assert world.store.content(RESULT) == (b"comes" if written == "written" else b"there")


def test_a_write_in_between_is_seen(world: World) -> None:
    first, second = world.upload("v1", "01"), world.upload("v2", "02")
    seen = world.store.trace(RESULT)
    world.store.put(RESULT, b"second", second)
    assert not world.store.replace(RESULT, b"first", first, seen, is_untold=False)
    assert world.store.put(RESULT, b"first", first) == "later"
    assert world.store.content(RESULT) == b"second"


def test_an_answered_upload_is_left_alone(world: World) -> None:
    upload = world.upload("v1", "01")
    world.store.put(RESULT, b"{}", upload)
    world.deliver(upload)
    world.deliver(world.upload("v0", "00"))
    assert (world.bus.told, world.versions(RESULT)) == ([], 1)


def test_the_event_of_a_process_that_died_is_sent_by_the_next_delivery(world: World) -> None:
    upload = world.upload("v1", "01")
    world.store.put(RESULT, b"{}", upload, is_untold=True)
    # somebody may be just about to send it
    with pytest.raises(UploadAtWork):
        world.deliver(upload)
    assert world.store.trace(FAILURE) is None
    time.sleep(3.1)  # S3 counts in whole seconds
    world.deliver(upload)
    world.deliver(upload)
    assert world.bus.told == [("Inference finished", "v1")]


def test_a_silent_bus_is_asked_again(world: World) -> None:
    upload = world.upload("v1", "01")
    world.store.put(RESULT, b"{}", upload, is_untold=True)
    time.sleep(3.1)
    world.bus.refusals = 1
    with pytest.raises(StorageUnavailable):
        world.deliver(upload)
    assert (world.failure()["is_final"], world.bus.told) == (False, [])  # it may pass
    world.deliver(upload, attempt=2)
    assert world.bus.told == [("Inference finished", "v1")]
    assert world.store.trace(FAILURE) is None


def test_what_may_pass_is_told_with_the_last_delivery(world: World) -> None:
    upload = world.upload("v1", "01")
    world.store.put(RESULT, b"{}", upload, is_untold=True)
    time.sleep(3.1)
    for attempt in (1, 2, 3):
        world.bus.refusals = 1
        with pytest.raises(StorageUnavailable):
            world.deliver(upload, attempt=attempt)
        assert world.failure()["attempt"] == attempt
    assert world.failure()["is_final"]
    assert world.bus.told == [("Inference failed", "v1")]


def test_what_cannot_pass_is_told_once(world: World) -> None:
    upload = world.upload("no-such-version", "01")
    for attempt in (1, 2, 3):
        with pytest.raises(UploadGone):
            world.deliver(upload, attempt=attempt)
    assert (world.failure()["error_type"], world.failure()["attempt"]) == ("UploadGone", 3)
    assert world.bus.told == [("Inference failed", "no-such-version")]


def test_a_second_message_of_a_failed_upload_is_done(world: World) -> None:
    upload = world.upload("no-such-version", "01")
    with pytest.raises(UploadGone):
        world.deliver(upload, "m-1")
    world.deliver(upload, "m-2")  # raises nothing: the first one will be the dead letter
    with pytest.raises(UploadGone):
        world.deliver(upload, "m-1", attempt=2)
    assert world.failure()["message_id"] == "m-1"


def test_an_earlier_failure_does_not_hide_a_later_one(world: World) -> None:
    with pytest.raises(UploadGone):
        world.deliver(world.upload("gone-2", "02"))
    world.deliver(world.upload("gone-1", "01"), "m-2")
    assert world.failure()["version"] == "gone-2"
    with pytest.raises(UploadGone):
        world.deliver(world.upload("gone-3", "03"), "m-3")
    assert world.failure()["version"] == "gone-3"


def test_the_event_of_a_failure_that_a_dead_process_owes(world: World) -> None:
    upload = world.upload("no-such-version", "01")
    world.bus.refusals = 1
    with pytest.raises(StorageUnavailable):
        world.deliver(upload)
    with pytest.raises(UploadGone):
        world.deliver(upload, attempt=2)
    assert world.bus.told == [("Inference failed", "no-such-version")]


@pytest.mark.parametrize("key", ["results/coins/1/a.png.json", "inbox/a.png", "uploads/team/0"])
def test_what_is_not_for_it_is_never_answered(world: World, key: str) -> None:
    with pytest.raises(BadUploadKey):
        world.deliver(world.upload("v1", "01", key))
    assert world.versions("results/") == 0


def test_folders_of_consoles_are_done(world: World) -> None:
    world.deliver(world.upload("v1", "01", "inbox/coins/1/"))
    assert world.s3.list_objects_v2(Bucket=world.bucket)["KeyCount"] == 0
