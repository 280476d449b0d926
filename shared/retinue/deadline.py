"""How much time is left for a request."""

import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, in seconds, after which an answer is of no use."""

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining_s(self) -> float:
        """Seconds left; negative when it has passed."""
        return self.at_s - time.monotonic()
