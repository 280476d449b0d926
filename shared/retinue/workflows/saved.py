"""Saved workflows: documents in S3 as `workflows/{workspace}/{id}.json`, and their versions beside."""

import re
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Any

import orjson

from retinue.aws import S3Reader
from retinue.deadline import Deadline
from retinue.errors import NotFound, RequestError, WorkflowCorrupt, WorkflowNotFound
from retinue.models.package import RESERVED_PROJECTS

# The last segment of a route: a workflow of that name could not be told from it.
RESERVED_WORKFLOWS = frozenset({"describe_interface"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,127}")
_MOST_REMEMBERED = 256


def workflow_object(workspace: str, workflow_id: str, version: str | None = None) -> str:
    """The S3 key of a saved workflow, or of one version of it. Raises RequestError for names that none can have."""
    for what, name in (("workspace", workspace), ("workflow id", workflow_id), ("version", version or "1")):
        if not _NAME.fullmatch(name):
            raise RequestError(
                f"{name[:80]!r} is no {what}: at most 128 letters, digits, '-' and '_', the first a letter or digit."
            )
    if workspace in RESERVED_PROJECTS or workflow_id in RESERVED_WORKFLOWS:
        raise RequestError(f"'{workspace}/{workflow_id}' has the name of a route in it; no workflow can be called so.")
    folder = f"workflows/{workspace}/{workflow_id}"
    return f"{folder}.json" if version is None else f"{folder}/{version}.json"


class SavedWorkflows:
    """Reads saved workflows, through a short cache."""

    def __init__(self, reader: S3Reader, cache_s: float) -> None:
        self._reader, self._cache_s = reader, cache_s
        self._known: OrderedDict[str, tuple[float, dict[str, Any]]] = OrderedDict()

    def get(
        self, workspace: str, workflow_id: str, version: str | None, deadline: Deadline, *, is_fresh: bool = False
    ) -> dict[str, Any]:
        """The document. is_fresh: read it again although it is known.

        Raises WorkflowNotFound, WorkflowCorrupt, and RequestError for names that no workflow can have.
        """
        key = workflow_object(workspace, workflow_id, version)
        until, document = self._known.get(key, (0.0, {}))
        if is_fresh or time.monotonic() >= until:
            try:
                document = _parsed(self._reader.read(key, deadline), key)
            except NotFound as exc:
                raise WorkflowNotFound(
                    f"There is no workflow {workspace}/{workflow_id}{f' version {version}' if version else ''}. "
                    "Save it with `retinue workflows put`."
                ) from exc
            self._known[key] = (time.monotonic() + self._cache_s, document)
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return document


def _parsed(text: bytes, key: str) -> dict[str, Any]:
    with suppress(orjson.JSONDecodeError):
        document = orjson.loads(text)
        if isinstance(document, dict):
            return document
    raise WorkflowCorrupt(f"The saved workflow {key} is no JSON object. Save it again with `retinue workflows put`.")
