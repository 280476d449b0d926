"""Query parameters of the URL routes: contract/http.md 1.3 and 1.3.1.

The detector's fixed confidences show which threshold was used.
"""

from typing import Any

import httpx
import pytest

from tests.contract.constant_models import DEFAULT_CONFIDENCES
from tests.contract.deployment import AS_JSON, DETECTOR, SEGMENTER

Query = dict[str, str] | list[tuple[str, str]]


def confidences(answer: dict[str, Any]) -> list[float]:
    return [round(prediction["confidence"], 3) for prediction in answer["predictions"]]


@pytest.fixture
def infer(client: httpx.Client, scene_text: str) -> Any:
    """Sends the scene to the detector and returns the response."""

    def send(query: Query, model_id: str = DETECTOR) -> httpx.Response:
        return client.post(f"/{model_id}", params=query, content=scene_text, headers=AS_JSON)

    return send


@pytest.mark.parametrize(
    ("confidence", "least_shown", "count"),
    [
        (None, 0.405, 6),
        ("0", 0.012, 9),  # raised to 0.01
        ("0.001", 0.012, 9),
        ("-5", 0.012, 9),
        ("0.4", 0.405, 6),
        ("1", 0.012, 9),  # 1 is one percent
        ("1.0", 0.012, 9),
        ("0.99", None, 0),
        ("40", 0.405, 6),
        ("39", 0.395, 7),
        ("100", None, 0),
        ("150", None, 0),
        ("best", 0.405, 6),  # without thresholds of its own the package's default, which is 0.4
        ("default", 0.405, 6),
    ],
)
def test_confidence_is_fraction_below_one_and_percent_above(
    infer: Any, confidence: str | None, least_shown: float | None, count: int
) -> None:
    response = infer({} if confidence is None else {"confidence": confidence})

    assert response.status_code == 200, response.text
    shown = confidences(response.json())
    assert len(shown) == count
    assert min(shown, default=None) == least_shown
    assert shown == sorted(shown, reverse=True)


@pytest.mark.parametrize(
    ("overlap", "shown"),
    [
        (None, [0.9, 0.6, 0.58, 0.5, 0.48]),  # IoU 0.6 is suppressed, 0.185 and 0.005 are not
        ("0", [0.9, 0.6, 0.58]),  # no floor
        ("1", [0.9, 0.6, 0.58, 0.48]),  # one percent
        ("0.5", [0.9, 0.6, 0.58, 0.5, 0.48]),
        ("0.7", [0.9, 0.8, 0.6, 0.58, 0.5, 0.48]),
        ("30", [0.9, 0.6, 0.58, 0.5, 0.48]),
        ("70", [0.9, 0.8, 0.6, 0.58, 0.5, 0.48]),
        ("100", [0.9, 0.8, 0.6, 0.58, 0.5, 0.48]),
    ],
)
def test_overlap_is_fraction_below_one_and_percent_above(infer: Any, overlap: str | None, shown: list[float]) -> None:
    response = infer({"confidence": "0.45"} | ({} if overlap is None else {"overlap": overlap}))

    assert response.status_code == 200, response.text
    assert confidences(response.json()) == shown


@pytest.mark.parametrize(
    ("parameter", "value", "kind"),
    [
        ("confidence", "abc", "float_parsing"),
        ("confidence", "", "float_parsing"),
        ("overlap", "abc", "float_parsing"),
        ("overlap", "", "float_parsing"),
        ("overlap", "best", "float_parsing"),  # a mode of `confidence` only
        ("stroke", "1.5", "int_parsing"),
        ("stroke", "", "int_parsing"),
        ("max_detections", "many", "int_parsing"),
        ("labels", "", "bool_parsing"),
        ("labels", "maybe", "bool_parsing"),
        ("disable_preproc_auto_orient", "2", "bool_parsing"),
        ("disable_active_learning", "nope", "bool_parsing"),
    ],
)
def test_malformed_parameter_is_refused_by_name(infer: Any, parameter: str, value: str, kind: str) -> None:
    response = infer({parameter: value})

    assert response.status_code == 422
    (problem, *_) = response.json()["detail"]
    assert problem["type"] == kind
    assert problem["loc"][:2] == ["query", parameter]
    assert problem["msg"]


@pytest.mark.parametrize("parameter", ["confidence", "overlap"])
@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf", "1e999"])
def test_numbers_that_are_none_are_refused(infer: Any, parameter: str, value: str) -> None:
    assert infer({parameter: value}).status_code == 422


def test_every_malformed_parameter_is_listed_at_once(infer: Any) -> None:
    response = infer({"confidence": "abc", "stroke": "x", "labels": "?"})

    named = {problem["loc"][1] for problem in response.json()["detail"]}
    assert named == {"confidence", "stroke", "labels"}


@pytest.mark.parametrize("text", ["true", "false", "1", "0", "on", "off", "yes", "no", "True", "FALSE", "On", "NO"])
def test_booleans_in_every_spelling(infer: Any, text: str) -> None:
    assert infer({"labels": text, "disable_active_learning": text}).status_code == 200


def test_of_a_repeated_parameter_the_last_one_counts(infer: Any) -> None:
    response = infer([("confidence", "0.01"), ("confidence", "0.7")])

    assert confidences(response.json()) == [0.9]


@pytest.mark.parametrize(
    "query",
    [
        {"classes": "circle", "name": "YOUR_IMAGE.jpg", "class_agnostic_nms": "False", "max_candidates": "3000"},
        {"iou_threshold": "0.5", "visualize_predictions": "True", "hosted": "true"},
        {"no_such_parameter": "1", "": "x"},
        {"source": "external", "source_info": "a b", "active_learning_target_dataset": "d"},
        {"allow_reduced_mask_resolution": "False", "disable_active_learning": "False"},  # the SDK, always
        {"keypoint_confidence": "0.5", "include_anomaly_map": "False", "class_filter": "a,b"},
        {"disable_model_monitoring": "true", "countinference": "True"},
    ],
)
def test_parameters_that_clients_send_in_vain_are_tolerated(infer: Any, query: dict[str, str]) -> None:
    response = infer(query)

    assert response.status_code == 200, response.text


def test_classes_filters_by_name_as_the_documentation_promises(infer: Any) -> None:
    response = infer({"classes": "star, circle"})

    assert [prediction["class"] for prediction in response.json()["predictions"]] == ["circle", "star"]


@pytest.mark.parametrize(("most", "count"), [("2", 2), ("300", 6), ("1000", 6), ("0", 0)])
def test_max_detections_keeps_the_best(infer: Any, most: str, count: int) -> None:
    response = infer({"max_detections": most})

    assert response.status_code == 200
    assert confidences(response.json()) == list(DEFAULT_CONFIDENCES[:count])


def test_negative_max_detections_is_accepted(infer: Any) -> None:
    assert infer({"max_detections": "-1"}).status_code == 200


@pytest.mark.parametrize("value", ["", "png", "jpeg"])
def test_unknown_mask_format_is_refused(infer: Any, value: str) -> None:
    response = infer({"response_mask_format": value}, SEGMENTER)

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][:2] == ["query", "response_mask_format"]


def test_masks_as_run_lengths(infer: Any) -> None:
    response = infer({"response_mask_format": "rle"}, SEGMENTER)

    assert response.status_code == 200
    assert {prediction["mask_format"] for prediction in response.json()["predictions"]} == {"rle"}
