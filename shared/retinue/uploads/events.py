"""From a message of the queue to the uploads that it tells of.

S3's messages (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html) come at least
once and in no order; keys are written as in a form: `+` for a space.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

import orjson

from retinue.errors import UnreadableMessage
from retinue.jobs.layout import item_id

_TEST_EVENT = "s3:TestEvent"
_CREATED = "ObjectCreated:"


@dataclass(frozen=True, slots=True)
class Upload:
    """One version of an object; version is empty in a bucket without versions."""

    bucket: str
    key: str
    version: str
    sequencer: str

    @property
    def id(self) -> str:
        """The same for every delivery of the same version: a UUID of bucket, key and version."""
        return item_id(self.bucket, self.key, self.version or None)

    @property
    def is_folder(self) -> bool:
        """Whether it is what consoles make of a new folder."""
        return self.key.endswith("/")


def uploads_of(body: str) -> list[Upload]:
    """The uploads in the body of a message; none in the test that S3 sends when it is told of a queue.

    Raises UnreadableMessage.
    """
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise UnreadableMessage(f"the message is no JSON: {exc}") from exc
    if isinstance(message, dict) and message.get("Event") == _TEST_EVENT:
        return []
    records = message.get("Records") if isinstance(message, dict) else None
    if not isinstance(records, list):
        raise UnreadableMessage("the message has no list of Records: it is no event of a bucket")
    return [_upload_of(record) for record in records]


def _upload_of(record: Mapping[str, Any]) -> Upload:
    try:
        event, stored = str(record["eventName"]), record["s3"]["object"]
        upload = Upload(
            str(record["s3"]["bucket"]["name"]),
            unquote_plus(stored["key"], errors="strict"),
            str(stored.get("versionId") or ""),
            str(stored.get("sequencer") or ""),
        )
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as exc:
        raise UnreadableMessage(f"a record of the message is no event of a bucket: {exc!r}") from exc
    if not event.startswith(_CREATED):
        raise UnreadableMessage(f"{upload.key!r} tells of {event}; only s3:{_CREATED}* is answered")
    return upload


def is_later(sequencer: str, than: str) -> bool:
    """Whether one event of an object came after another: sequencers compare as texts once zeros fill the shorter one's
    end. Case does not count, and an empty one is older than any other."""
    length = max(len(sequencer), len(than))
    return sequencer.upper().ljust(length, "0") > than.upper().ljust(length, "0")
