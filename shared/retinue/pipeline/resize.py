"""Bilinear resize of uint8 pictures, equal to cv2.resize(INTER_LINEAR) in every pixel.

OpenCV does not fit into the layer, and Pillow's bilinear filter averages when it shrinks. A rounding that differs by
one grey level moves the confidences of a detector, so this is OpenCV's own fixed-point arithmetic, in numpy:

    t     = (left * (2048 - a) + right * a) >> 4          along each row
    level = ((above * (2048 - b)) >> 16) + ((below * b) >> 16)          t of two rows; quarters of a grey level
    level = (level + 2) >> 2

It works on blocks of rows that stay in the processor's cache, and reads only the rows that matter: a picture of 12
megapixels costs little more than one of 2.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

BLOCK_PIXELS = 32768
"""Output pixels of a block, at most (but a row at least). Smaller blocks fit the cache better, but then threads spend
more time on handing the interpreter's lock to each other."""


def resize_linear(image: NDArray[np.uint8], levels: NDArray[np.float32], threads: int, *, divisor: float = 1.0) -> None:
    """Resizes the picture (H, W, 3) uint8 into `levels` (3, h, w) float32: whole grey levels 0..255, over `divisor`."""
    height, width = levels.shape[1:]
    is_half = image.shape[:2] == (2 * height, 2 * width)
    columns = _Taps.of(image.shape[1], width)
    blocks = _blocks(image.shape[0], height, max(1, BLOCK_PIXELS // width), threads)

    def fill(share: tuple[_Block, ...]) -> None:
        for block in share:
            part = levels[:, block.start : block.stop]
            if is_half:
                whole: NDArray[np.generic] = _halved(np.ascontiguousarray(image[2 * block.start : 2 * block.stop]))
            elif not columns.weight.any() and not block.taps.weight.any():  # same size, or a third, a fifth ...
                strip = image[block.rows[block.taps.first]]
                whole = (strip if width == image.shape[1] else strip[:, columns.first]).transpose(2, 0, 1)
            else:
                strip = np.ascontiguousarray(image[block.rows])
                whole = _across_rows(_along_rows(strip, columns), block.taps)
            np.divide(whole, divisor, out=part, dtype=np.float32, casting="unsafe")

    # numpy lets go of the interpreter's lock while it computes, so the shares run side by side.
    others = [_pool(threads - 1).submit(fill, blocks[k::threads]) for k in range(1, threads)]
    fill(blocks[::threads])
    for other in others:
        other.result()


@dataclass(frozen=True, slots=True)
class _Taps:
    """For each of n output rows (or columns) the indices (n,) of its two source rows, and the second's weight."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    weight: NDArray[np.int32]
    """(n,), in 1/2048. The first tap has the rest."""

    @classmethod
    def of(cls, size: int, target: int) -> "_Taps":
        """Half-pixel centres. The taps are clamped to the picture, and the second is the first if it has no weight."""
        position = ((np.arange(target) + 0.5) * (size / target) - 0.5).astype(np.float32)
        before = np.floor(position)
        weight = np.rint((position - before) * 2048).astype(np.int32)
        first, second = np.clip([before, before + (weight > 0)], 0, size - 1).astype(np.intp)
        return cls(first, second, weight)


@dataclass(frozen=True, slots=True)
class _Block:
    """The output rows start..stop (exclusive), and what they are made of."""

    start: int
    stop: int
    rows: NDArray[np.intp]
    """(m + 1,): the picture's rows to read, ascending, and the last of them once more."""
    taps: _Taps
    """Of each output row, as indices into `rows`."""


@lru_cache(maxsize=64)
def _blocks(size: int, target: int, most: int, threads: int) -> tuple[_Block, ...]:
    """What makes `target` rows of `size` rows: blocks of at most `most` rows, as many for each thread."""
    taps = _Taps.of(size, target)
    count = min(target, threads * -(-target // (most * threads)))
    blocks = []
    for part in np.array_split(np.arange(target), count):
        rows, (first, second) = np.unique([taps.first[part], taps.second[part]], return_inverse=True)
        part_taps = _Taps(first, second, taps.weight[part])
        blocks.append(_Block(int(part[0]), int(part[-1]) + 1, np.append(rows, rows[-1]), part_taps))
    return tuple(blocks)


def _along_rows(strip: NDArray[np.uint8], columns: _Taps) -> NDArray[np.int16]:
    """Rows (m + 1, W, 3) resized to w columns: t of each channel, (3, m, w). The row too many is not resized."""
    count, width = len(strip) - 1, strip.shape[1]
    if 2 * len(columns.first) == width:
        return _halved_rows(strip[:-1])
    # Pixels are fetched as 4 bytes, their own 3 and one beyond, which is four times as fast as byte by byte; the row
    # too many is there for the last pixel to reach into.
    pixels = np.ndarray((width, count), np.uint32, strip, strides=(3, 3 * width))
    left = pixels[columns.first].view(np.uint8).astype(np.int16)
    t = left << 7
    # The rest of t is (step * weight) >> 4 with step = right - left, here in parts that fit into 16 bits.
    high, low = np.divmod(columns.weight.astype(np.int16)[:, None], 16)
    if columns.weight.any():
        step = pixels[columns.second].view(np.uint8).astype(np.int16)
        step -= left
        t += step * high
        if low.any():
            step *= low
            step >>= 4
            t += step
    return np.ascontiguousarray(t.reshape(-1, count, 4).transpose(2, 1, 0)[:3])


def _halved_rows(strip: NDArray[np.uint8]) -> NDArray[np.int16]:
    """What _along_rows makes of rows (m, 2 w, 3): sums of neighbours, since both taps weigh the same.

    They are taken for every byte, and only then are those of whole pixels picked: numpy is fast in long rows, and slow
    in rows of three.
    """
    rows = strip.reshape(len(strip), -1)
    sums = np.add(rows[:, :-3], rows[:, 3:], dtype=np.int16)
    sums <<= 6
    return np.stack([sums[:, channel::6] for channel in range(3)])


def _across_rows(t: NDArray[np.int16], taps: _Taps) -> NDArray[np.int32]:
    """The levels (3, n, w) of a block of n rows from what _along_rows made (3, m, w)."""
    above, below = (t[:, rows].astype(np.int32) for rows in (taps.first, taps.second))
    above *= 2048 - taps.weight[:, None]
    below *= taps.weight[:, None]
    # Each is cut to whole quarters of a level (1 << 16) before they are added; the last shift cuts `below`.
    above &= -1 << 16
    above += below
    above += 2 << 16
    above >>= 18
    return above


def _halved(strip: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The levels (3, n, w) of 2 n rows of 2 w pixels: means of four, which is what the formula gives for this size.

    Sums of neighbours are taken for every byte, and only then are those of whole pixels picked: numpy is fast in long
    rows, and slow in rows of three.
    """
    rows = strip.reshape(len(strip), -1)
    sums = np.add(rows[::2], rows[1::2], dtype=np.uint16)
    means = sums[:, :-3] + sums[:, 3:]
    means += 2
    means >>= 2
    width = strip.shape[1] // 2
    return np.stack([means[:, channel::6][:, :width] for channel in range(3)])


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """The threads that help the caller's."""
    return ThreadPoolExecutor(threads, thread_name_prefix="resize")
