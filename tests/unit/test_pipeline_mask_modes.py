"""Where masks are decided: at the picture's resolution, at that of the grid, or between; and static crops."""

from typing import Any

import numpy as np
import pytest

from retinue.models.families import decoder_of
from retinue.pipeline.geometry import Placement
from retinue.pipeline.masks import Raster, enlarged
from retinue.pipeline.prediction import Mask, MaskGrid, MaskOptions, Prediction, Thresholds
from tests.unit.networks import make_manifest

# A picture of 400 x 200 in a network of 160 x 160: 40 x 40 cells, of which 40 x 20 hold the letterboxed picture.
STRETCHED = Placement.of("stretch", "roboflow", (400, 200), (160, 160))
LETTERBOXED = Placement.of("letterbox", "roboflow", (400, 200), (160, 160))
CROPPED = Placement.of("stretch", "roboflow", (200, 100), (160, 160)).within((400, 200), 100, 50)


@pytest.mark.parametrize(
    ("placement", "options", "canvas", "part"),
    [
        pytest.param(STRETCHED, {}, (400, 200), (0, 0, 400, 200), id="accurate"),
        pytest.param(STRETCHED, {"decode_mode": "fast"}, (40, 40), (0, 0, 40, 40), id="fast: the grid"),
        pytest.param(
            STRETCHED, {"decode_mode": "tradeoff", "tradeoff_factor": 0.5}, (220, 120), (0, 0, 220, 120), id="between"
        ),
        pytest.param(STRETCHED, {"decode_mode": "tradeoff"}, (40, 40), (0, 0, 40, 40), id="tradeoff 0 is fast"),
        pytest.param(LETTERBOXED, {"decode_mode": "fast"}, (40, 20), (0, 0, 40, 20), id="the grid without padding"),
        pytest.param(CROPPED, {}, (400, 200), (100, 50, 200, 100), id="a crop lies in the picture"),
        pytest.param(CROPPED, {"decode_mode": "fast"}, (80, 80), (20, 20, 40, 40), id="a crop in a picture of cells"),
    ],
)  # fmt: skip
def test_raster(placement: Placement, options: Any, canvas: tuple[int, int], part: tuple[int, int, int, int]) -> None:
    raster = Raster.of((40, 40), placement, MaskOptions(**options))

    assert (raster.width, raster.height) == canvas
    assert (raster.left, raster.top, raster.part_width, raster.part_height) == part


def decode(convention: str = "roboflow", placement: Placement = STRETCHED, **options: Any) -> Prediction:
    """One object, 16, 32 .. 96, 80 of the network: cells 4..24 and 8..20; its mask fills its box."""
    manifest = make_manifest(
        task="instance-segmentation", class_names=("a",), convention=convention, size_wh=(160, 160)
    )
    rows = np.array([[56, 56, 80, 48, 0.9, 1]], np.float32).T[None]
    prototypes = np.full((1, 1, 40, 40), 5, np.float32)
    return decoder_of(manifest)([rows, prototypes], manifest, placement, Thresholds(masks=MaskOptions(**options)))


def extent(prediction: Prediction) -> list[float]:
    assert prediction.detections is not None
    [polygon] = prediction.detections.polygons
    return [*polygon.min(axis=0).tolist(), *polygon.max(axis=0).tolist()]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, [41, 40, 238, 99], id="accurate: whole pixels; it fades out at the box"),
        pytest.param({"decode_mode": "fast"}, [40, 40, 230, 95], id="fast: cells, scaled back"),
        pytest.param({"decode_mode": "fast", "is_reduced": True}, [4, 8, 23, 19], id="reduced: cells"),
    ],
)
def test_polygons(options: Any, expected: list[float]) -> None:
    assert extent(decode(**options)) == pytest.approx(expected, abs=1.01)


def test_a_reduced_answer_says_its_grid_and_gives_boxes_on_it() -> None:
    prediction = decode(decode_mode="fast", is_reduced=True)

    assert prediction.mask_grid == MaskGrid(width=40, height=40)
    assert prediction.detections is not None and prediction.detections.xyxy.tolist() == [[4, 8, 24, 20]]


@pytest.mark.parametrize("mode", ["accurate", "fast"])
@pytest.mark.parametrize("convention", ["roboflow", "native"])
def test_masks_cover_the_picture_whatever_they_were_decided_on(mode: str, convention: str) -> None:
    prediction = decode(convention, form="rle", decode_mode=mode)

    assert prediction.detections is not None and prediction.detections.polygons == []
    [mask] = prediction.detections.masks
    assert (mask.width, mask.height) == (400, 200)
    # the box is 200 x 60 pixels
    assert mask.patch.sum() == pytest.approx(200 * 60, rel=0.03)


def test_a_static_crop_moves_the_outline() -> None:
    assert extent(decode(placement=CROPPED)) == pytest.approx([120, 70, 219, 99], abs=1.01)


def test_enlarged_by_the_nearest_pixels() -> None:
    mask = Mask(np.array([[True, False]]), 1, 1, 4, 2)

    large = enlarged(mask, 8, 4)

    canvas = np.zeros((4, 8), bool)
    canvas[large.top : large.top + large.patch.shape[0], large.left : large.left + large.patch.shape[1]] = large.patch
    assert np.argwhere(canvas).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]
    assert enlarged(mask, 4, 2) is mask
