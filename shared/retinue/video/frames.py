"""The frames of a video file, by PyAV: one after the other, so a video of any length needs the memory of a few frames.

PyAV is in the container's image and in the extras `local` and `batch`, not in the Lambda layer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retinue.video.sampling import Sampler

Image = NDArray[np.uint8]
Problem = Literal["not_a_video", "too_large", "damaged"]

# Files of these formats hold their own pictures. Others (playlists such as HLS, concat, sdp) make FFmpeg open
# further files and addresses that their author chose.
_FORMATS = "mov,matroska,webm,avi,flv,mpegts,mpeg,asf,ogg,mxf,ivf,gif,h264,hevc,m4v"
# Always the same number, whatever the machine: a damaged stream may decode differently on another number of threads.
_THREADS = 4
_NO_RATE = Fraction(30)
# A file ends early when that much is missing; durations are rounded, and the last frame's is a guess.
_MISSING_S, _MISSING_FRAMES = Fraction(1, 2), 2


class VideoError(Exception):
    """What is wrong with a video, for people: not_a_video, too_large, or damaged (frames before that are good)."""

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem: Problem = problem


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that is asked about.

    number: its place among those, from 0. offset: its place among all frames of the video, from 0. time_s: when it is
    shown, counted from the first frame. picture: (H, W, 3) uint8 RGB, upright; None where only its place was wanted.
    """

    number: int
    offset: int
    time_s: Fraction
    picture: Image | None

    @property
    def time_offset_s(self) -> float:
        """Seconds, rounded to 4 decimals, as results write them."""
        return round(float(self.time_s), 4)


class Video:
    """An opened video file; a context manager."""

    def __init__(self, path: Path, *, max_pixels: int) -> None:
        """Raises VideoError for what is no video, or one with frames larger than `max_pixels`."""
        self._path, self._max_pixels = path, max_pixels
        self._container = _opened(path)
        try:
            self._stream = self._first_stream()
            self._check_size(self._stream.codec_context.width, self._stream.codec_context.height)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def fps(self) -> Fraction:
        """Frames a second, on average, as the file says; 30 where it says nothing."""
        return self._stream.average_rate or self._stream.guessed_rate or _NO_RATE

    @property
    def duration_s(self) -> Fraction | None:
        """How long the file says that its pictures last; None where it says nothing that is certain."""
        if self._stream.duration is not None:
            return Fraction(self._stream.duration * self._stream.time_base)
        is_alone = len(self._container.streams) == 1  # else it may be the sound that lasts so long
        return Fraction(self._container.duration, 1_000_000) if is_alone and self._container.duration else None

    @property
    def total_frames(self) -> int | None:
        """How many frames the file says or seems to have."""
        if self._stream.frames:
            return int(self._stream.frames)
        return round(self.duration_s * self.fps) if self.duration_s else None

    def expected(self, infer_fps: float) -> int | None:
        """About how many frames `frames` will give."""
        if self.duration_s is None:
            return None
        return max(1, round(self.duration_s * min(Fraction(str(infer_fps)), self.fps)))

    def frames(self, infer_fps: float, *, first: int = 0) -> Iterator[Frame]:
        """The frames that are asked about (see sampling.py), in order, those before number `first` without pictures.

        Can be called once. Raises ValueError for an infer_fps that is refused, and VideoError: not_a_video if there is
        no frame at all; after the last good frame too_large, or damaged for a file that ends early or has damaged
        places.
        """
        sampler, number = Sampler(infer_fps), 0
        clock, damage = _Clock(self._stream.time_base, self.fps), _Damage()
        with _explained(self._path.name):
            for offset, frame in enumerate(self._decoded(clock, damage)):
                time_s = clock.time_of(frame)
                if sampler.takes(time_s):
                    self._check_size(frame.width, frame.height)
                    yield Frame(number, offset, time_s, _upright(frame) if number >= first else None)
                    number += 1
        if not number:
            raise VideoError("not_a_video", "The video has no frame that can be decoded.")
        damage.check(clock, self.duration_s, self.fps)

    def _decoded(self, clock: "_Clock", damage: "_Damage") -> Iterator[Any]:
        """All frames; what cannot be read or decoded is counted and passed over."""
        from av.error import FFmpegError

        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = _THREADS
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError as exc:
                damage.reading = str(exc.strerror)
                return
            if packet is None:
                return
            damage.packets += packet.size > 0
            clock.saw(packet)
            try:
                decoded = packet.decode()
            except FFmpegError:
                damage.damaged += 1
                continue
            damage.damaged += packet.is_corrupt
            yield from decoded

    def _first_stream(self) -> Any:
        from av.stream import Disposition

        for stream in self._container.streams.video:
            if not stream.disposition & Disposition.attached_pic:  # the cover of a piece of music
                if stream.codec_context is None:
                    raise VideoError("not_a_video", "The pictures of the video have a coding that is not known here.")
                return stream
        raise VideoError("not_a_video", "The file has sound or text, but no video.")

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise VideoError(
                "too_large",
                f"The frames have {width} x {height} pixels; the limit is {self._max_pixels:,} (RETINUE_MAX_PIXELS).",
            )


class _Clock:
    """Times of frames since the first one."""

    def __init__(self, time_base: Fraction, fps: Fraction) -> None:
        self._time_base, self._step = time_base, 1 / fps
        self._start: Fraction | None = None
        self._last: Fraction | None = None
        self._end = Fraction(0)

    def time_of(self, frame: Any) -> Fraction:
        """When a frame is shown. Without a time, or with one that goes back, it follows at the average rate."""
        if self._last is None or self._start is None:
            self._start = frame.pts * self._time_base if frame.pts is not None else Fraction(0)
            self._last = Fraction(0)
            return self._last
        stamped = None if frame.pts is None else frame.pts * self._time_base - self._start
        self._last = stamped if stamped is not None and stamped > self._last else self._last + self._step
        return self._last

    def saw(self, packet: Any) -> None:
        """Counts a packet for `end`."""
        if packet.pts is not None:
            self._end = max(self._end, (packet.pts + (packet.duration or 0)) * self._time_base)

    @property
    def end(self) -> Fraction:
        """When the last packet's picture ends, since the first frame."""
        return self._end - (self._start or 0)


@dataclass
class _Damage:
    """What was wrong on the way through a file."""

    packets: int = 0
    damaged: int = 0
    reading: str = ""

    def check(self, clock: _Clock, duration_s: Fraction | None, fps: Fraction) -> None:
        """Raises VideoError if the frames that came are not all, or not all good."""
        missing_s = (duration_s or 0) - clock.end
        if clock.end and missing_s > max(_MISSING_S, _MISSING_FRAMES / fps):
            raise VideoError(
                "damaged",
                f"The file ends early: its pictures should last {float(duration_s or 0):.2f} s, but end after "
                f"{float(clock.end):.2f} s. The frames until there have results.",
            )
        if self.reading:
            raise VideoError("damaged", f"The file cannot be read to its end ({self.reading}). Frames so far are kept.")
        if self.damaged:
            raise VideoError(
                "damaged",
                f"{self.damaged} of {self.packets} pictures of the video are damaged; frames near them may be missing "
                "or wrong.",
            )


def _opened(path: Path) -> Any:
    import av

    with _explained(path.name):
        return av.open(str(path), options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"})


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turns PyAV's errors into ours."""
    from av.error import FFmpegError

    try:
        yield
    except FFmpegError as exc:
        raise VideoError(
            "not_a_video",
            "The file is no video that can be decoded here (MP4, MOV, MKV, WebM, AVI, MPEG, FLV and GIF can): "
            f"{exc.strerror}.",
        ) from exc


def _upright(frame: Any) -> Image:
    """The pixels (H, W, 3) as the player turns them: phones write a rotation beside the pictures."""
    pixels: Image = frame.to_ndarray(format="rgb24")
    quarters = round(frame.rotation / 90) % 4  # counterclockwise
    return np.ascontiguousarray(np.rot90(pixels, quarters)) if quarters else pixels
