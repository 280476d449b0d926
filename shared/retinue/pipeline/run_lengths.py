"""Masks as run lengths: COCO's compressed format (https://github.com/cocodataset/cocoapi, maskApi)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask

_GROUP_BITS = 5
_FIRST_CHARACTER = 48
_MOST_BITS = 60
MOST_PIXELS = 200_000_000
"""How large the masks are that are read."""


def encode_run_lengths(mask: Mask) -> str:
    """The `counts` of a mask: lengths of runs down the columns, 0 and 1 in turn, as printable text.

    Each length but the first three is told as the difference to the one two before; numbers are written in groups of
    five bits, lowest first.
    """
    counts = run_lengths(mask)
    counts[3:] -= counts[1:-2].copy()
    most_groups = 1 + int(np.abs(counts).max(initial=0)).bit_length() // _GROUP_BITS + 1
    shifts = _GROUP_BITS * np.arange(most_groups)
    groups = (counts[:, None] >> shifts) & 31
    rest = counts[:, None] >> (shifts + _GROUP_BITS)
    # A number ends where what is left is the sign of the group: all zeros after a clear top bit, all ones after a set.
    is_last = np.where(groups & 16, rest == -1, rest == 0)
    is_written = np.cumsum(is_last, axis=1) - is_last == 0
    characters = groups + np.where(is_last, 0, 32) + _FIRST_CHARACTER
    return characters[is_written].astype(np.uint8).tobytes().decode("ascii")


def run_lengths(mask: Mask) -> NDArray[np.int64]:
    """Lengths of the runs of 0, 1, 0 ... of the whole canvas, column after column; only the first may be 0."""
    padded = np.zeros((mask.patch.shape[1], mask.patch.shape[0] + 2), np.int8)
    padded[:, 1:-1] = mask.patch.T
    column, row = np.nonzero(np.diff(padded, axis=1))
    edges = (column + mask.left) * mask.height + row + mask.top
    # Edges come in pairs of start and end; a run that ends where the next starts goes on into the next column.
    goes_on = edges[1:-1:2] == edges[2::2]
    kept = np.ones(len(edges), bool)
    kept[1:-1] = ~np.repeat(goes_on, 2)
    lengths = np.diff(np.concatenate([[0], edges[kept], [mask.width * mask.height]]))
    return lengths if lengths[-1] or len(lengths) == 1 else lengths[:-1]


def decode_run_lengths(
    counts: str | list[int], height: int, width: int, spend: Callable[[int], None] = lambda pixels: None
) -> Mask:
    """The mask that COCO's compressed text, or plain run lengths, mean; its patch is as small as it can be.

    spend: called with the pixels that this takes, before they are made. Raises ValueError if the lengths do not fill
    the mask, or if it has more than MOST_PIXELS.
    """
    if height < 0 or width < 0 or height * width > MOST_PIXELS:
        raise ValueError(f"a mask has at most {MOST_PIXELS:,} pixels, not {width} x {height}")
    lengths = np.asarray(_parse(counts) if isinstance(counts, str) else counts, np.int64).reshape(-1)
    size = width * height
    if lengths.size and (lengths.min() < 0 or lengths.max() > size or lengths.sum() != size):
        raise ValueError(f"run lengths do not cover the {width} x {height} pixels of the mask")
    ends = np.cumsum(lengths)
    starts, stops = ends[: len(ends) // 2 * 2 : 2], ends[1::2]
    is_filled = stops > starts
    if not is_filled.any():
        return Mask(np.zeros((0, 0), bool), 0, 0, width, height)
    left = int(starts[is_filled][0]) // height
    columns = (int(stops[is_filled][-1]) - 1) // height + 1 - left
    spend(columns * height)
    within = np.clip(ends - left * height, 0, columns * height)
    values = np.arange(len(lengths)) % 2 == 1
    patch = np.repeat(values, np.diff(within, prepend=0)).reshape(columns, height).T
    rows = np.flatnonzero(patch.any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    return Mask(np.ascontiguousarray(patch[top:bottom]), left, top, width, height)


def _parse(text: str) -> list[int]:
    """The run lengths in compressed text: numbers of five-bit groups, from the fourth on told as differences."""
    lengths: list[int] = []
    value = shift = 0
    for character in text.encode("ascii"):
        group = character - _FIRST_CHARACTER
        if not 0 <= group < 64:
            raise ValueError(f"run lengths hold no character {chr(character)!r}")
        if shift >= _MOST_BITS:
            raise ValueError(f"run lengths hold a number of more than {_MOST_BITS} bits")
        value |= (group & 31) << shift
        shift += _GROUP_BITS
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    return lengths
