"""From binary masks to polygons."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.contours import find_contours
from retinue.pipeline.prediction import Mask

Points = NDArray[np.float32]


def longest_contour(mask: Mask) -> Points:
    """The contour (k, 2) x, y with the most points, the first of equals; (0, 2) for an empty mask."""
    contours = find_contours(mask.patch)
    points = max(contours, key=len) if contours else np.empty((0, 2))
    return (points + np.array([mask.left, mask.top])).astype(np.float32)


def joined_contours(mask: Mask) -> Points:
    """All contours as one polygon (k, 2) x, y; (0, 2) for an empty mask."""
    contours = find_contours(mask.patch)
    points = join_contours(contours) if contours else np.empty((0, 2), np.int64)
    return (points + np.array([mask.left, mask.top])).astype(np.float32)


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
