"""API keys: what a key may do, and the lookup of a key.

A key is random and shown once. The bucket holds `keys/{sha256 of the key}.json` with its workspace and scopes,
so that nothing stored or logged lets anyone use it.
"""

import hashlib
import time
from dataclasses import dataclass

import orjson

from retinue.aws import S3Reader
from retinue.deadline import Deadline
from retinue.errors import AuthError, Forbidden, NotFound

EVERY_PROJECT = "*"
# A key that was refused is looked up again soon: it may just have been created.
_REFUSAL_CACHE_S = 5.0
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Access:
    """What an API key opens: the projects in `scopes`, or every one if `*` is among them."""

    workspace: str
    scopes: frozenset[str]

    def allows(self, project: str) -> bool:
        """Whether models of `project` may be seen and used."""
        return EVERY_PROJECT in self.scopes or project in self.scopes

    def require(self, project: str) -> None:
        """Raises Forbidden unless `project` is in scope; says nothing about whether it exists."""
        if not self.allows(project):
            raise Forbidden(
                f"This API key is not for project {project}; its scopes are {', '.join(sorted(self.scopes))}."
            )


def key_digest(key: str) -> str:
    """The name under which a key is stored: its SHA-256 in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_object(digest: str) -> str:
    """The S3 key of the object that describes an API key."""
    return f"keys/{digest}.json"


class KeyStore:
    """Looks API keys up in S3, through a short cache."""

    def __init__(self, reader: S3Reader, cache_s: float) -> None:
        self._reader = reader
        self._cache_s = cache_s
        self._known: dict[str, tuple[float, Access | None]] = {}

    def lookup(self, key: str | None, deadline: Deadline) -> Access:
        """What `key` opens. Raises AuthError if there is no key, or no such key."""
        if not key:
            raise AuthError("no API key in query, header or body", public="Unauthorized api_key")
        digest = key_digest(key)
        until, access = self._known.get(digest, (0.0, None))
        if time.monotonic() >= until:
            access = self._read(digest, deadline)
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            lifetime_s = self._cache_s if access else min(self._cache_s, _REFUSAL_CACHE_S)
            self._known[digest] = (time.monotonic() + lifetime_s, access)
        if access is None:
            raise AuthError(
                f"unknown API key (sha256 {digest[:8]}...)",
                public="Unauthorized api_key. This key is not authorized for serverless inference.",
            )
        return access

    def _read(self, digest: str, deadline: Deadline) -> Access | None:
        try:
            record = orjson.loads(self._reader.read(key_object(digest), deadline))
        except NotFound:
            return None
        return Access(workspace=record["workspace"], scopes=frozenset(record["scopes"]))
