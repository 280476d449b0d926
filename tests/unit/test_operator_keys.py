"""Making, listing and revoking API keys; what is made can be looked up."""

from typing import Any

import orjson
import pytest

from retinue.aws import Credentials, S3Reader
from retinue.errors import AuthError, NotFound
from retinue.keys import KeyStore, key_digest
from retinue.operator.keys import create_key, list_keys, revoke_key
from tests.unit.buckets import SOON


def test_a_key_is_random_and_stored_by_its_digest_only(s3: Any, bucket: str) -> None:
    keys = [create_key(s3, bucket, name="phone", scopes=("coins",)) for _ in range(3)]

    assert len(set(keys)) == 3 and all(len(key) == 32 for key in keys)
    for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        stored = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        assert set(orjson.loads(stored)) == {"name", "workspace", "scopes", "created"}
        assert not any(key in entry["Key"] or key.encode() in stored for key in keys)


def test_list(s3: Any, bucket: str) -> None:
    assert list_keys(s3, bucket) == []
    first = create_key(s3, bucket, name="phone", workspace="team", scopes=("coins", "notes"))
    create_key(s3, bucket, name="laptop")

    records = {record.name: record for record in list_keys(s3, bucket)}

    assert set(records) == {"phone", "laptop"}
    phone = records["phone"]
    assert (phone.digest, phone.workspace, phone.scopes) == (key_digest(first), "team", ("coins", "notes"))
    assert records["laptop"].scopes == ("*",) and phone.created.endswith("+00:00")


def test_a_new_key_opens_what_it_is_for_until_it_is_revoked(s3: Any, bucket: str, s3_url: str) -> None:
    reader = S3Reader(bucket, region="us-east-1", credentials=Credentials("testing", "testing"), endpoint_url=s3_url)
    store = KeyStore(reader, cache_s=0)
    key = create_key(s3, bucket, name="phone", scopes=("coins",))

    access = store.lookup(key, SOON)
    revoke_key(s3, bucket, key)

    assert access.allows("coins") and not access.allows("notes")
    with pytest.raises(AuthError):
        store.lookup(key, SOON)
    for connection in reader._idle:
        connection.close()


@pytest.mark.parametrize("length", [6, 12, 64], ids=lambda length: f"{length} characters of the id")
def test_revoke_by_id(s3: Any, bucket: str, length: int) -> None:
    key = create_key(s3, bucket, name="phone")

    revoked = revoke_key(s3, bucket, key_digest(key)[:length])

    assert revoked.name == "phone" and list_keys(s3, bucket) == []


@pytest.mark.parametrize("length", [0, 1, 5])
def test_too_little_of_an_id_revokes_nothing(s3: Any, bucket: str, length: int) -> None:
    key = create_key(s3, bucket, name="phone")

    with pytest.raises(NotFound, match="0 keys match"):
        revoke_key(s3, bucket, key_digest(key)[:length])

    assert len(list_keys(s3, bucket)) == 1


def test_an_id_of_two_keys_revokes_none(s3: Any, bucket: str) -> None:
    record = orjson.dumps({"name": "n", "workspace": "w", "scopes": ["*"], "created": "2026"})
    for last in "01":
        s3.put_object(Bucket=bucket, Key=f"keys/{'a' * 63}{last}.json", Body=record)

    with pytest.raises(NotFound, match="2 keys match"):
        revoke_key(s3, bucket, "aaaaaaaa")

    assert revoke_key(s3, bucket, "a" * 63 + "0").digest == "a" * 63 + "0"


def test_a_key_that_is_not_there(s3: Any, bucket: str) -> None:
    create_key(s3, bucket, name="phone")

    with pytest.raises(NotFound, match="give a key, or enough of its id"):
        revoke_key(s3, bucket, "not a key")
