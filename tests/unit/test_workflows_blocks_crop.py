"""Blocks that cut pictures: static crops, slices and the crops of detections, beside upstream 1.8.3."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retinue.workflows.block import Limits
from retinue.workflows.blocks.absolute_static_crop import AbsoluteStaticCrop
from retinue.workflows.blocks.dynamic_crop import DynamicCrop
from retinue.workflows.blocks.image_slicer import ImageSlicer, ImageSlicerV2
from retinue.workflows.blocks.relative_statoic_crop import RelativeStaticCrop
from retinue.workflows.detections import DetectionTable, Keypoints, Place, strings
from retinue.workflows.image import VideoMetadata, WorkflowImage
from retinue.workflows.moves import to_root
from tests.unit.workflow_detections import Box, check_part, detections, extents, picture
from tests.unit.workflow_documents import runtime


@pytest.mark.parametrize(
    ("middle_and_size", "expected"),
    [
        pytest.param((50, 30, 20, 10), (40, 25, 60, 35), id="inside"),
        pytest.param((50, 30, 5, 5), (48, 28, 53, 33), id="halves are rounded to even"),
        pytest.param((51, 31, 5, 5), (48, 28, 53, 33), id="so that the next one is the same"),
        pytest.param((2, 3, 10, 10), (0, 0, 7, 8), id="cut on the left and above"),
        pytest.param((99, 58, 10, 10), (94, 53, 100, 60), id="cut on the right and below"),
        pytest.param((50, 30, 900, 900), (0, 0, 100, 60), id="larger than the picture"),
        pytest.param((200, 30, 20, 10), None, id="outside"),
        pytest.param((105, 30, 10, 10), None, id="beside"),
    ],
)
def test_absolute_static_crop(middle_and_size: tuple[int, int, int, int], expected: Box | None) -> None:
    image = picture()
    x, y, width, height = middle_and_size

    crop = AbsoluteStaticCrop(runtime()).run(images=image, x_center=x, y_center=y, width=width, height=height)["crops"]

    check_part(crop, image, expected, "absolute_static_crop.")


@pytest.mark.parametrize(
    ("middle_and_size", "expected"),
    [
        pytest.param((0.5, 0.5, 0.5, 0.5), (25, 15, 75, 45), id="inside"),
        pytest.param((0.5, 0.5, 1.0, 1.0), (0, 0, 100, 60), id="everything"),
        pytest.param((0.505, 0.51, 0.05, 0.09), (48, 28, 53, 33), id="rounded twice"),
        pytest.param((0.9, 0.9, 0.4, 0.4), (70, 42, 100, 60), id="cut on the right and below"),
        pytest.param((0.1, 0.5, 0.4, 0.4), None, id="begins left of the picture"),
        pytest.param((0.5, 0.0, 0.4, 0.4), None, id="begins above the picture"),
        pytest.param((0.5, 0.5, 0.0, 0.5), None, id="without a width"),
        pytest.param((1.0, 0.5, 0.004, 0.5), None, id="less than a pixel"),
    ],
)
def test_relative_static_crop(middle_and_size: tuple[float, float, float, float], expected: Box | None) -> None:
    image = picture()
    x, y, width, height = middle_and_size

    crop = RelativeStaticCrop(runtime()).run(images=image, x_center=x, y_center=y, width=width, height=height)["crops"]

    check_part(crop, image, expected, "relative_static_crop.")


def test_static_crops_stay_frames_of_their_video() -> None:
    image = replace(picture(), given_video=VideoMetadata.of_picture("film"))

    crop = AbsoluteStaticCrop(runtime()).run(images=image, x_center=9, y_center=9, width=4, height=4)["crops"]

    assert crop.video == replace(image.video, video_identifier=f"film | crop: {crop.id}")
    assert dynamic_crop(image, detections(image, [(1, 1, 5, 5)]))[0]["crops"].given_video is None


@pytest.mark.parametrize(
    ("block", "sizes", "ratios", "expected"),
    [
        pytest.param(
            ImageSlicer, (60, 40), (0.2, 0.25),
            [(0, 0, 60, 40), (48, 0, 100, 40), (96, 0, 100, 40),
             (0, 30, 60, 60), (48, 30, 100, 60), (96, 30, 100, 60)],
            id="v1: the last ones are smaller",
        ),
        pytest.param(
            ImageSlicerV2, (60, 40), (0.2, 0.25),
            [(0, 0, 60, 40), (40, 0, 100, 40), (0, 20, 60, 60), (40, 20, 100, 60)],
            id="v2: the last ones are moved back, and the same only once",
        ),
        pytest.param(ImageSlicer, (640, 640), (0.2, 0.2), [(0, 0, 100, 60)], id="v1: larger than the picture"),
        pytest.param(ImageSlicerV2, (640, 640), (0.2, 0.2), [(0, 0, 100, 60)], id="v2: larger than the picture"),
        pytest.param(
            ImageSlicer, (50, 60), (0.0, 0.0), [(0, 0, 50, 60), (50, 0, 100, 60)], id="v1: side by side"
        ),
        pytest.param(
            ImageSlicerV2, (70, 60), (0.29, 0.0), [(0, 0, 70, 60), (30, 0, 100, 60)], id="v2: overlap is cut to pixels"
        ),
    ],
)  # fmt: skip
def test_image_slicer(
    block: type[ImageSlicer], sizes: tuple[int, int], ratios: tuple[float, float], expected: list[Box]
) -> None:
    image = picture()

    slices = block(runtime()).run(
        image=image,
        slice_width=sizes[0],
        slice_height=sizes[1],
        overlap_ratio_width=ratios[0],
        overlap_ratio_height=ratios[1],
    )

    assert len(slices) == len(expected)
    assert len({part["slices"].id for part in slices}) == len(expected)
    for part, box in zip(slices, expected, strict=True):
        check_part(part["slices"], image, box, "image_slicer.")
        assert part["slices"].given_video is None


def test_slices_of_a_crop_know_the_root() -> None:
    crop = picture().crop("crop", (10, 20, 90, 60))

    slices = ImageSlicer(runtime()).run(
        image=crop, slice_width=50, slice_height=40, overlap_ratio_width=0.0, overlap_ratio_height=0.0
    )

    assert [(part["slices"].root.left, part["slices"].root.top) for part in slices] == [(10, 20), (60, 20)]
    check_part(slices[1]["slices"], crop, (50, 0, 80, 40), "image_slicer.")


@pytest.mark.parametrize("block", [ImageSlicer, ImageSlicerV2])
@pytest.mark.parametrize(
    ("size", "ratio", "message"),
    [
        pytest.param(1, 0.0, "100 x 60 = 6000 slices; the limit is 5", id="too many"),
        pytest.param(40, 0.5, r"\d x \d = \d+ slices; the limit is 5", id="too many that overlap"),
        pytest.param(10, 1.0, "never reach the end", id="no step"),
    ],
)
def test_slices_are_counted_before_they_are_made(
    block: type[ImageSlicer], size: int, ratio: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        block(runtime(limits=Limits(elements=5))).run(
            image=picture(), slice_width=size, slice_height=size, overlap_ratio_width=ratio, overlap_ratio_height=ratio
        )


def dynamic_crop(image: WorkflowImage, table: DetectionTable, **properties: Any) -> list[dict[str, Any]]:
    defaults = {"mask_opacity": 0.0, "background_color": (0, 0, 0)}
    return DynamicCrop(runtime()).run(images=image, predictions=table, **defaults | properties)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param((10, 20, 30, 50), (10, 20, 30, 50), id="whole pixels"),
        pytest.param((10.5, 21.5, 30.5, 49.6), (10, 22, 30, 50), id="halves are rounded to even"),
        pytest.param((90, 50, 120, 70), (90, 50, 100, 60), id="reaches out on the right and below"),
        pytest.param((-4, 10, 20, 30), None, id="reaches out on the left"),
        pytest.param((10, 20, 10.4, 50), None, id="less than a pixel"),
        pytest.param((30, 20, 10, 50), None, id="the wrong way round"),
        pytest.param((200, 20, 210, 50), None, id="outside"),
    ],
)
def test_dynamic_crop_cuts_the_box(box: Box, expected: Box | None) -> None:
    image = picture()

    (result,) = dynamic_crop(image, detections(image, [box], ids="detection"))

    check_part(result["crops"], image, expected, "detection0")
    if expected is None:
        assert result["predictions"] is None
    else:
        x1, y1 = expected[:2]
        assert result["predictions"].xyxy.tolist() == [[box[0] - x1, box[1] - y1, box[2] - x1, box[3] - y1]]


def test_dynamic_crop_keeps_the_order_and_leaves_holes() -> None:
    image = picture()
    table = detections(image, [(60, 0, 80, 20), (5, 5, 5, 5), (0, 0, 20, 20)], [0.1, 0.5, 0.9])

    results = dynamic_crop(image, table)

    assert [result["crops"] and result["crops"].id for result in results] == ["0", None, "2"]
    assert [result["predictions"] and len(result["predictions"]) for result in results] == [1, None, 1]
    assert dynamic_crop(image, DetectionTable.empty((100, 60))) == []


def test_dynamic_crop_moves_everything_but_what_is_said_of_the_picture() -> None:
    image = picture()
    keypoints = Keypoints(
        xy=np.array([[12.0, 25.5]]), confidence=np.ones(1), class_id=np.zeros(1, int), class_name=("k",)
    )
    table = replace(
        detections(image, [(10, 20, 30, 50)], mask_boxes=[(5, 30, 25, 55)]),
        keypoints=(keypoints,),
        columns={"polygon": strings([np.array([[10, 20], [30, 50], [10, 50]])]), "speed": np.array([3.0])},
        tracker_id=np.array([7]),
    )

    moved = dynamic_crop(image, table)[0]["predictions"]

    assert moved.xyxy.tolist() == [[0, 0, 20, 30]]
    assert moved.keypoints[0].xy.tolist() == [[2, 5.5]]
    assert moved.columns["polygon"][0].tolist() == [[0, 0], [20, 30], [0, 30]]
    assert (moved.masks[0].width, moved.masks[0].height) == (20, 30)
    assert extents(moved) == [(0, 10, 14, 29, 300)]
    assert (moved.columns["speed"].tolist(), moved.tracker_id.tolist()) == ([3.0], [7])
    # contract/workflows.md 4.4: as upstream, it still says that it lies in the whole picture
    assert (moved.places[0], moved.parent_id[0], moved.size) == (Place.of(image), "image", (100, 60))
    assert to_root(moved) is moved
    assert table.xyxy.tolist() == [[10, 20, 30, 50]]


@pytest.mark.parametrize(
    ("opacity", "color", "expected"),
    [
        pytest.param(1.0, (9, 8, 7), [9, 8, 7], id="covered"),
        pytest.param(1.0, [9, 8, 7], [9, 8, 7], id="list"),
        pytest.param(1.0, "#12fA3b", [18, 250, 59], id="hex"),
        pytest.param(1.0, "#f0c", [255, 0, 204], id="short hex"),
        pytest.param(1.0, "(200, 3,77)", [200, 3, 77], id="text"),
        pytest.param(0.5, (0, 0, 0), [5, 10, 15], id="half"),
        pytest.param(0.5, (1, 1, 1), [6, 10, 16], id="half: halves are rounded to even"),
        pytest.param(0.3, "#ffffff", [84, 90, 98], id="a little"),
    ],
)
def test_dynamic_crop_covers_what_is_outside_the_mask(opacity: float, color: Any, expected: list[int]) -> None:
    image = picture()
    table = detections(image, [(10, 20, 14, 23)], mask_boxes=[(12, 21, 14, 60)])

    crop = dynamic_crop(image, table, mask_opacity=opacity, background_color=color)[0]["crops"]

    assert crop.pixels[0, 0].tolist() == expected
    assert np.array_equal(crop.pixels[1:, 2:], image.pixels[21:23, 12:14])
    assert image.pixels[20, 10].tolist() == [10, 20, 30]


@pytest.mark.parametrize("color", ["red", "#12345", "#gggggg", "(1, 2)", "(a, b, c)", (1, 2)])
def test_dynamic_crop_refuses_what_is_no_color(color: Any) -> None:
    image = picture()
    table = detections(image, [(10, 20, 14, 23)], mask_boxes=[(12, 21, 14, 60)])

    with pytest.raises(ValueError):
        dynamic_crop(image, table, mask_opacity=0.5, background_color=color)
    assert dynamic_crop(image, table, background_color=color)  # nobody asks


def test_dynamic_crop_of_a_gray_picture() -> None:
    image = picture()
    image = image.with_pixels(image.pixels[:, :, 0])
    table = detections(image, [(10, 20, 14, 23)], mask_boxes=[(12, 21, 14, 60)])

    assert dynamic_crop(image, table)[0]["crops"].pixels.tolist() == [[10, 11, 12, 13]] * 3
    covered = dynamic_crop(image, table, mask_opacity=1.0, background_color="#fff")[0]["crops"].pixels
    assert covered[..., 1].tolist() == [[255] * 4, [255, 255, 12, 13], [255, 255, 12, 13]]


def test_dynamic_crop_has_a_limit() -> None:
    image = picture()
    with pytest.raises(ValueError, match="2 detections would become as many crops; the limit is 1"):
        DynamicCrop(runtime(limits=Limits(elements=1))).run(
            images=image,
            predictions=detections(image, [(0, 0, 5, 5)] * 2),
            mask_opacity=0.0,
            background_color="#000",
        )
