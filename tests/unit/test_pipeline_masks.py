"""Instance masks: from prototypes and coefficients to polygons, by both conventions."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from retinue.models.package import Convention
from retinue.pipeline import masks
from retinue.pipeline.geometry import Placement
from retinue.pipeline.interpolation import resize_weights
from retinue.pipeline.masks import Prototypes, Raster, roboflow_masks
from retinue.pipeline.prediction import MaskOptions

Polygon = list[list[float]]

# In a polygon of whole pixels: a square of 2 x 2 at (1, 1), and a single pixel far from it.
SQUARE_AND_DOT = """
......
.##...
.##..#
......
"""
# A long line has 2 corners, a small cross 4: most points win, not the largest.
LINE_AND_CROSS = """
########
........
...#....
..###...
...#....
........
"""


def prototypes_of(drawing: str, inside: float = 10.0) -> NDArray[np.float32]:
    """One prototype (1, h, w): `inside` where the drawing has #, its negative elsewhere."""
    rows = [[inside if character == "#" else -inside for character in line] for line in drawing.split()]
    return np.array([rows], np.float32)


def same_size(convention: Convention, width: int, height: int, grid_step: int = 1) -> Placement:
    """A picture of width x height stretched to a network of grid_step times that."""
    return Placement.of("stretch", convention, (width, height), (width * grid_step, height * grid_step))


def area_of(polygon: NDArray[np.float32]) -> float:
    following = np.roll(polygon, -1, axis=0)
    return abs(float((polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1]).sum())) / 2


def roboflow_polygons(
    coefficients: NDArray[np.float32], prototypes: NDArray[np.float32], xyxy: NDArray[np.float32], placement: Placement
) -> list[NDArray[np.float32]]:
    """As a package of the YOLOv8 family answers in its default mode."""
    raster = Raster.of((prototypes.shape[2], prototypes.shape[1]), placement, MaskOptions())
    made = list(roboflow_masks(Prototypes(coefficients, prototypes, True), xyxy, placement, raster))
    return masks.roboflow_polygons(made, placement, is_reduced=False)


def ultralytics_polygons(
    coefficients: NDArray[np.float32], prototypes: NDArray[np.float32], xyxy: NDArray[np.float32], placement: Placement
) -> list[NDArray[np.float32]]:
    """As a bare export answers."""
    return masks.native_polygons(Prototypes(coefficients, prototypes, False), xyxy, placement)


class TestResizeWeights:
    @pytest.mark.parametrize(
        ("size", "target"), [(160, 160), (160, 640), (160, 37), (1, 5), (5, 1), (3, 1000), (161, 160), (159, 160)]
    )
    def test_rows_sum_to_one(self, size: int, target: int) -> None:
        weights = resize_weights(size, target)

        assert weights.shape == (target, size) and weights.dtype == np.float32
        assert weights.min() >= 0
        assert_allclose(weights.sum(axis=1), 1, atol=1e-6)

    @pytest.mark.parametrize(
        ("size", "target", "expected"),
        [
            pytest.param(3, 3, [[1, 0, 0], [0, 1, 0], [0, 0, 1]], id="same size: unchanged"),
            pytest.param(2, 4, [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]], id="twice: half-pixel centres"),
            # a triangle of 2 pixels to each side, cut at the border
            pytest.param(4, 2, [[3 / 7, 3 / 7, 1 / 7, 0], [0, 1 / 7, 3 / 7, 3 / 7]], id="half: anti-aliased"),
            pytest.param(1, 3, [[1], [1], [1]], id="one cell"),
        ],
    )
    def test_weights(self, size: int, target: int, expected: Polygon) -> None:
        assert_allclose(resize_weights(size, target), np.array(expected), atol=1e-6)


class TestRoboflowPolygons:
    """Boxes are cut on the grid at a quarter of the network's size; points are whole pixels of the picture."""

    def polygons(
        self, drawing: str, box: list[float], size_wh: tuple[int, int], *, coefficient: float = 1.0
    ) -> list[Polygon]:
        placement = same_size("roboflow", *size_wh, grid_step=4)
        found = roboflow_polygons(
            np.array([[coefficient]], np.float32), prototypes_of(drawing), np.array([box], np.float32), placement
        )
        assert all(polygon.dtype == np.float32 and polygon.shape[1:] == (2,) for polygon in found)
        return [polygon.tolist() for polygon in found]

    def test_the_contour_with_the_most_points_stays(self) -> None:
        found = self.polygons(LINE_AND_CROSS, [0, 0, 32, 24], (8, 6))

        assert found == [[[3, 2], [2, 3], [3, 4], [4, 3]]]

    def test_the_box_cuts_the_mask_on_the_grid(self) -> None:
        # columns round(6.1 / 4) = 2 to round(21.9 / 4) = 5, rows round(1.9 / 4) = 0 to round(2.1 / 4) = 1
        found = self.polygons(LINE_AND_CROSS, [6.1, 1.9, 21.9, 2.1], (8, 6))

        assert found == [[[2, 0], [4, 0]]]

    @pytest.mark.parametrize(
        ("box", "coefficient"),
        [
            pytest.param([0, 0, 32, 24], -1.0, id="inverted, but one row: cut away"),
            pytest.param([0, 4, 32, 8], 1.0, id="nothing inside the box"),
            pytest.param([8, 8, 8, 8], 1.0, id="empty box"),
            pytest.param([100, 100, 120, 120], 1.0, id="box outside the picture"),
            pytest.param([20, 20, 10, 10], 1.0, id="box turned inside out"),
        ],
    )
    def test_an_empty_mask_has_no_points(self, box: list[float], coefficient: float) -> None:
        drawing = LINE_AND_CROSS if coefficient > 0 else "######## " * 6

        assert self.polygons(drawing, box, (8, 6), coefficient=coefficient) == [[]]

    def test_no_detections(self) -> None:
        placement = same_size("roboflow", 8, 6, grid_step=4)

        assert roboflow_polygons(np.empty((0, 1)), prototypes_of("#"), np.empty((0, 4)), placement) == []

    def test_enlarged_to_the_picture(self) -> None:
        # GIVEN a picture of 16 x 16 over a grid of 4 x 4, and a box over its left half
        placement = Placement.of("stretch", "roboflow", (16, 16), (16, 16))
        prototypes, box = prototypes_of("#### " * 4), np.array([[0, 0, 8, 16]], np.float32)

        (polygon,) = roboflow_polygons(np.ones((1, 1), np.float32), prototypes, box, placement)

        # THEN columns 0 to 7 are above one half: the zeros outside the box fall off linearly
        assert polygon.tolist() == [[0, 0], [0, 15], [7, 15], [7, 0]]

    def test_padding_is_removed_before_the_resize(self) -> None:
        # GIVEN 16 x 8 pixels in a network of 16 x 16: the picture is rows 1 and 2 of the grid
        placement = Placement.of("letterbox", "roboflow", (16, 8), (16, 16))
        prototypes, box = prototypes_of(".... #### #### ...."), np.array([[0, 0, 16, 16]], np.float32)

        (polygon,) = roboflow_polygons(np.ones((1, 1), np.float32), prototypes, box, placement)

        assert polygon.tolist() == [[0, 0], [0, 7], [15, 7], [15, 0]]

    def test_a_picture_one_pixel_high(self) -> None:
        placement = Placement.of("letterbox", "roboflow", (64, 1), (16, 16))
        prototypes, box = prototypes_of("#### " * 4), np.array([[0, 0, 16, 16]], np.float32)

        (polygon,) = roboflow_polygons(np.ones((1, 1), np.float32), prototypes, box, placement)

        assert len(polygon) <= 2  # a line of pixels, or nothing; never an error

    def test_coefficients_mix_the_prototypes_of_each_object(self) -> None:
        left, right = prototypes_of("#### ####"), prototypes_of(".... ####")
        placement = same_size("roboflow", 4, 2, grid_step=4)
        boxes = np.array([[0, 0, 16, 8], [0, 0, 16, 8]], np.float32)

        polygons = roboflow_polygons(
            np.array([[0.2, 0.8], [1, 0]], np.float32), np.concatenate([left, right]), boxes, placement
        )

        assert [polygon.tolist() for polygon in polygons] == [
            [[0, 1], [3, 1]],  # 0.2 - 0.8 in the upper row is negative
            [[0, 0], [0, 1], [3, 1], [3, 0]],
        ]


class TestUltralyticsPolygons:
    """Masks are cut at the network's size; all contours are joined; points are clipped to the picture."""

    def polygon(self, drawing: str, box: list[float], size_wh: tuple[int, int]) -> NDArray[np.float32]:
        (polygon,) = ultralytics_polygons(
            np.ones((1, 1), np.float32),
            prototypes_of(drawing),
            np.array([box], np.float32),
            same_size("native", *size_wh),
        )
        assert polygon.dtype == np.float32
        return polygon

    def test_several_contours_are_joined_into_one(self) -> None:
        polygon = self.polygon(SQUARE_AND_DOT, [0, 0, 6, 4], (6, 4))

        # every vertex of both, and a way there and back that encloses nothing
        corners = {(1.0, 1.0), (1.0, 2.0), (2.0, 2.0), (2.0, 1.0), (5.0, 2.0)}
        assert {(x, y) for x, y in polygon.tolist()} == corners
        assert area_of(polygon) == 1.0

    @pytest.mark.parametrize(
        ("box", "expected"),
        [
            pytest.param([0, 0, 3, 4], [[1, 1], [1, 2], [2, 2], [2, 1]], id="square only"),
            pytest.param([0, 0, 2, 4], [[1, 1], [1, 2]], id="x2 is outside"),
            pytest.param([0, 0, 2.1, 4], [[1, 1], [1, 2], [2, 2], [2, 1]], id="pixel 2 starts before x2"),
            pytest.param([1.1, 0, 3, 4], [[2, 1], [2, 2]], id="pixel 1 starts before x1"),
            pytest.param([-5, -5, 2, 50], [[1, 1], [1, 2]], id="box hangs outside"),
            pytest.param([0, 3, 6, 4], [], id="nothing inside"),
            pytest.param([2, 2, 2, 2], [], id="empty box"),
        ],
    )
    def test_the_box_cuts_the_mask(self, box: list[float], expected: Polygon) -> None:
        assert self.polygon(SQUARE_AND_DOT, box, (6, 4)).tolist() == expected

    def test_points_are_clipped_to_the_picture(self) -> None:
        # GIVEN 8 x 4 pixels in a network of 8 x 8: rows 2 to 5; the mask covers everything
        placement = Placement.of("letterbox", "native", (8, 4), (8, 8))

        (polygon,) = ultralytics_polygons(
            np.ones((1, 1), np.float32),
            prototypes_of("######## " * 8),
            np.array([[0, 0, 8, 8]], np.float32),
            placement,
        )

        assert polygon.tolist() == [[0, 0], [0, 4], [7, 4], [7, 0]]


@pytest.mark.parametrize("polygons_of", [roboflow_polygons, ultralytics_polygons])
def test_large_logits_raise_no_warning(
    polygons_of: Callable[..., list[NDArray[np.float32]]],
) -> None:
    placement = Placement.of("stretch", "roboflow", (8, 8), (8, 8))
    box = np.array([[0, 0, 8, 8]], np.float32)

    (polygon,) = polygons_of(np.ones((1, 1), np.float32), prototypes_of(".. ##", inside=1e4), box, placement)

    assert polygon[:, 1].max() == 7
