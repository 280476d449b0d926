"""Which pixels a shape covers: lines, thick lines, quadrilaterals, discs, polygons; equal to OpenCV's in every pixel.

All functions take many shapes at once and give the pixels (y, x) of their union inside a picture of `shape` (H, W);
pixels may come twice. Coordinates are integers: whole pixels, or where the name says `fixed`, in 1/65536 of a pixel.
Divisions and roundings are those of OpenCV 4's drawing.cpp, so that the pixels are.
"""

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
Pixels = tuple[Index, Index]
Shape = tuple[int, ...]

ONE = 1 << 16
"""A pixel in fixed-point coordinates."""
_HALF = ONE >> 1


def line_pixels(segments: Index, shape: Shape, *, connectivity: int = 8) -> Pixels:
    """Bresenham lines of one pixel; segments (m, 4) as x, y, x, y. connectivity: 8, or 4 (no diagonal steps)."""
    x1, y1, x2, y2 = _clipped(segments, shape[1], shape[0]).T
    is_leftward = x2 < x1
    x1, x2 = np.where(is_leftward, (x2, x1), (x1, x2))
    y1, y2 = np.where(is_leftward, (y2, y1), (y1, y2))
    across, down = x2 - x1, np.abs(y2 - y1)
    is_steep = down > across
    major, minor = np.maximum(across, down), np.minimum(across, down)
    line, step = _ranges(np.zeros_like(major), major)
    length = np.maximum(major[line], 1)
    if connectivity == 4:
        reached = -(-step * minor[line] // length)
        before = np.maximum(-(-(step - 1) * minor[line] // length), 0)
        run, aside = _ranges(before, reached)
        line, step = line[run], step[run]
    else:
        aside = -((length - 2 * minor[line] * step) // (2 * length))
    along_x, along_y = np.where(is_steep[line], (aside, step), (step, aside))
    return y1[line] + np.where(y2 < y1, -1, 1)[line] * along_y, x1[line] + along_x


def thick_line_pixels(segments: Index, thickness: int, shape: Shape) -> Pixels:
    """Lines with round ends; segments (m, 4) fixed x, y, x, y, thickness of 2 or more."""
    ends = np.unique(segments.reshape(-1, 2), axis=0)
    return _joined(
        quad_pixels(_thick_quads(segments, thickness), shape),
        disc_pixels((ends + _HALF) // ONE, (thickness + 1) // 2, shape),
    )


def _thick_quads(segments: Index, thickness: int) -> Index:
    """The corners (m, 4, 2), fixed, of lines of that thickness; lines without length are left out."""
    segments = segments[(segments[:, :2] != segments[:, 2:]).any(axis=1)]
    starts, ends = segments[:, :2], segments[:, 2:]
    along = (ends - starts) / ONE
    # An odd thickness is widened by a pixel.
    reach = (thickness + (thickness & 1)) * _HALF / np.hypot(along[:, 0], along[:, 1])[:, None]
    aside = np.rint(along[:, ::-1] * reach * (1, -1)).astype(np.int64)
    return np.stack([starts + aside, starts - aside, ends - aside, ends + aside], axis=1)


def quad_pixels(corners: Index, shape: Shape) -> Pixels:
    """Convex quadrilaterals, filled, with their outlines; corners (m, 4, 2) fixed x, y."""
    edges = np.concatenate([np.roll(corners, 1, axis=1), corners], axis=2).reshape(-1, 4)
    outlines = fixed_line_pixels(edges, shape)
    top = np.argmin(corners[:, :, 1], axis=1)
    corners = np.take_along_axis(corners, (top[:, None, None] + np.arange(4)[:, None]) % 4, axis=1)
    row = (corners[:, :, 1] + _HALF) // ONE
    # The last row has only its outline.
    quad, y = _ranges(np.maximum(row[:, 0], 0), np.minimum(row.max(axis=1), shape[0]) - 1)
    sides = [_side(corners, row, order, quad, y) for order in ((0, 1, 2, 3, 0), (0, 3, 2, 1, 0))]
    left, right = np.minimum(*sides), np.maximum(*sides)
    return _joined(outlines, _span_pixels(y, (left + _HALF) // ONE, (right + _HALF) // ONE, shape))


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
    line, step = _ranges(np.zeros_like(advance), advance // ONE)
    first = (start[line, 0] + _HALF) // ONE + step
    second = (start[line, 1] + _HALF + slope[line] * step) // ONE
    last = (end + _HALF) // ONE
    first, second = np.append(first, last[:, 0]), np.append(second, last[:, 1])
    y, x = np.where(np.append(is_flat[line, 0], is_flat[:, 0]), (second, first), (first, second))
    return _inside(y, x, shape)


def disc_pixels(centers: Index, radius: int, shape: Shape) -> Pixels:
    """Filled circles around centers (m, 2) x, y: every pixel that is at most `radius` away."""
    x, y = centers.T
    highest, lowest = -y.max(initial=0), shape[0] - 1 - y.min(initial=shape[0])
    down = np.arange(max(-radius, int(highest)), min(radius, int(lowest)) + 1)
    reach = np.tile(_reach(radius, down), len(centers))
    x, y = np.repeat(x, len(down)), np.repeat(y, len(down)) + np.tile(down, len(centers))
    return _span_pixels(y, x - reach, x + reach, shape)


def circle_pixels(center_xy: tuple[int, int], radius: int, shape: Shape) -> Pixels:
    """The outline of a circle, one pixel wide."""
    x, y = center_xy
    farthest = max(abs(x), abs(y), abs(shape[1] - x), abs(shape[0] - y))
    down = np.arange(min(radius, farthest) + 1)
    down = down[_reach(radius, down) >= down]
    across = _reach(radius, down)
    a, b = np.concatenate([down, across]), np.concatenate([across, down])
    return _inside(y + np.concatenate([a, a, -a, -a]), x + np.concatenate([b, -b, b, -b]), shape)


def polygon_pixels(vertices: Index, shape: Shape) -> Pixels:
    """A filled polygon (k, 2) with its outline: where it crosses itself, what it encloses an odd number of times."""
    segments = np.concatenate([np.roll(vertices, 1, axis=0), vertices], axis=1)
    outline = line_pixels(segments, shape)
    # An edge that leaves the picture follows the line between the pixels where it is cut.
    cut = _clipped(segments, shape[1], shape[0], is_kept=True)
    is_level = (cut[:, 1] == cut[:, 3])[:, None]
    cut[:, 1::2] = np.where(is_level, segments[:, 1::2], cut[:, 1::2])
    x1, y1, x2, y2 = np.where((cut[:, 1] > cut[:, 3])[:, None], np.roll(cut, 2, axis=1), cut).T
    top, bottom = np.sort(segments[:, 1::2], axis=1).T
    slope = _quotient((x2 - x1) * ONE, np.maximum(y2 - y1, 1))
    edge, y = _ranges(np.maximum(top, 0), np.minimum(bottom, shape[0]) - 1)
    x = x1[edge] * ONE + slope[edge] * (y - y1[edge])
    order = np.lexsort((x, y))
    y, x = y[order], x[order]
    return _joined(outline, _span_pixels(y[::2], -(-x[::2] // ONE), x[1::2] // ONE, shape))


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


def _span_pixels(y: Index, first_x: Index, last_x: Index, shape: Shape) -> Pixels:
    """The pixels of runs along rows, from first_x to last_x inclusive."""
    is_seen = (y >= 0) & (y < shape[0])
    run, x = _ranges(np.maximum(first_x, 0)[is_seen], np.minimum(last_x, shape[1] - 1)[is_seen])
    return y[is_seen][run], x


def _ranges(first: Index, last: Index) -> Pixels:
    """All integers from first to last inclusive of each range, and with each the index of its range."""
    length = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(length)), length)
    offset = first - (np.cumsum(length) - length)
    return owner, np.arange(len(owner)) + offset[owner]


def _quotient(numerator: Index, denominator: Index) -> Index:
    """The quotient, rounded towards zero; denominators are positive."""
    return np.asarray(np.sign(numerator) * (np.abs(numerator) // denominator))


def _inside(y: Index, x: Index, shape: Shape) -> Pixels:
    is_seen = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    return y[is_seen], x[is_seen]


def _joined(a: Pixels, b: Pixels) -> Pixels:
    return np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])
