"""Which pixels a shape covers: lines, thick lines, quadrilaterals, discs, polygons; equal to OpenCV's in every pixel.

All functions take many shapes at once and give the pixels (y, x) of their union inside a picture of `shape` (H, W);
pixels may come twice. Coordinates are integers: whole pixels, or where the name says `fixed`, in 1/65536 of a pixel.
Divisions and roundings are those of OpenCV 4's drawing.cpp, so that the pixels are.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.drawing.runs import Index, Pixels, Runs, Shape, ranges, union

ONE = 1 << 16
"""A pixel in fixed-point coordinates."""
_HALF = ONE >> 1
MAX_RUNS = 8_000_000
"""Of the thick lines that are drawn at once, at most: it takes about a second."""
MAX_LINE_PIXELS = 32_000_000
"""Of the lines of one pixel that are drawn at once, at most, where they cross the picture: that takes as long."""
_GROUP_RUNS = 250_000
_LARGEST_KEPT_DISC = 16
_MOST_KEPT_DISCS = 64


def line_pixels(segments: Index, shape: Shape, *, connectivity: int = 8) -> Pixels:
    """Bresenham lines of one pixel; segments (m, 4) as x, y, x, y. connectivity: 8, or 4 (no diagonal steps)."""
    x1, y1, x2, y2 = _clipped(segments, shape[1], shape[0]).T
    is_leftward = x2 < x1
    x1, x2 = np.where(is_leftward, (x2, x1), (x1, x2))
    y1, y2 = np.where(is_leftward, (y2, y1), (y1, y2))
    across, down = x2 - x1, np.abs(y2 - y1)
    is_steep = down > across
    major, minor = np.maximum(across, down), np.minimum(across, down)
    line, step = ranges(np.zeros_like(major), major)
    length = np.maximum(major[line], 1)
    if connectivity == 4:
        reached = -(-step * minor[line] // length)
        before = np.maximum(-(-(step - 1) * minor[line] // length), 0)
        run, aside = ranges(before, reached)
        line, step = line[run], step[run]
    else:
        aside = -((length - 2 * minor[line] * step) // (2 * length))
    along_x, along_y = np.where(is_steep[line], (aside, step), (step, aside))
    return y1[line] + np.where(y2 < y1, -1, 1)[line] * along_y, x1[line] + along_x


def line_groups(segments: Index, shape: Shape) -> Iterator[slice]:
    """Slices of the segments (m, 4), fixed x, y, x, y, that are drawn together as lines of one pixel.

    Raises ValueError where all have more than MAX_LINE_PIXELS.
    """
    longest = np.abs(segments[:, 2:] - segments[:, :2]).max(axis=1, initial=0) // ONE + 2
    pixels = np.minimum(longest, max(shape[:2]))
    if (count := int(pixels.sum())) > MAX_LINE_PIXELS:
        raise ValueError(
            f"{len(segments):,} lines are too much to draw: they have some {count:,} pixels, and the limit is "
            f"{MAX_LINE_PIXELS:,}. Draw fewer"
        )
    return _groups(pixels)


def thick_line_pixels(segments: Index, thickness: int, shape: Shape) -> Pixels:
    """Lines with round ends; segments (m, 4) fixed x, y, x, y, thickness of 2 or more.

    Raises ValueError where they are so many and so thick that there would be more than MAX_RUNS.
    """
    radius = (thickness + 1) // 2
    centers = _seen_discs((segments.reshape(-1, 2) + _HALF) // ONE, radius, shape)
    if _hides_all(centers, radius, shape):
        y, x = np.indices(shape[:2]).reshape(2, -1)
        return y, x
    quads = _thick_quads(segments, thickness)
    disc_runs = np.full(len(centers), min(2 * radius + 1, shape[0]))
    # As many as the quadrilateral has rows, and the pixels of its outline.
    quad_runs = 4 * np.minimum(np.ptp(quads, axis=1).max(axis=1, initial=0) // ONE + 2, max(shape[:2]))
    if (count := int(disc_runs.sum() + quad_runs.sum())) > MAX_RUNS:
        raise ValueError(
            f"{len(quads):,} lines of {thickness} pixels are too much to draw: they are made of some {count:,} runs of "
            f"pixels, and the limit is {MAX_RUNS:,}. Draw thinner lines, or fewer"
        )
    return union(
        chain(
            (_quad_runs(quads[group], shape) for group in _groups(quad_runs)),
            (_disc_runs(centers[group], radius, shape) for group in _groups(disc_runs)),
        ),
        shape,
    )


def _seen_discs(centers: Index, radius: int, shape: Shape) -> Index:
    """Those of the centers (m, 2) whose discs may reach into the picture, each once."""
    width, height = shape[1] + 2 * radius, shape[0] + 2 * radius
    x, y = (centers + radius).T
    is_near = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    y, x = np.divmod(np.unique(y[is_near] * width + x[is_near]), width)
    return np.stack([x, y], axis=1) - radius


def _hides_all(centers: Index, radius: int, shape: Shape) -> bool:
    """Whether one of the discs covers all of the picture."""
    farthest = np.maximum(np.abs(centers), np.abs(centers - np.array([shape[1] - 1, shape[0] - 1])))
    return bool(((farthest * farthest).sum(axis=1) <= radius * radius).any())


def _groups(runs: Index) -> Iterator[slice]:
    """Slices of shapes that have so many runs each, of about _GROUP_RUNS together."""
    ends = np.cumsum(runs)
    start = 0
    while start < len(runs):
        stop = max(start + 1, int(np.searchsorted(ends, (ends[start - 1] if start else 0) + _GROUP_RUNS)))
        yield slice(start, stop)
        start = stop


def _thick_quads(segments: Index, thickness: int) -> Index:
    """The corners (m, 4, 2), fixed, of lines of that thickness; lines without length are left out."""
    segments = segments[(segments[:, :2] != segments[:, 2:]).any(axis=1)]
    starts, ends = segments[:, :2], segments[:, 2:]
    along = (ends - starts) / ONE
    # An odd thickness is widened by a pixel.
    reach = (thickness + (thickness & 1)) * _HALF / np.hypot(along[:, 0], along[:, 1])[:, None]
    aside = np.rint(along[:, ::-1] * reach * (1, -1)).astype(np.int64)
    return np.stack([starts + aside, starts - aside, ends - aside, ends + aside], axis=1)


def _quad_runs(corners: Index, shape: Shape) -> Runs:
    """Convex quadrilaterals, filled, with their outlines; corners (m, 4, 2) fixed x, y."""
    edges = np.concatenate([np.roll(corners, 1, axis=1), corners], axis=2).reshape(-1, 4)
    outline_y, outline_x = fixed_line_pixels(edges, shape)
    top = np.argmin(corners[:, :, 1], axis=1)
    corners = np.take_along_axis(corners, (top[:, None, None] + np.arange(4)[:, None]) % 4, axis=1)
    row = (corners[:, :, 1] + _HALF) // ONE
    # The last row has only its outline.
    quad, y = ranges(np.maximum(row[:, 0], 0), np.minimum(row.max(axis=1), shape[0]) - 1)
    sides = [_side(corners, row, order, quad, y) for order in ((0, 1, 2, 3, 0), (0, 3, 2, 1, 0))]
    left, right = np.minimum(*sides), np.maximum(*sides)
    first_x, last_x = (np.append(outline_x, (side + _HALF) // ONE) for side in (left, right))
    return np.append(outline_y, y), first_x, last_x


def _side(corners: Index, row: Index, order: tuple[int, ...], quad: Index, y: Index) -> Index:
    """Where (fixed x) the side of `quad` that goes down along the corners in `order` lies in each row y."""
    x, row = corners[:, order, 0], row[:, order]
    edge = np.argmax(row[quad, 1:] > y[:, None], axis=1)
    start, end = row[quad, edge], row[quad, edge + 1]
    rows = np.maximum(end - start, 1)
    slope = _quotient((x[quad, edge + 1] - x[quad, edge]) * 2 + rows, 2 * rows)
    return np.asarray(x[quad, edge] + slope * (y - start))


def fixed_line_pixels(segments: Index, shape: Shape) -> Pixels:
    """Lines of one pixel between fixed points; segments (m, 4) fixed x, y, x, y."""
    clipped = _clipped(segments, shape[1] * ONE, shape[0] * ONE)
    start, end = clipped[:, :2], clipped[:, 2:]
    across, down = np.abs(end - start).T
    is_flat = (across > down)[:, None]
    # From here on the first coordinate is the one that advances by whole pixels.
    start, end = np.where(is_flat, start, start[:, ::-1]), np.where(is_flat, end, end[:, ::-1])
    is_backward = start[:, :1] > end[:, :1]
    start, end = np.where(is_backward, end, start), np.where(is_backward, start, end)
    advance, aside = (end - start).T
    slope = _quotient(aside * ONE, advance | 1)
    line, step = ranges(np.zeros_like(advance), advance // ONE)
    first = (start[line, 0] + _HALF) // ONE + step
    second = (start[line, 1] + _HALF + slope[line] * step) // ONE
    last = (end + _HALF) // ONE
    first, second = np.append(first, last[:, 0]), np.append(second, last[:, 1])
    y, x = np.where(np.append(is_flat[line, 0], is_flat[:, 0]), (second, first), (first, second))
    return _inside(y, x, shape)


def disc_pixels(centers: Index, radius: int, shape: Shape) -> Pixels:
    """Filled circles around centers (m, 2) x, y: every pixel that is at most `radius` away."""
    if radius > _LARGEST_KEPT_DISC or len(centers) > _MOST_KEPT_DISCS:
        return union([_disc_runs(centers, radius, shape)], shape)
    down, across = _disc(radius)
    y, x = centers[:, 1, None] + down, centers[:, 0, None] + across
    return _inside(y.ravel(), x.ravel(), shape)


@lru_cache(maxsize=_LARGEST_KEPT_DISC + 1)
def _disc(radius: int) -> Pixels:
    """The pixels of a disc, from its centre."""
    side = 2 * radius + 1
    y, x = union([_disc_runs(np.array([[radius, radius]]), radius, (side, side))], (side, side))
    return y - radius, x - radius


def _disc_runs(centers: Index, radius: int, shape: Shape) -> Runs:
    x, y = centers.T
    disc, row = ranges(np.maximum(y - radius, 0), np.minimum(y + radius, shape[0] - 1))
    reach = _reach(radius, row - y[disc])
    return row, x[disc] - reach, x[disc] + reach


def circle_pixels(center_xy: tuple[int, int], radius: int, shape: Shape) -> Pixels:
    """The outline of a circle, one pixel wide."""
    x, y = center_xy
    down, across = _octants(radius, -y, shape[0] - 1 - y), _octants(radius, -x, shape[1] - 1 - x)
    a = np.concatenate([down, _reach(radius, across)])
    b = np.concatenate([_reach(radius, down), across])
    return _inside(y + np.concatenate([a, a, -a, -a]), x + np.concatenate([b, -b, b, -b]), shape)


def _octants(radius: int, first: int, last: int) -> Index:
    """How far from the centre, along one axis, a circle's pixels lie in the two octants on either side of that axis;
    only what lies at first..last on one of its sides."""
    nearest = 0 if first <= 0 <= last else min(abs(first), abs(last))
    distance = np.arange(nearest, min(radius, max(abs(first), abs(last))) + 1)
    return distance[_reach(radius, distance) >= distance]


def polygon_pixels(vertices: Index, shape: Shape) -> Pixels:
    """A filled polygon (k, 2) with its outline: where it crosses itself, what it encloses an odd number of times."""
    segments = np.concatenate([np.roll(vertices, 1, axis=0), vertices], axis=1)
    outline_y, outline_x = line_pixels(segments, shape)
    # An edge that leaves the picture follows the line between the pixels where it is cut.
    cut = _clipped(segments, shape[1], shape[0], is_kept=True)
    is_level = (cut[:, 1] == cut[:, 3])[:, None]
    cut[:, 1::2] = np.where(is_level, segments[:, 1::2], cut[:, 1::2])
    x1, y1, x2, y2 = np.where((cut[:, 1] > cut[:, 3])[:, None], np.roll(cut, 2, axis=1), cut).T
    top, bottom = np.sort(segments[:, 1::2], axis=1).T
    slope = _quotient((x2 - x1) * ONE, np.maximum(y2 - y1, 1))
    edge, y = ranges(np.maximum(top, 0), np.minimum(bottom, shape[0]) - 1)
    x = x1[edge] * ONE + slope[edge] * (y - y1[edge])
    order = np.lexsort((x, y))
    y, x = y[order], x[order]
    runs = y[::2], -(-x[::2] // ONE), x[1::2] // ONE
    return union([(outline_y, outline_x, outline_x), runs], shape)


def _reach(radius: int, down: Index) -> Index:
    """How far a circle reaches to either side in the rows `down` below its centre."""
    return np.asarray(np.sqrt(radius * radius - down * down).astype(np.int64))


def _clipped(segments: Index, width: int, height: int, *, is_kept: bool = False) -> Index:
    """The parts of segments (m, 4) within 0..width - 1, 0..height - 1; segments outside are left out, or kept.

    Cohen and Sutherland's: first the ends above or below are moved along the segment, then those beside.
    """
    ends = segments.copy()
    limit = np.array([width - 1, height - 1])
    is_out = _is_apart(ends, limit)
    for axis in (1, 0):
        for end in (0, 2):
            value = ends[:, end + axis]
            bound = np.clip(value, 0, limit[axis])
            is_moved = (value != bound) & ~is_out
            delta = ends[:, 2:] - ends[:, :2]
            rise = np.where(is_moved, delta[:, axis], 1)
            moved = (bound - value).astype(np.float64) * delta[:, 1 - axis] / rise
            ends[:, end + 1 - axis] += np.where(is_moved, moved, 0).astype(np.int64)
            ends[:, end + axis] = np.where(is_moved, bound, value)
        is_out |= _is_apart(ends, limit)
    return ends if is_kept else ends[~is_out]


def _is_apart(segments: Index, limit: Index) -> NDArray[np.bool_]:
    """Whether both ends lie beyond the same side."""
    start, end = segments[:, :2], segments[:, 2:]
    return np.asarray((((start < 0) & (end < 0)) | ((start > limit) & (end > limit))).any(axis=1))


def _quotient(numerator: Index, denominator: Index) -> Index:
    """The quotient, rounded towards zero; denominators are positive."""
    return np.asarray(np.sign(numerator) * (np.abs(numerator) // denominator))


def _inside(y: Index, x: Index, shape: Shape) -> Pixels:
    is_seen = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    return y[is_seen], x[is_seen]
