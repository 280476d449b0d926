"""One process of Lambda's: its service, and its imports without the garbage collector.

What imports make stays, and looking through all of it again and again takes a tenth of their time.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retinue.service import Service

# Until the first event. Others import handlers too, tests for one: only where Lambda's runtime is.
if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    gc.disable()


@cache
def process_service() -> "Service":
    """The service of this process, from its environment: made with the first event."""
    from retinue.service import Service

    _collect_from_now()
    return Service.from_env(os.environ)


@contextmanager
def importing() -> Iterator[None]:
    """Collects nothing inside, and keeps what is there at the end for good."""
    gc.disable()
    try:
        yield
    finally:
        _collect_from_now()


def _collect_from_now() -> None:
    """Collects again, but never looks at what is there already."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
