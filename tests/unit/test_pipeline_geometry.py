"""Placement: where the pixels of a picture lie in the network's input, and the way back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import ArrayLike

from retinue.models.package import Convention, ResizeMode
from retinue.pipeline.geometry import Placement, tight_size

Size = tuple[int, int]
CROP: ResizeMode = "shorter-side-crop"


@pytest.mark.parametrize(
    ("mode", "convention", "image_wh", "network_wh", "resized_wh", "pads"),
    [
        pytest.param("stretch", "roboflow", (613, 427), (640, 640), (640, 640), (0, 0, 0, 0), id="stretch fills"),
        pytest.param("stretch", "native", (1, 1), (8, 4), (8, 4), (0, 0, 0, 0), id="stretch of one pixel"),
        # int(427 * 640 / 613) = int(445.8): upstream truncates; the odd remainder goes to the bottom
        pytest.param("letterbox", "roboflow", (613, 427), (640, 640), (640, 445), (0, 97, 0, 98), id="truncated"),
        # Ultralytics rounds the same size up
        pytest.param("letterbox", "native", (613, 427), (640, 640), (640, 446), (0, 97, 0, 97), id="rounded"),
        pytest.param("letterbox", "native", (640, 427), (640, 640), (640, 427), (0, 106, 0, 107), id="odd rest"),
        pytest.param("letterbox", "roboflow", (427, 640), (640, 640), (427, 640), (106, 0, 107, 0), id="portrait"),
        pytest.param("letterbox", "roboflow", (256, 256), (128, 64), (64, 64), (32, 0, 32, 0), id="wide network"),
        # 0.64 pixels high: a picture never vanishes
        pytest.param("letterbox", "roboflow", (1000, 1), (640, 640), (640, 1), (0, 320, 0, 319), id="line, cut"),
        pytest.param("letterbox", "native", (1000, 1), (640, 640), (640, 1), (0, 319, 0, 320), id="line, round"),
        pytest.param("center-crop", "roboflow", (613, 427), (640, 640), (613, 427), (13, 106, 14, 107), id="smaller"),
        pytest.param("center-crop", "roboflow", (701, 640), (640, 640), (701, 640), (-30, 0, -31, 0), id="wider: cut"),
        pytest.param("center-crop", "roboflow", (701, 427), (640, 640), (701, 427), (-30, 106, -31, 107), id="both"),
        pytest.param(CROP, "native", (448, 224), (224, 224), (448, 224), (-112, 0, -112, 0), id="2:1"),
        # (335 - 224) / 2 = 55.5, rounded half to even as torchvision does
        pytest.param(CROP, "native", (640, 427), (224, 224), (335, 224), (-56, 0, -55, 0), id="half"),
        pytest.param(CROP, "native", (640, 427), (224, 112), (224, 112), (0, 0, 0, 0), id="not square"),
    ],
)  # fmt: skip
def test_size_and_pads(
    mode: ResizeMode, convention: Convention, image_wh: Size, network_wh: Size, resized_wh: Size, pads: tuple[int, ...]
) -> None:
    placement = Placement.of(mode, convention, image_wh, network_wh)

    assert (placement.resized_width, placement.resized_height) == resized_wh
    assert (placement.pad_left, placement.pad_top, placement.pad_right, placement.pad_bottom) == pads


@pytest.mark.parametrize(
    ("mode", "image_wh", "network_wh", "boxes", "expected"),
    [
        pytest.param(
            "stretch", (64, 32), (128, 128),
            [[20, 32, 40, 64], [30, 64, 90, 128]], [[10, 8, 20, 16], [15, 16, 45, 32]], id="stretch",
        ),
        pytest.param(
            "letterbox", (256, 192), (128, 128),
            [[20, 32, 40, 64], [30, 64, 90, 112]], [[40, 32, 80, 96], [60, 96, 180, 192]], id="letterbox",
        ),
        pytest.param(
            "stretch", (120, 80), (120, 80),
            [[-0.1, 20, 40, 40.1], [30, 60.1, 90, 120.1]], [[0, 20, 40, 40.1], [30, 60.1, 90, 80]], id="clipped",
        ),
        pytest.param("center-crop", (8, 8), (4, 4), [[0, 0, 4, 4]], [[2, 2, 6, 6]], id="cut: shifted, not scaled"),
        pytest.param("letterbox", (8, 8), (4, 4), np.empty((0, 4)), np.empty((0, 4)), id="no box"),
    ],
)  # fmt: skip
def test_boxes_go_back_to_the_picture(
    mode: ResizeMode, image_wh: Size, network_wh: Size, boxes: ArrayLike, expected: ArrayLike
) -> None:
    placement = Placement.of(mode, "roboflow", image_wh, network_wh)

    found = placement.boxes_to_image(np.asarray(boxes, np.float32))

    assert found.dtype == np.float32
    assert_allclose(found, np.asarray(expected, np.float32), atol=1e-4)


def test_points_go_back_neither_clipped_nor_rounded() -> None:
    placement = Placement.of("letterbox", "roboflow", (256, 256), (128, 64))

    points = placement.to_image(np.array([[32, 32], [64, 64], [48, 48], [0, 65]], np.float32))

    assert points.tolist() == [[0, 128], [128, 256], [64, 192], [-128, 260]]


@pytest.mark.parametrize("convention", ["roboflow", "native"])
def test_letterbox_and_its_inverse_agree_for_any_size(convention: Convention) -> None:
    random = np.random.default_rng(1)
    for _ in range(300):
        image_wh = tuple(random.integers(1, 4000, 2).tolist())
        network_wh = tuple((random.integers(1, 40, 2) * 32).tolist())
        placement = Placement.of("letterbox", convention, image_wh, network_wh)

        # GIVEN points of the picture, placed in the network's input as the docstring says
        picture = random.uniform(0, image_wh, (20, 2)).astype(np.float32)
        scale, pad = (placement.scale_x, placement.scale_y), (placement.pad_left, placement.pad_top)
        network = (picture * np.array(scale) + np.array(pad)).astype(np.float32)

        # THEN they lie inside it (a truncated size loses less than a pixel), and the way back finds them again
        assert network.min() >= 0 and (network <= np.array(network_wh) + 1).all()
        precision = 4e-4 / min(scale)  # one pixel of the network is 1 / scale pixels; float32 keeps 24 bits
        assert_allclose(placement.to_image(network), picture, atol=precision, rtol=1e-5)
        # AND the whole network is the picture and its pads
        assert placement.pad_left + placement.resized_width + placement.pad_right == network_wh[0]
        assert placement.pad_top + placement.resized_height + placement.pad_bottom == network_wh[1]
        pads = (placement.pad_left, placement.pad_right, placement.pad_top, placement.pad_bottom)
        assert min(pads) >= 0 and abs(pads[0] - pads[1]) <= 1 and abs(pads[2] - pads[3]) <= 1


@pytest.mark.parametrize(
    ("image_wh", "stride", "expected"),
    [
        ((1280, 720), 32, (640, 384)),  # 360 high, rounded up in steps of the stride
        ((720, 1280), 32, (384, 640)),
        ((100, 100), 32, (640, 640)),
        ((640, 384), 32, (640, 384)),  # fits exactly
        ((640, 385), 32, (640, 416)),
        ((1, 1000), 32, (32, 640)),
        ((1280, 720), 64, (640, 384)),
    ],
)
def test_tight_rectangle_holds_the_picture_in_steps_of_the_stride(image_wh: Size, stride: int, expected: Size) -> None:
    assert tight_size(image_wh, (640, 640), stride) == expected
