"""Runs of pixels along rows, from which filled shapes are made.

Few are written out pixel by pixel; of many it is counted where they start and end, so that thick lines that lie over
each other take no more memory than the picture.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
Pixels = tuple[Index, Index]
"""Rows y and columns x; pixels may come twice."""
Runs = tuple[Index, Index, Index]
"""Rows y, and in each the first and the last x."""
Shape = tuple[int, ...]

_MOST_LISTED = 1 << 17
"""Pixels of runs that are written out one by one."""


def union(parts: Iterable[Runs], shape: Shape) -> Pixels:
    """The pixels of runs inside the picture; each once if there are many."""
    listed: list[Runs] = []
    steps: Index | None = None
    count = 0
    for part in parts:
        runs = _seen_runs(part, shape)
        if steps is None:
            listed.append(runs)
            count += int((runs[2] - runs[1] + 1).sum())
            if count <= _MOST_LISTED:
                continue
            runs = _concatenated(listed)
            steps = np.zeros(shape[0] * (shape[1] + 1), np.int32)
        y, first_x, last_x = runs
        row_start = y * (shape[1] + 1)
        np.add.at(steps, row_start + first_x, 1)
        np.add.at(steps, row_start + last_x + 1, -1)
    if steps is None:
        y, first_x, last_x = _concatenated(listed)
        run, x = ranges(first_x, last_x)
        return y[run], x
    y, x = np.nonzero(np.cumsum(steps, out=steps).reshape(shape[0], -1))
    return y, x


def _seen_runs(runs: Runs, shape: Shape) -> Runs:
    """The runs without those outside, cut to the picture."""
    y, first_x, last_x = runs
    first_x, last_x = np.maximum(first_x, 0), np.minimum(last_x, shape[1] - 1)
    is_seen = (y >= 0) & (y < shape[0]) & (first_x <= last_x)
    return y[is_seen], first_x[is_seen], last_x[is_seen]


def _concatenated(parts: list[Runs]) -> Runs:
    if not parts:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    y, first_x, last_x = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return y, first_x, last_x


def ranges(first: Index, last: Index) -> Pixels:
    """All integers from first to last inclusive of each range, and with each the index of its range."""
    length = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(length)), length)
    offset = first - (np.cumsum(length) - length)
    return owner, np.arange(len(owner)) + offset[owner]
