"""Imports of a starting copy, without the garbage collector: what they make stays, and looking through all of it again
and again takes a tenth of their time."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

# Only in a process of Lambda's: others import handlers too, tests for one.
if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    gc.disable()


def imports_are_done() -> None:
    """Collects from now on, but never looks at what is there already."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


@contextmanager
def importing() -> Iterator[None]:
    """Collects nothing inside, and keeps what is there at the end for good."""
    gc.disable()
    try:
        yield
    finally:
        imports_are_done()
