"""The one shard of a job over a video, from its first missing part to its results.

As with pictures, a part is a function of the plan and of the video: which frames go through a network together is
fixed, ids follow from the frames. An attempt that goes on decodes what an earlier one decoded, because frames can only
be counted from the start, but infers nothing twice. Objects are followed, and the video is drawn, at the end, over the
results in the order of their frames, so there is nothing of them to keep between attempts.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from retinue.jobs.layout import fetched_video_key
from retinue.video.fetch import VideoFetcher, VideoNotFetched
from retinue.video.frames import Video, VideoError
from retinue.worker.plan import Item, PlanError
from retinue.worker.progress import Progress, TerminalBar
from retinue.worker.shard import Shard
from retinue.worker.stream import Stream
from retinue.worker.targets import Answer
from retinue.worker.video_lines import Asked, ReadyFrame, VideoEnd, asked_of, last_line, line_of, make_ready
from retinue.worker.video_results import Results, write_results

_FETCH_PAUSES_S = (2.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoShard:
    """What an attempt works with. `folder` is for the file of the video and those made at the end."""

    shard: Shard
    folder: Path
    max_pixels: int
    max_bytes: int
    fetch: VideoFetcher
    tell_total: Callable[[int], None]  # how many frames there are, for the job's record

    @property
    def item(self) -> Item:
        """The video."""
        return self.shard.items[0]

    @property
    def infer_fps(self) -> float:
        """Frames a second that are asked about."""
        return float(self.shard.plan.source["infer_fps"])

    @property
    def source(self) -> dict[str, Any]:
        """How lines name the video."""
        url = self.shard.plan.source.get("url")
        return dict(self.item.source) if url is None else {"url": url}

    def open(self, path: Path) -> Video:
        """Raises PlanError for what is no video, or too large."""
        try:
            return Video(path, max_pixels=self.max_pixels)
        except VideoError as exc:
            raise PlanError(str(exc)) from exc


def run_video_shard(video: VideoShard, make_target: Callable[..., Any], progress: Progress) -> None:
    """Makes every part that is missing, then the results of all of them.

    Targets are only made where there is something to infer, or to draw. Raises Stopped, PlanError, RetinueError.
    """
    shard = video.shard
    path = _local_file(video)
    asked = cache(lambda: asked_of(shard.plan, make_target))
    existing = shard.files.parts()
    first_part = next(number for number in range(len(existing) + 1) if number not in existing)
    progress.done = first_part * shard.plan.part_size
    progress.failed = sum(shard.files.failed_in(number) for number in range(first_part))
    shard.log.info("shard starts", extra={"parts_done": first_part, "video_bytes": path.stat().st_size})
    end = _make_parts(video, path, asked, first_part, progress)
    lines = end.frames + (end.problem is not None)
    progress.total = progress.done = lines
    video.tell_total(lines)
    shard.stop.check()
    parts = range(-(-lines // shard.plan.part_size))
    results = Results(shard=shard, folder=video.folder, parts=parts, infer_fps=video.infer_fps)
    with video.open(path) as opened:
        write_results(results, lambda: opened.frames(video.infer_fps), asked)
    shard.log.info(
        "shard ends", extra={"frames": end.frames, "failed": progress.failed, "problem": str(end.problem or "")}
    )


def _make_parts(
    video: VideoShard, path: Path, asked: Callable[[], list[Asked]], first_part: int, progress: Progress
) -> VideoEnd:
    """Makes the missing parts and says how the video ended."""
    shard, size = video.shard, video.shard.plan.part_size
    bar = TerminalBar(progress, shard.index)
    progress.started_s = time.monotonic()
    with video.open(path) as opened:
        progress.total = opened.expected(video.infer_fps) or 0
        video.tell_total(progress.total)
        ready = _ready_frames(video, opened, asked, first_part * size)
        limits = shard.ahead
        try:
            with Stream(
                ready, shard.stop, most=limits.results, most_bytes=limits.size_bytes, size_of=lambda one: one.size_bytes
            ) as stream:
                return _write_parts(video, stream, asked, first_part, progress, bar)
        finally:
            bar.close()


def _ready_frames(
    video: VideoShard, opened: Video, asked: Callable[[], list[Asked]], first: int
) -> Iterator[ReadyFrame | VideoEnd]:
    """The frames from number `first` on, made ready, then the end. Raises PlanError if there is no frame at all."""
    frames, problem = 0, None
    try:
        for frame in opened.frames(video.infer_fps, first=first):
            frames = frame.number + 1
            if frame.picture is not None:
                yield make_ready(video.item, frame, opened, asked())
    except VideoError as exc:
        if not frames:
            raise PlanError(str(exc)) from exc
        problem = exc
    yield VideoEnd(frames, problem)


def _write_parts(
    video: VideoShard,
    stream: Stream[ReadyFrame | VideoEnd],
    asked: Callable[[], list[Asked]],
    number: int,
    progress: Progress,
    bar: TerminalBar,
) -> VideoEnd:
    """Writes part after part, from `number` on, until the end."""
    size, plan = video.shard.plan.part_size, video.shard.plan
    position, failed = number * size, 0
    lines: list[bytes] = []
    batch: list[ReadyFrame] = []
    for one in stream:
        if isinstance(one, ReadyFrame):
            batch.append(one)
            position += 1
            is_whole = len(batch) == max(plan.batch_size, *(each.target.batch_size for each in asked()))
            if not is_whole and position % size:
                continue
        found, failures = _lines_of(video, batch, asked) if batch else ([], 0)
        progress.inferred += len(batch)
        batch = []
        lines, failed = lines + found, failed + failures
        if isinstance(one, VideoEnd) and one.problem is not None and position == one.frames:
            lines.append(last_line(video.item, video.source, one.problem))
            failed, position = failed + 1, position + 1
        if lines and (position % size == 0 or isinstance(one, VideoEnd)):
            video.shard.files.write_part(number, b"".join(lines), failed)
            _report(video, number, len(lines), failed, progress)
            bar.show()
            number, lines, failed = number + 1, [], 0
        if isinstance(one, VideoEnd):
            return one
        video.shard.stop.check()
    raise AssertionError("a stream of frames ends with its end")


def _lines_of(video: VideoShard, batch: list[ReadyFrame], asked: Callable[[], list[Asked]]) -> tuple[list[bytes], int]:
    """The lines of some frames, and how many of them failed. Each target gets them in batches of its own size."""
    answers: list[list[Answer]] = []
    for index, one in enumerate(asked()):
        ready, size, given = [frame.ready[index] for frame in batch], one.target.batch_size, []
        for first in range(0, len(ready), size):
            given += one.target.answer(ready[first : first + size])
            video.shard.stop.check()
        answers.append(given)
    made = [
        line_of(video.item, video.source, frame.frame, asked(), [given[place] for given in answers])
        for place, frame in enumerate(batch)
    ]
    return [line for line, _ in made], sum(is_failure for _, is_failure in made)


def _report(video: VideoShard, number: int, lines: int, failed: int, progress: Progress) -> None:
    progress.done += lines
    progress.failed += failed
    progress.total = max(progress.total, progress.done)
    facts = {"part": number, "items": lines, "failed": failed, "done": progress.done, "total": progress.total}
    video.shard.log.info("part", extra={**facts, "images_per_s": round(progress.rate, 2)})


def _fetch(video: VideoShard, url: str, path: Path) -> None:
    """Fetches the video; what may pass is tried again. Raises PlanError."""
    for pause_s in (*_FETCH_PAUSES_S, None):
        try:
            video.fetch(url, path, video.shard.stop.check)
            return
        except VideoNotFetched as exc:
            if not exc.may_pass or pause_s is None:
                raise PlanError(str(exc)) from exc
        video.shard.stop.wait(pause_s)


def _local_file(video: VideoShard) -> Path:
    """The file of the video on disk. One from a URL is fetched once and kept in S3: later attempts read the same.

    Raises PlanError, StorageUnavailable, VideoNotFetched.
    """
    files, item, path = video.shard.files, video.item, video.folder / "video"
    url, size_bytes = video.shard.plan.source.get("url"), item.size_bytes
    if url is not None:
        key = fetched_video_key(video.shard.plan.job_id)
        found = files.size_of(item.bucket, key)
        if found is None:
            _fetch(video, url, path)
            files.upload(path, item.bucket, key, "application/octet-stream")
            return path
        size_bytes = found
    if size_bytes > video.max_bytes:
        size_mb, most_mb = size_bytes / 1e6, video.max_bytes / 1e6
        raise PlanError(f"the video has {size_mb:,.0f} MB; the limit is {most_mb:,.0f} MB (RETINUE_VIDEO_MAX_MB)")
    files.download(item.bucket, item.key, item.version, path)
    return path
