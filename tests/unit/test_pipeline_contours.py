"""Outlines of masks drawn by hand; the expected vertices are OpenCV's."""

from collections import deque

import numpy as np
import pytest
from numpy.typing import NDArray

from retinue.pipeline.contours import find_contours

Points = list[list[int]]


def mask_of(drawing: str) -> NDArray[np.bool_]:
    """A mask from a drawing: # is foreground."""
    return np.array([[character == "#" for character in line] for line in drawing.split()])


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        pytest.param("... ...", [], id="empty"),
        pytest.param("#", [[[0, 0]]], id="whole mask of one pixel"),
        pytest.param("... .#. ...", [[[1, 1]]], id="single pixel"),
        pytest.param("..... .###. .....", [[[1, 1], [3, 1]]], id="line"),
        pytest.param("#.. #.. #..", [[[0, 0], [0, 2]]], id="upright line at the border"),
        pytest.param("#.. .#. ..#", [[[0, 0], [2, 2]]], id="diagonal"),
        pytest.param("..... .###. .###. .....", [[[1, 1], [1, 2], [3, 2], [3, 1]]], id="rectangle"),
        pytest.param("#### ####", [[[0, 0], [0, 1], [3, 1], [3, 0]]], id="rectangle fills the mask"),
        # two squares joined by a corner are one component, walked through twice
        pytest.param(
            "##.. ##.. ..## ..##",
            [[[0, 0], [0, 1], [1, 1], [2, 2], [2, 3], [3, 3], [3, 2], [2, 2], [1, 1], [1, 0]]],
            id="diagonal touch",
        ),
        pytest.param(
            "..## ..## ##.. ##..",
            [[[2, 0], [2, 1], [1, 2], [0, 2], [0, 3], [1, 3], [1, 2], [2, 1], [3, 1], [3, 0]]],
            id="diagonal touch, the other way",
        ),
        pytest.param("##### #...# #...# #####", [[[0, 0], [0, 3], [4, 3], [4, 0]]], id="hole"),
        pytest.param(".#. #.# .#.", [[[1, 0], [0, 1], [1, 2], [2, 1]]], id="diamond: a hole closed by corners"),
        pytest.param(
            "##### #...# #.#.# #...# #####", [[[0, 0], [0, 4], [4, 4], [4, 0]]], id="island in a hole is left out"
        ),
        pytest.param(
            "####### #.....# #.###.# #.#.#.# #.###.# #.....# #######",
            [[[0, 0], [0, 6], [6, 6], [6, 0]]],
            id="ring in a ring is left out",
        ),
        pytest.param("#...# ..... #...#", [[[4, 2]], [[0, 2]], [[4, 0]], [[0, 0]]], id="four pixels, bottom to top"),
        pytest.param("#.#.# ..... .....", [[[4, 0]], [[2, 0]], [[0, 0]]], id="one row, right to left"),
        pytest.param("#.. #.. ###", [[[0, 0], [0, 2], [2, 2], [1, 2], [0, 1]]], id="angle"),
        pytest.param("..#.. .###. #####", [[[2, 0], [0, 2], [4, 2]]], id="triangle"),
        # its first row meets the ring's hole only further down
        pytest.param("###. #.#. ###. ...#", [[[0, 0], [0, 2], [2, 2], [3, 3], [2, 2], [2, 0]]], id="ring with a tail"),
        pytest.param("#####.# #...#.. #####..", [[[6, 0]], [[0, 0], [0, 2], [4, 2], [4, 0]]], id="beside a ring"),
    ],
)  # fmt: skip
def test_vertices(drawing: str, expected: list[Points]) -> None:
    contours = find_contours(mask_of(drawing))

    assert [contour.tolist() for contour in contours] == expected
    assert all(contour.dtype == np.int64 for contour in contours)


def filled_pixels(mask: NDArray[np.bool_]) -> int:
    """The pixels of the mask and of its holes: those that a flood from outside does not reach."""
    open_ground = np.pad(~mask, 1, constant_values=True)
    waiting, height, width = deque([(0, 0)]), *open_ground.shape
    open_ground[0, 0] = False
    reached = 1
    while waiting:
        y, x = waiting.popleft()
        for beside in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= beside[0] < height and 0 <= beside[1] < width and open_ground[beside]:
                open_ground[beside] = False
                reached += 1
                waiting.append(beside)
    return height * width - reached


def enclosed_pixels(contour: NDArray[np.int64]) -> float:
    """The lattice points on and inside a contour, by Pick's theorem: area + border / 2 + 1."""
    following = np.roll(contour, -1, axis=0)
    area = abs(int((contour[:, 0] * following[:, 1] - following[:, 0] * contour[:, 1]).sum())) / 2
    border = int(np.abs(following - contour).max(axis=1).sum())
    return area + border / 2 + 1


@pytest.mark.parametrize("density", [0.1, 0.4, 0.6, 0.9])
def test_contours_enclose_the_mask_and_its_holes(density: float) -> None:
    random = np.random.default_rng(int(density * 10))
    for _ in range(15):
        mask = random.random(random.integers(1, 18, 2)) < density

        contours = find_contours(mask)

        assert sum(map(enclosed_pixels, contours)) == filled_pixels(mask)
        assert all(mask[y, x] for contour in contours for x, y in contour.tolist())
