"""What is asked about the pictures of a job: a model or a workflow. Both answer as the synchronous routes do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from retinue.images.decode import Image
from retinue.worker.pictures import Failure


@dataclass(frozen=True, slots=True)
class Ready:
    """A picture as its target wants it, made ahead on a thread; `size_bytes` of memory are held by it."""

    item_id: str
    content: Any
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes into the line of an item, and the drawn picture, a JPEG, where one was asked for."""

    result: dict[str, Any] | Failure
    drawing: bytes = b""


@dataclass(frozen=True, slots=True)
class Moment:
    """Which frame of which video a picture is: its place among all frames from 0, its time since the first one."""

    video_id: str
    frame_offset: int
    time_s: float
    fps: float
    total_frames: int | None


class Target(Protocol):
    """A model or a workflow, loaded."""

    batch_size: int

    def prepare(self, item_id: str, image: Image, moment: Moment | None = None) -> Ready:
        """The picture made ready for `answer`; `moment` if it is a frame. Called on several threads."""

    def answer(self, batch: Sequence[Ready | Failure]) -> list[Answer]:
        """One answer for each place of a batch, in order.

        A function of the pictures in it alone: no times, no random ids, and the same for one picture whether its
        neighbour can be had or not.
        """
