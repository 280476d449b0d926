"""Pictures resized, rotated and flipped, as upstream's image_preprocessing block does it."""

import math

import numpy as np
from numpy.typing import NDArray

from retinue.errors import ImageTooLarge
from retinue.workflows.imaging.area import resize_area
from retinue.workflows.imaging.bands import row_bands

Image = NDArray[np.uint8]

MAX_PIXELS = 50_000_000
"""Of a picture that is made, as of those that come in (the setting max_pixels) ..."""
MAX_SIDE = 65_535
"""... and along one side of it, which is as far as JPEG goes."""
LARGEST_ROTATION_DEGREES = 360
POSITION_BITS = 10
"""Positions are computed in 1/1024 of a pixel ..."""
WEIGHT_BITS = 5
"""... and rounded to 1/32 for the weights of the neighbours."""
BAND_PIXELS = 16384
"""Pixels of the canvas that are fetched at a time."""
MARGIN = 2
"""Black pixels around the picture: whoever looks further finds the same."""


def resize(image: Image, width: int | None, height: int | None) -> Image:
    """The picture (H, W, 3) or (H, W) resized to width x height pixels by area (cv2.INTER_AREA).

    If only one is given the other follows from the aspect, rounded down; if none is, the picture stays as it is.

    Raises ValueError for sides that are not positive, also where the aspect leaves none; ImageTooLarge beyond
    MAX_PIXELS and MAX_SIDE.
    """
    old_height, old_width = image.shape[:2]
    for name, side in (("Width", width), ("Height", height)):
        if side is not None and side <= 0:
            raise ValueError(f"{name} must be greater than 0")
        if side is not None and side > MAX_SIDE:
            raise ImageTooLarge(f"{name} is {side:,} pixels; the limit is {MAX_SIDE:,}. Resize to a smaller picture.")
    if width is None and height is None:
        return image
    if width is None:
        width = int(old_width * ((height or 0) / old_height))
    elif height is None:
        height = int(old_height * (width / old_width))
    if not width or not height:
        raise ValueError(f"A picture of {old_width} x {old_height} pixels would be resized to {width} x {height}")
    _check_size(width, height)
    return resize_area(image, width, height)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ImageTooLarge(
            f"The picture would become {width:,} x {height:,} pixels; the limit is {MAX_PIXELS / 1e6:g} megapixels, "
            f"and {MAX_SIDE:,} pixels on a side. Make a smaller one."
        )


def flip(image: Image, flip_type: str | None) -> Image:
    """The picture mirrored: "vertical" turns it upside down, "horizontal" swaps left and right, "both" does both. None
    leaves it as it is. A view of it.

    Raises ValueError for another type.
    """
    if flip_type is None:
        return image
    if flip_type not in _FLIPPED_AXES:
        raise ValueError("Flip type must be 'vertical', 'horizontal', or 'both'")
    return np.flip(image, _FLIPPED_AXES[flip_type])


_FLIPPED_AXES = {"vertical": (0,), "horizontal": (1,), "both": (0, 1)}


def rotate(image: Image, degrees: float | None) -> Image:
    """The picture (H, W, 3) or (H, W) rotated counter-clockwise, on a canvas that holds all of it; black elsewhere.

    Equal to cv2.warpAffine with linear interpolation in every pixel. None or 0 leaves the picture as it is.

    Raises ValueError for degrees beyond -360..360, ImageTooLarge for a canvas beyond MAX_PIXELS and MAX_SIDE.
    """
    if not degrees:
        return image
    if not -LARGEST_ROTATION_DEGREES <= degrees <= LARGEST_ROTATION_DEGREES:
        raise ValueError("Rotation degrees must be between -360 and 360")
    height, width = image.shape[:2]
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    new_width = int(height * abs(sine) + width * abs(cosine))
    new_height = int(height * abs(cosine) + width * abs(sine))
    _check_size(new_width, new_height)
    # Around the middle pixel, which goes to the middle of the canvas. The order of the operations decides about ties.
    x, y = width // 2, height // 2
    shift_x = (1 - cosine) * x - sine * y + (new_width / 2 - x)
    shift_y = sine * x + (1 - cosine) * y + (new_height / 2 - y)
    scale = 1 / (cosine * cosine + sine * sine)
    cosine, sine = cosine * scale, sine * scale
    back_x, back_y = sine * shift_y - cosine * shift_x, -sine * shift_x - cosine * shift_y
    matrix = np.array([[cosine, -sine, back_x], [sine, cosine, back_y]])
    return _fetch(image, matrix, new_width, new_height)


def _fetch(image: Image, matrix: NDArray[np.float64], width: int, height: int) -> Image:
    """The picture (height, width[, C]) whose pixel x, y is `matrix` (2, 3) @ (x, y, 1) of `image`, interpolated."""
    padded = _padded(image)
    pixels, stride = padded.reshape(-1), padded.shape[1]
    unit = 1 << POSITION_BITS
    across = np.rint(matrix[:, :1] * np.arange(width) * unit).astype(np.int32)
    down = np.rint((matrix[:, 1:2] * np.arange(height) + matrix[:, 2:]) * unit).astype(np.int32)
    down += 1 << (POSITION_BITS - WEIGHT_BITS - 1)
    result = np.empty((height, width, *image.shape[2:]), np.uint8)
    for band in row_bands((height, width), BAND_PIXELS):
        position = (across[:, None] + down[:, band, None]) >> (POSITION_BITS - WEIGHT_BITS)
        x, y = (
            np.clip(whole, -MARGIN, size) + MARGIN
            for whole, size in zip(position >> WEIGHT_BITS, image.shape[1::-1], strict=True)
        )
        index = y * np.intp(stride) + x
        share_x, share_y = (position & ((1 << WEIGHT_BITS) - 1))[..., None]
        above, below = (
            _mix(_channels(pixels, index + row), _channels(pixels, index + row + 1), share_x) for row in (0, stride)
        )
        level = _mix(above, below, share_y)
        level += 1 << (2 * WEIGHT_BITS - 1)
        level >>= 2 * WEIGHT_BITS
        result[band] = level[..., : image[0, 0].size].reshape(result[band].shape)
    return result


def _padded(image: Image) -> NDArray[np.uint8 | np.uint32]:
    """The picture with black around it, (H + 2 MARGIN, W + 2 MARGIN). A color pixel is one word of its three bytes and
    a fourth: numpy fetches words several times as fast as bytes in threes."""
    height, width = image.shape[:2]
    size = (height + 2 * MARGIN, width + 2 * MARGIN)
    inner = np.s_[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
    if image.ndim == 2:
        padded = np.zeros(size, np.uint8)
        padded[inner] = image
        return padded
    wide = np.zeros((*size, 4), np.uint8)
    wide[inner][..., :3] = image
    return wide.view(np.uint32)[..., 0]


def _channels(pixels: NDArray[np.uint8 | np.uint32], index: NDArray[np.intp]) -> NDArray[np.int32]:
    """The values (h, w, bytes of a pixel) of the pixels (n,) at the indices (h, w)."""
    return pixels[index].view(np.uint8).reshape(*index.shape, -1).astype(np.int32)


def _mix(first: NDArray[np.int32], second: NDArray[np.int32], share: NDArray[np.int32]) -> NDArray[np.int32]:
    """32 times the values between both, of which the second has a share of 0..31 in 32."""
    second -= first
    second *= share
    first <<= WEIGHT_BITS
    first += second
    return first
