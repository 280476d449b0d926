"""Where a URL route finds its picture, and in which order it checks: contract/http.md 1.3.2, 1.3.3 and 6."""

import base64
import urllib.parse
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.contract.deployment import AS_JSON, CLASSIFIER, DETECTOR, Deployment
from tests.contract.pictures import base64_of, encoded, npy, plain, scene, turned_by_exif

NO_TYPE = "Content-Type header not provided with request."
WRONG_TYPE = "Invalid Content-Type header provided with request."
NO_FILE_PART = "Expected image to be send in part named 'file' of multipart/form-data request"
CAUSE = "Could not load input image. Cause: "
MALFORMED = f"{CAUSE}Malformed base64 input image."
RAW = f"{CAUSE}Invalid base64 input: the image payload contains raw bytes instead of a base64-encoded string."
EMPTY = f"{CAUSE}Empty image payload."
NO_NUMPY = f"{CAUSE}NumPy image type is not supported in this configuration of"
UNKNOWN_TYPE = f"{CAUSE}Image declaration contains not recognised image type."
NOT_A_URL = f"{CAUSE}Provided image URL is invalid"
NOT_HTTPS = f"{CAUSE}Providing images via non https:// URL is not supported in this configuration of"
NOT_FQDN = f"{CAUSE}Providing images via URL without FQDN is not supported in this configuration of"
NOT_FETCHED = f"{CAUSE}Data pointed by URL could not be decoded into image."
NOT_PUBLIC = f"{CAUSE}URL points to a network destination that is not allowed."


def assert_refused(response: httpx.Response, status: int, message: str) -> None:
    """The one-key body of contract/http.md 5 (S1), starting as the contract says."""
    assert response.status_code == status, response.text
    assert list(response.json()) == ["message"]
    assert response.json()["message"].startswith(message)


# ---------------------------------------------------------------- 1: no Content-Type


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", [f"/{DETECTOR}", "/infer/object_detection-typo", "/no/such"])
def test_without_content_type_and_url_there_is_no_picture(client: httpx.Client, method: str, path: str) -> None:
    assert_refused(client.request(method, path), 400, NO_TYPE)


def test_get_of_a_task_route_is_a_model_id(client: httpx.Client) -> None:
    assert_refused(client.get("/infer/object_detection"), 400, NO_TYPE)


def test_picture_without_content_type(client: httpx.Client, scene_text: str) -> None:
    assert_refused(client.post(f"/{DETECTOR}", content=scene_text), 400, NO_TYPE)


# ---------------------------------------------------------------- 2: forms


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_form_with_the_file(client: httpx.Client, image_format: str) -> None:
    response = client.post(f"/{DETECTOR}", files={"file": ("imageToUpload", scene(image_format), "image/jpeg")})

    assert response.status_code == 200, response.text
    assert response.json()["image"] == {"width": 320, "height": 240}


def test_form_with_other_fields_before_the_file(client: httpx.Client) -> None:
    response = client.post(f"/{DETECTOR}", data={"name": "x", "api_key": "unused"}, files={"file": ("a", scene())})

    assert response.status_code == 200, response.text


@pytest.mark.parametrize("query", [{}, {"image": "https://example.com/picture.jpg"}])
def test_form_without_the_file(client: httpx.Client, query: dict[str, str]) -> None:
    response = client.post(f"/{DETECTOR}", params=query, files={"picture": ("a.jpg", scene())})

    assert_refused(response, 400, NO_FILE_PART)


def test_form_whose_file_is_a_text_field(client: httpx.Client, scene_text: str) -> None:
    body = f'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n{scene_text}\r\n--b--\r\n'
    response = client.post(f"/{DETECTOR}", content=body, headers={"content-type": "multipart/form-data; boundary=b"})

    assert_refused(response, 400, WRONG_TYPE)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"no boundary at all"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'),
        ("multipart/form-data; boundary=b", b"\x00\xff" * 100),
        ("multipart/form-data; boundary=", b"--\r\n\r\n----"),
    ],
)
def test_broken_form(client: httpx.Client, content_type: str, body: bytes) -> None:
    response = client.post(f"/{DETECTOR}", content=body, headers={"content-type": content_type})

    assert response.status_code == 400
    assert response.json()["message"] in (WRONG_TYPE, NO_FILE_PART)


def test_form_whose_file_is_no_picture(client: httpx.Client) -> None:
    assert_refused(client.post(f"/{DETECTOR}", files={"file": ("a.jpg", b"not a picture")}), 400, CAUSE)


# ---------------------------------------------------------------- 3: URLs


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", NOT_A_URL),
        ("picture", NOT_A_URL),
        ("https://", NOT_A_URL),
        ("http://some.com/image.jpg", NOT_HTTPS),
        ("ftp://some.com/image.jpg", NOT_HTTPS),
        ("file:///etc/passwd", NOT_HTTPS),
        ("https://127.0.0.1/image.jpg", NOT_FQDN),
        ("https://169.254.169.254/latest/meta-data/", NOT_FQDN),
        ("https://[::1]/image.jpg", NOT_FQDN),
        ("https://2130706433/image.jpg", NOT_FQDN),
        ("https://0x7f.1/image.jpg", NOT_FQDN),
        ("https://localhost/image.jpg", NOT_FQDN),
        ("https://user:secret@example.com/image.jpg", NOT_PUBLIC),
        ("https://example.com:8443/image.jpg", NOT_PUBLIC),
        ("https://no-such-host.invalid/image.jpg", NOT_FETCHED),
    ],
)
def test_url_that_is_not_fetched(client: httpx.Client, url: str, message: str) -> None:
    assert_refused(client.post(f"/{DETECTOR}", params={"image": url}), 400, message)
    task_request = {"model_id": DETECTOR, "image": {"type": "url", "value": url}}
    assert_refused(client.post("/infer/object_detection", json=task_request), 400, message)


def test_url_wins_over_the_body(client: httpx.Client, scene_text: str) -> None:
    response = client.post(
        f"/{DETECTOR}", params={"image": "http://some.com/image.jpg"}, content=scene_text, headers=AS_JSON
    )

    assert_refused(response, 400, NOT_HTTPS)


# ---------------------------------------------------------------- 4: the body is base64


def in_lines(text: str) -> str:
    return "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76)) + "\r\n"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/x-www-form-urlencoded",
        "text/plain",
        "image/jpeg",
        "application/octet-stream",
    ],
)
@pytest.mark.parametrize(
    "wrap",
    [str, in_lines, "data:image/jpeg;base64,{}".format, "data:image/png;base64,{}".format],
    ids=["plain", "in lines", "data URI", "data URI of another type"],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_base64_whatever_the_content_type_says(
    client: httpx.Client, scene_text: str, content_type: str, wrap: Callable[[str], str], method: str
) -> None:
    response = client.request(method, f"/{DETECTOR}", content=wrap(scene_text), headers={"content-type": content_type})

    assert response.status_code == 200, response.text
    assert len(response.json()["predictions"]) == 6


def test_request_of_the_roboflow_package(keyless: httpx.Client, key: str, scene_text: str) -> None:
    """contract/http.md 7.8: percents, a name, and base64 that calls itself a form."""
    query = {
        "api_key": key,
        "name": "YOUR_IMAGE.jpg",
        "overlap": "30",
        "confidence": "40",
        "stroke": "1",
        "labels": "false",
        "format": "json",
    }
    form = {"content-type": "application/x-www-form-urlencoded"}

    response = keyless.post(f"/{DETECTOR}", params=query, content=scene_text, headers=form)

    assert len(response.json()["predictions"]) == 6


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(scene(), RAW, id="raw JPEG"),
        pytest.param(scene("PNG"), RAW, id="raw PNG"),
        pytest.param(b"", EMPTY, id="empty"),
        pytest.param(b" \r\n ", EMPTY, id="blank"),
        pytest.param(b'{"image": "x"}', MALFORMED, id="JSON object"),
        pytest.param(b"image=" + base64.b64encode(scene()), MALFORMED, id="form field"),
        pytest.param(urllib.parse.quote(base64_of(scene()), safe="").encode(), MALFORMED, id="percent-encoded"),
        pytest.param(base64.urlsafe_b64encode(b"\xfb\xff\xfe" * 30), MALFORMED, id="URL-safe alphabet"),
        pytest.param(base64.b64encode(scene()).rstrip(b"=")[:-1], MALFORMED, id="wrong padding"),
        pytest.param(base64.b64encode(b"no picture"), MALFORMED, id="no picture"),
        pytest.param(base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), MALFORMED, id="SVG"),
        pytest.param(base64.b64encode(b"%PDF-1.4"), MALFORMED, id="PDF"),
        pytest.param(base64.b64encode(plain("red", image_format="ICO")), MALFORMED, id="ICO"),
        pytest.param(base64.b64encode(plain("red", image_format="AVIF")), MALFORMED, id="AVIF"),
        pytest.param(base64.b64encode(scene()[:-800]), MALFORMED, id="truncated JPEG"),
        pytest.param(base64.b64encode(scene()[:200]), MALFORMED, id="JPEG of 200 bytes"),
        pytest.param(base64.b64encode(scene("PNG")[:-400]), MALFORMED, id="truncated PNG"),
    ],
)
def test_body_that_is_no_picture(client: httpx.Client, body: bytes, message: str) -> None:
    assert_refused(client.post(f"/{DETECTOR}", content=body, headers={"content-type": "image/jpeg"}), 400, message)


@pytest.mark.parametrize("head", ["data:image/JPEG;base64,", "data:image/svg+xml;base64,", "data:;base64,"])
def test_odd_data_uris_are_read_or_refused_but_never_misread(client: httpx.Client, scene_text: str, head: str) -> None:
    response = client.post(f"/{DETECTOR}", content=head + scene_text, headers=AS_JSON)

    if response.status_code == 200:  # more liberal than upstream, which is harmless (contract/http.md 9, row 18)
        assert len(response.json()["predictions"]) == 6
    else:
        assert_refused(response, 400, MALFORMED)


@pytest.mark.parametrize(
    ("image_type", "message"),
    [
        ("numpy", NO_NUMPY),
        ("NumPy", NO_NUMPY),
        ("foo", UNKNOWN_TYPE),
        ("", UNKNOWN_TYPE),
        ("url", CAUSE),  # upstream fails with a 500; here it is the caller's error
        ("file", CAUSE),
    ],
)
def test_image_types_that_are_not_served(client: httpx.Client, scene_text: str, image_type: str, message: str) -> None:
    response = client.post(f"/{DETECTOR}", params={"image_type": image_type}, content=scene_text, headers=AS_JSON)

    assert_refused(response, 400, message)


# ---------------------------------------------------------------- formats and orientation


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "PPM"])
def test_formats(client: httpx.Client, image_format: str) -> None:
    response = client.post(
        f"/classify/{CLASSIFIER}", content=base64_of(plain("red", image_format=image_format)), headers=AS_JSON
    )

    assert response.status_code == 200, response.text
    assert response.json()["top"] == "red"


RED = npy(plain("red"))


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"content": base64_of(RED), "headers": AS_JSON}, id="like every picture"),
        pytest.param({"files": {"file": ("red.npy", RED)}}, id="form"),
        pytest.param({"content": base64_of(RED), "headers": AS_JSON, "params": {"image_type": "numpy"}}, id="numpy"),
        pytest.param(
            {
                "content": RED,
                "headers": {"content-type": "application/octet-stream"},
                "params": {"image_type": "numpy"},
            },
            id="as it is",
        ),
    ],
)
def test_arrays(client: httpx.Client, sent: dict[str, Any]) -> None:
    response = client.post(f"/classify/{CLASSIFIER}", **sent)

    assert response.status_code == 200, response.text
    assert response.json()["top"] == "red"


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK", "LA", "I;16"])
def test_pixel_modes(client: httpx.Client, mode: str) -> None:
    image_format = "JPEG" if mode == "CMYK" else "PNG"
    picture = base64_of(encoded(Image.new(mode, (50, 30)), image_format))

    response = client.post(f"/classify/{CLASSIFIER}", content=picture, headers=AS_JSON)

    assert response.status_code == 200, response.text
    assert response.json()["image"] == {"width": 50, "height": 30}


@pytest.mark.parametrize(("is_disabled", "size"), [("false", (20, 40)), ("true", (40, 20))])
def test_exif_orientation(client: httpx.Client, is_disabled: str, size: tuple[int, int]) -> None:
    response = client.post(
        f"/{DETECTOR}",
        params={"disable_preproc_auto_orient": is_disabled},
        content=base64_of(turned_by_exif((40, 20))),
        headers=AS_JSON,
    )

    assert response.json()["image"] == {"width": size[0], "height": size[1]}


# ---------------------------------------------------------------- the order of the checks


@pytest.mark.parametrize(
    ("path", "query", "has_key", "has_type", "status"),
    [
        ("/some/38", "confidence=abc&image=http://x.com/", False, True, 401),  # key before parameters
        ("/some/38", "confidence=abc", True, False, 422),  # parameters before Content-Type
        ("/some/38", "", True, False, 400),  # Content-Type before model
        ("/some/38", "", True, True, 404),  # model before picture
        ("/some/38", "image=http://x.com/a.jpg", True, True, 404),
        ("/some/38", "image_type=numpy", True, True, 404),
        ("/some/38", "image_type=foo", True, True, 404),
        (f"/{DETECTOR}", "image=http://x.com/a.jpg", True, True, 400),
        (f"/{DETECTOR}", "", True, True, 400),
    ],
)
def test_order_of_checks(
    deployment: Deployment, key: str, path: str, query: str, has_key: bool, has_type: bool, status: int
) -> None:
    headers = {"Authorization": f"Bearer {key}"} if has_key else {}
    headers |= {"Content-Type": "text/plain"} if has_type else {}

    answer = deployment.send("POST", f"{path}?{query}", b"no picture", headers)

    assert answer.status == status, answer.body


def test_form_is_checked_before_the_model(client: httpx.Client) -> None:
    assert_refused(client.post("/some/38", files={"picture": ("a.jpg", b"x")}), 400, NO_FILE_PART)


def test_another_projects_model_is_refused_before_the_picture(keyless: httpx.Client, narrow_key: str) -> None:
    response = keyless.post(f"/{DETECTOR}", params={"api_key": narrow_key}, content=b"x", headers=AS_JSON)

    assert_refused(response, 403, "Unauthorized access to roboflow API")
