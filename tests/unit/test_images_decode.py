"""From the bytes of a picture to pixels: every format that is served, and every way of being no picture."""

import io
import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image, ImageOps

from retinue.errors import ImageError, ImageTooLarge
from retinue.images.decode import decode_image, jpeg_orientation, orient
from tests.unit.networks import noise
from tests.unit.pictures import encode, interlaced_png, jpeg_header, oriented, png, png_16_bit, smooth

FAILURE = "Malformed base64 input image."
PICTURE = smooth(24, 40)


def decode(data: bytes, *, max_pixels: int = 50_000_000, is_oriented: bool = True) -> NDArray[np.uint8]:
    image = decode_image(data, max_pixels=max_pixels, is_oriented=is_oriented, failure=FAILURE)
    assert image.dtype == np.uint8 and image.shape[2:] == (3,)
    return image


def grey_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(image).convert("L").convert("RGB"))


def with_alpha(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture, transparent on its left half."""
    alpha = np.full((*image.shape[:2], 1), 255, np.uint8)
    alpha[:, : image.shape[1] // 2] = 0
    return np.concatenate([image, alpha], axis=2)


@pytest.mark.parametrize(
    ("data", "expected", "tolerance"),
    [
        pytest.param(encode(PICTURE, "JPEG", quality=95), PICTURE, 6, id="JPEG"),
        pytest.param(encode(PICTURE, "JPEG", quality=95, progressive=True), PICTURE, 6, id="JPEG progressive"),
        pytest.param(encode(PICTURE, "JPEG", "L", quality=95), grey_of(PICTURE), 6, id="JPEG grey"),
        pytest.param(encode(PICTURE, "JPEG", "CMYK", quality=95), PICTURE, 8, id="JPEG CMYK"),
        pytest.param(encode(PICTURE, "JPEG", quality=95) + b"trailing bytes", PICTURE, 6, id="JPEG and more"),
        pytest.param(encode(PICTURE, "PNG"), PICTURE, 0, id="PNG"),
        pytest.param(encode(with_alpha(PICTURE), "PNG"), PICTURE, 0, id="PNG RGBA: alpha is dropped, not blended"),
        pytest.param(encode(PICTURE, "PNG", "L"), grey_of(PICTURE), 0, id="PNG grey"),
        pytest.param(encode(PICTURE, "PNG", "LA"), grey_of(PICTURE), 0, id="PNG grey with alpha"),
        pytest.param(encode(PICTURE, "PNG", "P"), None, 0, id="PNG palette"),
        pytest.param(encode(PICTURE, "PNG", "1"), None, 0, id="PNG one bit"),
        pytest.param(interlaced_png(PICTURE), PICTURE, 0, id="PNG interlaced"),
        pytest.param(png_16_bit(PICTURE), PICTURE, 0, id="PNG 16-bit RGB: upper byte"),
        pytest.param(
            encode(PICTURE[..., 0].astype(np.uint16) << 8 | 0xFF, "PNG"), PICTURE[..., [0, 0, 0]], 0, id="PNG 16-bit"
        ),
        pytest.param(encode(PICTURE, "WEBP", lossless=True), PICTURE, 0, id="WEBP"),
        pytest.param(encode(with_alpha(PICTURE), "WEBP", lossless=True, exact=True), PICTURE, 0, id="WEBP alpha"),
        pytest.param(encode(PICTURE, "GIF"), None, 0, id="GIF"),
        pytest.param(encode(PICTURE, "BMP"), PICTURE, 0, id="BMP"),
        pytest.param(encode(PICTURE, "TIFF"), PICTURE, 0, id="TIFF"),
        pytest.param(
            encode(PICTURE[..., 0].astype(np.float32), "TIFF"), PICTURE[..., [0, 0, 0]], 0, id="TIFF of floats"
        ),
        pytest.param(encode(PICTURE, "TIFF", "CMYK"), PICTURE, 1, id="TIFF CMYK"),
        pytest.param(encode(PICTURE, "TIFF", "1"), None, 0, id="TIFF one bit"),
        pytest.param(encode(PICTURE, "TIFF", "P"), None, 0, id="TIFF palette"),
        pytest.param(encode(PICTURE, "TIFF", "LA"), grey_of(PICTURE), 0, id="TIFF grey with alpha"),
        pytest.param(encode(with_alpha(PICTURE), "TIFF"), PICTURE, 0, id="TIFF RGBA"),
        pytest.param(
            encode(PICTURE[..., 0].astype("<u2") << 8 | 0xFF, "TIFF"), PICTURE[..., [0, 0, 0]], 0, id="TIFF 16-bit"
        ),
        pytest.param(
            encode((PICTURE[..., 0].astype(np.uint16) << 8 | 0xFF).astype(">u2"), "TIFF"),
            PICTURE[..., [0, 0, 0]], 0, id="TIFF 16-bit, big endian",
        ),
        pytest.param(encode(PICTURE, "BMP", "L"), grey_of(PICTURE), 0, id="BMP grey"),
        pytest.param(encode(PICTURE, "BMP", "P"), None, 0, id="BMP palette"),
        pytest.param(encode(PICTURE, "BMP", "1"), None, 0, id="BMP one bit"),
        pytest.param(encode(PICTURE, "PPM"), PICTURE, 0, id="PPM"),
        pytest.param(encode(PICTURE[:1, :1], "PNG"), PICTURE[:1, :1], 0, id="PNG 1x1"),
        pytest.param(encode(PICTURE[:1, :1], "JPEG", quality=95), PICTURE[:1, :1], 6, id="JPEG 1x1"),
    ],
)  # fmt: skip
def test_pixels_of_every_format(data: bytes, expected: NDArray[np.uint8] | None, tolerance: int) -> None:
    # without an expectation: few colours, for which Pillow's own conversion is right
    wanted = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) if expected is None else expected

    image = decode(data)

    assert image.shape == wanted.shape
    assert np.abs(image.astype(int) - wanted.astype(int)).max() <= tolerance


@pytest.mark.parametrize(
    ("kind", "options"),
    [("GIF", {"duration": 100}), ("WEBP", {"lossless": True}), ("PNG", {"duration": 100}), ("TIFF", {})],
    ids=["GIF", "WEBP", "APNG", "TIFF of two pages"],
)
def test_first_frame_of_an_animation(kind: str, options: dict[str, Any]) -> None:
    frames = [Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (10, 200)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], **options)

    image = decode(buffer.getvalue())

    assert image.shape == (8, 8, 3) and set(image.ravel().tolist()) == {10}


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_equals_pillow(self, orientation: int) -> None:
        image = noise(3, 5)
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture = Image.open(io.BytesIO(encode(image, "PNG", exif=exif.tobytes())))

        assert_array_equal(orient(image, orientation), np.asarray(ImageOps.exif_transpose(picture)))

    @pytest.mark.parametrize("orientation", [0, 9, -1, 65535])
    def test_other_values_change_nothing(self, orientation: int) -> None:
        assert_array_equal(orient(PICTURE, orientation), PICTURE)

    @pytest.mark.parametrize(("kind", "is_applied"), [("JPEG", True), ("PNG", True), ("WEBP", False)])
    @pytest.mark.parametrize("orientation", [1, 3, 6, 8])
    def test_applied_to_jpeg_and_png_only(self, kind: str, is_applied: bool, orientation: int) -> None:
        image = decode(oriented(PICTURE, kind, orientation))

        is_turned = is_applied and orientation in (6, 8)
        assert image.shape[:2] == ((40, 24) if is_turned else (24, 40))
        expected = orient(PICTURE, orientation) if is_applied else PICTURE
        assert np.abs(image.astype(int) - expected.astype(int)).mean() < 6

    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_may_be_left_alone(self, kind: str) -> None:
        assert decode(oriented(PICTURE, kind, 6), is_oriented=False).shape == (24, 40, 3)

    @pytest.mark.parametrize("is_oriented", [True, False])
    def test_a_tiff_is_always_upright(self, is_oriented: bool) -> None:
        # there orientation is part of the format, not EXIF; OpenCV applies it whatever the flags say
        assert_array_equal(decode(oriented(PICTURE, "TIFF", 6), is_oriented=is_oriented), orient(PICTURE, 6))

    @pytest.mark.parametrize(
        ("exif", "expected"),
        [
            pytest.param(b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 6, id="little endian"),
            pytest.param(b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0", 8, id="big endian"),
            pytest.param(b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0", 1, id="value 9"),
            pytest.param(b"II*\0\xff\xff\xff\xff\x01\0", 1, id="directory behind the end"),
            pytest.param(b"II*\0\x08\0\0\0\xff\xff", 1, id="entries cut off"),
            pytest.param(b"XX*\0\x08\0\0\0", 1, id="no byte order"),
            pytest.param(b"II", 1, id="too short"),
            pytest.param(b"", 1, id="empty"),
        ],
    )  # fmt: skip
    def test_from_hand_made_exif(self, exif: bytes, expected: int) -> None:
        segment = b"Exif\0\0" + exif
        app1 = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment

        assert jpeg_orientation(b"\xff\xd8" + app1 + b"\xff\xda\0\x02") == expected

    @pytest.mark.parametrize(
        "data",
        [
            b"\xff\xd8",
            b"\xff\xd8\xff\xe0",
            b"\xff\xd8\xff\xe0\0\0" * 3,
            b"\xff\xd8\xff\xda\0\x02\xff\xe1\0\x08Exif\0\0",
        ],
        ids=["no segment", "cut", "length 0", "behind the scan"],
    )
    def test_without_exif(self, data: bytes) -> None:
        assert jpeg_orientation(data) == 1


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "public"),
        [
            pytest.param(b"", "Empty image payload.", id="empty"),
            pytest.param(b"hello", FAILURE, id="text"),
            pytest.param(b"\0" * 1000, FAILURE, id="zeros"),
            pytest.param(b"\xff\xd8\xff", FAILURE, id="JPEG: three bytes"),
            pytest.param(encode(PICTURE, "JPEG")[:-200], FAILURE, id="JPEG truncated"),
            pytest.param(encode(PICTURE, "JPEG", progressive=True)[:400], FAILURE, id="JPEG progressive truncated"),
            pytest.param(encode(noise(24, 40), "PNG")[:-500], FAILURE, id="PNG truncated"),
            pytest.param(png(40, 24, b"\0" * 10), FAILURE, id="PNG without its lines"),
            pytest.param(png(0, 0, b""), FAILURE, id="PNG of no size"),
            pytest.param(encode(PICTURE, "GIF")[:30], FAILURE, id="GIF truncated"),
            pytest.param(encode(PICTURE, "WEBP")[:40], FAILURE, id="WEBP truncated"),
            pytest.param(encode(PICTURE, "BMP")[:60], FAILURE, id="BMP truncated"),
            pytest.param(
                encode(PICTURE, "TIFF")[:100],
                FAILURE,
                id="TIFF truncated",
                marks=pytest.mark.filterwarnings("ignore:Truncated File Read"),  # Pillow's, beside its error
            ),
            pytest.param(encode(PICTURE, "ICO", sizes=[(16, 16)]), FAILURE, id="ICO"),
            pytest.param(b"%PDF-1.7\n1 0 obj\n", FAILURE, id="PDF"),
            pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", FAILURE, id="SVG"),
        ],
    )
    def test_no_picture(self, data: bytes, public: str) -> None:
        with pytest.raises(ImageError) as refused:
            decode(data)

        assert refused.value.public == public
        assert not isinstance(refused.value, ImageTooLarge)

    @pytest.mark.parametrize(
        ("data", "size"),
        [
            pytest.param(png(30_000, 30_000, b"\0"), "30,000 x 30,000", id="PNG, 900 megapixels"),
            pytest.param(png(12_000, 9_000, b"\0"), "12,000 x 9,000", id="PNG, 108 megapixels"),
            pytest.param(jpeg_header(30_000, 30_000), "30,000 x 30,000", id="JPEG, 900 megapixels"),
            pytest.param(jpeg_header(12_000, 9_000), "12,000 x 9,000", id="JPEG, 108 megapixels"),
        ],
    )
    def test_too_many_pixels_are_refused_from_the_header_alone(self, data: bytes, size: str) -> None:
        tracemalloc.start()
        try:
            with pytest.raises(ImageTooLarge) as refused:
                decode(data)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak_bytes < 5_000_000  # the pixels would be 324 million bytes and more
        assert size in refused.value.public and "50" in refused.value.public

    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_the_limit_itself_passes(self, kind: str) -> None:
        data = encode(PICTURE, kind)

        assert decode(data, max_pixels=24 * 40).shape == (24, 40, 3)
        with pytest.raises(ImageTooLarge, match=r"40 x 24 pixels"):
            decode(data, max_pixels=24 * 40 - 1)
