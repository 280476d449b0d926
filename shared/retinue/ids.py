"""Ids of what an answer holds, and the time of pictures that have none: random and now, but inside a job a function of
the picture, so that every attempt at it writes the same bytes.

with ids_of("6f0c..."):
    render_prediction(...)  # the same detection ids each time
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from itertools import count

_source: ContextVar[Callable[[], str] | None] = ContextVar("retinue_ids", default=None)


def new_id() -> str:
    """A random UUID, or the next one of the surrounding `ids_of`."""
    source = _source.get()
    return str(uuid.uuid4()) if source is None else source()


def picture_time() -> datetime:
    """When a picture that comes from no video was taken, naive and local: now; inside an `ids_of` always 1970."""
    return datetime.now() if _source.get() is None else datetime(1970, 1, 1)


@contextmanager
def ids_of(owner: str) -> Iterator[None]:
    """Inside, `new_id` gives uuid5(owner, "0"), uuid5(owner, "1") and so on. `owner` is a UUID. Raises ValueError."""
    namespace, numbers = uuid.UUID(owner), count()
    token = _source.set(lambda: str(uuid.uuid5(namespace, str(next(numbers)))))
    try:
        yield
    finally:
        _source.reset(token)
