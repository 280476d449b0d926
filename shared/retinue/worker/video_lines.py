"""What is asked about the frames of a video, and the lines that come of it."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from retinue.video.frames import Frame, Video, VideoError
from retinue.worker.pictures import Failure
from retinue.worker.plan import Item, Plan
from retinue.worker.targets import Answer, Moment, Ready, Target


@dataclass(frozen=True, slots=True)
class Asked:
    """One of those asked: under `name` in the `results` of a line, or, without a name, as its `result`."""

    name: str
    target: Target


@dataclass(frozen=True, slots=True)
class ReadyFrame:
    """A frame that was made ready for each of those asked."""

    frame: Frame  # without its picture
    ready: tuple[Ready, ...]

    @property
    def size_bytes(self) -> int:
        """Memory held."""
        return sum(ready.size_bytes for ready in self.ready)


@dataclass(frozen=True, slots=True)
class VideoEnd:
    """Comes after the last frame: how many there were, and what was wrong with the file."""

    frames: int
    problem: VideoError | None

    size_bytes = 0


def asked_of(plan: Plan, make_target: Callable[[Plan], Target]) -> list[Asked]:
    """Those that the plan names, loaded."""
    plain = replace(plan, is_drawn=False)  # drawn is at the end, with the ids of the objects
    target = plan.target
    if target.kind != "models":
        return [Asked("", make_target(plain))]
    asked = []
    for model_id, parameters in target.models:
        alone = replace(target, kind="model", model_id=model_id, models=(), beside=None)
        asked.append(Asked(model_id, make_target(replace(plain, target=alone, parameters=parameters))))
    if target.beside is not None:
        asked.append(Asked("", make_target(replace(plain, target=target.beside))))
    return asked


def frame_id(video: Item, place: object) -> str:
    """The id of a frame: the same in every job and at every attempt."""
    return str(uuid.uuid5(uuid.UUID(video.id), f"frame {place}"))


def make_ready(video: Item, frame: Frame, opened: Video, asked: Sequence[Asked]) -> ReadyFrame:
    """The frame made ready for all that are asked. Ids of detections differ from one of them to the next."""
    assert frame.picture is not None
    moment = Moment(video.id, frame.offset, frame.time_offset_s, float(opened.fps), opened.total_frames)
    identifier = frame_id(video, frame.offset)
    ready = []
    for one in asked:
        name = str(uuid.uuid5(uuid.UUID(identifier), one.name)) if one.name else identifier
        ready.append(one.target.prepare(name, frame.picture, moment))
    return ReadyFrame(replace(frame, picture=None), tuple(ready))


def line_of(
    video: Item, source: dict[str, Any], frame: Frame, asked: Sequence[Asked], answers: list[Answer]
) -> tuple[bytes, bool]:
    """The line of a frame, and whether it tells of a failure; what others said of the frame is in it, too."""
    place = {**source, "frame_offset": frame.offset, "time_offset_s": frame.time_offset_s}
    record: dict[str, Any] = {"id": frame_id(video, frame.offset), "source": place}
    failure: Failure | None = None
    for one, answer in zip(asked, answers, strict=True):
        if isinstance(answer.result, Failure):
            failure = failure or answer.result
        elif one.name:
            record.setdefault("results", {})[one.name] = answer.result
        else:
            record["result"] = answer.result
    if failure is not None:
        record["error"] = {"type": failure.type, "message": failure.message}
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE), failure is not None


def last_line(video: Item, source: dict[str, Any], problem: VideoError) -> bytes:
    """The line behind the last frame, which says why there are no more."""
    record = {
        "id": frame_id(video, "after the last"),
        "source": {**source, "frame_offset": None, "time_offset_s": None},
        "error": {"type": problem.problem, "message": str(problem)},
    }
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
