"""Small videos made on the spot: bright and dark frames, and shapes that move."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def make_video(
    path: Path,
    pictures: Iterable[Picture],
    *,
    fps: float = 30,
    times_ms: Sequence[int] | None = None,
    codec: str = "libx264",
    container_options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """Writes a video; `times_ms` in place of a constant rate."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream: Any = None
        for index, picture in enumerate(pictures):
            if stream is None:
                stream = container.add_stream(codec, rate=Fraction(str(fps)), options=codec_options or {})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                if times_ms is not None:
                    stream.codec_context.time_base = Fraction(1, 1000)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if times_ms is not None:
                frame.pts, frame.time_base = times_ms[index], Fraction(1, 1000)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def numbered(count: int, size_wh: tuple[int, int] = (64, 48)) -> Iterable[Picture]:
    """Frames whose brightness is their number, modulo 200, so that a decoded frame says which one it is."""
    width, height = size_wh
    for number in range(count):
        yield np.full((height, width, 3), 20 + number % 200, np.uint8)


def moving_box(count: int, size_wh: tuple[int, int] = (160, 120)) -> Iterable[Picture]:
    """A bright box that goes from left to right over noise."""
    random = np.random.default_rng(3)
    width, height = size_wh
    for number in range(count):
        picture = random.integers(0, 60, (height, width, 3), np.uint8)
        left = number * (width - 40) // max(1, count - 1)
        picture[40:80, left : left + 40] = (250, 200, 30)
        yield picture


def turned(path: Path, source: Path) -> Path:
    """A copy of an MP4 that says, as phones do, that it is to be turned by 90 degrees clockwise."""
    data = bytearray(source.read_bytes())
    matrix = data.index(b"tkhd") + 44
    data[matrix : matrix + 36] = struct.pack(">9I", 0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000)
    path.write_bytes(data)
    return path


def cut(path: Path, source: Path, share: float) -> Path:
    """The first part of a file."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path
