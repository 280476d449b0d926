"""Query parameters of the URL routes: the tables of contract/http.md 1.3."""

from typing import Any

import pytest

from retinue.errors import ParameterError
from retinue.http.parameters import UrlParameters, parse_url_parameters
from retinue.pipeline.prediction import MaskOptions, Thresholds


def problems_of(query: dict[str, str]) -> list[dict[str, Any]]:
    with pytest.raises(ParameterError) as refused:
        parse_url_parameters(query)
    return refused.value.details


def test_defaults() -> None:
    assert parse_url_parameters({}) == UrlParameters(
        thresholds=Thresholds(confidence=0.4, iou_threshold=0.3, max_detections=300),
        output_format="json",
        image_url=None,
        image_type="base64",
        has_labels=False,
        stroke_width=1,
        is_oriented=True,
        skipped=frozenset(),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.01),  # raised to the floor
        ("0.001", 0.01),
        ("-5", 0.01),
        ("0.01", 0.01),
        ("0.4", 0.4),
        ("0.999", 0.999),
        ("1", 0.01),  # one percent
        ("1.0", 0.01),
        ("40", 0.4),
        ("99.5", 0.995),
        ("100", 1.0),
        ("150", 1.5),
        ("4e1", 0.4),
        ("best", "best"),
        ("default", "default"),
    ],
)
def test_confidence_percent_or_fraction(text: str, expected: float | str) -> None:
    assert parse_url_parameters({"confidence": text}).thresholds.confidence == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0.0), ("0.5", 0.5), ("1", 0.01), ("30", 0.3), ("100", 1.0)]
)  # no floor
def test_overlap_percent_or_fraction(text: str, expected: float) -> None:
    assert parse_url_parameters({"overlap": text}).thresholds.iou_threshold == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, MaskOptions()),
        ({"response_mask_format": "rle"}, MaskOptions(form="rle")),
        ({"mask_decode_mode": "fast"}, MaskOptions(decode_mode="fast")),
        (
            {"mask_decode_mode": "tradeoff", "tradeoff_factor": "0.5"},
            MaskOptions(decode_mode="tradeoff", tradeoff_factor=0.5),
        ),
        ({"allow_reduced_mask_resolution": "true"}, MaskOptions(is_reduced=True)),
    ],
)
def test_masks(query: dict[str, str], expected: MaskOptions) -> None:
    assert parse_url_parameters(query).thresholds.masks == expected


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ({"response_mask_format": "png"}, "literal_error"),
        ({"mask_decode_mode": "slow"}, "literal_error"),
        ({"tradeoff_factor": "1.5"}, "value_error"),
        ({"tradeoff_factor": "x"}, "float_parsing"),
        ({"keypoint_confidence": "x"}, "float_parsing"),
        ({"disable_preproc_contrast": "x"}, "bool_parsing"),
    ],
)
def test_wrong_masks_keypoints_and_steps(query: dict[str, str], kind: str) -> None:
    (problem,) = problems_of(query)

    assert (problem["type"], problem["loc"]) == (kind, ["query", *query])


@pytest.mark.parametrize(("query", "expected"), [({}, None), ({"keypoint_confidence": "0.3"}, 0.3)])
def test_keypoint_confidence_is_the_packages_unless_it_is_said(query: dict[str, str], expected: float | None) -> None:
    assert parse_url_parameters(query).thresholds.keypoint_confidence == expected


def test_steps_to_leave_out() -> None:
    query = {"disable_preproc_static_crop": "true", "disable_preproc_grayscale": "1", "disable_preproc_contrast": "no"}

    assert parse_url_parameters(query).skipped == {"static-crop", "grayscale"}


@pytest.mark.parametrize("text", ["abc", "", "0,4", "40%", "BEST", "None"])
def test_confidence_that_is_neither_number_nor_mode(text: str) -> None:
    problems = problems_of({"confidence": text})

    # two entries: no number, and none of the modes
    assert [problem["type"] for problem in problems] == ["float_parsing", "literal_error"]
    assert all(problem["loc"][:2] == ["query", "confidence"] for problem in problems)


@pytest.mark.parametrize("name", ["confidence", "overlap"])
@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_numbers_are_finite(name: str, text: str) -> None:
    (problem,) = problems_of({name: text})

    assert (problem["type"], problem["loc"]) == ("finite_number", ["query", name])


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "1", "on", "On", "yes", "YES"])
def test_true(word: str) -> None:
    assert parse_url_parameters({"labels": word}).has_labels is True
    assert parse_url_parameters({"disable_preproc_auto_orient": word}).is_oriented is False


@pytest.mark.parametrize("word", ["false", "False", "FALSE", "0", "off", "Off", "no", "NO"])
def test_false(word: str) -> None:
    assert parse_url_parameters({"labels": word}).has_labels is False
    assert parse_url_parameters({"disable_preproc_auto_orient": word}).is_oriented is True


@pytest.mark.parametrize("word", ["", "2", "maybe", "truee", " ", "None"])
@pytest.mark.parametrize("name", ["labels", "disable_preproc_auto_orient", "disable_active_learning", "countinference"])
def test_no_boolean(name: str, word: str) -> None:
    (problem,) = problems_of({name: word})

    assert (problem["type"], problem["loc"]) == ("bool_parsing", ["query", name])


@pytest.mark.parametrize(("text", "expected"), [("1", 1), ("7", 7), ("0", 0), ("-1", -1)])
def test_whole_numbers(text: str, expected: int) -> None:
    parameters = parse_url_parameters({"stroke": text, "max_detections": text})

    assert (parameters.stroke_width, parameters.thresholds.max_detections) == (expected, expected)


@pytest.mark.parametrize("name", ["stroke", "max_detections"])
@pytest.mark.parametrize("text", ["1.5", "", "x", "0x10", "9" * 5000])
def test_no_whole_numbers(name: str, text: str) -> None:
    (problem,) = problems_of({name: text})

    assert (problem["type"], problem["loc"]) == ("int_parsing", ["query", name])
    assert len(problem["msg"]) < 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("json", "json"),
        ("image", "image"),
        ("image_and_json", "image_and_json"),
        ("", "json"),
        ("xml", "json"),
        ("IMAGE", "json"),
    ],
)
def test_format(text: str, expected: str) -> None:
    assert parse_url_parameters({"format": text}).output_format == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coin", {"coin"}),
        ("coin,note", {"coin", "note"}),
        (" coin , note ,", {"coin", "note"}),
        ("", None),
        (",", None),
    ],
)
def test_classes(text: str, expected: set[str] | None) -> None:
    assert parse_url_parameters({"classes": text}).thresholds.class_filter == expected


def test_image_and_its_type() -> None:
    parameters = parse_url_parameters({"image": "https://example.com/a.jpg", "image_type": "numpy"})

    assert (parameters.image_url, parameters.image_type) == ("https://example.com/a.jpg", "numpy")


@pytest.mark.parametrize(
    "name", ["name", "class_agnostic_nms", "max_candidates", "iou_threshold", "visualize_predictions", "hosted", "x"]
)
@pytest.mark.parametrize("text", ["", "1", "whatever"])
def test_parameters_without_effect_are_tolerated(name: str, text: str) -> None:
    assert parse_url_parameters({name: text}) == parse_url_parameters({})


def test_every_problem_is_named_at_once() -> None:
    problems = problems_of({"overlap": "x", "stroke": "1.5", "labels": "maybe", "confidence": "40"})

    assert sorted(problem["loc"][1] for problem in problems) == ["labels", "overlap", "stroke"]
    assert all(set(problem) <= {"type", "loc", "msg", "ctx"} and problem["msg"] for problem in problems)


def test_problems_do_not_repeat_what_was_sent() -> None:
    with pytest.raises(ParameterError) as refused:
        parse_url_parameters({"api_key": "secret-1", "overlap": "secret-2"})

    assert "secret" not in str(refused.value.details) + refused.value.message
