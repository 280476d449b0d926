"""Where an API key may come from, in which order, and what counts as none."""

import pytest

from retinue.http.credentials import api_key, api_key_anywhere
from tests.unit.http_requests import a_request

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("query", "authorization", "body", "expected"),
    [
        pytest.param(None, None, None, None, id="none"),
        pytest.param("Q", "Bearer H", b'{"api_key": "B"}', "Q", id="query before header before body"),
        pytest.param(None, "Bearer H", b'{"api_key": "B"}', "H", id="header before body"),
        pytest.param(None, None, b'{"api_key": "B"}', "B", id="body"),
        pytest.param(None, "bearer H", None, "H", id="scheme in lower case"),
        pytest.param(None, "BEARER H", None, "H", id="scheme in upper case"),
        pytest.param(None, "Bearer  H ", None, "H", id="blanks around the key"),
        pytest.param(None, "Basic H", None, None, id="Basic is ignored"),
        pytest.param(None, "H", None, None, id="no scheme"),
        pytest.param(None, "Bearer", None, None, id="scheme only"),
        pytest.param("None", "Bearer H", None, "H", id="the SDK's None in the query"),
        pytest.param("null", "Bearer None", b'{"api_key": "B"}', "B", id="null and None"),
        pytest.param("", "Bearer ", b'{"api_key": ""}', None, id="empty everywhere"),
        pytest.param(None, None, b'{"api_key": null}', None, id="null in the body"),
        pytest.param(None, None, b'{"api_key": 5}', None, id="a number in the body"),
        pytest.param(None, None, b'{"api_key": "None"}', None, id="None in the body"),
        pytest.param(None, None, b'\n {"api_key": "B"}', "B", id="blanks before the object"),
        pytest.param(None, None, b'["api_key"]', None, id="a list"),
        pytest.param(None, None, b'{"api_key": "B"', None, id="broken JSON"),
        pytest.param(None, None, b"aGVsbG8=", None, id="base64 that calls itself JSON"),
        pytest.param(None, None, b"\xff\xfe", None, id="bytes that call themselves JSON"),
    ],
)
def test_precedence(query: str | None, authorization: str | None, body: bytes | None, expected: str | None) -> None:
    request = a_request(
        query={} if query is None else {"api_key": query},
        headers=JSON if authorization is None else {**JSON, "authorization": authorization},
        body=body or b"",
    )

    assert api_key_anywhere(request) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", "B"),
        ("application/json; charset=utf-8", "B"),
        ("Application/JSON", "B"),  # media types are case-insensitive
        ("text/plain", None),
        ("application/x-www-form-urlencoded", None),
        (None, None),
    ],
)
def test_a_body_counts_only_if_it_calls_itself_json(content_type: str | None, expected: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}

    assert api_key_anywhere(a_request(headers=headers, body=b'{"api_key": "B"}')) == expected


@pytest.mark.parametrize("name", ["x-api-key", "cookie", "proxy-authorization"])
def test_no_other_header_is_read(name: str) -> None:
    assert api_key_anywhere(a_request(headers={name: "Bearer H"})) is None


def test_url_routes_do_not_look_into_the_body() -> None:
    request = a_request(headers=JSON, body=b'{"api_key": "B"}')

    assert api_key(request) is None
    assert api_key(a_request(query={"api_key": "Q"}, headers={"authorization": "Bearer H"})) == "Q"
