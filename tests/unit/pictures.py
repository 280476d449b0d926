"""Encoded pictures: what clients send, well formed and otherwise."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

EXIF_ORIENTATION = 0x0112


def encode(image: NDArray[Any], kind: str, mode: str | None = None, **options: Any) -> bytes:
    """The pixels as a file of that format, converted to `mode` before."""
    picture = Image.fromarray(image)
    buffer = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(buffer, kind, **options)
    return buffer.getvalue()


def oriented(image: NDArray[np.uint8], kind: str, orientation: int, **options: Any) -> bytes:
    """A file whose EXIF data holds an orientation."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return encode(image, kind, exif=exif.tobytes(), **options)


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    """A picture that every lossy format keeps within a few grey levels; no two corners are alike."""
    y, x = np.mgrid[0:height, 0:width]
    planes = (40 + 160 * x / max(width - 1, 1), 40 + 160 * y / max(height - 1, 1), 200 - 80 * x / max(width - 1, 1))
    return np.stack(planes, axis=2).astype(np.uint8)


def png(width: int, height: int, lines: bytes, *, bits: int = 8, is_interlaced: bool = False) -> bytes:
    """An RGB PNG of that header around the scan lines, which may be fewer than it claims."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, is_interlaced)
    chunks = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def interlaced_png(image: NDArray[np.uint8]) -> bytes:
    """An Adam7 PNG, which Pillow reads but does not write."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    parts = [image[y0::step_y, x0::step_x] for x0, y0, step_x, step_y in passes]
    lines = b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)
    return png(image.shape[1], image.shape[0], lines, is_interlaced=True)


def png_16_bit(image: NDArray[np.uint8]) -> bytes:
    """The picture as 16-bit RGB: the upper byte of each sample is the pixel, the lower one is 0xFF."""
    samples = (image.astype(np.uint16) << 8 | 0xFF).astype(">u2")
    return png(image.shape[1], image.shape[0], b"".join(b"\0" + row.tobytes() for row in samples), bits=16)


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG whose frame header claims that size."""
    jpeg = encode(smooth(16, 16), "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    return jpeg[: frame + 5] + struct.pack(">HH", height, width) + jpeg[frame + 9 :]
