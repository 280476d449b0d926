"""What metadata and tags of an object say: the names of the URL routes, and which of two wins."""

import pytest

from retinue.errors import ParameterError
from retinue.http.parameters import parse_url_parameters
from retinue.uploads.wishes import wishes_of


@pytest.mark.parametrize(
    ("metadata", "tags", "expected"),
    [
        pytest.param({}, {}, {}, id="nothing"),
        pytest.param({"confidence": "0.5"}, {}, {"confidence": "0.5"}, id="metadata"),
        pytest.param({}, {"confidence": "0.5"}, {"confidence": "0.5"}, id="tags"),
        pytest.param({"stroke": "5"}, {"stroke": "1", "x": "1"}, {"stroke": "5", "x": "1"}, id="metadata win"),
        pytest.param({"max-detections": "7"}, {}, {"max_detections": "7"}, id="hyphens of headers"),
        pytest.param({"Confidence": "0.5"}, {}, {"confidence": "0.5"}, id="capitals"),
        pytest.param({"parameters": '{"labels": true, "stroke": 2}'}, {}, {"labels": "true", "stroke": "2"}, id="JSON"),
        pytest.param({"parameters": '{"classes": ["a", "b"]}'}, {}, {"classes": "a,b"}, id="JSON list"),
        pytest.param({"parameters": '{"stroke": 2}', "stroke": "5"}, {}, {"stroke": "5"}, id="what stands alone wins"),
        pytest.param({"stroke": "5"}, {"parameters": '{"stroke": 2}'}, {"stroke": "5"}, id="over tags too"),
        pytest.param({"image": "https://x/y", "api_key": "k", "async": "1"}, {}, {}, id="what only requests have"),
        pytest.param({"camera": "north"}, {}, {"camera": "north"}, id="foreign ones do no harm"),
    ],
)  # fmt: skip
def test_query(metadata: dict[str, str], tags: dict[str, str], expected: dict[str, str]) -> None:
    query = {name: value for name, value in wishes_of(metadata, tags).query.items() if name != "parameters"}
    assert query == expected
    parse_url_parameters(query)


def test_words_beyond_ascii_come_as_json() -> None:
    parameters = parse_url_parameters(wishes_of({"parameters": '{"classes": "gr\\u00f6\\u00dfe"}'}, {}).query)
    assert parameters.thresholds.class_filter == {"größe"}


@pytest.mark.parametrize("name", ["parameters", "task-request", "workflow-request"])
@pytest.mark.parametrize("value", ["", "{", "7", "[]", '"text"', "null"])
def test_what_is_no_object_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(ParameterError) as refused:
        wishes_of({name: value}, {})
    assert refused.value.details[0]["loc"] == ["metadata", name.replace("-", "_")]


def test_requests_of_the_api() -> None:
    wishes = wishes_of({"task-request": '{"iou_threshold": 0.5}', "scopes": "a, b"}, {})
    assert wishes.task == {"iou_threshold": 0.5}
    assert (wishes.workflow, wishes.scopes) == (None, {"a", "b"})
    assert wishes_of({}, {}).scopes == {"*"}
