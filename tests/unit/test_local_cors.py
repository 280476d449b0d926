"""Which origins a CorsConfiguration lets in."""

import pytest

from local.cors import apply, preflight
from local.http1 import Request, Response
from local.template import Cors


def request(origin: str | None) -> Request:
    return Request("GET", "/", "1.1", [("origin", origin)] if origin else [], b"", "127.0.0.1")


@pytest.mark.parametrize(
    ("allowed", "origin", "expected"),
    [
        ("*", "https://a.example", "*"),
        ("*", None, None),
        ("https://a.example", "https://a.example", "https://a.example"),
        ("https://a.example", "https://A.example", "https://A.example"),
        ("https://a.example", "http://a.example", None),
        ("https://a.example", "https://a.example.evil", None),
        ("https://*", "https://any.example", "https://any.example"),
        ("https://*", "http://any.example", None),
        ("https://*.a.example", "https://b.a.example", "https://b.a.example"),
        ("https://*.a.example", "https://a.example", None),
    ],
)
def test_origins(allowed: str, origin: str | None, expected: str | None) -> None:
    response = Response(200, [("access-control-allow-origin", "the function's own")])

    apply(Cors(allow_origins=(allowed,)), request(origin), response)

    assert dict(response.headers).get("access-control-allow-origin") == expected


def test_credentials_are_allowed_only_where_the_template_says_so() -> None:
    cors = Cors(allow_origins=("https://a.example",), allow_credentials=True)

    assert ("access-control-allow-credentials", "true") in preflight(cors, request("https://a.example")).headers
    assert preflight(cors, request("https://b.example")).headers == []
