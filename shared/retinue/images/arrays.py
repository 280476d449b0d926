"""Pictures as numpy arrays: `.npy` files, read from their plain header; nothing is unpickled here."""

import ast
import re
from typing import Literal

import numpy as np

from retinue.errors import ImageError
from retinue.images.decode import Image, check_size

_NO_PICTURE = (
    "The array is no picture: it takes one of (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), with numbers in 0..255, "
    "blue first."
)
_NUMBERS = re.compile(r"[<>|=]?[uif][1248]")
_LONGEST_HEADER = 1000


def decode_array(data: bytes, *, max_pixels: int) -> Image:
    """The picture in a `.npy` file: (H, W, 3) uint8 RGB.

    Its array is in OpenCV's order of colours, as the published clients hold pictures: blue first. Grey has no third
    axis or one of 1; a fourth channel is dropped. Raises ImageError, and ImageTooLarge from the header alone.
    """
    try:
        shape, dtype, order, start = _header(data)
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as exc:
        raise ImageError(f"broken .npy header: {type(exc).__name__}", public=_NO_PICTURE) from exc
    check_size(shape[1], shape[0], max_pixels)
    if len(data) - start != dtype.itemsize * int(np.prod(shape)):
        raise ImageError("the .npy file is not as long as its header says", public=_NO_PICTURE)
    values = np.frombuffer(data, dtype, offset=start).reshape(shape, order=order)
    if not (values.min() >= 0 and values.max() <= 255):  # NaN is neither
        raise ImageError("values of the array are outside of 0..255", public=_NO_PICTURE)
    pixels = np.atleast_3d(values).astype(np.uint8)
    channels = (0, 0, 0) if pixels.shape[2] == 1 else (2, 1, 0)
    return np.ascontiguousarray(pixels[:, :, channels])


def _header(data: bytes) -> tuple[tuple[int, ...], np.dtype[np.generic], Literal["C", "F"], int]:
    """Shape, type and order of the array, and where its values begin."""
    size = 2 if data[6:7] == b"\x01" else 4  # bytes of the length: format 1.0, or 2.0 and 3.0
    start = 8 + size
    end = start + int.from_bytes(data[8:start], "little")
    if end - start > _LONGEST_HEADER or end > len(data):
        raise ValueError("too long")
    header = ast.literal_eval(data[start:end].decode("ascii").strip())
    shape, description = header["shape"], header["descr"]
    if not _NUMBERS.fullmatch(description):  # neither objects nor records
        raise ValueError("no plain numbers")
    if not all(type(length) is int and length > 0 for length in shape):
        raise ValueError("no lengths")
    if len(shape) != 2 and (len(shape) != 3 or shape[2] not in (1, 3, 4)):
        raise ValueError("no picture")
    return tuple(shape), np.dtype(description), "F" if header["fortran_order"] else "C", end
