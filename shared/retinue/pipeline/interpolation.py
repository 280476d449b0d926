"""Bilinear resize of small grids of values along one axis, of only the part that matters."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float32]
_BLOCK_VALUES = 32768


@dataclass(frozen=True, slots=True)
class Axis:
    """`size` cells resized to `target`: half-pixel centres, anti-aliased where it shrinks, as torch and Pillow do.

    Where it grows each target lies between two cells, first and second (target,), with `weight` (target,) for the
    second. Where it shrinks a target takes many cells: `matrix` (target, size).
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    weight: Grid
    matrix: Grid | None

    @classmethod
    def of(cls, size: int, target: int) -> "Axis":
        """The resize of `size` cells to `target`, both at least 1."""
        position = (np.arange(target) + 0.5) * (size / target) - 0.5
        if target < size:
            matrix = resize_weights(size, target)
            first = (matrix > 0).argmax(axis=1)
            second = size - 1 - (matrix[:, ::-1] > 0).argmax(axis=1)
            return cls(first, second, np.zeros(target, np.float32), matrix)
        before = np.floor(position)
        first, second = np.clip([before, before + 1], 0, size - 1).astype(np.intp)
        return cls(first, second, (position - before).astype(np.float32), None)

    def reached_by(self, start: int, stop: int) -> slice:
        """The targets that take something from the cells start..stop (exclusive)."""
        if start >= stop:
            return slice(0, 0)
        return slice(int(np.searchsorted(self.second, start)), max(0, int(np.searchsorted(self.first, stop))))

    def cells_of(self, targets: slice) -> slice:
        """The cells from which the targets take something."""
        if targets.start >= targets.stop:
            return slice(0, 0)
        return slice(int(self.first[targets.start]), int(self.second[targets.stop - 1]) + 1)

    def resize(self, values: Grid, start: int, targets: slice) -> Grid:
        """The targets along axis 0 of values (h, w), whose rows are the cells start, start + 1 ...; cells beyond them
        count as 0."""
        return np.concatenate(list(self._blocks(values, start, targets, targets.stop - targets.start)))

    def exceeds(self, values: Grid, start: int, targets: slice, threshold: float) -> NDArray[np.bool_]:
        """Whether the targets that `resize` gives exceed the threshold. Blocks of rows stay in the cache."""
        rows = max(1, _BLOCK_VALUES // max(1, values.shape[1]))
        return np.concatenate([block > threshold for block in self._blocks(values, start, targets, rows)])

    def _blocks(self, values: Grid, start: int, targets: slice, rows: int) -> Iterator[Grid]:
        """The resized values, at most so many rows at a time; at least one block, which may be empty."""
        if self.matrix is not None:
            yield self.matrix[targets, start : start + len(values)] @ values
            return
        # A row of zeros at both ends stands for the cells beyond.
        padded = np.zeros((len(values) + 2, values.shape[1]), np.float32)
        padded[1:-1] = values
        first, second = (np.clip(cells[targets] - start + 1, 0, len(values) + 1) for cells in (self.first, self.second))
        weight = self.weight[targets, None]
        for row in range(0, max(1, len(first)), max(1, rows)):
            block = slice(row, row + rows)
            below, above = padded[first[block]], padded[second[block]]
            below *= 1 - weight[block]
            above *= weight[block]
            below += above
            yield below


def resize_weights(size: int, target: int) -> Grid:
    """The matrix (target, size) of the resize. Rows sum to 1; to shrink, the triangle is widened by the scale."""
    scale = size / target
    support = max(scale, 1.0)
    centres = (np.arange(target) + 0.5) * scale
    distance = np.abs(np.arange(size) + 0.5 - centres[:, None]) / support
    weights = np.maximum(0.0, 1.0 - distance)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
