"""Static crop, grayscale and contrast: equal to upstream's in every pixel."""

import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from retinue.models.package import Contrast, Preprocessing, Step
from retinue.pipeline.steps import (
    BLOCK_PIXELS,
    apply_steps,
    equalize_adaptively,
    equalize_histogram,
    static_crop,
    stretch_contrast,
    to_grayscale,
)

Image = NDArray[np.uint8]
Percents = tuple[float, float, float, float]

CONTRASTS: dict[str, Callable[[Image], Image]] = {
    "contrast stretching": stretch_contrast,
    "histogram equalization": equalize_histogram,
    "adaptive equalization": equalize_adaptively,
}


def waves(height: int, width: int) -> Image:
    """Ramps, edges and textures of all hues, from formulas."""
    y, x = np.mgrid[:height, :width]
    planes = ((7 * x + 3 * y) % 256, 60 + (5 * x * y + x) % 90, 200 - (x * x + 2 * y) % 150)
    return np.stack(planes, axis=2).astype(np.uint8)


def flat(*rgb: int, size: tuple[int, int] = (9, 12)) -> Image:
    return np.tile(np.array(rgb, np.uint8), (*size, 1))


def grays(*levels: int) -> Image:
    """One row of gray pixels."""
    return np.repeat(np.array([levels], np.uint8)[..., None], 3, axis=2)


def colors_of(image: Image) -> list[list[int]]:
    colors: list[list[int]] = np.unique(image.reshape(-1, 3), axis=0).tolist()
    return colors


# CRC-32 of what inference_models 0.39.5 (scikit-image 0.25.2, numpy 2.2.6) makes of waves(height, width).
UPSTREAM_DIGESTS = {
    (1, 1): (0x8E8F3696, 0xECDC8EA7, 0x8E8F3696),
    (1, 40): (0x77108300, 0xCCD02D40, 0x2DBB266F),
    (40, 1): (0x352911C7, 0xAE02B3D3, 0x3D223FED),
    (7, 9): (0xDE8FF691, 0xB61467B4, 0xA42F428B),
    (8, 8): (0xE916EBDF, 0x1C4763B6, 0x7BBF3D09),
    (16, 23): (0x457E3FB2, 0x1122315A, 0x74EA5822),
    (61, 47): (0x03781C20, 0xF5018622, 0xB0440313),
    (200, 333): (0xA3A2BDAC, 0x5DA3983A, 0x742368DD),
}


class TestStaticCrop:
    @pytest.mark.parametrize(
        ("percent_xyxy", "size_wh", "left_top", "cropped_wh"),
        [
            pytest.param((0, 0, 100, 100), (33, 47), (0, 0), (33, 47), id="everything"),
            pytest.param((10, 10, 90, 90), (33, 47), (3, 4), (26, 38), id="3.3, 29.7; 4.7, 42.3: truncated"),
            pytest.param((29, 0, 57, 100), (100, 10), (28, 0), (28, 10), id="29 / 100 * 100 = 28.999999999999996"),
            pytest.param((12.5, 0, 50, 100), (8, 1), (1, 0), (3, 1), id="a fraction of a percent"),
            pytest.param((25, 25, 75, 75), (1, 1), (0, 0), (1, 1), id="one pixel stays"),
            pytest.param((50, 60, 55, 65), (10, 10), (5, 6), (1, 1), id="nothing left: one pixel"),
            pytest.param((100, 100, 100, 100), (10, 20), (9, 19), (1, 1), id="beyond the last pixel"),
            pytest.param((80, 0, 20, 100), (10, 10), (8, 0), (1, 10), id="turned inside out"),
            pytest.param((-50, -50, 150, 150), (10, 20), (0, 0), (10, 20), id="larger than the picture"),
        ],
    )
    def test_pixels(
        self, percent_xyxy: Percents, size_wh: tuple[int, int], left_top: tuple[int, int], cropped_wh: tuple[int, int]
    ) -> None:
        image = waves(size_wh[1], size_wh[0])

        cropped, left, top = static_crop(image, percent_xyxy)

        assert (left, top) == left_top
        assert (cropped.shape[1], cropped.shape[0]) == cropped_wh
        assert np.shares_memory(cropped, image)
        assert (cropped[0, 0] == image[top, left]).all()


class TestToGrayscale:
    @pytest.mark.parametrize(
        ("rgb", "level"),
        [
            pytest.param((0, 0, 0), 0, id="black"),
            pytest.param((255, 255, 255), 255, id="white"),
            pytest.param((255, 0, 0), 76, id="red: 76.25"),
            pytest.param((0, 255, 0), 150, id="green: 149.69"),
            pytest.param((0, 0, 255), 29, id="blue: 29.07"),
            pytest.param((77, 77, 77), 77, id="gray stays"),
            pytest.param((174, 238, 112), 205, id="15 bits of weight: 14 would give 204"),
        ],
    )
    def test_levels(self, rgb: tuple[int, int, int], level: int) -> None:
        assert colors_of(to_grayscale(flat(*rgb))) == [[level] * 3]

    @pytest.mark.parametrize("size", [(700, 100), (3, BLOCK_PIXELS + 5)], ids=["blocks of rows", "rows above a block"])
    def test_every_block_of_a_large_picture(self, size: tuple[int, int]) -> None:
        image = waves(*size)

        expected = np.rint(image @ [0.299, 0.587, 0.114])

        assert np.abs(to_grayscale(image) - expected[..., None]).max() <= 1


class TestStretchContrast:
    def test_percentiles_become_the_ends(self) -> None:
        # GIVEN each level from 100 to 150 once: of 51 values number 1 is the 2nd percentile, number 49 the 98th
        image = np.arange(100, 151, dtype=np.uint8).reshape(1, 17, 3)

        levels = stretch_contrast(image).ravel().tolist()

        assert levels[:4] == [0, 0, 5, 10]  # 255 / 48 = 5.3 a step, truncated
        assert levels[24:27] == [122, 127, 132]
        assert levels[-3:] == [249, 255, 255]

    @pytest.mark.parametrize("size", [(1, 1), (1, 2), (3, 3), (13, 29), (300, 200)])
    @pytest.mark.parametrize("levels", [2, 6, 256])
    def test_percentiles_lie_between_levels(self, size: tuple[int, int], levels: int) -> None:
        image = np.random.default_rng(1).integers(0, levels, (*size, 3), dtype=np.uint8)
        low, high = np.percentile(image, [2, 98])

        stretched = stretch_contrast(image)

        if high > low:
            assert (stretched == ((np.clip(image, low, high) - low) / (high - low) * 255).astype(np.uint8)).all()
        else:
            assert (stretched == low).all()

    def test_a_picture_of_nearly_one_level_becomes_that_level(self) -> None:
        image = flat(200, 200, 200, size=(10, 10))
        image[0, 0] = (1, 2, 3)

        assert colors_of(stretch_contrast(image)) == [[200, 200, 200]]


class TestEqualizeHistogram:
    @pytest.mark.parametrize(
        ("levels", "expected"),
        [
            pytest.param((0, 255), (127, 255), id="the darkest level gets its own share, not 0"),
            pytest.param((0, 0, 0, 255), (191, 191, 191, 255), id="three quarters are dark"),
            pytest.param((50, 100, 150, 200), (63, 116, 191, 255), id="between the centres of two bins"),
            pytest.param((10, 11, 12, 13), (63, 116, 191, 255), id="bins lie between the darkest and the brightest"),
            pytest.param((9, 9), (127, 127), id="one level"),
        ],
    )
    def test_levels(self, levels: tuple[int, ...], expected: tuple[int, ...]) -> None:
        assert equalize_histogram(grays(*levels))[0, :, 0].tolist() == list(expected)

    def test_channels_share_one_histogram(self) -> None:
        image = np.array([[[10, 20, 30], [10, 40, 30]]], np.uint8)

        assert equalize_histogram(image).tolist() == [[[85, 120, 212], [85, 255, 212]]]


class TestEqualizeAdaptively:
    def test_colours_as_upstream_makes_them(self) -> None:
        assert equalize_adaptively(waves(40, 32))[11, 8:16].tolist() == [
            [107, 179, 138], [82, 97, 83], [59, 46, 44], [140, 174, 72],
            [151, 131, 238], [139, 76, 178], [30, 28, 30], [63, 41, 47],
        ]  # fmt: skip

    def test_gray_stays_gray(self) -> None:
        image = np.repeat(np.add.outer(np.arange(32), np.arange(100, 132)).astype(np.uint8)[..., None], 3, axis=2)

        equalized = equalize_adaptively(image)

        assert (np.ptp(equalized, axis=2) == 0).all()
        assert equalized[::4, 16, 0].tolist() == [85, 114, 114, 140, 144, 161, 165, 165]

    @pytest.mark.parametrize("rgb", [(0, 0, 0), (1, 1, 1), (128, 128, 128), (255, 255, 255)])
    def test_one_gray_becomes_white(self, rgb: tuple[int, int, int]) -> None:
        assert colors_of(equalize_adaptively(flat(*rgb))) == [[255, 255, 255]]

    def test_one_colour_keeps_its_hue(self) -> None:
        assert colors_of(equalize_adaptively(flat(10, 20, 30))) == [[85, 170, 255]]

    @pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0), (1, 0, 2), (0, 2, 1)])
    def test_hue_and_saturation_stay_in_every_sector(self, order: tuple[int, int, int]) -> None:
        # GIVEN the same hues in other channels
        image = waves(40, 32)

        equalized = equalize_adaptively(np.ascontiguousarray(image[..., order]))

        # THEN the result is the same in those channels, but for the last bit of a float
        assert np.abs(equalized - equalize_adaptively(image)[..., order].astype(int)).max() <= 1


class TestContrasts:
    @pytest.mark.parametrize("size", UPSTREAM_DIGESTS)
    def test_equal_to_upstream(self, size: tuple[int, int]) -> None:
        image = waves(*size)

        found = tuple(zlib.crc32(contrast(image).tobytes()) for contrast in CONTRASTS.values())

        assert found == UPSTREAM_DIGESTS[size]

    @pytest.mark.parametrize("contrast", CONTRASTS.values(), ids=CONTRASTS)
    def test_a_view_is_as_good_as_a_copy(self, contrast: Callable[[Image], Image]) -> None:
        view = waves(60, 50)[3:40, 5:44, ::-1]

        assert (contrast(view) == contrast(np.ascontiguousarray(view))).all()


class TestApplySteps:
    def apply(
        self,
        image: Image,
        *skipped: Step,
        crop: Percents | None = None,
        is_grayscale: bool = False,
        contrast: Contrast = "none",
    ) -> tuple[Image, int, int]:
        preprocessing = Preprocessing(
            resize_mode="stretch", static_crop=crop, is_grayscale=is_grayscale, contrast=contrast
        )
        return apply_steps(image, preprocessing, frozenset(skipped))

    def test_a_model_without_steps_gets_the_picture_itself(self) -> None:
        image = waves(5, 5)

        stepped, left, top = self.apply(image)

        assert stepped is image
        assert (left, top) == (0, 0)

    def test_order(self) -> None:
        # GIVEN a picture on which no two steps can change places
        image = waves(50, 40)

        stepped, left, top = self.apply(
            image, crop=(10, 20, 60, 90), is_grayscale=True, contrast="histogram-equalization"
        )

        # THEN it was cut, then grey, then equalised
        assert (left, top) == (4, 10)
        assert (stepped == equalize_histogram(to_grayscale(image[10:45, 4:24]))).all()
        assert (stepped != to_grayscale(equalize_histogram(image[10:45, 4:24]))).any()
        assert (stepped != equalize_histogram(to_grayscale(image))[10:45, 4:24]).any()

    @pytest.mark.parametrize(
        ("skipped", "expected"),
        [
            pytest.param("static-crop", lambda image: stretch_contrast(to_grayscale(image)), id="static crop"),
            pytest.param("grayscale", lambda image: stretch_contrast(image[5:, 4:]), id="grayscale"),
            pytest.param("contrast", lambda image: to_grayscale(image[5:, 4:]), id="contrast"),
        ],
    )
    def test_a_skipped_step(self, skipped: Step, expected: Callable[[Image], Image]) -> None:
        image = waves(50, 40)

        stepped, left, top = self.apply(
            image, skipped, crop=(10, 10, 100, 100), is_grayscale=True, contrast="contrast-stretching"
        )

        assert (left, top) == ((0, 0) if skipped == "static-crop" else (4, 5))
        assert np.array_equal(stepped, expected(image))

    def test_all_skipped(self) -> None:
        image = waves(5, 5)

        stepped, left, top = self.apply(
            image, "static-crop", "grayscale", "contrast", crop=(50, 50, 100, 100), contrast="adaptive-equalization"
        )

        assert stepped is image
        assert (left, top) == (0, 0)

    @pytest.mark.parametrize(
        ("contrast", "function"),
        [
            ("contrast-stretching", stretch_contrast),
            ("histogram-equalization", equalize_histogram),
            ("adaptive-equalization", equalize_adaptively),
        ],
    )
    def test_contrasts_leave_the_picture_alone(self, contrast: Contrast, function: Callable[[Image], Image]) -> None:
        image = waves(20, 30)
        image.flags.writeable = False

        stepped, *_ = self.apply(image, contrast=contrast, is_grayscale=True)

        assert np.array_equal(stepped, function(to_grayscale(image)))
        assert np.array_equal(image, waves(20, 30))
