"""From what a request says about a picture to its pixels: the table of contract/http.md 1.3.2."""

import base64
from urllib.parse import quote

import pytest

from retinue.deadline import Deadline
from retinue.errors import ImageError
from retinue.images.load import ImageReference, decode_base64, load_image
from tests.unit.buckets import SOON
from tests.unit.networks import noise
from tests.unit.pictures import encode, oriented, smooth

MALFORMED = "Malformed base64 input image."
RAW = "Invalid base64 input: the image payload contains raw bytes instead of a base64-encoded string."
EMPTY = "Empty image payload."

PNG = encode(noise(12, 20), "PNG")
TEXT = base64.b64encode(PNG).decode()
URL_SAFE = base64.urlsafe_b64encode(PNG).decode()


def no_fetch(url: str, deadline: Deadline) -> bytes:
    raise AssertionError(f"{url} must not be fetched")


def load(reference: ImageReference, is_oriented: bool = True) -> tuple[int, ...]:
    """The shape of the loaded picture."""
    return load_image(reference, fetch=no_fetch, deadline=SOON, max_pixels=1_000_000, is_oriented=is_oriented).shape


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TEXT, id="plain"),
        pytest.param("\n".join(TEXT[start : start + 76] for start in range(0, len(TEXT), 76)), id="line breaks"),
        pytest.param("\r\n".join(TEXT[start : start + 64] for start in range(0, len(TEXT), 64)) + "\r\n", id="CRLF"),
        pytest.param(f"  \t{TEXT}\n", id="blanks around it"),
        pytest.param(f"data:image/png;base64,{TEXT}", id="data URI"),
        pytest.param(f"data:image/jpeg;base64,{TEXT}", id="data URI of another type: the bytes decide"),
        pytest.param(f"data:image/png;base64,{TEXT[:40]}\n{TEXT[40:]}", id="data URI with a line break"),
    ],
)
def test_base64(text: str) -> None:
    assert decode_base64(text) == decode_base64(text.encode()) == PNG
    assert load(ImageReference("base64", text)) == (12, 20, 3)


@pytest.mark.parametrize(
    ("body", "public"),
    [
        pytest.param(b"", EMPTY, id="empty"),
        pytest.param(b" \r\n", EMPTY, id="blanks only"),
        pytest.param(b"data:image/png;base64,", EMPTY, id="data URI without data"),
        pytest.param(f"data:image/png,{TEXT}".encode(), MALFORMED, id="data URI without base64"),
        pytest.param(b"data:image/png", MALFORMED, id="data URI cut off"),
        pytest.param(PNG, RAW, id="raw PNG"),
        pytest.param(encode(noise(12, 20), "JPEG"), RAW, id="raw JPEG"),
        pytest.param(b"\0\1\2\3", RAW, id="raw bytes"),
        pytest.param(f'{{"image": "{TEXT}"}}'.encode(), MALFORMED, id="JSON object"),
        pytest.param(f'{{\n  "image": "{TEXT}"\n}}'.encode(), MALFORMED, id="JSON object in lines"),
        pytest.param(f"image={TEXT}".encode(), MALFORMED, id="form field"),
        pytest.param(quote(TEXT, safe="").encode(), MALFORMED, id="percent-encoded"),
        pytest.param(b"-_-_" + URL_SAFE.encode(), MALFORMED, id="URL-safe alphabet"),
        pytest.param(TEXT.rstrip("=").encode()[:-1], MALFORMED, id="cut in the middle of a group"),
        pytest.param(TEXT.rstrip("=").encode() + b"===", MALFORMED, id="too much padding"),
        pytest.param(b"=" + TEXT.encode(), MALFORMED, id="padding in front"),
        pytest.param(base64.b64encode(b"no picture at all"), MALFORMED, id="base64 of no image"),
        pytest.param(base64.b64encode(TEXT.encode()), MALFORMED, id="base64 of base64"),
        pytest.param(base64.b64encode(PNG[:-200]), MALFORMED, id="base64 of half an image"),
    ],
)
def test_no_base64_picture(body: bytes, public: str) -> None:
    with pytest.raises(ImageError) as refused:
        load(ImageReference("base64", body))

    assert refused.value.public.startswith(public)


def test_raw_bytes_are_taken_as_they_are() -> None:
    assert load(ImageReference("raw", PNG)) == (12, 20, 3)


@pytest.mark.parametrize(
    ("data", "public"),
    [(b"", EMPTY), (b"text", MALFORMED), (TEXT.encode(), MALFORMED)],
    ids=["empty", "text", "base64"],
)
def test_no_raw_picture(data: bytes, public: str) -> None:
    with pytest.raises(ImageError) as refused:
        load(ImageReference("raw", data))

    assert refused.value.public == public


@pytest.mark.parametrize(("is_oriented", "shape"), [(True, (40, 20, 3)), (False, (20, 40, 3))])
def test_orientation_is_the_callers_choice(is_oriented: bool, shape: tuple[int, ...]) -> None:
    jpeg = oriented(smooth(20, 40), "JPEG", 6)

    assert load(ImageReference("raw", jpeg), is_oriented) == shape


def test_a_reference_that_was_refused_before() -> None:
    with pytest.raises(ImageError) as refused:
        load(ImageReference("refused", "NumPy image type is not supported"))

    assert refused.value.public == "NumPy image type is not supported"


def test_a_url_is_fetched_before_the_deadline() -> None:
    asked: list[tuple[str, Deadline]] = []

    def fetch(url: str, deadline: Deadline) -> bytes:
        asked.append((url, deadline))
        return PNG

    image = load_image(ImageReference("url", "https://example.com/a.png"), fetch=fetch, deadline=SOON, max_pixels=1000)

    assert image.shape == (12, 20, 3)
    assert asked == [("https://example.com/a.png", SOON)]


@pytest.mark.parametrize(("body", "public"), [(b"<html>", "Data is not image."), (b"", EMPTY)])
def test_a_url_that_points_to_no_picture(body: bytes, public: str) -> None:
    with pytest.raises(ImageError) as refused:
        load_image(
            ImageReference("url", "https://example.com"), fetch=lambda url, deadline: body, deadline=SOON, max_pixels=9
        )

    assert refused.value.public == public
