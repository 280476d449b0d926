"""Finding templates and colors in pictures."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retinue.workflows.imaging.colors import count_color, dominant_color, parse_color
from retinue.workflows.imaging.gray import to_gray
from retinue.workflows.imaging.template import MAX_MATCHES, match_template

Image = NDArray[np.uint8]


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


class TestTemplate:
    def test_finds_what_was_planted(self) -> None:
        image, template = noise(90, 120), noise(11, 17, seed=1)
        for y, x in ((0, 0), (40, 60), (79, 103)):
            image[y : y + 11, x : x + 17] = template
        expected = [[0, 0, 17, 11], [60, 40, 77, 51], [103, 79, 120, 90]]
        assert match_template(image, template, 1.0, 0.5).tolist() == expected
        assert match_template(to_gray(image), to_gray(template), 0.8, None).tolist() == expected

    def test_brightness_and_contrast_do_not_matter(self) -> None:
        image = noise(60, 60) // 2
        template = to_gray(image)[20:35, 30:42] + 40
        assert match_template(to_gray(image), template, 0.999, None).tolist() == [[30, 20, 42, 35]]

    @pytest.mark.parametrize(
        ("size", "top", "left", "height", "width"),
        [
            pytest.param((2100, 1100), 1030, 1000, 30, 50, id="picture in blocks"),
            pytest.param((1500, 1300), 300, 100, 1199, 1195, id="template in parts"),
            pytest.param((1100, 40), 0, 7, 1100, 20, id="as high as the picture"),
        ],
    )
    def test_large(self, size: tuple[int, int], top: int, left: int, height: int, width: int) -> None:
        image = noise(*size)
        template = image[top : top + height, left : left + width]
        assert match_template(image, template, 0.9, None).tolist() == [[left, top, left + width, top + height]]

    @pytest.mark.parametrize(
        ("nms_threshold", "lefts"),
        [
            pytest.param(None, list(range(0, 13)), id="without"),
            pytest.param(1.0, list(range(0, 13)), id="none overlaps more than wholly"),
            # Boxes 8 wide that are 2 apart overlap by 6 / 10, 3 apart by 5 / 11, 8 apart not.
            pytest.param(0.61, [0, 2, 4, 6, 8, 10, 12], id="less than the threshold stays"),
            pytest.param(0.6, [0, 3, 6, 9, 12], id="as much goes: 0.6 as float32 is above 0.6"),
            pytest.param(0.5, [0, 3, 6, 9, 12], id="more goes"),
            pytest.param(0.0, [4, 12], id="no overlap"),
        ],
    )
    def test_suppression_begins_with_the_last(self, nms_threshold: float | None, lefts: list[int]) -> None:
        flat = np.full((5, 20), 9, np.uint8)
        boxes = match_template(flat, flat[:, :8], 0.8, nms_threshold)
        assert boxes.tolist() == [[left, 0, left + 8, 5] for left in lefts]

    def test_suppression_in_two_dimensions(self) -> None:
        """Recorded from supervision 0.30.9: boxes 6 x 4 at all places of 13 x 9."""
        flat = np.full((12, 18), 9, np.uint8)
        places = [(x, y) for x, y, _, _ in match_template(flat, flat[:4, :6], 0.8, 0.3).tolist()]
        rows = {0: (8, 12), 1: (0, 4), 2: (7, 11), 3: (1,), 4: (4, 8, 12), 5: (0,), 6: (3, 7, 11), 8: (0, 4, 8, 12)}
        assert places == [(x, y) for y, row in rows.items() for x in row]

    @pytest.mark.parametrize(
        ("template", "count"),
        [
            pytest.param(np.full((4, 4), 7, np.uint8), 49, id="a flat template matches everywhere"),
            pytest.param(np.arange(16, dtype=np.uint8).reshape(4, 4), 0, id="a flat picture matches nothing else"),
        ],
    )
    def test_flat(self, template: Image, count: int) -> None:
        assert len(match_template(np.full((10, 10), 50, np.uint8), template, 0.5, None)) == count

    def test_template_larger_than_the_picture(self) -> None:
        """As upstream: the roles are swapped, and the boxes are as large as the template."""
        template = noise(40, 60)
        assert match_template(template[10:30, 20:50], template, 0.9, 0.5).tolist() == [[20, 10, 80, 50]]

    @pytest.mark.parametrize(
        ("image", "template", "threshold", "nms_threshold", "message"),
        [
            pytest.param(noise(10, 50), noise(20, 30), 0.5, 0.5, "30 x 20 pixels", id="narrower but higher"),
            pytest.param(noise(9, 9), noise(2, 2), 0.5, 1.5, "has to be in 0..1", id="IoU"),
            pytest.param(noise(400, 400), noise(1, 1), 0.5, None, str(MAX_MATCHES), id="too many"),
            pytest.param(noise(400, 400), noise(1, 1), 0.5, 0.5, str(MAX_MATCHES), id="too many that stay"),
        ],
    )
    def test_refuses(self, image: Image, template: Image, threshold: float, nms_threshold: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            match_template(image, template, threshold, nms_threshold)


class TestColors:
    @pytest.mark.parametrize(
        ("color", "rgb"),
        [
            pytest.param("#431112", (67, 17, 18), id="hex"),
            pytest.param("#fA0", (255, 170, 0), id="short hex"),
            pytest.param("(1, 2,300)", (1, 2, 300), id="text"),
            pytest.param([1, -2, 3], (1, -2, 3), id="list"),
            pytest.param((4, 5, 6), (4, 5, 6), id="tuple"),
        ],
    )
    def test_parses(self, color: Any, rgb: tuple[int, int, int]) -> None:
        assert parse_color(color) == rgb

    @pytest.mark.parametrize(
        ("color", "message"),
        [
            pytest.param("#12", "Invalid color format: #12", id="short"),
            pytest.param("#gggggg", "Invalid hex color format: #gggggg", id="not hex"),
            pytest.param("#+1+2+3", "Invalid hex color format", id="signs"),
            pytest.param("(a, 2, 3)", "Invalid tuple color format", id="letters"),
            pytest.param("(1, 2)", "Invalid tuple color format", id="two"),
            pytest.param("red", "Invalid color format: red", id="name"),
            pytest.param([1, 2], "Invalid color format", id="list of two"),
        ],
    )
    def test_refuses(self, color: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message.replace("+", r"\+")):
            parse_color(color)

    @pytest.mark.parametrize(
        ("color", "tolerance", "count"),
        [
            pytest.param((10, 20, 30), 0, 1, id="exactly"),
            pytest.param((10, 20, 30), 5, 2, id="within, in each channel"),
            pytest.param((10, 20, 30), 6, 3, id="one channel decided"),
            pytest.param((10, 20, 30), -1, 0, id="negative"),
            pytest.param((10, 20, 30), 1000, 4, id="all"),
            pytest.param((300, 255, 255), 40, 0, id="beyond white"),
            pytest.param((300, 255, 255), 45, 1, id="white from beyond"),
        ],
    )
    def test_counts(self, color: tuple[int, int, int], tolerance: int, count: int) -> None:
        pixels = [[(10, 20, 30), (15, 25, 25)], [(16, 20, 30), (255, 255, 255)]]
        assert count_color(np.array(pixels, np.uint8), color, tolerance) == count

    def test_counts_gray(self) -> None:
        assert count_color(np.array([[7, 8, 20]], np.uint8), (8, 8, 8), 1) == 2

    def test_dominant(self) -> None:
        image = np.zeros((40, 50, 3), np.uint8)
        image[:26] = (200, 100, 50)
        image[10:20] = (202, 100, 50)
        assert dominant_color(image, 2, 100, 100) == (201, 100, 50)
        assert dominant_color(image, 1, 100, 100) == (130, 65, 32)
        assert dominant_color(image, 10, 100, 100) == (200, 100, 50)
        assert dominant_color(to_gray(image), 2, 1, 100)[0] in range(115, 135)

    def test_dominant_looks_at_some_pixels(self) -> None:
        """Every second row and column: 101 // 50."""
        image = np.zeros((101, 200, 3), np.uint8)
        image[1::2], image[:, 1::2] = 255, 255
        assert dominant_color(image, 2, 10, 50) == (0, 0, 0)

    def test_dominant_is_the_same_each_time(self) -> None:
        assert len({dominant_color(noise(60, 60), 5, 50, 60) for _ in range(3)}) == 1
