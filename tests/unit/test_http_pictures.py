"""Where the picture of a URL-route request is: the order and the texts of contract/http.md 1.3.2."""

import pytest

from retinue.errors import ImageError, RequestError
from retinue.http.parameters import parse_url_parameters
from retinue.http.pictures import picture_of
from retinue.images.load import ImageReference
from tests.unit.http_requests import a_request

URL = "https://example.com/a.jpg"
FORM = "multipart/form-data; boundary=frontier"
BAD_TYPE = "Invalid Content-Type header provided with request."
UNKNOWN_TYPE = "Image declaration contains not recognised image type."
NO_PART = "Expected image to be send in part named 'file' of multipart/form-data request"
# Bytes that look like a boundary, and every kind of line end.
PICTURE = b"\xff\xd8\xff--frontier\r\n\n\r\0" + bytes(range(256))


def part(disposition: str, content: bytes) -> bytes:
    return b"--frontier\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--frontier--\r\n"


FILE = part('name="file"; filename="a.jpg"', PICTURE)


def picture(content_type: str | None, body: bytes = b"", **query: str) -> ImageReference:
    headers = {} if content_type is None else {"content-type": content_type}
    return picture_of(a_request(query=query, headers=headers, body=body), parse_url_parameters(query))


@pytest.mark.parametrize(
    ("content_type", "body", "query", "expected"),
    [
        pytest.param(FORM, form(FILE), {}, ImageReference("raw", PICTURE), id="form"),
        pytest.param(FORM, form(FILE), {"image": URL}, ImageReference("raw", PICTURE), id="form before URL"),
        pytest.param(None, b"", {"image": URL}, ImageReference("url", URL), id="URL without content type or body"),
        pytest.param("text/plain", b"QUJD", {"image": URL}, ImageReference("url", URL), id="URL before body"),
        pytest.param("application/json", b"QUJD", {}, ImageReference("base64", b"QUJD"), id="body as JSON"),
        pytest.param("image/jpeg", b"QUJD", {}, ImageReference("base64", b"QUJD"), id="body as JPEG"),
        pytest.param("text/plain", b"", {}, ImageReference("base64", b""), id="empty body: refused when decoded"),
        pytest.param("x/y", b"QUJD", {"image_type": "BASE64"}, ImageReference("base64", b"QUJD"), id="capitals"),
        pytest.param("x/y", b"QUJD", {"image_type": "NumPy"}, ImageReference("numpy", b"QUJD"), id="numpy"),
        # refused, but only when the picture's turn comes: an unknown model is told first
        pytest.param("x/y", b"QUJD", {"image_type": "foo"}, ImageReference("refused", UNKNOWN_TYPE), id="foo"),
        pytest.param("x/y", b"QUJD", {"image_type": ""}, ImageReference("refused", UNKNOWN_TYPE), id="empty type"),
        pytest.param("x/y", b"QUJD", {"image_type": "url"}, ImageReference("refused", UNKNOWN_TYPE), id="url as body"),
    ],
)  # fmt: skip
def test_order(content_type: str | None, body: bytes, query: dict[str, str], expected: ImageReference) -> None:
    assert picture(content_type, body, **query) == expected


@pytest.mark.parametrize("content_type", [None, ""])
def test_neither_content_type_nor_url(content_type: str | None) -> None:
    with pytest.raises(RequestError) as refused:
        picture(content_type, b"QUJD")

    assert refused.value.public == "Content-Type header not provided with request."


class TestForms:
    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            pytest.param('multipart/form-data; boundary="frontier"', form(FILE), id="quoted boundary"),
            pytest.param("Multipart/Form-Data; Boundary=frontier", form(FILE), id="capitals"),
            pytest.param(FORM, form(part('name="name"', b"a.jpg"), FILE, part('name="x"', b"1")), id="among others"),
            pytest.param(FORM, form(FILE, part('name="file"; filename="b.jpg"', b"second")), id="twice: the first"),
            pytest.param(FORM, b"preamble\r\n" + form(FILE) + b"epilogue", id="text around the parts"),
            pytest.param(FORM, form(part('name="file"; filename=""', PICTURE)), id="empty file name"),
            pytest.param(FORM, form(part("name=file; filename=a.jpg", PICTURE)), id="no quotes"),
        ],
    )
    def test_the_part_named_file(self, content_type: str, body: bytes) -> None:
        assert picture(content_type, body) == ImageReference("raw", PICTURE)

    def test_a_large_file(self) -> None:
        content = bytes(range(256)) * 16_000  # 4 MB: what a gateway lets through

        found = picture(FORM, form(part('name="file"; filename="a.jpg"', content)))

        assert found == ImageReference("raw", content)

    @pytest.mark.parametrize(
        ("content_type", "body", "public"),
        [
            pytest.param(FORM, form(), NO_PART, id="no part"),
            pytest.param(FORM, form(part('name="image"; filename="a.jpg"', PICTURE)), NO_PART, id="another name"),
            pytest.param(FORM, form(part('name="file"', b"text")), BAD_TYPE, id="a text field"),
            pytest.param("multipart/form-data", form(FILE), BAD_TYPE, id="no boundary"),
            pytest.param(FORM, b"", BAD_TYPE, id="empty body"),
            pytest.param(FORM, FILE[:60], BAD_TYPE, id="cut in the header"),
            pytest.param(FORM, FILE, BAD_TYPE, id="cut before the last boundary"),
            pytest.param(FORM, b"QUJD" * 100, BAD_TYPE, id="base64 instead of a form"),
            pytest.param(FORM, form(*[part(f'name="{n}"', b"x") for n in range(200)]), BAD_TYPE, id="200 parts"),
            pytest.param(FORM, form(part('name="f\xe9"', b"x").replace(b"\xc3\xa9", b"\xe9")), BAD_TYPE, id="latin-1"),
        ],
    )
    def test_broken_forms(self, content_type: str, body: bytes, public: str) -> None:
        with pytest.raises(RequestError) as refused:
            picture(content_type, body)

        assert refused.value.public in (public, NO_PART) if public == BAD_TYPE else refused.value.public == public
        assert not isinstance(refused.value, ImageError)

    def test_a_url_does_not_replace_a_missing_part(self) -> None:
        with pytest.raises(RequestError, match="part named 'file'"):
            picture(FORM, form(), image=URL)
