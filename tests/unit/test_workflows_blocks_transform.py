"""Blocks that cut, move, merge and choose: tables of corners, with figures recorded from upstream 1.8.3.

Upstream's blocks were run on the same pictures and detections; masks are compared by their pixels.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from retinue.deadline import Deadline
from retinue.pipeline.prediction import Mask
from retinue.workflows.block import Block, Limits, Runtime
from retinue.workflows.blocks.absolute_static_crop import AbsoluteStaticCrop
from retinue.workflows.blocks.detections_classes_replacement import DetectionsClassesReplacement
from retinue.workflows.blocks.detections_consensus import DetectionsConsensus
from retinue.workflows.blocks.detections_filter import DetectionsFilter
from retinue.workflows.blocks.detections_stitch import DetectionsStitch
from retinue.workflows.blocks.detections_transformation import DetectionsTransformation
from retinue.workflows.blocks.dimension_collapse import DimensionCollapse
from retinue.workflows.blocks.dynamic_crop import DynamicCrop
from retinue.workflows.blocks.first_non_empty_or_default import FirstNonEmptyOrDefault
from retinue.workflows.blocks.image_slicer import ImageSlicer, ImageSlicerV2
from retinue.workflows.blocks.relative_statoic_crop import RelativeStaticCrop
from retinue.workflows.detections import DetectionTable, Keypoints, Place, strings
from retinue.workflows.image import Origin, VideoMetadata, WorkflowImage
from retinue.workflows.mask_sets import MaskOverlaps, intersection, pixel_bounds, union
from retinue.workflows.moves import shift, to_root

NAMES = ("a", "b", "c")
Box = tuple[float, float, float, float]


class NoModels:
    def predict(self, *_: Any) -> Any:
        raise NotImplementedError


def send(*_: Any, **__: Any) -> int:
    raise OSError("nothing is sent here")


def runtime(limit: int = 100) -> Runtime:
    return Runtime(models=NoModels(), send=send, deadline=Deadline.after(60), limits=Limits(elements=limit))


def picture(width: int = 100, height: int = 60) -> WorkflowImage:
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([columns, rows, columns + rows], axis=2).astype(np.uint8)
    return WorkflowImage.of_pixels(pixels, "image")


def mask_of(box: Sequence[int], width: int, height: int) -> Mask:
    """A mask that fills the box."""
    x1, y1, x2, y2 = box
    return Mask(np.ones((y2 - y1, x2 - x1), bool), x1, y1, width, height)


def detections(
    image: WorkflowImage,
    boxes: Sequence[Box],
    confidence: Sequence[float] | None = None,
    class_id: Sequence[int] | None = None,
    ids: str = "",
    mask_boxes: Sequence[tuple[int, int, int, int]] | None = None,
) -> DetectionTable:
    """Detections in `image`, with ids such as `ids` + "0"."""
    count = len(boxes)
    class_id = class_id or [0] * count
    size = (image.width, image.height)
    return DetectionTable(
        xyxy=np.array(boxes, np.float64).reshape(-1, 4),
        confidence=np.array(confidence or [0.5] * count, np.float64),
        class_id=np.array(class_id, np.int64),
        class_name=strings([NAMES[index] for index in class_id]),
        detection_id=strings([f"{ids}{row}" for row in range(count)]),
        parent_id=strings([image.id] * count),
        places=strings([Place.of(image)] * count),
        masks=None if mask_boxes is None else tuple(mask_of(box, *size) for box in mask_boxes),
        size=size,
    )


def pixels_of(mask: Mask) -> NDArray[np.bool_]:
    """The mask on its whole canvas."""
    canvas = np.zeros((mask.height, mask.width), bool)
    height, width = mask.patch.shape
    canvas[mask.top : mask.top + height, mask.left : mask.left + width] = mask.patch
    return canvas


def extents(table: DetectionTable) -> list[tuple[int, int, int, int, int]]:
    """Of each mask what it reaches, as the first and last columns and rows, and how many pixels it has."""
    return [(*pixel_bounds(mask), int(pixels_of(mask).sum())) for mask in table.masks or ()]


def rows_of(table: DetectionTable) -> list[tuple[str, list[float], float, str, int]]:
    return [
        (identifier, xyxy.tolist(), float(confidence), name, int(class_id))
        for identifier, xyxy, confidence, name, class_id in zip(
            table.detection_id, table.xyxy, table.confidence, table.class_name, table.class_id, strict=True
        )
    ]


def check_part(part: WorkflowImage | None, whole: WorkflowImage, box: Sequence[int] | None, prefix: str) -> None:
    """`part` is the box of `whole`, shares its pixels and knows where it lies."""
    if box is None:
        assert part is None
        return
    x1, y1, x2, y2 = box
    assert part is not None
    assert np.array_equal(part.pixels, whole.pixels[y1:y2, x1:x2])
    assert np.shares_memory(part.pixels, whole.pixels)
    assert part.id.startswith(prefix)
    assert part.parent == Origin(part.id, x1, y1, whole.width, whole.height)
    assert part.root == replace(whole.root, left=whole.root.left + x1, top=whole.root.top + y1)


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
        block(runtime(limit=5)).run(
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
        DynamicCrop(runtime(limit=1)).run(
            images=image,
            predictions=detections(image, [(0, 0, 5, 5)] * 2),
            mask_opacity=0.0,
            background_color="#000",
        )


@pytest.mark.parametrize(
    ("offset", "size", "expected"),
    [
        pytest.param((5, 6), None, (15, 26, 29, 45, 300), id="the canvas stays"),
        pytest.param((-12, -25), (10, 10), (0, 0, 9, 9, 100), id="into a part inside"),
        pytest.param((-20, -30), (50, 50), (0, 0, 4, 9, 50), id="cut on the left and above"),
        pytest.param((30, 0), (50, 30), (40, 20, 49, 29, 100), id="cut on the right and below"),
        pytest.param((500, 0), (50, 30), (0, 0, 0, 0, 0), id="away"),
        pytest.param((-500, 0), (50, 30), (0, 0, 0, 0, 0), id="away to the left"),
    ],
)
def test_shift_cuts_masks(offset: tuple[int, int], size: tuple[int, int] | None, expected: tuple[int, ...]) -> None:
    table = detections(picture(), [(10, 20, 25, 40)], mask_boxes=[(10, 20, 25, 40)])

    moved = shift(table, *offset, size)

    assert extents(moved) == [expected]
    assert moved.masks is not None and pixels_of(moved.masks[0]).shape == ((60, 100) if size is None else size[::-1])
    assert moved.xyxy.tolist() == [[10 + offset[0], 20 + offset[1], 25 + offset[0], 40 + offset[1]]]
    assert moved.places[0] == table.places[0]


def test_to_root_moves_what_was_found_in_a_crop_of_a_crop() -> None:
    image = picture()
    inner = image.crop("outer", (10, 20, 90, 60)).crop("inner", (30, 5, 60, 30))
    table = detections(inner, [(1, 2, 11, 12)], mask_boxes=[(1, 2, 11, 12)])
    table = replace(table, columns={"polygon": strings([None])})

    moved = to_root(table)

    assert moved.xyxy.tolist() == [[41, 27, 51, 37]]
    assert extents(moved) == [(41, 27, 50, 36, 100)]
    assert moved.masks is not None and (moved.masks[0].width, moved.masks[0].height) == (100, 60)
    assert moved.parent_id.tolist() == ["image"]
    assert moved.places[0] == Place.of(image)
    assert moved.size == (100, 60)
    assert (table.parent_id[0], table.xyxy[0, 0]) == ("inner", 1)


def test_to_root_leaves_rows_that_are_there() -> None:
    image = picture()
    crop = image.crop("crop", (0, 0, 50, 50))  # in the corner: only the size differs
    there = replace(detections(image, [(1, 1, 2, 2)]), parent_id=strings(["a detection"]))
    here = detections(crop, [(3, 3, 4, 4)])
    unknown = replace(here, places=strings([replace(here.places[0], width=None, height=None)]))
    mixed = replace(
        detections(image, [(1, 1, 2, 2), (3, 3, 4, 4)]),
        places=strings([there.places[0], here.places[0]]),
        parent_id=strings(["a detection", "crop"]),
    )

    assert to_root(there) is there
    assert to_root(replace(DetectionTable.empty((50, 50)), root_size=(100, 60))).size == (100, 60)
    assert to_root(unknown) is unknown
    assert to_root(here).parent_id.tolist() == ["image"]
    assert to_root(mixed).parent_id.tolist() == ["a detection", "image"]
    assert to_root(mixed).places.tolist() == [Place.of(image)] * 2


def found_in_slices(image: WorkflowImage, has_masks: bool) -> list[DetectionTable]:
    """What a model found in two overlapping halves of a picture of 100 x 60: two of the objects in both."""
    left, right = image.crop("left", (0, 0, 60, 60)), image.crop("right", (40, 0, 100, 60))
    boxes = [(30, 10, 50, 30), (5, 5, 15, 15), (42, 32, 58, 48)], [(0, 10, 12, 30), (3, 33, 17, 47), (2, 32, 18, 48)]
    return [
        detections(left, boxes[0], [0.9, 0.5, 0.6], [0, 1, 0], "l", boxes[0] if has_masks else None),
        detections(right, boxes[1], [0.8, 0.7, 0.65], [0, 0, 1], "r", boxes[1] if has_masks else None),
    ]


OUTER, INNER, OTHER = (30, 10, 50, 30), (40, 10, 52, 30), (42, 32, 58, 48)


@pytest.mark.parametrize("has_masks", [False, True], ids=["boxes", "masks"])
@pytest.mark.parametrize(
    ("strategy", "iou_threshold", "expected"),
    [
        pytest.param(
            "none", 0.3,
            [("l0", OUTER, 0.9, "a"), ("l1", (5, 5, 15, 15), 0.5, "b"), ("l2", OTHER, 0.6, "a"),
             ("r0", INNER, 0.8, "a"), ("r1", (43, 33, 57, 47), 0.7, "a"), ("r2", OTHER, 0.65, "b")],
            id="none: all stay",
        ),
        pytest.param(
            "nms", 0.3,
            [("l0", OUTER, 0.9, "a"), ("l1", (5, 5, 15, 15), 0.5, "b"), ("r1", (43, 33, 57, 47), 0.7, "a"),
             ("r2", OTHER, 0.65, "b")],
            id="nms: the weaker of a class go, the others keep their order",
        ),
        pytest.param(
            "nms", 0.5,
            [("l0", OUTER, 0.9, "a"), ("l1", (5, 5, 15, 15), 0.5, "b"), ("r0", INNER, 0.8, "a"),
             ("r1", (43, 33, 57, 47), 0.7, "a"), ("r2", OTHER, 0.65, "b")],
            id="nms: less of an overlap",
        ),
        pytest.param(
            "nmm", 0.3,
            [("l0", (30, 10, 52, 30), 0.862500011920929, "a"), ("r1", OTHER, 0.643362820148468, "a"),
             ("r2", OTHER, 0.65, "b"), ("l1", (5, 5, 15, 15), 0.5, "b")],
            id="nmm: by class, best first; confidences weighted by areas, as float32",
        ),
        pytest.param(
            "nmm", 0.5,
            [("l0", OUTER, 0.9, "a"), ("r0", INNER, 0.8, "a"), ("r1", OTHER, 0.643362820148468, "a"),
             ("r2", OTHER, 0.65, "b"), ("l1", (5, 5, 15, 15), 0.5, "b")],
            id="nmm: less of an overlap",
        ),
    ],
)  # fmt: skip
def test_detections_stitch(
    strategy: str, iou_threshold: float, has_masks: bool, expected: list[tuple[str, Box, float, str]]
) -> None:
    image = picture()

    stitched = stitch(image, found_in_slices(image, has_masks), strategy, iou_threshold)

    assert [(row[0], tuple(row[1]), row[2], row[3]) for row in rows_of(stitched)] == expected
    assert set(stitched.parent_id) == {"image"}
    assert set(stitched.places) == {Place.of(image)}
    assert stitched.size == (100, 60)
    if has_masks:  # which fill the boxes
        assert [extent[:4] for extent in extents(stitched)] == [
            (x1, y1, x2 - 1, y2 - 1) for _, (x1, y1, x2, y2), _, _ in expected
        ]


def stitch(
    image: WorkflowImage, tables: Sequence[DetectionTable | None], strategy: str, iou_threshold: float
) -> DetectionTable:
    result = DetectionsStitch(runtime()).run(
        reference_image=image,
        predictions=list(tables),
        overlap_filtering_strategy=strategy,
        iou_threshold=iou_threshold,
    )
    table = result["predictions"]
    assert isinstance(table, DetectionTable)
    return table


@pytest.mark.parametrize(
    ("boxes", "strategy", "iou_threshold", "expected"),
    [
        pytest.param([(0, 0, 10, 1), (0, 0, 3, 1)], "nms", 0.3, ["1"], id="nms: 0.3 as float32 is above 0.3"),
        pytest.param([(0, 0, 10, 1), (0, 0, 5, 1)], "nms", 0.5, ["0", "1"], id="nms: at the threshold both stay"),
        pytest.param([(0, 0, 10, 1), (0, 0, 5, 1)], "nmm", 0.5, ["1"], id="nmm: at the threshold they merge"),
        pytest.param([(0, 0, 9, 9), (50, 0, 60, 9)], "nms", 0.0, ["0", "1"], id="nms: apart"),
        pytest.param([(0, 0, 9, 9), (50, 0, 60, 9)], "nmm", 0.0, ["1"], id="nmm: threshold 0 merges all of a class"),
        pytest.param([(0, 0, 9, 9)] * 3, "nms", 0.5, ["2"], id="nms: of equals the last stays"),
        pytest.param([(9, 9, 9, 9)] * 2, "nmm", 0.0, ["1"], id="nmm: without an area"),
    ],
)
def test_detections_stitch_at_the_threshold(
    boxes: list[Box], strategy: str, iou_threshold: float, expected: list[str]
) -> None:
    image = picture()

    stitched = stitch(image, [detections(image, boxes)], strategy, iou_threshold)

    assert stitched.detection_id.tolist() == expected
    assert stitched.confidence.tolist() == [0.5] * len(expected)


def test_merged_masks_go_on_merging() -> None:
    image = picture()
    boxes = [(0, 0, 20, 20), (10, 0, 30, 20), (20, 0, 40, 20)]  # the first and the last do not meet
    found = [detections(image, boxes, [0.9, 0.8, 0.7], mask_boxes=boxes)]

    assert extents(stitch(image, found, "nmm", 0.25)) == [(0, 0, 39, 19, 800)]
    assert extents(stitch(image, found, "nms", 0.25)) == [(0, 0, 19, 19, 400), (20, 0, 39, 19, 400)]


def test_detections_stitch_cuts_masks_to_the_picture() -> None:
    image = picture()
    part = replace(image, parent=Origin("part", 80, -10, 100, 60))
    found = detections(part, [(0, 0, 40, 40)], mask_boxes=[(0, 0, 40, 40)])

    stitched = stitch(image, [found], "none", 0.3)

    assert extents(stitched) == [(80, 0, 99, 29, 600)]
    assert stitched.xyxy.tolist() == [[80, -10, 120, 30]]


@pytest.mark.parametrize("strategy", ["none", "nms", "nmm"])
def test_detections_stitch_of_nothing(strategy: str) -> None:
    for tables in ([], [DetectionTable.empty((60, 60))], [None]):
        stitched = stitch(picture(), tables, strategy, 0.3)
        assert (len(stitched), stitched.size) == (0, None)


@pytest.mark.parametrize(
    ("strategy", "iou_threshold", "message"),
    [
        pytest.param("best", 0.3, "none, nms or nmm, not 'best'", id="strategy"),
        pytest.param("nms", 1.5, "from 0 to 1, not 1.5", id="threshold"),
        pytest.param("none", 0.3, "some of the slices' detections have masks", id="masks of some"),
    ],
)
def test_detections_stitch_refuses(strategy: str, iou_threshold: float, message: str) -> None:
    image = picture()
    tables = [found_in_slices(image, has_masks)[0] for has_masks in (True, False)]

    with pytest.raises(ValueError, match=message):
        stitch(image, tables, strategy, iou_threshold)


def sources(kind: str) -> list[DetectionTable]:
    """Three models' detections in a picture of 100 x 60: one object that all found, one that two did, one of one."""
    image = picture()
    boxes = (
        [(10, 10, 30, 30), (60, 10, 90, 40)],
        [(12, 11, 33, 30), (62, 12, 88, 44), (0, 40, 20, 60)],
        [(9, 8, 28, 31)],
    )
    confidence = ([0.9, 0.4], [0.6, 0.7, 0.3], [0.75])
    class_id = ([0, 1], [2, 2, 2], [2]) if kind == "classes" else ([0, 1], [0, 1, 2], [0])
    has_masks = {"boxes": (False,) * 3, "masks": (True,) * 3, "mixed": (True, False, True), "classes": (False,) * 3}
    return [
        detections(image, boxes[index], confidence[index], class_id[index], name, boxes[index] if masks else None)
        for index, (name, masks) in enumerate(zip("xyz", has_masks[kind], strict=True))
    ]


CONSENSUS_DEFAULTS: dict[str, Any] = {
    "required_votes": 2,
    "class_aware": True,
    "iou_threshold": 0.3,
    "confidence": 0.0,
    "classes_to_consider": None,
    "required_objects": None,
    "presence_confidence_aggregation": "max",
    "detections_merge_confidence_aggregation": "average",
    "detections_merge_coordinates_aggregation": "average",
    "detections_merge_mask_aggregation": "union",
}
AVERAGE_A, AVERAGE_B = (31 / 3, 29 / 3, 91 / 3, 91 / 3), (61, 11, 89, 42)
TWO = [(AVERAGE_A, 0.75, "a"), (AVERAGE_B, 0.55, "b")]
BOTH = {"a": 0.75, "b": 0.55}


@pytest.mark.parametrize(
    ("kind", "properties", "expected", "presence"),
    [
        pytest.param("boxes", {}, TWO, BOTH, id="two of three"),
        pytest.param(
            "boxes", {"required_votes": 1}, [*TWO, ((0, 40, 20, 60), 0.3, "c")], {**BOTH, "c": 0.3}, id="one is enough"
        ),
        pytest.param("boxes", {"required_votes": 3}, TWO[:1], {"a": 0.75}, id="all"),
        pytest.param("boxes", {"required_votes": 4}, [], {}, id="more than there are"),
        pytest.param("boxes", {"confidence": 0.6}, TWO[:1], {"a": 0.75}, id="confidence of what is merged"),
        pytest.param(
            "boxes", {"iou_threshold": 0.75}, [((9.5, 9, 29, 30.5), 0.825, "a")], {"a": 0.825}, id="more overlap"
        ),
        pytest.param("boxes", {"classes_to_consider": ["b", "c"]}, TWO[1:], {"b": 0.55}, id="some classes"),
        pytest.param("boxes", {"classes_to_consider": []}, TWO, BOTH, id="an empty list is all classes"),
        pytest.param("boxes", {"required_objects": 2}, TWO, BOTH, id="as many as required"),
        pytest.param("boxes", {"required_objects": 3}, TWO, {}, id="fewer than required"),
        pytest.param("boxes", {"required_objects": {"a": 1, "b": 1}}, TWO, BOTH, id="of each class as required"),
        pytest.param("boxes", {"required_objects": {"a": 2}}, TWO, {}, id="of a class fewer than required"),
        pytest.param(
            "boxes", {"required_objects": {"a": 2}, "class_aware": False}, TWO, {"any_object": 0.75},
            id="classes are not told apart: required in all",
        ),
        pytest.param(
            "boxes", {"class_aware": False, "presence_confidence_aggregation": "min"}, TWO, {"any_object": 0.55},
            id="presence by the least",
        ),
        pytest.param(
            "boxes", {"class_aware": False, "presence_confidence_aggregation": "average"}, TWO, {"any_object": 0.65},
            id="presence by the average",
        ),
        pytest.param(
            "boxes",
            {"detections_merge_confidence_aggregation": "max", "detections_merge_coordinates_aggregation": "max"},
            [((9, 8, 28, 31), 0.9, "a"), ((60, 10, 90, 40), 0.7, "b")], {"a": 0.9, "b": 0.7}, id="the largest box",
        ),
        pytest.param(
            "boxes",
            {"detections_merge_confidence_aggregation": "min", "detections_merge_coordinates_aggregation": "min"},
            [((12, 11, 33, 30), 0.6, "a"), ((62, 12, 88, 44), 0.4, "b")], {"a": 0.6, "b": 0.4}, id="the smallest box",
        ),
        pytest.param(
            "classes", {"class_aware": False}, [(AVERAGE_A, 0.75, "c"), (AVERAGE_B, 0.55, "b")], {"any_object": 0.75},
            id="the class of most; of equals the first",
        ),
        pytest.param(
            "classes", {"class_aware": False, "detections_merge_confidence_aggregation": "max"},
            [(AVERAGE_A, 0.9, "a"), (AVERAGE_B, 0.7, "c")], {"any_object": 0.9}, id="the class of the most confident",
        ),
        pytest.param(
            "classes", {"class_aware": False, "detections_merge_confidence_aggregation": "min"},
            [(AVERAGE_A, 0.6, "c"), (AVERAGE_B, 0.4, "b")], {"any_object": 0.6}, id="the class of the least confident",
        ),
    ],
)  # fmt: skip
def test_detections_consensus(
    kind: str, properties: dict[str, Any], expected: list[tuple[Box, float, str]], presence: dict[str, float]
) -> None:
    result = consensus(sources(kind), **properties)

    agreed = result["predictions"]
    assert agreed.class_name.tolist() == [name for _, _, name in expected]
    assert agreed.class_id.tolist() == [NAMES.index(name) for _, _, name in expected]
    assert agreed.xyxy.ravel().tolist() == pytest.approx([side for box, _, _ in expected for side in box])
    assert agreed.confidence.tolist() == pytest.approx([confidence for _, confidence, _ in expected])
    assert result["presence_confidence"] == pytest.approx(presence)
    assert result["object_present"] is bool(presence)
    assert agreed.masks is None
    assert not {"x0", "y0", "z0"} & set(agreed.detection_id)
    assert set(agreed.parent_id) <= {"image"}


def consensus(tables: list[DetectionTable], **properties: Any) -> dict[str, Any]:
    result = DetectionsConsensus(runtime()).run(predictions_batches=tables, **CONSENSUS_DEFAULTS | properties)
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize(
    ("kind", "aggregation", "expected"),
    [
        pytest.param("masks", "union", [(9, 8, 32, 30, 534), (60, 10, 89, 43, 1004)], id="union"),
        pytest.param("masks", "intersection", [(12, 11, 27, 29, 304), (62, 12, 87, 39, 728)], id="intersection"),
        pytest.param("masks", "max", [(9, 8, 27, 30, 437), (60, 10, 89, 39, 900)], id="the largest"),
        pytest.param("masks", "min", [(12, 11, 32, 29, 399), (62, 12, 87, 43, 832)], id="the smallest"),
        pytest.param("mixed", "union", [(9, 8, 29, 30, 477), (60, 10, 89, 39, 900)], id="a source without masks"),
        pytest.param("mixed", "intersection", [(0, 0, 0, 0, 0)] * 2, id="of which nothing is left"),
    ],
)
def test_detections_consensus_of_masks(kind: str, aggregation: str, expected: list[tuple[int, ...]]) -> None:
    result = consensus(sources(kind), detections_merge_mask_aggregation=aggregation)

    agreed = result["predictions"]
    assert extents(agreed) == expected
    assert agreed.xyxy.tolist() == [list(extent[:4]) for extent in expected]  # the mask's bounds, not the boxes'
    assert result["presence_confidence"] == pytest.approx(BOTH)


def test_detections_consensus_uses_up_a_detection_in_all_sources() -> None:
    table = sources("boxes")[0]
    assert len(consensus([table, table, table.select([0])])["predictions"]) == 2
    assert len(consensus([table, table], required_votes=1)["predictions"]) == 2


def test_detections_consensus_of_nothing() -> None:
    result = consensus([DetectionTable.empty((100, 60))] * 2)
    assert (len(result["predictions"]), result["predictions"].size) == (0, None)
    assert (result["object_present"], result["presence_confidence"]) == (False, {})


def test_detections_consensus_refuses_other_pictures_and_masks_of_some() -> None:
    tables = sources("boxes")
    with pytest.raises(ValueError, match=r"different pictures \(parents crop, image\)"):
        consensus([*tables, replace(tables[2], parent_id=strings(["crop"]))])
    with pytest.raises(ValueError, match="some of the detections that the models agree on have masks"):
        consensus(sources("mixed"), required_votes=1)


def single(parent: str, top: str, **confidences: float) -> dict[str, Any]:
    entries = [
        {"class": name, "class_id": NAMES.index(name), "confidence": value} for name, value in confidences.items()
    ]
    return {"parent_id": parent, "top": top, "confidence": confidences.get(top, 0.0), "predictions": entries}


def multi(parent: str, predicted: Sequence[str], **confidences: float) -> dict[str, Any]:
    entries = {name: {"class_id": NAMES.index(name), "confidence": value} for name, value in confidences.items()}
    return {"parent_id": parent, "predicted_classes": list(predicted), "predictions": entries}


FALLBACK = {"fallback_class_name": "none", "fallback_class_id": 9}


@pytest.mark.parametrize(
    ("predictions", "fallback", "expected"),
    [
        pytest.param(
            [single("1", "b", a=0.2, b=0.8), single("0", "c", c=0.6)], {}, [(0, "c", 2, 0.6), (1, "b", 1, 0.8)],
            id="by the crop's name",
        ),
        pytest.param([single("1", "b", b=0.8), None], {}, [(1, "b", 1, 0.8)], id="those without go"),
        pytest.param(
            [single("1", "b", b=0.8), None], FALLBACK, [(1, "b", 1, 0.8)], id="a missing answer does not fall back"
        ),
        pytest.param(
            [single("0", "b", b=0.8), single("1", "")], FALLBACK, [(0, "b", 1, 0.8), (1, "none", 9, 0.0)],
            id="an empty one does",
        ),
        pytest.param(
            [single("0", "b", b=0.8), single("1", "")], {"fallback_class_name": "none"},
            [(0, "b", 1, 0.8), (1, "none", sys.maxsize, 0.0)], id="an id of its own",
        ),
        pytest.param(
            [single("0", "b", b=0.8), single("1", "")], {"fallback_class_name": "none", "fallback_class_id": -1},
            [(0, "b", 1, 0.8), (1, "none", sys.maxsize, 0.0)], id="ids are not negative",
        ),
        pytest.param(
            [multi("0", ["a"], a=0.6, b=0.7, c=0.7), multi("1", [], a=0.1)], FALLBACK, [(0, "b", 1, 0.7)],
            id="several labels: the most confident, where any was predicted",
        ),
        pytest.param([multi("0", ["a"], a=0.0), single("1", "a", a=0.5)], {}, [(1, "a", 0, 0.5)], id="confidence 0"),
        pytest.param(["HELLO", "WORLD"], {}, [(0, "HELLO", 0, 1.0), (1, "WORLD", 0, 1.0)], id="texts by position"),
        pytest.param([["HELLO", "again"], []], {}, [(0, "HELLO", 0, 1.0)], id="lists of texts"),
        pytest.param([["HELLO"], []], FALLBACK, [(0, "HELLO", 0, 1.0), (1, "none", 9, 0.0)], id="an empty list"),
        pytest.param([None, "WORLD"], FALLBACK, [(0, "none", 9, 0.0), (1, "WORLD", 0, 1.0)], id="no text"),
        pytest.param(["HELLO"], FALLBACK, [(0, "HELLO", 0, 1.0), (1, "none", 9, 0.0)], id="fewer texts"),
        pytest.param(["HELLO", "WORLD", "!"], {}, [(0, "HELLO", 0, 1.0), (1, "WORLD", 0, 1.0)], id="more texts"),
        pytest.param([[3], "WORLD"], {}, [(1, "WORLD", 0, 1.0)], id="a list of something else"),
    ],
)  # fmt: skip
def test_detections_classes_replacement(
    predictions: list[Any], fallback: dict[str, Any], expected: list[tuple[int, str, int, float]]
) -> None:
    table = detections(picture(), [(0, 0, 10, 10), (20, 20, 40, 40)], [0.9, 0.4])

    replaced = replace_classes(table, predictions, **fallback)

    assert replaced is not None
    rows = [row for row, *_ in expected]
    assert [row[2:] for row in rows_of(replaced)] == [(value, name, index) for _, name, index, value in expected]
    assert replaced.xyxy.tolist() == table.xyxy[rows].tolist()
    assert replaced.parent_id.tolist() == ["image"] * len(rows)
    assert not {"0", "1"} & set(replaced.detection_id)
    assert (table.class_name.tolist(), table.detection_id.tolist()) == (["a", "a"], ["0", "1"])


def replace_classes(table: DetectionTable | None, predictions: list[Any] | None, **fallback: Any) -> Any:
    defaults = {"fallback_class_name": None, "fallback_class_id": None}
    return DetectionsClassesReplacement(runtime()).run(
        object_detection_predictions=table, classification_predictions=predictions, **defaults | fallback
    )["predictions"]


@pytest.mark.parametrize(
    "predictions",
    [
        pytest.param(None, id="no classifications"),
        pytest.param([], id="none at all"),
        pytest.param([None, None], id="all missing"),
        pytest.param([single("0", ""), single("1", "")], id="all empty, in spite of the fallback"),
        pytest.param([single("0", "", a=0.5)], id="no class was chosen"),
        pytest.param([{"parent_id": "0", "top": "a"}], id="no predictions"),
    ],
)
def test_classes_replaced_by_nothing(predictions: list[Any] | None) -> None:
    table = detections(picture(), [(0, 0, 10, 10), (20, 20, 40, 40)])

    replaced = replace_classes(table, predictions, **FALLBACK)

    assert (len(replaced), replaced.size) == (0, None)
    assert replace_classes(None, predictions) is None


def test_classes_replaced_by_a_contradiction() -> None:
    table = detections(picture(), [(0, 0, 10, 10)])
    with pytest.raises(ValueError, match="the class 'c' occurs 0 times"):
        replace_classes(table, [single("0", "c", a=0.5)])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param([1, None, [2], 0, ""], [1, [2], 0, ""], id="only what is missing goes"),
        pytest.param([None], [], id="nothing left"),
        pytest.param([], [], id="nothing there"),
    ],
)
def test_dimension_collapse(data: list[Any], expected: list[Any]) -> None:
    assert DimensionCollapse(runtime()).run(data=data) == {"output": expected}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param([None, 0, 1], 0, id="zero is not nothing"),
        pytest.param([None, []], [], id="nor is an empty list"),
        pytest.param([None, None], "default", id="default"),
        pytest.param([], "default", id="no data"),
    ],
)
def test_first_non_empty_or_default(data: list[Any], expected: Any) -> None:
    assert FirstNonEmptyOrDefault(runtime()).run(data=data, default="default") == {"output": expected}


KEEP_LARGE: dict[str, Any] = {
    "type": "DetectionsFilter",
    "filter_operation": {
        "type": "StatementGroup",
        "statements": [
            {
                "type": "BinaryStatement",
                "left_operand": {
                    "type": "DynamicOperand",
                    "operations": [{"type": "ExtractDetectionProperty", "property_name": "size"}],
                },
                "comparator": {"type": "(Number) >="},
                "right_operand": {"type": "DynamicOperand", "operand_name": "least"},
            }
        ],
    },
}


@pytest.mark.parametrize("block", [DetectionsFilter, DetectionsTransformation])
@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        pytest.param([], ["0", "1", "2"], id="nothing is done"),
        pytest.param([KEEP_LARGE], ["1", "2"], id="filter with a parameter"),
        pytest.param(
            [KEEP_LARGE, {"type": "SortDetections", "mode": "confidence", "ascending": True}], ["2", "1"], id="chain"
        ),
        pytest.param([{"type": "DetectionsSelection", "mode": "left_most"}], ["0"], id="selection"),
    ],
)
def test_operations_on_detections(
    block: type[DetectionsFilter], operations: list[dict[str, Any]], expected: list[str]
) -> None:
    table = detections(picture(), [(0, 0, 5, 5), (10, 0, 40, 5), (20, 0, 40, 9)], [0.9, 0.5, 0.4])

    transformed = block(runtime()).run(
        predictions=table, operations=parsed(block, operations), operations_parameters={"least": 100}
    )["predictions"]

    assert transformed.detection_id.tolist() == expected


def parsed(block: type[Block], operations: list[dict[str, Any]]) -> Any:
    document = {"type": block.identifier, "name": "s", "predictions": "$steps.d.predictions", "operations": operations}
    return block.manifest.model_validate(document).operations  # type: ignore[attr-defined]


@pytest.mark.parametrize("block", [DetectionsFilter, DetectionsTransformation])
@pytest.mark.parametrize(
    ("operations", "parameters", "message"),
    [
        pytest.param([{"type": "SequenceLength"}], {}, "into int, but the block has to give detections", id="a number"),
        pytest.param([], {"_": 1}, "`_` in operations_parameters is reserved", id="reserved name"),
    ],
)
def test_operations_that_give_something_else(
    block: type[DetectionsFilter], operations: list[dict[str, Any]], parameters: dict[str, Any], message: str
) -> None:
    table = detections(picture(), [(0, 0, 5, 5)])
    with pytest.raises(ValueError, match=message):
        block(runtime()).run(predictions=table, operations=parsed(block, operations), operations_parameters=parameters)


def test_sets_of_masks() -> None:
    first, second, apart = (mask_of(box, 100, 60) for box in [(0, 0, 20, 20), (10, 5, 30, 15), (50, 50, 60, 60)])

    overlaps = MaskOverlaps([first, second, apart])

    assert overlaps.iou(first, np.arange(3)).tolist() == [1.0, 100 / 500, 0.0]
    assert pixels_of(union([first, second, apart])).sum() == 600
    assert pixel_bounds(union([first, apart])) == (0, 0, 59, 59)
    assert pixel_bounds(intersection([first, second])) == (10, 5, 19, 14)
    assert pixels_of(intersection([first, second, apart])).sum() == 0
    assert MaskOverlaps([]).iou(first, np.arange(0)).tolist() == []


STEP: Mapping[str, Any] = {"name": "s", "images": "$inputs.image", "predictions": "$steps.d.predictions"}


@pytest.mark.parametrize(
    ("block", "properties", "expected"),
    [
        pytest.param(
            DynamicCrop, {"image": "$inputs.i", "detections": "$steps.d.p"},
            {"images": "$inputs.i", "predictions": "$steps.d.p", "mask_opacity": 0.0, "background_color": (0, 0, 0)},
            id="dynamic_crop: other names and defaults",
        ),
        pytest.param(
            DynamicCrop, {**STEP, "mask_opacity": "$inputs.o", "background_color": [1, 2, 3]},
            {"mask_opacity": "$inputs.o", "background_color": (1, 2, 3)}, id="dynamic_crop: selector and list",
        ),
        pytest.param(
            ImageSlicerV2, {"images": "$inputs.i"},
            {"image": "$inputs.i", "slice_width": 640, "slice_height": 640, "overlap_ratio_width": 0.2},
            id="image_slicer: other name and defaults",
        ),
        pytest.param(
            DetectionsConsensus, {"predictions": ["$steps.d.p"], "required_votes": 1, "required_objects": {"a": 2}},
            {"predictions_batches": ["$steps.d.p"], "required_objects": {"a": 2}, "iou_threshold": 0.3,
             "detections_merge_mask_aggregation": "union"},
            id="consensus: other name and defaults",
        ),
        pytest.param(
            DetectionsStitch, {"reference_image": "$inputs.i", "predictions": "$steps.d.p"},
            {"overlap_filtering_strategy": "nms", "iou_threshold": 0.3}, id="stitch: defaults",
        ),
    ],
)  # fmt: skip
def test_manifests_take(block: type[Block], properties: dict[str, Any], expected: dict[str, Any]) -> None:
    manifest = block.manifest.model_validate({"type": block.identifier, "name": "s", **properties})
    assert {name: getattr(manifest, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("block", "properties"),
    [
        pytest.param(DynamicCrop, {**STEP, "mask_opacity": 1.5}, id="dynamic_crop: opacity"),
        pytest.param(ImageSlicer, {"image": "$inputs.i", "overlap_ratio_width": 1.0}, id="slicer: full overlap"),
        pytest.param(ImageSlicer, {"image": "$inputs.i", "slice_width": 0}, id="slicer: no width"),
        pytest.param(
            AbsoluteStaticCrop, {**STEP, "x_center": 0, "y_center": 1, "width": 1, "height": 1}, id="crop: at 0"
        ),
        pytest.param(
            RelativeStaticCrop, {**STEP, "x_center": 0, "y_center": 1, "width": 1.1, "height": 1}, id="crop: too wide"
        ),
        pytest.param(DetectionsConsensus, {"predictions": [], "required_votes": 1}, id="consensus: no sources"),
        pytest.param(
            DetectionsConsensus, {"predictions": ["$steps.d.p"], "required_votes": 0}, id="consensus: no votes"
        ),
        pytest.param(FirstNonEmptyOrDefault, {"data": []}, id="first_non_empty: no data"),
        pytest.param(
            DetectionsStitch, {**STEP, "reference_image": "$inputs.i", "overlap_filtering_strategy": "soft"},
            id="stitch: strategy",
        ),
    ],
)  # fmt: skip
def test_manifests_refuse(block: type[Block], properties: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        block.manifest.model_validate({"type": block.identifier, "name": "s", **properties})
