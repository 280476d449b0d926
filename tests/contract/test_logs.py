"""What the stack logs while keys and pictures come in every way, well formed and not: neither is ever in a line."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.gateway import Access
from tests.contract.deployment import AS_JSON, CLASSIFIER, DETECTOR, SEGMENTER, Deployment
from tests.contract.log_lines import logged_by
from tests.contract.pictures import base64_of, noise, scene
from tests.contract.workflows import DETECT

PICTURES = {
    "JPEG": noise((90, 60), 60),
    "PNG": scene("PNG"),
    "broken JPEG": noise((60, 90), 60)[:-500],
    "broken PNG": scene("PNG")[:-60],
    "PNG with a broken chunk": scene("PNG").replace(b"IDAT", b"I\x01AT"),
    "text": b"a private note that is no picture " * 3,
    "npy": b"\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', a private note about nothing}",
}
# As many characters of a picture, in any of its spellings, that no line may repeat.
PIECE = 16


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Everything that is logged during the test."""
    with logged_by("local") as lines:
        yield lines


def spellings(data: bytes) -> list[str]:
    """How bytes may get into a line."""
    return [
        base64.b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode(),
        data.hex(),
        data.decode("latin-1"),
        repr(data),
        json.dumps(data.decode("latin-1")),
    ]


def pieces(data: bytes) -> set[str]:
    """Every piece of every spelling; runs of one or two characters say nothing, and ids have them too."""
    found = {text[start : start + PIECE] for text in spellings(data) for start in range(max(1, len(text) - PIECE + 1))}
    return {piece for piece in found if len(set(piece)) > 4}


def ways_of_keys(key: str) -> list[dict[str, Any]]:
    """Requests with a key in every place that is read, and in those that are not."""
    body = {"model_id": DETECTOR, "image": {"type": "url", "value": f"https://no-such-host.invalid/?api_key={key}"}}
    return [
        {"params": {"api_key": key}},
        {"headers": {"authorization": f"Bearer {key}"}},
        {"headers": {"authorization": f"Basic {base64.b64encode(f'u:{key}'.encode()).decode()}"}},
        {"headers": {"authorization": key}},
        {"headers": {"x-api-key": key}},
        {"headers": {"cookie": f"api_key={key}"}},
        {"params": {"api_key": key, "confidence": key, "stroke": key, "format": key, "response_mask_format": key}},
        {"params": {"api_key": key, "image": f"https://no-such-host.invalid/a.jpg?api_key={key}"}},
        {"params": {"api_key": key, "image": f"https://user:{key}@example.com/a.jpg"}},
        {"params": {"api_key": key, "image": f"https://user:{key}@exam\u2100ple.com/a.jpg"}},
        {"params": {"api_key": key, "image": f"https://example.com:{key}/a.jpg"}},
        {"params": {"api_key": key, "image": key, "async": "true"}},
        {"url": "/infer/object_detection", "json": body | {"api_key": key}},
        {"url": "/infer/object_detection", "json": body | {"api_key": key, "confidence": key, "class_filter": key}},
        {"url": "/infer/object_detection", "json": body | {"api_key": [key], key: key}},
        {"url": "/infer/object_detection", "content": json.dumps({"api_key": key})[:-1], "headers": AS_JSON},
        {"url": "/model/add", "json": {"api_key": key, "model_id": "no/such"}},
        {"url": "/model/add", "json": {"api_key": key, "model_id": key}},
        {"url": "/workflows/run", "json": {"api_key": key, "specification": DETECT, "inputs": {"image": key}}},
        {"url": "/workflows/run", "json": {"api_key": key, "specification": {"version": key}, "inputs": {}}},
        {"url": "/workflows/run", "json": {"api_key": key, "inputs": key}},
        {"url": f"/no/such/path?api_key={key}"},
    ]


def ways_of_pictures(data: bytes) -> list[dict[str, Any]]:
    """Requests with a picture in every place where one belongs, and where clients put it by mistake."""
    text = base64_of(data)
    task = {"model_id": DETECTOR, "image": {"type": "base64", "value": text}}
    inputs = {"image": {"type": "base64", "value": text}}
    return [
        *({"url": f"/{model}", "content": text, "headers": AS_JSON} for model in (DETECTOR, CLASSIFIER, SEGMENTER)),
        {"content": text, "headers": AS_JSON, "params": {"format": "image_and_json", "labels": "true"}},
        {"content": f"data:image/png;base64,{text}", "headers": AS_JSON},
        {"content": f"image={text}", "headers": AS_JSON},
        {"content": json.dumps({"image": text}), "headers": AS_JSON},
        {"content": text[:-3], "headers": AS_JSON},
        {"content": data, "headers": {"content-type": "image/jpeg"}},
        {"content": data, "headers": {"content-type": "application/json"}, "params": {"image_type": "numpy"}},
        {"files": {"file": ("a.jpg", data)}},
        {"files": {"image": ("a.jpg", data)}},
        {"content": data, "headers": {"content-type": "multipart/form-data; boundary=b"}},
        {
            "content": b"--b\r\n" + data + b"\r\n--b--\r\n",
            "headers": {"content-type": "multipart/form-data; boundary=b"},
        },
        {"params": {"image": text[:3000]}},
        {"params": {"confidence": text[:3000], "classes": text[:200], "image": "https://x.invalid/a"}},
        {"content": text, "headers": AS_JSON, "params": {"async": "true"}},
        {"url": "/infer/object_detection", "json": task},
        {"url": "/infer/object_detection", "json": task | {"image": text}},
        {"url": "/infer/object_detection", "json": task | {"model_id": text}},
        {"url": "/infer/object_detection", "json": task | {"confidence": text, "id": 5, "class_filter": text}},
        *(
            {"url": "/infer/object_detection", "json": task | {"image": {"type": kind, "value": text}}}
            for kind in ("url", "numpy", "upload", text)
        ),
        {"url": "/infer/object_detection", "content": json.dumps(task)[:-2], "headers": AS_JSON},
        {"url": "/workflows/run", "json": {"specification": DETECT, "inputs": inputs}},
        {"url": "/workflows/run", "json": {"specification": DETECT, "inputs": {"image": text, "limit": text, text: 1}}},
        {
            "url": "/workflows/run",
            "json": {"specification": DETECT, "inputs": {"image": {"type": "numpy", "value": text}}},
        },
        {"url": "/workflows/run", "json": {"specification": DETECT, "inputs": {"image": {"type": text, "value": 5}}}},
        {"url": "/workflows/run", "json": {"specification": DETECT, "inputs": inputs | {"confidence": text}}},
        {"url": "/workflows/run", "json": {"specification": DETECT | {"version": text}, "inputs": inputs}},
        {"url": "/workflows/run", "json": {"specification": DETECT | {"steps": [text]}, "inputs": inputs}},
    ]


def send_all(client: httpx.Client, requests: list[dict[str, Any]]) -> None:
    """Sends them, each to the detector unless it says where."""
    for request in requests:
        url = request.pop("url", f"/{DETECTOR}")
        client.post(url, **request)


def wait_for_the_log(client: httpx.Client, lines: list[str]) -> None:
    """Until every pool has logged what it answered: each writes its lines in order."""
    for path in (f"/{DETECTOR}", "/classify/a/b", "/outline/a/b", "/workflows/run", "/a/b/c"):
        request_id = client.post(path).headers["x-request-id"]
        deadline = time.monotonic() + 10
        while not any(request_id in line for line in lines):
            assert time.monotonic() < deadline, "the request was not logged"
            time.sleep(0.01)


def test_no_key_in_any_line(
    deployment: Deployment, key: str, keyless: httpx.Client, lines: list[str], accesses: list[Access]
) -> None:
    unknown = secrets.token_urlsafe(24)
    for sent in (key, unknown):
        send_all(keyless, ways_of_keys(sent))
    wait_for_the_log(keyless, lines)

    everything = [*lines, *map(str, accesses)]
    assert len(everything) > 80
    for sent in (key, unknown):
        digest = hashlib.sha256(sent.encode()).hexdigest()
        coded = base64.b64encode(f"u:{sent}".encode()).decode()
        # the first digits of the digest are the id under which operators know a key
        for secret in (sent, sent[:12], sent[-12:], coded, digest[:17], digest[-16:]):
            assert [line for line in everything if secret in line] == []


@pytest.mark.parametrize("name", PICTURES)
def test_no_picture_in_any_line(
    deployment: Deployment, client: httpx.Client, lines: list[str], accesses: list[Access], name: str
) -> None:
    send_all(client, ways_of_pictures(PICTURES[name]))
    wait_for_the_log(client, lines)

    everything = [*lines, *map(str, accesses)]
    assert len(everything) > 30
    kept = pieces(PICTURES[name])
    for line in everything:
        found = {line[start : start + PIECE] for start in range(len(line) - PIECE + 1)} & kept
        assert not found, line


def test_the_search_finds_what_it_looks_for() -> None:
    data = PICTURES["JPEG"]
    assert all(any(piece in f"log: {text}" for piece in pieces(data)) for text in spellings(data))
