"""Areas of detections marked in place on pictures: masks covered, outlined and haloed, and what is around them tinted.

All take the picture (H, W, 3) uint8 RGB, xyxy (n, 4) in its pixels, masks of the picture's size (or None), and colors
(n, 3) uint8 RGB. Larger areas are painted first, so that smaller ones stay visible.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.contours import find_all_contours
from retinue.pipeline.prediction import Mask
from retinue.workflows.drawing import shapes
from retinue.workflows.drawing.blend import weighted
from retinue.workflows.drawing.box_filter import box_blur, check_kernel_size
from retinue.workflows.drawing.colors import Rgb
from retinue.workflows.drawing.patches import Area, Patch, mask_patches, paint, patches_of, union_area

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float64]
Colors = NDArray[np.uint8]

_FEWEST_VERTICES = 3
_V1_KERNEL_SIZE = 40


def cover_masks(picture: Picture, masks: Sequence[Mask], colors: Colors, *, opacity: float = 0.5) -> None:
    """The masks in their colours, opacity 0..1."""
    patches = mask_patches(picture, masks)
    area = union_area(patches, picture.shape)
    region = picture[area]
    covered = region.copy()
    paint(covered, area, patches, colors)
    region[:] = weighted(covered, opacity, region, 1 - opacity)


def outline_masks(picture: Picture, masks: Sequence[Mask], colors: Colors, *, thickness: int = 2) -> None:
    """The outlines of the masks and of the holes in them (polygon block v2)."""
    for mask, color in zip(masks, colors, strict=True):
        _draw_contours(picture, mask.patch, (mask.left, mask.top), color, thickness)


def outline_masks_in_boxes(
    picture: Picture, xyxy: Boxes, masks: Sequence[Mask] | None, colors: Colors, *, thickness: int = 2
) -> None:
    """The outlines of what of the masks lies inside their boxes, or of the boxes without masks (polygon block v1)."""
    boxes = np.asarray(xyxy).astype(np.int64)
    if masks is None:
        for box, color in zip(boxes.tolist(), colors, strict=True):
            shapes.draw_rectangle(picture, box, color, thickness)
        return
    for (x1, y1, x2, y2), mask, color in zip(boxes.tolist(), masks, colors, strict=True):
        left, top = max(x1, mask.left, 0), max(y1, mask.top, 0)
        patch = mask.patch[top - mask.top : max(y2 - mask.top, 0), left - mask.left : max(x2 - mask.left, 0)]
        _draw_contours(picture, patch, (left, top), color, thickness)


def _draw_contours(
    picture: Picture, patch: NDArray[np.bool_], corner_xy: tuple[int, int], color: NDArray[np.uint8], thickness: int
) -> None:
    contours = [contour + corner_xy for contour in find_all_contours(patch) if len(contour) >= _FEWEST_VERTICES]
    shapes.draw_polygons(picture, contours, color, thickness)


def draw_halos_v1(
    picture: Picture, xyxy: Boxes, masks: Sequence[Mask] | None, colors: Colors, *, opacity: float = 0.8
) -> None:
    """A glow of 20 pixels around the masks (or boxes), as the halo block v1 draws it.

    The picture fades by opacity times the glow's grey level (its brightest is 1), and the glow is added times opacity.
    """
    glow, area, share = _glow(picture, patches_of(picture, xyxy, masks), colors, _V1_KERNEL_SIZE, opacity)
    region = picture[area]
    region[:] = np.clip(region * (1 - share) + glow * opacity, 0, 255).astype(np.uint8)


def draw_halos_v2(
    picture: Picture, masks: Sequence[Mask], colors: Colors, *, opacity: float = 0.8, kernel_size: int = 40
) -> None:
    """A glow of half of kernel_size pixels around the masks, as the halo block v2 draws it.

    It is mixed into the picture by opacity times its grey level (its brightest is 1). Raises ValueError for a
    kernel_size that box_blur does not take.
    """
    glow, area, share = _glow(picture, mask_patches(picture, masks), colors, kernel_size, opacity)
    region = picture[area]
    mixed = region.astype(np.float32) * (1 - share) + glow.astype(np.float32) * share
    region[:] = np.clip(mixed, 0, 255).astype(np.uint8)


def _glow(
    picture: Picture, patches: list[Patch], colors: Colors, kernel_size: int, opacity: float
) -> tuple[Picture, Area, NDArray[np.float64]]:
    """The painted patches blurred (h, w, 3) and cleared inside, where they lie, and how much they cover (h, w, 1)."""
    check_kernel_size(kernel_size)
    area = union_area(patches, picture.shape, margin=kernel_size)
    painted = np.zeros_like(picture[area])
    inside = paint(painted, area, patches, colors)
    glow = box_blur(painted, kernel_size)
    glow[inside] = 0
    grey = _grey(glow)
    return glow, area, (opacity * grey / max(grey.max(initial=0), 1))[..., None]


def _grey(picture: Picture) -> NDArray[np.int32]:
    """The luma (h, w) 0..255, in the fixed-point weights of OpenCV (ITU-R BT.601)."""
    red, green, blue = np.moveaxis(picture, 2, 0).astype(np.int32)
    return np.asarray((red * 9798 + green * 19235 + blue * 3735 + (1 << 14)) >> 15)


def tint_background(
    picture: Picture, xyxy: Boxes, masks: Sequence[Mask] | None, color: Rgb, *, opacity: float = 0.5
) -> None:
    """The colour over everything but the masks (or boxes), opacity 0..1."""
    tinted = weighted(picture, 1 - opacity, np.broadcast_to(np.array(color, np.uint8), picture.shape), opacity)
    for patch in patches_of(picture, xyxy, masks):
        tinted[patch.area][patch.inside] = picture[patch.area][patch.inside]
    picture[:] = tinted
