"""What the name of an upload says, and where everything that belongs to it lies."""

import pytest

from retinue.errors import BadUploadKey
from retinue.models.package import ModelId
from retinue.uploads.layout import (
    Accepted,
    ModelTarget,
    WorkflowTarget,
    drawing_key,
    failure_key,
    is_upload_id,
    new_upload_id,
    result_key,
    target_of,
)

NUMBER = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("key", "target"),
    [
        ("inbox/coins/1/a.png", "coins/1"),
        ("inbox/coins/production/a.png", "coins/production"),
        ("inbox/coins/1/2026/11/21/a.png", "coins/1"),
        ("inbox/coins/v1.5/a b+c.png", "coins/v1.5"),
        ("inbox/workflows/default/count/a.png", "workflows/default/count"),
        ("inbox/workflows/default/count/north/a.png", "workflows/default/count"),
    ],
)
def test_target(key: str, target: str) -> None:
    assert str(target_of(key)) == target


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("results/coins/1/a.png.json", id="a result"),
        pytest.param("a.png", id="beside the inbox"),
        pytest.param("inboxes/coins/1/a.png", id="almost the inbox"),
        pytest.param("inbox/a.png", id="no model"),
        pytest.param("inbox/coins/a.png", id="no version"),
        pytest.param("inbox/coins/1/", id="a folder"),
        pytest.param("inbox//1/a.png", id="empty project"),
        pytest.param("inbox/../1/a.png", id="dots"),
        pytest.param("inbox/co ins/1/a.png", id="space"),
        pytest.param("inbox/detect/1/a.png", id="reserved name"),
        pytest.param("inbox/workflows/default/a.png", id="no workflow"),
        pytest.param("inbox/workflows/default/c.d/a.png", id="no name of a workflow"),
        pytest.param("inbox/workflows/default/count/", id="a folder of a workflow"),
    ],
)
def test_keys_without_target_say_what_is_expected(key: str) -> None:
    with pytest.raises(BadUploadKey) as refused:
        target_of(key)
    assert repr(key) in refused.value.message


def test_places_of_what_belongs_to_an_upload() -> None:
    key = "inbox/coins/1/north/a.png"
    assert result_key(key) == "results/coins/1/north/a.png.json"
    assert drawing_key(key) == "results/coins/1/north/a.png.jpg"
    assert failure_key(key) == "failures/coins/1/north/a.png.json"


@pytest.mark.parametrize(
    "target", [ModelTarget(ModelId("coins", "v1.5")), WorkflowTarget("default", "count_all")], ids=str
)
def test_ids_of_asynchronous_requests_say_where_the_picture_is(target: ModelTarget | WorkflowTarget) -> None:
    accepted = Accepted.new(target)
    assert Accepted.parse(accepted.id) == accepted
    assert target_of(accepted.key("team")) == target
    assert accepted.key("team") != accepted.key("others")


@pytest.mark.parametrize(
    "text",
    [
        "",
        NUMBER,
        f"coins~{NUMBER}",
        f"coins~1~{NUMBER[:-1]}",
        f"coins~1~{NUMBER}~",
        f"..~1~{NUMBER}",
        f"co/ins~1~{NUMBER}",
        f"workflows~default~{NUMBER}",
        f"coins~1~x~{NUMBER}",
        f"a~b~c~d~{NUMBER}",
    ],
)
def test_what_is_no_such_id(text: str) -> None:
    assert Accepted.parse(text) is None


@pytest.mark.parametrize("value", ["", "a" * 31, "A" * 32, "g" * 32, "a" * 33, "https://a.example/b.png", None, 7])
def test_what_is_no_upload_id(value: object) -> None:
    assert not is_upload_id(value)
    assert is_upload_id(new_upload_id())
