"""From messages of the queue to uploads: what S3 really sends, and what else may lie in a queue."""

import json
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import UnreadableMessage
from retinue.uploads.events import Upload, is_later, uploads_of

SAMPLE = Path(__file__).parents[2] / "events" / "sqs-uploads.json"


def body(**stored: Any) -> str:
    """The body of a message that tells of one new object."""
    event = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "inbox/a"} | stored}}
    return json.dumps({"Records": [event]})


def test_sample_event() -> None:
    first, second = json.loads(SAMPLE.read_text("utf-8"))["Records"]

    (upload,) = uploads_of(first["body"])

    assert upload.bucket == "retinue-uploads-123456789012"
    assert upload.key == "inbox/coins/1/red flower+coin.png"
    assert (upload.version, upload.sequencer) == ("096fKKXTRTtl3on89fVO.nfljtsv6qko", "0055AED6DCD90281E5")
    assert uploads_of(second["body"]) == []  # what S3 sends when it is told of a queue


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("inbox/a.png", "inbox/a.png", id="plain"),
        pytest.param("inbox/my+photo.png", "inbox/my photo.png", id="+ is a space"),
        pytest.param("inbox/a%2Bb.png", "inbox/a+b.png", id="%2B is a plus"),
        pytest.param("inbox/%E7%8C%AB.png", "inbox/猫.png", id="UTF-8"),
        pytest.param("inbox/100%25.png", "inbox/100%.png", id="percent"),
        pytest.param("inbox/a%252Bb", "inbox/a%2Bb", id="decoded once only"),
        pytest.param("inbox/a%3Fb%23c%26d", "inbox/a?b#c&d", id="what means something in URLs"),
    ],
)
def test_keys_are_written_as_in_forms(key: str, expected: str) -> None:
    (upload,) = uploads_of(body(key=key))
    assert upload.key == expected


def test_bucket_without_versions() -> None:
    assert uploads_of(body()) == [Upload("b", "inbox/a", "", "")]
    assert uploads_of(body(versionId=None, sequencer="0A")) == [Upload("b", "inbox/a", "", "0A")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "no JSON", id="empty"),
        pytest.param("hello", "no JSON", id="text"),
        pytest.param("[]", "no list of Records", id="list"),
        pytest.param("7", "no list of Records", id="number"),
        pytest.param("{}", "no list of Records", id="empty object"),
        pytest.param('{"Records": {}}', "no list of Records", id="records is no list"),
        pytest.param('{"Records": [{}]}', "no event of a bucket", id="empty record"),
        pytest.param('{"Records": [7]}', "no event of a bucket", id="record is a number"),
        pytest.param('{"Records": [{"eventName": "x", "s3": null}]}', "no event of a bucket", id="no s3"),
        pytest.param(body(key=None), "no event of a bucket", id="key is null"),
        pytest.param(body(key="inbox/%ff"), "no event of a bucket", id="key is no UTF-8"),
        pytest.param(body().replace("ObjectCreated:Put", "ObjectRemoved:Delete"), "ObjectRemoved:Delete", id="deleted"),
    ],
)
def test_what_is_no_upload_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UnreadableMessage, match=reason):
        uploads_of(text)


def test_ids_are_those_of_the_version() -> None:
    upload = Upload("b", "inbox/a", "v1", "01")
    assert upload.id == Upload("b", "inbox/a", "v1", "02").id
    others = [Upload("b", "inbox/a", "v2", "01"), Upload("c", "inbox/a", "v1", "01"), Upload("b", "inbox/b", "v1", "")]
    assert upload.id not in [other.id for other in others]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param("02", "01", True, id="greater"),
        pytest.param("01", "02", False, id="smaller"),
        pytest.param("01", "01", False, id="equal: the same event"),
        pytest.param("0A", "09", True, id="hexadecimal"),
        pytest.param("0a", "0A", False, id="case does not count"),
        pytest.param("0055AED6DCD90281E6", "0055AED6DCD90281E5", True, id="as S3 writes them"),
        pytest.param("1", "0F", True, id="shorter but later: zeros fill its end"),
        pytest.param("0F", "1", False, id="longer but earlier"),
        pytest.param("01", "0100", False, id="equal but for the zeros"),
        pytest.param("0101", "01", True, id="longer and later"),
        pytest.param("01", "", True, id="none is older than any"),
        pytest.param("", "01", False, id="none is not later"),
        pytest.param("", "", False, id="two without"),
    ],
)
def test_order_of_sequencers(one: str, other: str, expected: bool) -> None:
    assert is_later(one, other) is expected
