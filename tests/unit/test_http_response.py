"""The gateway's form of an answer, and what Lambda can carry."""

import base64
import json
from typing import Any

import pytest

from retinue.errors import PayloadTooLarge
from retinue.http.response import Response, to_gateway

LAMBDA_LIMIT_BYTES = 6_291_456


def test_json() -> None:
    answer = to_gateway(Response({"class": "münze", "x": 0.5}, status=201, headers={"x-a": "b"}), 5.5)

    assert answer == {
        "statusCode": 201,
        "headers": {"content-type": "application/json", "x-a": "b"},
        "body": '{"class":"münze","x":0.5}',
        "isBase64Encoded": False,
    }


def test_a_picture_is_binary() -> None:
    answer = to_gateway(Response(b"\xff\xd8\xff", content_type="image/jpeg"), 5.5)

    assert answer["isBase64Encoded"] is True
    assert base64.b64decode(answer["body"]) == b"\xff\xd8\xff"
    assert answer["headers"] == {"content-type": "image/jpeg"}


def test_a_page_is_text() -> None:
    answer = to_gateway(Response("<p>ü".encode(), content_type="text/html; charset=utf-8"), 5.5)

    assert (answer["body"], answer["isBase64Encoded"]) == ("<p>ü", False)


@pytest.mark.parametrize(
    ("response", "max_mb"),
    [
        pytest.param(Response(b"x" * 750_000, content_type="image/jpeg"), 1.0, id="picture: 4/3 as base64"),
        pytest.param(Response("x" * 999_996), 1.0, id="JSON: its quotes are escaped"),
    ],
)
def test_the_limit_itself_passes(response: Response, max_mb: float) -> None:
    assert to_gateway(response, max_mb)["statusCode"] == 200

    larger = Response(response.body * 2, content_type=response.content_type)
    with pytest.raises(PayloadTooLarge, match=r"2\.0 MB; 1 MB can be sent \(RETINUE_MAX_RESPONSE_MB\)"):
        to_gateway(larger, max_mb)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([{"x": 1.0, "y": 2.0}] * 300_000, id="polygons: every third character is a quote"),
        pytest.param(["é" * 100] * 27_000, id="names beyond ASCII"),
        pytest.param(["\n" * 100] * 26_000, id="control characters"),
    ],
)
def test_what_passes_fits_into_lambdas_own_envelope(body: Any) -> None:
    # the runtime sends the answer as JSON, in which the body is a string: quotes and backslashes double
    try:
        answer = to_gateway(Response(body), 5.5)
    except PayloadTooLarge:
        return

    assert len(json.dumps(answer, ensure_ascii=False).encode()) <= LAMBDA_LIMIT_BYTES
