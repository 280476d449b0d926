"""From the bytes of a picture to pixels: RGB, 8 bits, turned upright.

JPEG goes through libjpeg-turbo (simplejpeg): 7 ms where Pillow takes 20 (1800 x 1200), and the same pixels as OpenCV.
Every other format, and every JPEG that is unusual, goes through Pillow; `.npy` files are read by `arrays.py`.
"""

import io
import struct

import numpy as np
from numpy.typing import NDArray

from retinue.errors import ImageError, ImageTooLarge

Image = NDArray[np.uint8]

NPY_MAGIC = b"\x93NUMPY"
# What OpenCV decodes (contract/http.md 6), but AVIF, whose library would not fit into the layer.
_PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "PPM")
# OpenCV turns only these by their EXIF orientation.
_ORIENTED_FORMATS = frozenset({"JPEG", "PNG"})
_EXIF_ORIENTATION = 0x0112


def decode_image(data: bytes, *, max_pixels: int, is_oriented: bool = True, failure: str) -> Image:
    """The picture in `data`: (H, W, 3) uint8 RGB.

    is_oriented: whether an EXIF orientation is applied. `failure` is the public text for what is no picture.
    Raises ImageError, and ImageTooLarge from the header alone, before anything is decoded.
    """
    if not data:
        raise ImageError("no bytes", public="Empty image payload.")
    if data[:3] == b"\xff\xd8\xff":
        image = _decode_jpeg(data, max_pixels)
        if image is not None:
            return orient(image, jpeg_orientation(data)) if is_oriented else image
    if data.startswith(NPY_MAGIC):
        from retinue.images.arrays import decode_array  # 1 ms, which other pictures do not need

        return decode_array(data, max_pixels=max_pixels)
    return _decode_with_pillow(data, max_pixels, is_oriented, failure)


def orient(image: Image, orientation: int) -> Image:
    """The picture as EXIF orientation 1..8 means it to be seen; other values change nothing."""
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
        if orientation in (6, 8):
            image = image[::-1, ::-1]
    return np.ascontiguousarray(image)


def jpeg_orientation(data: bytes) -> int:
    """The EXIF orientation of a JPEG, 1 if it says nothing. Reads marker segments up to the first scan only."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xDA:
            break
        if marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
            return _tiff_orientation(data[position + 10 : position + 2 + length])
        position += 2 + length
    return 1


def _tiff_orientation(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
    try:
        (count,) = struct.unpack_from(f"{order}H", tiff, directory)
        for index in range(min(count, 100)):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * index)
            if tag == _EXIF_ORIENTATION and kind == 3:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:  # the directory points behind the end
        pass
    return 1


def _decode_jpeg(data: bytes, max_pixels: int) -> Image | None:
    """The pixels of an ordinary JPEG; None if libjpeg-turbo has any doubt, so that Pillow decides."""
    import simplejpeg

    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
        check_size(width, height, max_pixels)
        if colorspace in ("CMYK", "YCCK"):
            return None
        image: Image = simplejpeg.decode_jpeg(data, colorspace="RGB")
        return image
    except ValueError:
        return None


def _decode_with_pillow(data: bytes, max_pixels: int, is_oriented: bool, failure: str) -> Image:
    from PIL import Image as PillowImage  # 20-40 ms, which the first JPEG does not need

    PillowImage.MAX_IMAGE_PIXELS = None  # its own check only warns where ours refuses
    try:
        with PillowImage.open(io.BytesIO(data), formats=_PILLOW_FORMATS) as picture:
            check_size(*picture.size, max_pixels)
            orientation = picture.getexif().get(_EXIF_ORIENTATION, 1) if picture.format in _ORIENTED_FORMATS else 1
            pixels = _to_rgb(picture)
    # Pillow's decoders raise whatever a broken file makes them stumble over.
    except (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, struct.error) as exc:
        # Their words may repeat bytes of the picture, which no log may hold.
        raise ImageError(f"not decoded: {type(exc).__name__}", public=failure) from exc
    return orient(pixels, orientation) if is_oriented else pixels


def _to_rgb(picture: "PIL.Image.Image") -> Image:  # type: ignore[name-defined]  # noqa: F821
    """8-bit RGB; alpha is dropped, not blended; 16 bits are reduced to 8 by their upper byte."""
    if picture.mode.startswith("I;16"):
        return _grey_to_rgb((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        values = np.asarray(picture)
        return _grey_to_rgb(np.clip(values / 256 if values.max(initial=0) > 255 else values, 0, 255).astype(np.uint8))
    if picture.mode in ("P", "PA", "RGBa"):
        picture = picture.convert("RGBA")
    if picture.mode in ("LA", "RGBA", "RGBX"):
        bands = picture.split()[:-1]
        return np.stack([np.asarray(bands[index % len(bands)]) for index in range(3)], axis=2)
    return np.array(picture.convert("RGB"))


def _grey_to_rgb(grey: NDArray[np.uint8]) -> Image:
    return np.repeat(grey[:, :, None], 3, axis=2)


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raises ImageTooLarge for more pixels than that."""
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"image is {width:,} x {height:,} pixels; the limit is {max_pixels / 1e6:g} megapixels (RETINUE_MAX_PIXELS)"
        )
