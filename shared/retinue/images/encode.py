"""From pixels to a JPEG, on several processors at once."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Rows of the blocks that a JPEG with halved colours is made of, and columns.
_BLOCK = 16
# A strip of fewer pixels takes less time than handing it to another thread is worth; of more it could have more than
# the 65,535 blocks that a restart interval counts.
_FEWEST_PIXELS, _MOST_PIXELS = 100_000, 8_000_000
_MOST_THREADS = 4
_START_OF_FRAME, _START_OF_SCAN, _FIRST_RESTART = 0xC0, 0xDA, 0xD0
_RESTART_INTERVAL, _END_OF_IMAGE = b"\xff\xdd\x00\x04", b"\xff\xd9"


def encode_jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    """A picture (H, W, 3) uint8 RGB, or (H, W) uint8 grey, as a JPEG of quality 1..100; colours have half the
    resolution.

    Large pictures are cut into strips of whole blocks, which threads encode side by side. Restart markers (ITU-T T.81,
    B.2.1) join the strips to one file: a decoder starts afresh at each, and shows the same pixels as without.
    """
    pixels = np.ascontiguousarray(picture)
    height, width = pixels.shape[:2]
    count = _strips(pixels)
    if count < 2:
        return _encode(pixels, quality)
    rows = -(-height // (count * _BLOCK)) * _BLOCK
    first, *others = (pixels[top : top + rows] for top in range(0, height, rows))
    waiting = [_pool().submit(_encode, strip, quality) for strip in others]
    return _joined([_encode(first, quality), *(future.result() for future in waiting)], rows, height, width)


def encode_jpeg_ahead(picture: NDArray[np.uint8], quality: int) -> Future[bytes] | None:
    """What encode_jpeg will return, from a thread beside the caller's; the picture must stay as it is until then.

    None where no other processor is there for it, and for large pictures: all threads encode each of them together.
    Cancelled, it costs nothing more if it has not begun.
    """
    if _threads() == 1 or _strips(picture) > 1:
        return None
    return _pool().submit(lambda: _encode(np.ascontiguousarray(picture), quality))


def _strips(pixels: NDArray[np.uint8]) -> int:
    """Into how many strips a picture is cut; at most 1 means that it is not."""
    if pixels.ndim == 2 or _threads() == 1:
        return 1
    size = pixels.shape[0] * pixels.shape[1]
    return min(max(2 * _threads(), size // _MOST_PIXELS + 1), size // _FEWEST_PIXELS)


def _encode(pixels: NDArray[np.uint8], quality: int) -> bytes:
    import simplejpeg

    if pixels.ndim == 2:
        return bytes(simplejpeg.encode_jpeg(pixels[:, :, None], quality, "GRAY", "Gray", fastdct=False))
    return bytes(simplejpeg.encode_jpeg(pixels, quality, "RGB", "420", fastdct=False))


def _joined(strips: list[bytes], rows: int, height: int, width: int) -> bytes:
    """One JPEG of `height` pixels from those of its strips, each of `rows` pixels but the last."""
    head = _Head.of(strips[0])
    frame = head.frame + 5  # marker, length and precision come before the height
    blocks = rows // _BLOCK * -(-width // _BLOCK)
    parts = [
        strips[0][:frame],
        height.to_bytes(2, "big"),
        strips[0][frame + 2 : head.scan],
        _RESTART_INTERVAL + blocks.to_bytes(2, "big"),
        strips[0][head.scan : -len(_END_OF_IMAGE)],
    ]
    for number, strip in enumerate(strips[1:]):
        parts += [bytes((0xFF, _FIRST_RESTART + number % 8)), strip[_Head.of(strip).data : -len(_END_OF_IMAGE)]]
    return b"".join([*parts, _END_OF_IMAGE])


class _Head(NamedTuple):
    """Where in a JPEG the segments of frame and scan begin, and the encoded data."""

    frame: int
    scan: int
    data: int

    @classmethod
    def of(cls, jpeg: bytes) -> "_Head":
        position, frame = 2, 0
        while True:
            marker = jpeg[position + 1]
            following = position + 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
            if marker == _START_OF_FRAME:
                frame = position
            elif marker == _START_OF_SCAN:
                return cls(frame, position, following)
            position = following


@cache
def _threads() -> int:
    """Processors that this process may use."""
    return min(_MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@cache
def _pool() -> ThreadPoolExecutor:
    """The threads that help the caller's."""
    return ThreadPoolExecutor(_threads() - 1, thread_name_prefix="jpeg")
