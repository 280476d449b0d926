"""Pictures and tables of what was found in them, for tests of blocks.

Figures of those tests are recorded from upstream 1.8.3, whose blocks were run on the same pictures and detections;
masks are compared by their pixels.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask
from retinue.workflows.detections import DetectionTable, Place, strings
from retinue.workflows.image import Origin, WorkflowImage
from retinue.workflows.mask_sets import pixel_bounds

NAMES = ("a", "b", "c")
Box = tuple[float, float, float, float]


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
