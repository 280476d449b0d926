"""The input tensor: sizes, pads, channel order, scaling, and the pixels of the resize."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from retinue.pipeline.preprocess import prepare
from tests.unit.networks import filled, make_manifest, noise


def pixels_of(tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1, 3, h, w) as (h, w, 3)."""
    assert tensor.shape[:2] == (1, 3) and tensor.dtype == np.float32
    return tensor[0].transpose(1, 2, 0)


def opencv_linear(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.int64]:
    """A slow, exact account of OpenCV's INTER_LINEAR for 8-bit pictures: weights of 11 bits, two passes."""
    if image.shape[1] == 2 * width and image.shape[0] == 2 * height:
        block = image.astype(np.int64).reshape(height, 2, width, 2, 3).sum(axis=(1, 3))
        return (block + 2) >> 2

    def taps(size: int, target: int, is_horizontal: bool) -> tuple[Any, Any, Any, Any]:
        position = ((np.arange(target) + 0.5) * (size / target) - 0.5).astype(np.float32)
        first = np.floor(position).astype(np.int64)
        share = position - first.astype(np.float32)
        if is_horizontal:
            share[(first < 0) | (first >= size - 1)] = 0
        weights = (np.rint((1 - share) * 2048).astype(np.int64), np.rint(share * 2048).astype(np.int64))
        return np.clip(first, 0, size - 1), np.clip(first + 1, 0, size - 1), *weights

    left, right, weight_left, weight_right = taps(image.shape[1], width, True)
    top, bottom, weight_top, weight_bottom = taps(image.shape[0], height, False)
    source = image.astype(np.int64)
    rows = source[:, left] * weight_left[:, None] + source[:, right] * weight_right[:, None]
    upper = (weight_top[:, None, None] * (rows[top] >> 4)) >> 16
    lower = (weight_bottom[:, None, None] * (rows[bottom] >> 4)) >> 16
    return np.clip((upper + lower + 2) >> 2, 0, 255)


def test_pixels_become_planes_of_fractions() -> None:
    # GIVEN a picture of the network's size
    image = np.array([[[255, 0, 51], [0, 102, 204]]], np.uint8)
    manifest = make_manifest(size_wh=(2, 1))

    tensor, placement = prepare(image, manifest, threads=1)

    assert tensor.shape == (1, 3, 1, 2)
    assert_allclose(tensor, np.array([[[[1.0, 0.0]], [[0.0, 0.4]], [[0.2, 0.8]]]], np.float32), atol=1e-7)
    assert (placement.image_width, placement.image_height) == (2, 1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # one row of two pixels, (10, 20, 30) and (40, 50, 60), in a network of 2 x 3
        ({"resize_mode": "letterbox"}, [[[0, 0, 0]] * 2, [[10, 20, 30], [40, 50, 60]], [[0, 0, 0]] * 2]),
        (
            {"resize_mode": "letterbox", "padding_value": 114},
            [[[114, 114, 114]] * 2, [[10, 20, 30], [40, 50, 60]], [[114, 114, 114]] * 2],
        ),
        # the centre crop pads with black whatever the package says
        (
            {"resize_mode": "center-crop", "padding_value": 114},
            [[[0, 0, 0]] * 2, [[10, 20, 30], [40, 50, 60]], [[0, 0, 0]] * 2],
        ),
        ({"resize_mode": "stretch"}, [[[10, 20, 30], [40, 50, 60]]] * 3),
        ({"resize_mode": "stretch", "color_mode": "bgr"}, [[[30, 20, 10], [60, 50, 40]]] * 3),
        # (pixel / 10 - mean) / std
        (
            {"resize_mode": "stretch", "scaling_factor": 10.0, "mean": (1.0, 2.0, 3.0), "std": (1.0, 2.0, 4.0)},
            [[[0, 0, 0], [3, 1.5, 0.75]]] * 3,
        ),
        # padding is normalised like a pixel
        (
            {"resize_mode": "letterbox", "padding_value": 20, "scaling_factor": 10.0, "mean": (1.0, 1.0, 1.0)},
            [[[1, 1, 1]] * 2, [[0, 1, 2], [3, 4, 5]], [[1, 1, 1]] * 2],
        ),
    ],
    ids=["letterbox", "grey pads", "centre crop: smaller", "stretch", "bgr", "normalised", "normalised pads"],
)
def test_small_picture_exactly(options: dict[str, Any], expected: list[Any]) -> None:
    image = np.array([[[10, 20, 30], [40, 50, 60]]], np.uint8)
    manifest = make_manifest(**{"size_wh": (2, 3), "scaling_factor": 1.0, **options})

    tensor, _ = prepare(image, manifest, threads=1)

    assert_allclose(pixels_of(tensor), np.array(expected, np.float32), atol=1e-5)


def test_centre_crop_cuts_the_middle_of_a_larger_picture() -> None:
    image = noise(7, 8)
    manifest = make_manifest(size_wh=(4, 4), resize_mode="center-crop", scaling_factor=1.0)

    tensor, _ = prepare(image, manifest, threads=1)

    assert_array_equal(pixels_of(tensor), image[1:5, 2:6])


def test_shorter_side_crop_keeps_the_ratio_and_takes_the_middle() -> None:
    image = noise(4, 8)
    manifest = make_manifest(size_wh=(4, 4), resize_mode="shorter-side-crop", scaling_factor=1.0)

    tensor, _ = prepare(image, manifest, threads=1)

    assert_array_equal(pixels_of(tensor), image[:, 2:6])


@pytest.mark.parametrize(
    ("stride", "expected_hw"), [(32, (64, 128)), (None, (128, 128))], ids=["any multiple of 32", "fixed size"]
)
def test_a_network_that_takes_any_size_gets_a_tight_rectangle(stride: int | None, expected_hw: tuple[int, int]) -> None:
    manifest = make_manifest(size_wh=(128, 128), stride=stride, resize_mode="letterbox", convention="native")

    tensor, _ = prepare(filled(60, 120), manifest, threads=1)

    assert tensor.shape == (1, 3, *expected_hw)


@pytest.mark.parametrize(
    ("image_hw", "network_hw"),
    [
        pytest.param((37, 50), (64, 64), id="larger"),
        pytest.param((123, 167), (48, 64), id="smaller, not filtered"),
        pytest.param((64, 96), (32, 48), id="half: averaged"),
        pytest.param((50, 40), (20, 97), id="smaller and larger"),
        pytest.param((1, 1), (9, 7), id="one pixel"),
        pytest.param((2, 300), (31, 13), id="thin"),
        pytest.param((33, 41), (33, 41), id="same size"),
        pytest.param((90, 120), (30, 40), id="third: one tap"),
        pytest.param((60, 300), (250, 700), id="several blocks"),
        pytest.param((2, 3), (2, 40000), id="a row larger than a block"),
    ],
)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_resize_is_that_of_opencv(image_hw: tuple[int, int], network_hw: tuple[int, int], threads: int) -> None:
    image = noise(*image_hw, seed=3)
    manifest = make_manifest(size_wh=network_hw[::-1], scaling_factor=1.0)

    tensor, _ = prepare(image, manifest, threads)

    assert_array_equal(pixels_of(tensor), opencv_linear(image, network_hw[1], network_hw[0]))


def test_a_picture_that_is_a_view_gives_the_pixels_of_its_copy() -> None:
    image = noise(20, 30)[::-1, ::2]
    manifest = make_manifest(size_wh=(16, 16))

    assert_array_equal(prepare(image, manifest, threads=1)[0], prepare(image.copy(), manifest, threads=1)[0])
