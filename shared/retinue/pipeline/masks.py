"""Instance masks: from prototypes and coefficients to polygons.

Two conventions, as contract/models.md 3.5 and Ultralytics' exports have them. Both enlarge a grid of mask values
bilinearly and threshold it; only the pixels that a box can reach are computed.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.contours import find_contours
from retinue.pipeline.geometry import Placement

Grid = NDArray[np.float32]
# A binary mask and the x, y of its top left pixel.
PlacedMask = tuple[NDArray[np.bool_], tuple[int, int]]


def roboflow_polygons(
    coefficients: Grid, prototypes: Grid, xyxy: NDArray[np.float32], placement: Placement
) -> list[NDArray[np.float32]]:
    """Polygons (k, 2) x, y in pixels of the picture, whole numbers; (0, 2) for an empty mask.

    coefficients (n, c), prototypes (c, gh, gw), xyxy (n, 4) in pixels of the network's input. Rules of upstream's
    new engine: probabilities, cut to the box on the grid, freed of the padding, resized with anti-aliasing to the
    picture, > 0.5; of several contours the one with the most points.
    """
    return [_longest(mask, origin_xy) for mask, origin_xy in _roboflow_masks(coefficients, prototypes, xyxy, placement)]


def ultralytics_polygons(
    coefficients: Grid, prototypes: Grid, xyxy: NDArray[np.float32], placement: Placement
) -> list[NDArray[np.float32]]:
    """Polygons (k, 2) x, y in pixels of the picture, clipped to it; (0, 2) for an empty mask.

    Arguments as `roboflow_polygons`. Ultralytics' rules: logits, resized to the network's input, > 0, cut to the
    box there; several contours are joined into one polygon; points go back to the picture like boxes.
    """
    limit = np.array([placement.image_width, placement.image_height], np.float32)
    return [
        np.clip(placement.to_image(_joined(mask, origin_xy)), 0, limit)
        for mask, origin_xy in _ultralytics_masks(coefficients, prototypes, xyxy, placement)
    ]


def _roboflow_masks(
    coefficients: Grid, prototypes: Grid, xyxy: NDArray[np.float32], placement: Placement
) -> Iterator[PlacedMask]:
    _, grid_height, grid_width = prototypes.shape
    boxes = np.rint(xyxy * np.float32(0.25)).astype(np.int64)
    pad_y, pad_x = grid_height / placement.network_height, grid_width / placement.network_width
    top, bottom = round(pad_y * placement.pad_top), grid_height - round(pad_y * placement.pad_bottom)
    left, right = round(pad_x * placement.pad_left), grid_width - round(pad_x * placement.pad_right)
    rows = resize_weights(bottom - top, placement.image_height)
    columns = resize_weights(right - left, placement.image_width)
    # A loop over detections: each mask has a size of its own, and only that much is computed.
    for coefficient, (x1, y1, x2, y2) in zip(coefficients, boxes, strict=True):
        x1, x2 = np.clip([x1, x2], max(0, left), min(grid_width, right))
        y1, y2 = np.clip([y1, y2], max(0, top), min(grid_height, bottom))
        values = _sigmoid(np.tensordot(coefficient, prototypes[:, y1:y2, x1:x2], 1))
        yield _resize_patch(values, (x1 - left, y1 - top), rows, columns, 0.5)


def _ultralytics_masks(
    coefficients: Grid, prototypes: Grid, xyxy: NDArray[np.float32], placement: Placement
) -> Iterator[PlacedMask]:
    _, grid_height, grid_width = prototypes.shape
    width, height = placement.network_width, placement.network_height
    rows, columns = resize_weights(grid_height, height), resize_weights(grid_width, width)
    # A pixel belongs to the box if x1 <= column < x2, so a box starts at the next whole pixel.
    boxes = np.ceil(np.clip(xyxy, 0, [width, height, width, height])).astype(np.int64)
    for coefficient, (x1, y1, x2, y2) in zip(coefficients, boxes, strict=True):
        box_rows, box_columns = rows[y1:y2], columns[x1:x2]
        y, x = _touched(box_rows), _touched(box_columns)
        values = np.tensordot(coefficient, prototypes[:, y, x], 1)
        yield box_rows[:, y] @ values @ box_columns[:, x].T > 0, (int(x1), int(y1))


def resize_weights(size: int, target: int) -> NDArray[np.float32]:
    """The matrix (target, size) of a bilinear resize along one axis.

    Half-pixel centres; when shrinking, the triangle is widened by the scale (anti-aliasing), as torch's interpolate
    with antialias=True and Pillow do. Rows sum to 1.
    """
    scale = size / target
    support = max(scale, 1.0)
    centres = (np.arange(target) + 0.5) * scale
    distance = np.abs(np.arange(size) + 0.5 - centres[:, None]) / support
    weights = np.maximum(0.0, 1.0 - distance)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _resize_patch(values: Grid, origin_xy: tuple[int, int], rows: Grid, columns: Grid, threshold: float) -> PlacedMask:
    """The resized mask of a grid that is 0 but for the patch `values` at `origin_xy`: only where the patch
    reaches."""
    patch_rows = rows[:, origin_xy[1] : origin_xy[1] + values.shape[0]]
    patch_columns = columns[:, origin_xy[0] : origin_xy[0] + values.shape[1]]
    y, x = _touched(patch_rows.T), _touched(patch_columns.T)
    return patch_rows[y] @ values @ patch_columns[x].T > threshold, (x.start, y.start)


def _touched(weights: Grid) -> slice:
    """The range of columns with a weight other than 0."""
    columns = np.flatnonzero(weights.any(axis=0))
    return slice(int(columns[0]), int(columns[-1]) + 1) if len(columns) else slice(0, 0)


def _longest(mask: NDArray[np.bool_], origin_xy: tuple[int, int]) -> NDArray[np.float32]:
    """The contour with the most points, the first of equals."""
    contours = find_contours(mask)
    points = max(contours, key=len) if contours else np.empty((0, 2))
    return (points + np.array(origin_xy)).astype(np.float32)


def _joined(mask: NDArray[np.bool_], origin_xy: tuple[int, int]) -> NDArray[np.float32]:
    """All contours as one polygon (k, 2)."""
    contours = find_contours(mask)
    points = join_contours(contours) if contours else np.empty((0, 2), np.int64)
    return (points + np.array(origin_xy)).astype(np.float32)


def join_contours(contours: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """One closed walk over all contours (k_i, 2): each is linked with the next in the list where the two are nearest.

    The walk runs around the first contour, along one side of each contour between to the last, around that, and back
    along the other sides; vertex by vertex what Ultralytics makes of several contours.
    """
    links = [_nearest(*neighbours) for neighbours in pairwise(contours)]
    there, back = [], []
    for index, points in enumerate(contours):
        # Where the walk comes in from the contour before, and goes on to the next; the same point at both ends.
        enter = links[index - 1][1] if index else (links[0][0] if links else 0)
        leave = links[index][0] if index < len(links) else enter
        if enter > leave:
            points, enter, leave = points[::-1], len(points) - 1 - enter, len(points) - 1 - leave
        closed = np.concatenate([points[enter:], points[: enter + 1]])
        is_between = 0 < index < len(contours) - 1
        there.append(closed[: leave - enter + 1] if is_between else closed)
        back.append(closed[leave - enter :] if is_between else points[:0])
    return np.concatenate([*there, *reversed(back)]) if links else contours[0]


def _nearest(points: NDArray[np.int64], others: NDArray[np.int64]) -> tuple[int, int]:
    """Indices of the nearest pair, the first of equals."""
    distance = ((points[:, None] - others[None]) ** 2).sum(axis=2)
    index, other = np.unravel_index(np.argmin(distance), distance.shape)
    return int(index), int(other)


def _sigmoid(values: Grid) -> Grid:
    """1 / (1 + exp(-v)) without overflow."""
    return (0.5 * (1.0 + np.tanh(0.5 * values))).astype(np.float32)
