"""API keys: scopes, and the lookup through a short cache."""

import hashlib

import orjson
import pytest

from retinue.errors import AuthError, Forbidden
from retinue.keys import Access, KeyStore, key_digest, key_object
from tests.unit.buckets import SOON, MemoryBucket

KEY = "correct horse"


def put_key(bucket: MemoryBucket, key: str, *scopes: str) -> str:
    """Stores a key; returns the name of its object."""
    name = key_object(key_digest(key))
    bucket.objects[name] = orjson.dumps({"name": "n", "workspace": "team", "scopes": scopes, "created": "today"})
    return name


def test_a_key_is_stored_by_its_digest_only() -> None:
    digest = hashlib.sha256(b"correct horse").hexdigest()

    assert key_object(key_digest(KEY)) == f"keys/{digest}.json"


@pytest.mark.parametrize(
    ("scopes", "project", "expected"),
    [
        ({"*"}, "coins", True),
        ({"coins"}, "coins", True),
        ({"coins", "notes"}, "notes", True),
        ({"coins"}, "coins2", False),
        ({"coins"}, "Coins", False),
        ({"coins*"}, "coins1", False),  # no patterns
        (set(), "coins", False),
    ],
)
def test_scopes(scopes: set[str], project: str, expected: bool) -> None:
    access = Access("team", frozenset(scopes))

    assert access.allows(project) is expected
    if expected:
        access.require(project)
    else:
        with pytest.raises(Forbidden, match=f"not for project {project}"):
            access.require(project)


def test_lookup() -> None:
    bucket = MemoryBucket()
    put_key(bucket, KEY, "coins", "notes")

    assert KeyStore(bucket, 60).lookup(KEY, SOON) == Access("team", frozenset({"coins", "notes"}))


@pytest.mark.parametrize("key", [None, ""])
def test_no_key(key: str | None) -> None:
    with pytest.raises(AuthError) as refused:
        KeyStore(MemoryBucket(), 60).lookup(key, SOON)

    assert refused.value.public == "Unauthorized api_key"


@pytest.mark.parametrize("key", ["wrong", "../models/coins/1/manifest", "ключ", "x" * 100_000])
def test_an_unknown_key(key: str) -> None:
    bucket = MemoryBucket()
    put_key(bucket, KEY, "*")

    with pytest.raises(AuthError) as refused:
        KeyStore(bucket, 60).lookup(key, SOON)

    assert refused.value.public == ("Unauthorized api_key. This key is not authorized for serverless inference.")
    assert key not in refused.value.message + refused.value.public  # neither a client nor a log learns it


def test_a_key_is_read_once_within_its_time() -> None:
    bucket = MemoryBucket()
    name, store = put_key(bucket, KEY, "*"), KeyStore(bucket, 3600)

    for _ in range(3):
        store.lookup(KEY, SOON)

    assert bucket.reads[name] == 1


def test_a_revoked_key_is_refused_once_its_time_is_over() -> None:
    bucket = MemoryBucket()
    name, remembering, forgetful = put_key(bucket, KEY, "*"), KeyStore(bucket, 3600), KeyStore(bucket, 0)
    remembering.lookup(KEY, SOON)
    forgetful.lookup(KEY, SOON)

    del bucket.objects[name]

    remembering.lookup(KEY, SOON)
    with pytest.raises(AuthError):
        forgetful.lookup(KEY, SOON)


def test_a_refusal_is_remembered_but_not_for_long() -> None:
    bucket = MemoryBucket()
    remembering, forgetful = KeyStore(bucket, 3600), KeyStore(bucket, 0)
    for store in (remembering, forgetful):
        with pytest.raises(AuthError):
            store.lookup(KEY, SOON)

    name = put_key(bucket, KEY, "*")
    bucket.reads.clear()

    assert forgetful.lookup(KEY, SOON).workspace == "team"
    with pytest.raises(AuthError):
        remembering.lookup(KEY, SOON)
    assert bucket.reads[name] == 1


def test_guessing_does_not_fill_the_memory() -> None:
    store = KeyStore(MemoryBucket(), 3600)
    for guess in range(2500):
        with pytest.raises(AuthError):
            store.lookup(str(guess), SOON)

    assert len(store._known) <= 1000
