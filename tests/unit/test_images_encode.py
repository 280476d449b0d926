"""Pictures as JPEGs: strips that threads encode give the pixels of one file, whatever the sides."""

import io

import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from retinue.images import encode
from retinue.images.encode import encode_jpeg


def picture(height: int, width: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    return np.stack([(3 * x + y) % 256, (5 * y) % 256, (x ^ y) % 256], axis=2).astype(np.uint8)


def pillow(jpeg: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(jpeg)) as opened:
        return np.asarray(opened)


@pytest.fixture(params=[1, 2, 4], ids=lambda threads: f"{threads} threads")
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(encode, "_threads", lambda: request.param)
    return int(request.param)


@pytest.mark.parametrize(
    ("height", "width"),
    [(720, 1280), (719, 1279), (17, 30_000), (30_000, 17), (1, 1), (16, 16), (300, 333), (447, 449), (4000, 3000)],
    ids=lambda side: str(side),
)
def test_strips_give_the_pixels_of_one_file(height: int, width: int, threads: int) -> None:
    pixels = picture(height, width)
    jpeg, whole = encode_jpeg(pixels, 95), simplejpeg.encode_jpeg(pixels, 95, "RGB", "420", fastdct=False)
    assert np.array_equal(simplejpeg.decode_jpeg(jpeg), simplejpeg.decode_jpeg(whole))
    assert np.array_equal(pillow(jpeg), pillow(whole))
    assert len(jpeg) < 1.01 * len(whole) + 100


def test_a_picture_of_more_blocks_than_an_interval_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "_threads", lambda: 2)
    pixels = np.zeros((9600, 10_000, 3), np.uint8)
    pixels[::7] = 200
    assert np.array_equal(simplejpeg.decode_jpeg(encode_jpeg(pixels, 50))[::97], simplejpeg.decode_jpeg(
        simplejpeg.encode_jpeg(pixels, 50, "RGB", "420", fastdct=False))[::97])  # fmt: skip


def test_parts_of_pictures_and_grey_ones() -> None:
    pixels = picture(900, 1200)
    part = pixels[100:800:2, 50:1000]
    assert np.array_equal(simplejpeg.decode_jpeg(encode_jpeg(part, 90)), simplejpeg.decode_jpeg(
        simplejpeg.encode_jpeg(part.copy(), 90, "RGB", "420", fastdct=False)))  # fmt: skip
    grey = pillow(encode_jpeg(pixels[..., 0] // 4, 95))
    assert grey.shape == (900, 1200) and np.abs(grey.astype(int) - pixels[..., 0] // 4).mean() < 2
