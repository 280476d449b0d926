"""Operations on pictures: equal to OpenCV's in every pixel, wherever the figures were recorded from it."""

import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from retinue.workflows.imaging import bilateral, median
from retinue.workflows.imaging.bilateral import bilateral_blur
from retinue.workflows.imaging.blur import LARGEST_KERNEL, blur
from retinue.workflows.imaging.contour_hierarchy import external_contours
from retinue.workflows.imaging.gray import to_gray, to_rgb
from retinue.workflows.imaging.threshold import otsu_level, threshold
from retinue.workflows.imaging.warp import flip, resize, rotate

Image = NDArray[np.uint8]


def waves(height: int, width: int) -> Image:
    """Ramps, edges and textures of all hues, from formulas."""
    y, x = np.mgrid[:height, :width]
    planes = ((7 * x + 3 * y) % 256, 60 + (5 * x * y + x) % 90, 200 - (x * x + 2 * y) % 150)
    return np.stack(planes, axis=2).astype(np.uint8)


def gray_waves(height: int, width: int) -> Image:
    return waves(height, width)[..., 1]


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def digest(image: Image) -> int:
    return zlib.crc32(np.ascontiguousarray(image).tobytes())


# CRC-32 of what OpenCV 4.12.0 makes of waves(height, width) of these sizes, by way of BGR; the last, where there is one
# more, of gray_waves(61, 47).
SIZES = ((1, 1), (1, 40), (40, 1), (23, 16), (61, 47))
BLURRED: dict[tuple[str, int], tuple[int, ...]] = {
    ("average", 1): (0x190DEA6F, 0x3265F376, 0xB46C1CAC, 0x36E5343E, 0xD743F8B3, 0x60FAC556),
    ("average", 2): (0x190DEA6F, 0xD07BABF3, 0x73C1AAC3, 0xCB7A5E86, 0x9B4ED176, 0xD3CDCAB0),
    ("average", 3): (0x190DEA6F, 0xEB1EC990, 0xE90F59F5, 0x4A37B481, 0x1F5766AC, 0x94120FFD),
    ("average", 6): (0x190DEA6F, 0x315BD610, 0xABA90EF2, 0x64E5C9CB, 0x60CD867D, 0xDD963793),
    ("average", 15): (0x190DEA6F, 0x797D49D6, 0xF008DEC2, 0x0405833D, 0x2D3257AD, 0xBF2F4DDC),
    ("average", 16): (0x190DEA6F, 0x3C6C132E, 0x4A792B8B, 0x77F7D2D5, 0x58A498F4, 0x92098178),
    ("average", 17): (0x190DEA6F, 0x5B44ACCB, 0x3914F418, 0x73811C13, 0xD2DAEA3E, 0x3D09D1A2),
    ("average", 31): (0x190DEA6F, 0xC048DA63, 0x04D9EE92, 0x21F84B74, 0x60CD08F8, 0x0DE73305),
    ("average", 64): (0x190DEA6F, 0x9BA70785, 0x1CB28B14, 0xAF857056, 0xC40A88A0, 0x0268809B),
    ("gaussian", 1): (0x190DEA6F, 0x3265F376, 0xB46C1CAC, 0x36E5343E, 0xD743F8B3, 0x60FAC556),
    ("gaussian", 4): (0x190DEA6F, 0xB27B4F32, 0x776BCC56, 0xF8AA08A4, 0x95FD0C5E, 0xCBC4F77E),
    ("gaussian", 7): (0x190DEA6F, 0x2C179266, 0xD01101FF, 0x899AD7CE, 0xAC98C269, 0xE1FE4BE8),
    ("gaussian", 9): (0x190DEA6F, 0x2710F0C7, 0xD78DEE4F, 0x16C45577, 0x7001A739, 0xA4DA3B59),
    ("gaussian", 11): (0x190DEA6F, 0x1BAE3BD8, 0x1DA2CE9B, 0x7A1942E3, 0xD1361F88, 0x0217DEF2),
    ("gaussian", 31): (0x190DEA6F, 0x2A24046D, 0xC55AB277, 0xB0066281, 0x4F3E706A, 0x1470DF1F),
    ("gaussian", 101): (0x190DEA6F, 0x33CF6AE2, 0x39BD6915, 0x61DDCD0C, 0xE9565757, 0x77C51E62),
    ("median", 1): (0x190DEA6F, 0x3265F376, 0xB46C1CAC, 0x36E5343E, 0xD743F8B3, 0x60FAC556),
    ("median", 3): (0x190DEA6F, 0x0826036E, 0xB46C1CAC, 0x0909DA1F, 0x61B0E52C, 0x19D3231D),
    ("median", 4): (0x190DEA6F, 0xF195E3A6, 0xB46C1CAC, 0xB6E86B84, 0xF441A886, 0xA38EF7ED),
    ("median", 7): (0x190DEA6F, 0xBF506163, 0xB46C1CAC, 0x48C42477, 0x3C7C4938, 0x2F3EF1B6),
    ("median", 9): (0x190DEA6F, 0xAAF50F4A, 0xB46C1CAC, 0xE2252797, 0x9E91119B, 0xE4D0D9D5),
    ("median", 17): (0x190DEA6F, 0x6FC476B7, 0xB46C1CAC, 0xFAE4C9A6, 0x82EF823C, 0xBF3A8B85),
    ("median", 31): (0x190DEA6F, 0xBE271B30, 0xB46C1CAC, 0xDC3A5D34, 0x04779E4D, 0x6B89A371),
    ("median", 129): (0x190DEA6F, 0xE1367FBA, 0xB46C1CAC, 0x92114C9F, 0x4DF74FB6, 0x5F9E0B4A),
}


class TestBlur:
    @pytest.mark.parametrize(("blur_type", "size"), [pytest.param(*key, id=f"{key[0]} {key[1]}") for key in BLURRED])
    def test_equals_opencv(self, blur_type: str, size: int) -> None:
        digests = [digest(blur(waves(*shape), blur_type, size)) for shape in SIZES]
        digests.append(digest(blur(gray_waves(61, 47), blur_type, size)))
        assert tuple(digests) == BLURRED[blur_type, size]

    @pytest.mark.parametrize("size", [9, 15, 17, 31, 127, 129])
    def test_medians_of_extremes(self, size: int) -> None:
        """Counts reach the whole window, just below and above what fits into a byte."""
        white = np.full((20, 30), 255, np.uint8)
        assert np.array_equal(blur(white, "median", size), white)
        halves = np.repeat(np.array([[0, 255]], np.uint8), 30, axis=1).repeat(20, axis=0)
        assert np.array_equal(blur(halves, "median", size), halves)

    def test_median_over_several_tiles(self) -> None:
        image = noise(40, 900)
        whole, part = blur(image, "median", 9), blur(image[:, 360:400], "median", 9)
        assert np.array_equal(whole[:, 370:390], part[:, 10:30])

    def test_medians_of_large_pictures_are_rough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        exact = blur(waves(61, 47), "median", 9)
        monkeypatch.setattr(median, "MAX_EXACT_VALUES", 61 * 47 * 3 - 1)
        difference = exact.astype(int) - blur(waves(61, 47), "median", 9)
        assert (difference.min(), difference.max()) == (0, 1)

    @pytest.mark.parametrize(
        ("blur_type", "size"),
        [
            pytest.param("average", 0, id="average of nothing"),
            pytest.param("average", -3, id="negative average"),
            pytest.param("gaussian", LARGEST_KERNEL + 1, id="too large"),
            pytest.param("motion", 5, id="unknown type"),
        ],
    )
    def test_refuses(self, blur_type: str, size: int) -> None:
        with pytest.raises(ValueError, match=r"kernel size|Unknown blur type: motion"):
            blur(waves(4, 4), blur_type, size)

    @pytest.mark.parametrize("blur_type", ["gaussian", "median"])
    def test_no_size_is_1(self, blur_type: str) -> None:
        assert np.array_equal(blur(waves(5, 7), blur_type, -2), waves(5, 7))


class TestBilateral:
    @pytest.mark.parametrize("diameter", [1, 3, 6, 9, 15])
    @pytest.mark.parametrize(
        "image",
        [
            pytest.param(waves(23, 16), id="color"),
            pytest.param(gray_waves(23, 16), id="gray"),
            pytest.param(waves(300, 9), id="two tiles"),
            pytest.param(waves(1, 1), id="one pixel"),
        ],
    )
    def test_is_the_weighted_mean(self, image: Image, diameter: int) -> None:
        expected = self._weighted_mean(image, max(1, diameter // 2))
        assert np.abs(bilateral_blur(image, diameter) - expected).max() <= 0.501

    def test_large_disks_of_large_pictures_are_thinned(self, monkeypatch: pytest.MonkeyPatch) -> None:
        image = to_gray(waves(40, 40)) // 8 + 100
        exact = bilateral_blur(image, 15)
        monkeypatch.setattr(bilateral, "MAX_WEIGHTS", 54 * 54 * 50)
        thinned = bilateral_blur(image, 15)
        assert 0 < np.abs(thinned.astype(int) - exact).max() <= 3

    def test_no_diameter_is_three_sigmas(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bilateral, "MAX_WEIGHTS", 1_000_000)
        image = waves(9, 12)
        assert np.array_equal(bilateral_blur(image, 0), bilateral_blur(image, 224))

    def _weighted_mean(self, image: Image, radius: int) -> NDArray[np.float64]:
        """The definition, in doubles."""
        pixels = image.reshape(*image.shape[:2], -1).astype(float)
        padded = np.pad(pixels, ((radius, radius), (radius, radius), (0, 0)), "reflect")
        total, weights = np.zeros_like(pixels), np.zeros((*pixels.shape[:2], 1))
        for y, x in np.argwhere(np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius):
            other = padded[y : y + pixels.shape[0], x : x + pixels.shape[1]]
            difference = np.abs(other - pixels).sum(axis=2, keepdims=True)
            weight = np.exp(-(difference**2 + (y - radius) ** 2 + (x - radius) ** 2) / (2 * 75.0**2))
            total, weights = total + weight * other, weights + weight
        return (total / weights).reshape(image.shape)


class TestThreshold:
    @pytest.mark.parametrize(
        ("threshold_type", "color_digest", "gray_digest"),
        [
            pytest.param(name, *digests, id=name)
            for name, digests in {
                "binary": (0x9258E955, 0x9C5A7048),
                "binary_inv": (0x199D8138, 0x6BDD83BB),
                "trunc": (0x1A781FAF, 0x05AF0B27),
                "tozero": (0x691F7888, 0xBF082236),
                "tozero_inv": (0xB066CCB8, 0xDDF032BA),
            }.items()
        ],
    )
    def test_global(self, threshold_type: str, color_digest: int, gray_digest: int) -> None:
        assert digest(threshold(waves(61, 47), threshold_type, 120, 200)) == color_digest
        assert digest(threshold(gray_waves(61, 47), threshold_type, 120, 200)) == gray_digest

    @pytest.mark.parametrize(
        ("threshold_type", "digests"),
        [
            pytest.param(name, digests, id=name)
            for name, digests in {
                "adaptive_mean": (0x47BDA50F, 0x83E3E319, 0x83E3E319, 0xE1C66EF0, 0x124A522D),
                "adaptive_gaussian": (0x47BDA50F, 0x83E3E319, 0x83E3E319, 0xDD2E23ED, 0x5576D239),
                "otsu": (0x47BDA50F, 0xE7FA71F9, 0x83E3E319, 0x8F864BE9, 0x10EA6D50),
            }.items()
        ],
    )
    def test_found_levels(self, threshold_type: str, digests: tuple[int, ...]) -> None:
        assert tuple(digest(threshold(gray_waves(*size), threshold_type, 120, 200)) for size in SIZES) == digests

    @pytest.mark.parametrize(
        ("threshold_type", "level", "max_value", "expected"),
        [
            pytest.param("binary", 99, 255, [0, 0, 255, 255], id="equal is not above"),
            pytest.param("binary", 99.9, 255, [0, 0, 255, 255], id="fractions are cut"),
            pytest.param("binary", -5, 255, [255, 255, 255, 255], id="below all levels"),
            pytest.param("binary_inv", 300, 7, [7, 7, 7, 7], id="above all levels"),
            pytest.param("binary", 0, 300, [0, 255, 255, 255], id="max_value is cut to 255"),
            pytest.param("binary_inv", 100, -1, [0, 0, 0, 0], id="max_value is cut to 0"),
            pytest.param("binary", 0, 2.5, [0, 2, 2, 2], id="max_value is rounded"),
            pytest.param("trunc", -5, 255, [0, 0, 0, 0], id="cut down to less than 0"),
            pytest.param("trunc", 300, 255, [0, 99, 100, 255], id="cut down to more than 255"),
            pytest.param("tozero", 99, 255, [0, 0, 100, 255], id="tozero"),
            pytest.param("tozero_inv", 99, 255, [0, 99, 0, 0], id="tozero_inv"),
        ],
    )
    def test_limits(self, threshold_type: str, level: float, max_value: float, expected: list[int]) -> None:
        image = np.array([[0, 99, 100, 255]], np.uint8)
        assert threshold(image, threshold_type, level, max_value).tolist() == [expected]

    def test_otsu_levels(self) -> None:
        assert [otsu_level(gray_waves(*size)) for size in ((23, 16), (61, 47), (1, 1))] == [98, 102, 0]

    @pytest.mark.parametrize("threshold_type", ["otsu", "adaptive_mean", "adaptive_gaussian", "median"])
    def test_refuses(self, threshold_type: str) -> None:
        with pytest.raises(ValueError, match=f"{threshold_type} takes gray pictures|Unknown threshold type: median"):
            threshold(waves(4, 4), threshold_type, 100, 255)


class TestGray:
    def test_equals_opencv(self) -> None:
        assert tuple(digest(to_gray(waves(*size))) for size in SIZES) == (
            0x140E363F,
            0x1EF3DAF9,
            0x2CEF53ED,
            0x2D73C044,
            0x3D83EA77,
        )

    def test_gray_stays(self) -> None:
        gray = gray_waves(3, 4)
        assert to_gray(gray) is gray
        assert np.array_equal(to_rgb(gray)[..., 2], gray)


class TestContours:
    def test_order_points_and_hierarchy(self) -> None:
        """A square, a ring with a dot in it, and a lone pixel; any level but 0 is foreground."""
        gray = np.zeros((12, 12), np.uint8)
        gray[1:4, 1:4], gray[5:11, 5:11], gray[6:10, 6:10], gray[8, 8], gray[1, 10] = 1, 90, 0, 255, 7
        contours, hierarchy = external_contours(gray)
        assert [contour[:, 0].tolist() for contour in contours] == [
            [[5, 5], [5, 10], [10, 10], [10, 5]],
            [[10, 1]],
            [[1, 1], [1, 3], [3, 3], [3, 1]],
        ]
        assert {(contour.dtype.name, contour.shape[1:]) for contour in contours} == {("int32", (1, 2))}
        assert hierarchy is not None
        assert (hierarchy.dtype.name, hierarchy.tolist()) == (
            "int32",
            [[[1, -1, -1, -1], [2, 0, -1, -1], [-1, 1, -1, -1]]],
        )

    def test_nothing(self) -> None:
        assert external_contours(np.zeros((3, 4), np.uint8)) == ([], None)


# CRC-32 of what OpenCV 4.12.0 makes of waves and of gray_waves, by width and height (none: from the aspect).
RESIZED_61_47: dict[tuple[int | None, int | None], tuple[int, int]] = {
    (47, 61): (0xD743F8B3, 0x60FAC556),
    (46, 60): (0xEEC5588E, 0x6D79F732),
    (20, 33): (0x28E67406, 0xF84EACA1),
    (1, 1): (0x96D2641C, 0xEFDA7A5A),
    (47, 1): (0xBDFE65D4, 0x4AD274FF),
    (1, 61): (0x0D06D4E0, 0x286731F6),
    (94, 122): (0xBFBF16E0, 0xD5D5BDAC),
    (50, 30): (0x7567A18D, 0xCAD1188E),
    (30, 70): (0xAA2161A9, 0x9E3D73A0),
    (200, 100): (0x3AFC301E, 0xA22D7483),
    (20, None): (0x73031909, 0x0825A3B7),
    (None, 90): (0xCAAE2C93, 0x95C55ED5),
}
RESIZED_60_48: dict[tuple[int | None, int | None], tuple[int, int]] = {
    (24, 30): (0x57D9F44A, 0x406C0246),
    (16, 20): (0x58073B4D, 0x0DC5DBF9),
    (48, 20): (0xDEF4EBC6, 0x1870BD36),
    (12, 5): (0x2D79950F, 0x0F43E561),
    (4, 60): (0x19D84AB7, 0x8F8B0336),
}
# Shape and CRC-32 of what upstream makes of waves(61, 47) and gray_waves(61, 47), by degrees.
ROTATED: dict[int, tuple[tuple[int, int], int, int]] = {
    1: ((61, 48), 0x58407136, 0x35AA8553),
    45: ((76, 76), 0xF74DD148, 0x951C0CAE),
    90: ((47, 61), 0xBC39EAB6, 0x5A14F169),
    -90: ((47, 61), 0x2962C6E5, 0xF8F8F054),
    133: ((75, 76), 0x88897DCE, 0xA419061A),
    180: ((61, 47), 0x70F277B1, 0xD1B8DE1D),
    270: ((47, 61), 0x2962C6E5, 0xF8F8F054),
    -360: ((61, 47), 0xFD4D1365, 0xE001979E),
}


class TestResize:
    @pytest.mark.parametrize(
        ("size", "width_height", "digests"),
        [
            pytest.param(size, key, digests, id=f"{size[1]} x {size[0]} to {key[0]} x {key[1]}")
            for size, table in (((61, 47), RESIZED_61_47), ((60, 48), RESIZED_60_48))
            for key, digests in table.items()
        ],
    )
    def test_equals_opencv(
        self, size: tuple[int, int], width_height: tuple[int | None, int | None], digests: tuple[int, int]
    ) -> None:
        assert digest(resize(waves(*size), *width_height)) == digests[0]
        assert digest(resize(gray_waves(*size), *width_height)) == digests[1]

    def test_neither_side(self) -> None:
        assert resize(waves(3, 4), None, None).shape == (3, 4, 3)

    @pytest.mark.parametrize(
        ("width", "height", "message"),
        [
            pytest.param(0, 5, "Width must be greater than 0", id="no width"),
            pytest.param(5, -1, "Height must be greater than 0", id="negative height"),
            pytest.param(1, None, "would be resized to 1 x 0", id="the aspect leaves nothing"),
        ],
    )
    def test_refuses(self, width: int | None, height: int | None, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            resize(waves(5, 10), width, height)


class TestRotate:
    @pytest.mark.parametrize("degrees", ROTATED)
    def test_equals_opencv(self, degrees: int) -> None:
        shape, color_digest, gray_digest = ROTATED[degrees]
        color = rotate(waves(61, 47), degrees)
        assert (color.shape[:2], digest(color)) == (shape, color_digest)
        assert digest(rotate(gray_waves(61, 47), degrees)) == gray_digest

    @pytest.mark.parametrize("degrees", [0, None])
    def test_stays(self, degrees: int | None) -> None:
        assert np.array_equal(rotate(waves(3, 4), degrees), waves(3, 4))

    @pytest.mark.parametrize("degrees", [361, -361])
    def test_refuses(self, degrees: int) -> None:
        with pytest.raises(ValueError, match="Rotation degrees must be between -360 and 360"):
            rotate(waves(3, 4), degrees)


class TestFlip:
    @pytest.mark.parametrize(
        ("flip_type", "expected"),
        [
            pytest.param("vertical", [[3, 4], [1, 2]], id="upside down"),
            pytest.param("horizontal", [[2, 1], [4, 3]], id="left and right"),
            pytest.param("both", [[4, 3], [2, 1]], id="both"),
            pytest.param(None, [[1, 2], [3, 4]], id="none"),
        ],
    )
    def test_pixels(self, flip_type: str | None, expected: list[list[int]]) -> None:
        image = np.array([[1, 2], [3, 4]], np.uint8)
        assert flip(image, flip_type).tolist() == expected
        assert flip(to_rgb(image), flip_type)[..., 1].tolist() == expected

    def test_refuses(self) -> None:
        with pytest.raises(ValueError, match="Flip type must be 'vertical', 'horizontal', or 'both'"):
            flip(waves(2, 2), "diagonal")
