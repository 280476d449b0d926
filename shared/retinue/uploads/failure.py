"""Why an upload has no answer: the record in `failures/`, which the queue's messages cannot carry."""

import re
from dataclasses import dataclass, fields
from typing import Self

import orjson

from retinue.errors import Busy, ImageError, RetinueError

# Pillow names the buffer that it reads, which says nothing to anybody.
_BUFFER = re.compile(r" <_io\.BytesIO object at 0x[0-9a-f]+>")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """Why the latest delivery failed. is_final: another one without a change would fail as well, or was the last.

    message_id: of the queue's message; the same upload may come in two of them.
    """

    bucket: str
    key: str
    version: str
    target: str
    error_type: str
    reason: str
    attempt: int
    is_final: bool
    message_id: str
    time: str

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """The record in a file. Raises ValueError."""
        values = orjson.loads(content)
        try:
            return cls(**{spec.name: values[spec.name] for spec in fields(cls)})
        except (KeyError, TypeError) as exc:
            raise ValueError(f"no record of a failure: {exc!r}") from exc


def is_permanent(error: Exception) -> bool:
    """Whether the same upload would fail again unless somebody changes something; what nobody expected may pass."""
    cause = getattr(error, "inner", None) or error  # of a workflow's step
    return isinstance(error, RetinueError) and not isinstance(cause, Busy)


def error_type_of(error: Exception) -> str:
    """The name of what went wrong; errors of workflows have one that clients know."""
    return str(getattr(error, "type", type(error).__name__))


def reason_of(error: Exception) -> str:
    """What went wrong, for the operator, and for the sender of the picture."""
    if isinstance(error, ImageError):
        return f"The picture cannot be read: {_BUFFER.sub('', error.message)}"
    if isinstance(error, RetinueError):
        return error.message
    return f"Unexpected error {type(error).__name__}; the log of the function says more."
