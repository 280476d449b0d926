"""Making, listing and revoking API keys."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from retinue.errors import NotFound, RequestError
from retinue.keys import EVERY_PROJECT, key_digest, key_object
from retinue.models.package import RESERVED_PROJECTS

_RANDOM_BYTES = 24
_LEAST_PREFIX = 6


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is stored of a key; the key itself is not."""

    digest: str
    name: str
    workspace: str
    scopes: tuple[str, ...]
    created: str


def create_key(
    s3: Any, bucket: str, *, name: str, workspace: str = "default", scopes: tuple[str, ...] = (EVERY_PROJECT,)
) -> str:
    """A new random key, stored by its SHA-256 only: this is the one time that it can be seen. s3 is a boto3
    client. Raises RequestError for a workspace that no route reaches."""
    if workspace in RESERVED_PROJECTS:
        raise RequestError(f"{workspace!r} is the name of a route; choose another workspace name")
    key = secrets.token_urlsafe(_RANDOM_BYTES)
    record = {
        "name": name,
        "workspace": workspace,
        "scopes": list(scopes),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    s3.put_object(Bucket=bucket, Key=key_object(key_digest(key)), Body=orjson.dumps(record))
    return key


def list_keys(s3: Any, bucket: str) -> list[KeyRecord]:
    """All keys, oldest first."""
    records = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="keys/"):
        for entry in page.get("Contents", []):
            record = orjson.loads(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
            digest = entry["Key"].removeprefix("keys/").removesuffix(".json")
            records.append(
                KeyRecord(digest, record["name"], record["workspace"], tuple(record["scopes"]), record["created"])
            )
    return sorted(records, key=lambda record: (record.created, record.digest))


def revoke_key(s3: Any, bucket: str, key_or_digest: str) -> KeyRecord:
    """Deletes a key, given itself or at least six characters of its digest. Raises NotFound unless exactly one
    matches."""
    matches = [
        record
        for record in list_keys(s3, bucket)
        if record.digest == key_digest(key_or_digest)
        or (len(key_or_digest) >= _LEAST_PREFIX and record.digest.startswith(key_or_digest))
    ]
    if len(matches) != 1:
        raise NotFound(f"{len(matches)} keys match; give a key, or enough of its id as `retinue keys list` shows it")
    s3.delete_object(Bucket=bucket, Key=key_object(matches[0].digest))
    return matches[0]
