"""Ids: random in general, a function of their owner inside a job."""

import threading
import uuid

import pytest

from retinue.ids import ids_of, new_id

OWNER = "6f0c2f52-4b6e-5b4c-9d3e-0a1b2c3d4e5f"


def test_ids_are_random() -> None:
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100 and all(uuid.UUID(text).version == 4 for text in ids)


def test_inside_they_follow_from_the_owner_and_their_number() -> None:
    runs = []
    for _ in range(2):
        with ids_of(OWNER):
            runs.append([new_id() for _ in range(5)])
    assert runs[0] == runs[1] and len(set(runs[0])) == 5
    assert runs[0][0] == str(uuid.uuid5(uuid.UUID(OWNER), "0"))
    assert uuid.UUID(new_id()).version == 4


def test_another_owner_has_others() -> None:
    with ids_of(OWNER):
        first = new_id()
        with ids_of(str(uuid.uuid5(uuid.UUID(OWNER), "other"))):
            assert new_id() != first
        assert new_id() == str(uuid.uuid5(uuid.UUID(OWNER), "1"))


def test_other_threads_are_not_concerned() -> None:
    seen: list[str] = []
    with ids_of(OWNER):
        thread = threading.Thread(target=lambda: seen.append(new_id()))
        thread.start()
        thread.join()
    assert uuid.UUID(seen[0]).version == 4


def test_an_owner_is_a_uuid() -> None:
    with pytest.raises(ValueError), ids_of("x"):
        pass
