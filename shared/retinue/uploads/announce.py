"""Events on the account's default event bus (EventBridge), for whoever wants to follow uploads."""

from collections.abc import Mapping
from typing import Any

import orjson

from retinue.aws import boto3_errors
from retinue.errors import StorageUnavailable
from retinue.uploads.events import Upload
from retinue.uploads.layout import Target

SOURCE = "retinue"
FINISHED, FAILED = "Inference finished", "Inference failed"


class Announcer:
    """Sends events. client is a boto3 client of EventBridge."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def announce(self, kind: str, upload: Upload, target: Target | None, facts: Mapping[str, Any]) -> None:
        """Sends one event: `kind` and what happened to the upload. Raises StorageUnavailable."""
        detail = {
            "id": upload.id,
            "bucket": upload.bucket,
            "key": upload.key,
            "version": upload.version or None,
            "target": None if target is None else str(target),
            **facts,
        }
        entry = {"Source": SOURCE, "DetailType": kind, "Detail": orjson.dumps(detail).decode()}
        try:
            refused = self._client.put_events(Entries=[entry])["FailedEntryCount"]
        except boto3_errors() as exc:
            raise StorageUnavailable(f"the event of {upload.key} was not sent: {exc}") from exc
        if refused:
            raise StorageUnavailable(f"the event bus did not take the event of {upload.key}")
