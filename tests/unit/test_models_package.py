"""Model ids and manifests: what is accepted, what is refused, and the way to JSON and back."""

import json
from typing import Any

import pytest

from retinue.errors import InvalidModelId, PackageCorrupt
from retinue.models.package import Manifest, ModelId, alias_object
from tests.unit.networks import make_manifest, package_file


@pytest.mark.parametrize(
    ("text", "project", "version"),
    [
        ("coins/1", "coins", "1"),
        ("coins/latest", "coins", "latest"),
        ("coin-counting_2/137", "coin-counting_2", "137"),
        ("Coins/V1.0.3", "Coins", "V1.0.3"),
        ("a/b", "a", "b"),
        ("1/2", "1", "2"),
        ("a" * 100 + "/" + "b" * 100, "a" * 100, "b" * 100),
        ("detect/1", "detect", "1"),  # reserved for publishing, harmless for asking
        ("some/0", "some", "0"),
    ],
)
def test_ids(text: str, project: str, version: str) -> None:
    model_id = ModelId.parse(text)

    assert (model_id.project, model_id.version) == (project, version)
    assert str(model_id) == text
    assert model_id.folder == f"models/{project}/{version}/"
    assert alias_object(model_id) == f"aliases/{project}/{version}.json"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "coins",
        "coins/",
        "/1",
        "coins/1/2",
        "coins//1",
        "../1",
        "coins/..",
        "coins/.",
        "./1",
        "coins/1..2",
        "coins/.hidden",
        "-coins/1",
        "_coins/1",
        "coins\\1",
        "coins/1\n",
        "coins/1\0",
        " coins/1",
        "coins/1 ",
        "coins/a b",
        "coins/%2e%2e",
        "coins%2f1",
        "coins/1%00",
        "coins/1?x=1",
        "coins/1#x",
        "münzen/1",
        "coins/\u0661",  # an Arabic digit one
        "coins/1\u202e",
        "c:/1",
        "~/1",
        "coins/*",
        "a" * 101 + "/1",
        "coins/" + "1" * 101,
        "coins/" + "1" * 1_000_000,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_no_ids(text: str) -> None:
    with pytest.raises(InvalidModelId) as refused:
        ModelId.parse(text)

    assert refused.value.public == "Invalid Model ID sent in request."
    assert len(refused.value.message) < 600


def test_a_manifest_comes_back_as_it_was() -> None:
    manifest = make_manifest(
        class_names=("münze", "日本", ""),
        class_confidence=(0.1, 0.2, 0.3),
        colors=("#FF0000", "#00FF00", "#0000FF"),
        mean=(0.485, 0.456, 0.406),
        batch=None,
        stride=32,
        dtype="float16",
        weights=package_file(bytes(range(256)), part_bytes=100),
        load_ms=12.5,
        memory_bytes=2**40,
        published="2026-11-21T00:00:00+00:00",
    )

    assert Manifest.from_json(manifest.to_json()) == manifest


def test_keys_of_later_releases_are_ignored() -> None:
    record = json.loads(make_manifest().to_json())
    record["novelty"] = record["network_input"]["novelty"] = {"a": 1}

    assert Manifest.from_json(json.dumps(record).encode()) == make_manifest()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(b"", "cannot be read", id="empty"),
        pytest.param(b"{", "cannot be read", id="cut off"),
        pytest.param(b"\xff\xfe", "cannot be read", id="no text"),
        pytest.param(b"null", "cannot be read", id="null"),
        pytest.param(b"[]", "cannot be read", id="list"),
        pytest.param(b"{}", "format None", id="no format"),
        pytest.param(b'{"format": 2}', "format 2; this release reads 1", id="later format"),
        pytest.param(b'{"format": 1}', "network_input", id="nothing but the format"),
    ],
)
def test_what_is_no_manifest(text: bytes, reason: str) -> None:
    with pytest.raises(PackageCorrupt, match=reason):
        Manifest.from_json(text)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("model_id", None),
        ("weights", None),
        ("network_input", []),
        ("preprocessing", {}),
        ("weights", {"name": "weights.onnx"}),
    ],
)
def test_a_manifest_without_a_part(part: str, value: Any) -> None:
    record = json.loads(make_manifest().to_json())
    if part == "model_id":
        del record[part]
    else:
        record[part] = value

    with pytest.raises(PackageCorrupt, match=r"manifest\.json cannot be read"):
        Manifest.from_json(json.dumps(record).encode())
