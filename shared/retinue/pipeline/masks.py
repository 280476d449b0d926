"""Instance masks: from what a network says about each object to binary masks and polygons of the picture.

Two conventions, as contract/models.md 3.5 and Ultralytics' exports have them. Both enlarge a grid of mask values
bilinearly and threshold it; only the pixels that an object can reach are computed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.geometry import Placement
from retinue.pipeline.interpolation import Axis
from retinue.pipeline.polygons import joined_contours, longest_contour
from retinue.pipeline.prediction import Mask, MaskOptions
from retinue.pipeline.thresholds import sigmoid

Grid = NDArray[np.float32]


class MaskValues(Protocol):
    """The values of n masks on a grid of height x width cells; a cell belongs to the mask if its value exceeds
    `threshold`."""

    @property
    def threshold(self) -> float:
        """What the value of a cell of the mask exceeds."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, height, width."""

    def patch(self, index: int, rows: slice, columns: slice) -> Grid:
        """The values of mask `index` in a rectangle of the grid."""


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Masks as sums of prototypes (c, height, width), weighted by coefficients (n, c).

    is_probability: values go through a sigmoid before anything is resized.
    """

    coefficients: Grid
    prototypes: Grid
    is_probability: bool

    @property
    def threshold(self) -> float:
        """0.5 for probabilities, 0 for logits."""
        return 0.5 if self.is_probability else 0.0

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, height, width."""
        _, height, width = self.prototypes.shape
        return len(self.coefficients), height, width

    def patch(self, index: int, rows: slice, columns: slice) -> Grid:
        """The values of mask `index` in a rectangle of the grid."""
        values: Grid = np.tensordot(self.coefficients[index], self.prototypes[:, rows, columns], 1)
        return sigmoid(values) if self.is_probability else values


@dataclass(frozen=True, slots=True)
class MaskLogits:
    """Masks as logits (n, height, width)."""

    logits: Grid

    @property
    def threshold(self) -> float:
        """0: logits."""
        return 0.0

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, height, width."""
        count, height, width = self.logits.shape
        return count, height, width

    def patch(self, index: int, rows: slice, columns: slice) -> Grid:
        """The values of mask `index` in a rectangle of the grid."""
        return self.logits[index, rows, columns]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """The pixels on which masks are decided: a canvas of width x height for the whole picture.

    The part of the grid that holds the picture (or its static crop) is resized to part_width x part_height pixels and
    lies at (left, top). first_row, first_column, rows, columns: that part, in cells; cells before the first or behind
    the last do not exist, and count as 0.
    """

    width: int
    height: int
    left: int
    top: int
    part_width: int
    part_height: int
    first_row: int
    first_column: int
    rows: int
    columns: int

    @classmethod
    def of(cls, grid_size_wh: tuple[int, int], placement: Placement, options: MaskOptions) -> "Raster":
        """The raster that the options ask for: the picture's own pixels, the grid's, or a size between."""
        grid_width, grid_height = grid_size_wh
        along_x, along_y = grid_width / placement.network_width, grid_height / placement.network_height
        left, top = round(along_x * placement.pad_left), round(along_y * placement.pad_top)
        columns = max(1, grid_width - left - round(along_x * placement.pad_right))
        rows = max(1, grid_height - top - round(along_y * placement.pad_bottom))
        factor = {"accurate": 1.0, "fast": 0.0}.get(options.decode_mode, options.tradeoff_factor)
        part_width = max(1, round(columns * (1 - factor) + placement.crop_width * factor))
        part_height = max(1, round(rows * (1 - factor) + placement.crop_height * factor))
        scale_x, scale_y = part_width / placement.crop_width, part_height / placement.crop_height
        crop_left, crop_top = round(placement.crop_left * scale_x), round(placement.crop_top * scale_y)
        return cls(
            width=max(1, round(placement.image_width * scale_x), crop_left + part_width),
            height=max(1, round(placement.image_height * scale_y), crop_top + part_height),
            left=crop_left,
            top=crop_top,
            part_width=part_width,
            part_height=part_height,
            first_row=top,
            first_column=left,
            rows=rows,
            columns=columns,
        )

    def boxes(self, xyxy: NDArray[np.float32], placement: Placement) -> NDArray[np.float32]:
        """Boxes (n, 4) of the network's input in pixels of the canvas, clipped to it, not rounded."""
        pad = np.array([placement.pad_left, placement.pad_top] * 2, np.float32)
        scale = np.array(
            [
                placement.scale_x * placement.crop_width / self.part_width,
                placement.scale_y * placement.crop_height / self.part_height,
            ]
            * 2,
            np.float32,
        )
        offset = np.array([self.left, self.top] * 2, np.float32)
        return np.clip((xyxy - pad) / scale + offset, 0, np.array([self.width, self.height] * 2, np.float32))


def roboflow_masks(
    values: MaskValues, xyxy: NDArray[np.float32] | None, placement: Placement, raster: Raster
) -> Iterator[Mask]:
    """Masks by the rules of upstream's new engine: cut to the box on the grid, freed of the padding, resized with
    anti-aliasing to the raster, compared with the threshold.

    xyxy (n, 4) in pixels of the network's input, or None: nothing is cut.
    """
    count, grid_height, grid_width = values.shape
    rows, columns = Axis.of(raster.rows, raster.part_height), Axis.of(raster.columns, raster.part_width)
    first_row, last_row = max(0, raster.first_row), min(grid_height, raster.first_row + raster.rows)
    first_column, last_column = max(0, raster.first_column), min(grid_width, raster.first_column + raster.columns)
    boxes = np.tile([0, 0, grid_width, grid_height], (count, 1))
    if xyxy is not None:
        boxes = np.rint(xyxy * np.float32(0.25)).astype(np.int64)
    # A loop over objects: each mask has a size of its own, and only that much is computed.
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        x1, x2 = np.clip([x1, x2], first_column, last_column)
        y1, y2 = np.clip([y1, y2], first_row, last_row)
        patch = values.patch(index, slice(y1, y2), slice(x1, x2))
        left, top = x1 - raster.first_column, y1 - raster.first_row
        x, y = columns.reached_by(left, left + x2 - x1), rows.reached_by(top, top + y2 - y1)
        wide = columns.resize(patch.T, left, x).T
        yield _on_canvas(rows.exceeds(wide, top, y, values.threshold), x.start, y.start, raster)


def native_masks(values: MaskValues, xyxy: NDArray[np.float32], placement: Placement, raster: Raster) -> Iterator[Mask]:
    """Masks by Ultralytics' rules: logits, resized to the raster, above 0, cut to the box there.

    xyxy (n, 4) in pixels of the network's input.
    """
    rows, columns = Axis.of(raster.rows, raster.part_height), Axis.of(raster.columns, raster.part_width)
    offset = np.array([raster.left, raster.top] * 2)
    limit = np.array([raster.part_width, raster.part_height] * 2)
    # A pixel belongs to the box if x1 <= column < x2, so a box starts at the next whole pixel.
    boxes = np.ceil(np.clip(raster.boxes(xyxy, placement) - offset, 0, limit)).astype(int).tolist()
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        x, y = slice(x1, x2), slice(y1, y2)
        cells_x, cells_y = columns.cells_of(x), rows.cells_of(y)
        patch = values.patch(index, _moved(cells_y, raster.first_row), _moved(cells_x, raster.first_column))
        wide = columns.resize(patch.T, cells_x.start, x).T
        yield _on_canvas(rows.exceeds(wide, cells_y.start, y, 0.0), x1, y1, raster)


def roboflow_polygons(masks: list[Mask], placement: Placement, *, is_reduced: bool) -> list[NDArray[np.float32]]:
    """Of each mask the contour with the most points (k, 2), in pixels of the picture, or of the raster itself.

    Whole numbers where the raster has the picture's pixels.
    """
    polygons = [longest_contour(mask) for mask in masks]
    if is_reduced or not masks:
        return polygons
    size, raster_size = (placement.image_width, placement.image_height), (masks[0].width, masks[0].height)
    scale = (np.array(size) / np.array(raster_size)).astype(np.float32)
    return [np.multiply(polygon, scale, dtype=np.float32) for polygon in polygons]


def native_polygons(values: MaskValues, xyxy: NDArray[np.float32], placement: Placement) -> list[NDArray[np.float32]]:
    """Polygons (k, 2) x, y in pixels of the picture, clipped to it; (0, 2) for an empty mask.

    Ultralytics decides masks on the pixels of the network's input, joins several contours into one polygon, and takes
    its points back to the picture like boxes.
    """
    width, height = placement.network_width, placement.network_height
    itself = Placement.of("stretch", "native", (width, height), (width, height))
    raster = Raster.of((values.shape[2], values.shape[1]), itself, MaskOptions())
    limit = np.array([placement.image_width, placement.image_height], np.float32)
    return [
        np.clip(placement.to_image(joined_contours(mask)), 0, limit)
        for mask in native_masks(values, xyxy, itself, raster)
    ]


def enlarged(mask: Mask, width: int, height: int) -> Mask:
    """The mask on a canvas of that size, by its nearest pixels."""
    if (mask.width, mask.height) == (width, height):
        return mask
    rows = (np.arange(height) * mask.height // height) - mask.top
    columns = (np.arange(width) * mask.width // width) - mask.left
    patch_height, patch_width = mask.patch.shape
    y = np.flatnonzero((rows >= 0) & (rows < patch_height))
    x = np.flatnonzero((columns >= 0) & (columns < patch_width))
    left, top = (int(indices[0]) if len(indices) else 0 for indices in (x, y))
    return Mask(mask.patch[np.ix_(rows[y], columns[x])], left, top, width, height)


def _on_canvas(patch: NDArray[np.bool_], x: int, y: int, raster: Raster) -> Mask:
    return Mask(patch, raster.left + x, raster.top + y, raster.width, raster.height)


def _moved(cells: slice, offset: int) -> slice:
    return slice(cells.start + offset, cells.stop + offset)
