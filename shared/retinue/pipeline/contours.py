"""Outlines of binary masks, equal to OpenCV's findContours(RETR_EXTERNAL, CHAIN_APPROX_SIMPLE), in numpy.

The border between foreground and background is a set of directed pixel edges that keep the foreground on their
left. The edge that follows starts where an edge ends; where two start (pixels that touch by a corner) the right
turn is taken, because foreground is 8-connected. So the edges form cycles: one around each component and one in
each of its holes. They are told apart and ordered by pointer doubling: no loop over pixels.
"""

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]

# Sides of a pixel, in the order in which a walk around it meets them; walking keeps the pixel on the left.
_LEFT, _BOTTOM, _RIGHT, _TOP = range(4)
# From the pixel's top left corner to the corner where the walk along a side starts and ends, as (y, x).
_START_YX = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
_END_YX = np.roll(_START_YX, -1, axis=0)


def find_contours(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The outer contours of the 8-connected components of `mask` (h, w), each an array (n, 2) of pixels x, y.

    A contour starts at its topmost, there leftmost pixel, goes down first (counter-clockwise on the screen), and
    keeps the pixels where the direction changes. Contours come bottom to top. Components inside holes of others are
    left out.
    """
    return _contours(mask, has_inner=False)[::-1]


def find_all_contours(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The contours (n, 2) of pixels x, y around every component of `mask` (h, w) and around every hole in one."""
    return _contours(mask, has_inner=True)


def _contours(mask: NDArray[np.bool_], *, has_inner: bool) -> list[NDArray[np.int64]]:
    """The contours from top to bottom; has_inner: also those of holes and of what lies in them."""
    if not mask.any():
        return []
    y, x, side = _border_edges(mask)
    following = _following_edges(y, x, side, mask.shape)
    first, rank = _order_cycles(following)
    order = np.lexsort((rank, first))
    if not has_inner:
        order = order[np.isin(first[order], _outermost_cycles(y, x, side, first, mask.shape[1]))]
    return _trace(np.stack([x, y], axis=1)[order], first[order])


def _border_edges(mask: NDArray[np.bool_]) -> tuple[Index, Index, Index]:
    """The sides of foreground pixels that face background: pixel y, pixel x, side; in raster order."""
    padded = np.pad(mask, 1)
    neighbours = (padded[1:-1, :-2], padded[2:, 1:-1], padded[1:-1, 2:], padded[:-2, 1:-1])
    is_inner = neighbours[0] & neighbours[1] & neighbours[2] & neighbours[3]
    # Few pixels are on a border: only of them all four sides are looked at.
    y, x = np.divmod(np.flatnonzero(mask & ~is_inner), mask.shape[1])
    pixel, side = np.nonzero(~np.stack([neighbour[y, x] for neighbour in neighbours], axis=1))
    return y[pixel], x[pixel], side


def _following_edges(y: Index, x: Index, side: Index, shape: tuple[int, ...]) -> Index:
    """For each edge the index of the edge that starts at its end."""
    corner_stride = shape[1] + 1

    def corner(offsets: NDArray[np.int64]) -> Index:
        return (y + offsets[side, 0]) * corner_stride + x + offsets[side, 1]

    # At most one edge per side starts at a corner.
    start, end = 4 * corner(_START_YX) + side, corner(_END_YX)
    order = np.argsort(start)
    starts = np.append(start[order], -1)

    def starting(turn: int) -> tuple[Index, NDArray[np.bool_]]:
        wanted = 4 * end + (side + turn) % 4
        found = np.searchsorted(starts[:-1], wanted)
        return found, starts[found] == wanted

    (right_turn, turns_right), (straight, goes_straight), (left_turn, _) = (starting(turn) for turn in (-1, 0, 1))
    return order[np.where(turns_right, right_turn, np.where(goes_straight, straight, left_turn))]


def _order_cycles(following: Index) -> tuple[Index, Index]:
    """For each edge the first edge (lowest index) of its cycle, and its rank counted from there along the walk."""
    count = len(following)
    doublings = max(1, int(count).bit_length())
    first, jump = np.arange(count), following
    for _ in range(doublings):
        first, jump = np.minimum(first, first[jump]), jump[jump]
    is_first = first == np.arange(count)
    jump = np.where(is_first, np.arange(count), following)
    distance = np.where(is_first, 0, 1)
    for _ in range(doublings):
        distance, jump = distance + distance[jump], jump[jump]
    length = np.bincount(first, minlength=count)[first]
    return first, (length - distance) % length


def _outermost_cycles(y: Index, x: Index, side: Index, first: Index, width: int) -> Index:
    """The first edges of those cycles that run around a component which lies in no hole.

    A cycle whose first edge is a left side runs around a component, one that starts with a bottom side runs in a
    hole. Looking left from the first pixel, the next border met is either a hole's (then the component lies in it)
    or that of a component in the same surroundings.
    """
    cycles = np.unique(first)
    around = cycles[side[cycles] == _LEFT]
    right_sides = np.flatnonzero(side == _RIGHT)
    position = y[right_sides] * width + x[right_sides]
    met = np.searchsorted(position, y[around] * width + x[around]) - 1
    is_met = (met >= 0) & (y[right_sides[met]] == y[around])
    # surroundings[edge]: itself for a hole or for a component that meets nothing, else the cycle that it meets.
    surroundings = np.arange(len(side))
    surroundings[around[is_met]] = first[right_sides[met[is_met]]]
    root = surroundings[around]
    while not np.array_equal(root, surroundings[root]):
        root = surroundings[root]
    return around[side[root] == _LEFT]


def _trace(pixel_xy: Index, cycle: Index) -> list[NDArray[np.int64]]:
    """The corner points of each cycle; `pixel_xy` (n, 2) holds the pixels of the walk, grouped by cycle."""
    for is_corner in (_moves_on, _turns):
        starts = np.flatnonzero(np.diff(cycle, prepend=-1))
        kept = is_corner(pixel_xy, starts)
        kept[starts] |= ~np.logical_or.reduceat(kept, starts)  # a lone pixel neither moves nor turns
        pixel_xy, cycle = pixel_xy[kept], cycle[kept]
    return np.split(pixel_xy, np.flatnonzero(np.diff(cycle)) + 1)


def _moves_on(pixel_xy: Index, starts: Index) -> NDArray[np.bool_]:
    """Whether the pixel after this one, around the cycle, is another one."""
    moves_on: NDArray[np.bool_] = np.logical_or.reduce(_steps(pixel_xy, starts) != 0, axis=1)
    return moves_on


def _turns(pixel_xy: Index, starts: Index) -> NDArray[np.bool_]:
    """Whether the walk leaves this pixel in another direction than it came."""
    steps = _steps(pixel_xy, starts)
    before = np.arange(len(steps)) - 1
    before[starts] = np.append(starts[1:], len(steps)) - 1
    turns: NDArray[np.bool_] = np.logical_or.reduce(steps != steps[before], axis=1)
    return turns


def _steps(pixel_xy: Index, starts: Index) -> Index:
    """From each pixel to the next one around its cycle."""
    following = np.arange(len(pixel_xy)) + 1
    following[np.append(starts[1:], len(pixel_xy)) - 1] = starts
    return pixel_xy[following] - pixel_xy
