"""OpenCV's box blur, level for level, as the drawing blocks use it."""

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.imaging.blur import average_blur

Picture = NDArray[np.uint8]

LARGEST_KERNEL = 4104
"""Pixels on a side: up to here sums fit into 32 bits. OpenCV has no limit but time."""


def check_kernel_size(kernel_size: int) -> None:
    """Raises ValueError for a kernel of less than 1 pixel on a side, or more than LARGEST_KERNEL."""
    if not 1 <= kernel_size <= LARGEST_KERNEL:
        raise ValueError(f"kernel_size must be from 1 to {LARGEST_KERNEL:,}, and is {kernel_size:,}")


def box_blur(picture: Picture, kernel_size: int) -> Picture:
    """The mean of the kernel_size x kernel_size pixels around each pixel of a picture (h, w, 3).

    Half of an even size, and one pixel less, lies to the right and below. The picture is mirrored at its edges, the
    outermost pixels not repeated. Raises ValueError as check_kernel_size does.
    """
    check_kernel_size(kernel_size)
    return average_blur(picture, kernel_size) if picture.size else picture.copy()
