"""Pictures drawn for the tests, and the odd files that people send instead of one."""

import base64
import io
import random
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw

SCENE_SIZE = (320, 240)


def scene(image_format: str = "JPEG") -> bytes:
    """A grey picture of 320 x 240 with a white disc: no colour, so the detector's `red` stays silent."""
    picture = Image.new("RGB", SCENE_SIZE, (40, 40, 40))
    ImageDraw.Draw(picture).ellipse((110, 70, 210, 170), fill=(230, 230, 230))
    return encoded(picture, image_format)


def plain(colour: str | tuple[int, int, int], size: tuple[int, int] = (64, 64), image_format: str = "PNG") -> bytes:
    """A picture of one colour."""
    return encoded(Image.new("RGB", size, colour), image_format)


def noise(size: tuple[int, int], quality: int) -> bytes:
    """A JPEG that hardly compresses: the same every time."""
    width, height = size
    picture = Image.frombytes("RGB", size, random.Random(0).randbytes(3 * width * height))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def turned_by_exif(size: tuple[int, int] = (40, 20)) -> bytes:
    """A JPEG that is to be shown turned by 90 degrees (EXIF orientation 6)."""
    picture = Image.new("RGB", size, "gray")
    exif = picture.getexif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def encoded(picture: Image.Image, image_format: str) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, image_format, quality=95)
    return buffer.getvalue()


def decompression_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A complete, valid PNG of width x height white pixels: 110 kB that would be 900 MB as 8-bit grey."""
    compressor = zlib.compressobj(9)
    row = b"\0" + b"\xff" * (width // 8)
    rows = row * 1000
    data = b"".join(compressor.compress(rows) for _ in range(height // 1000)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def npy(picture: bytes) -> bytes:
    """The picture as an array, blue first, in a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))[:, :, ::-1])
    return buffer.getvalue()


def base64_of(data: bytes) -> str:
    """Base64 text of the standard alphabet."""
    return base64.b64encode(data).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
