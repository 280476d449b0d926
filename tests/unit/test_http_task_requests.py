"""The JSON bodies of the task routes: fields, defaults, and every refusal."""

import json
from dataclasses import replace
from typing import Any

import pytest

from retinue.errors import ParameterError
from retinue.http.event import Request
from retinue.http.task_requests import TaskRequest, parse_model_request, parse_task_request
from retinue.images.load import NO_NUMPY, ImageReference
from retinue.pipeline.prediction import MaskOptions, Thresholds
from tests.unit.http_requests import a_request

IMAGE = {"type": "base64", "value": "QUJD"}


def sent(body: Any, content_type: str | None = "application/json") -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return a_request(headers={"content-type": content_type} if content_type else {}, body=data)


def parse(**fields: Any) -> TaskRequest:
    return parse_task_request(sent({"model_id": "things/1", "image": IMAGE, **fields}))


def problems_of(request: Request) -> list[dict[str, Any]]:
    with pytest.raises(ParameterError) as refused:
        parse_task_request(request)
    return refused.value.details


def test_defaults() -> None:
    request = parse()

    assert request.thresholds() == Thresholds(
        confidence=0.4, iou_threshold=0.3, max_detections=300, is_class_agnostic=False, class_filter=None
    )
    assert request.references() == [ImageReference("base64", "QUJD")]
    assert (request.visualize_predictions, request.visualization_labels, request.visualization_stroke_width) == (
        False,
        False,
        1,
    )
    assert not request.disable_preproc_auto_orient
    assert len({parse().id for _ in range(3)}) == 3


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"confidence": 0.9}, {"confidence": 0.9}),
        ({"confidence": 40}, {"confidence": 40.0}),  # a fraction is a fraction here
        ({"confidence": "0.3"}, {"confidence": 0.3}),  # numeric strings are coerced
        ({"confidence": "best"}, {"confidence": "best"}),
        ({"confidence": "default"}, {"confidence": "default"}),
        ({"confidence": 0}, {"confidence": 0.0}),
        ({"iou_threshold": 0.7}, {"iou_threshold": 0.7}),
        ({"max_detections": 3}, {"max_detections": 3}),
        ({"max_detections": 0}, {"max_detections": 0}),
        ({"class_agnostic_nms": True}, {"is_class_agnostic": True}),
        ({"class_filter": ["alpha", "beta"]}, {"class_filter": frozenset({"alpha", "beta"})}),
        ({"class_filter": []}, {"class_filter": None}),  # no filter
        ({"class_filter": None}, {"class_filter": None}),
        ({"keypoint_confidence": 0.3}, {"keypoint_confidence": 0.3}),
        ({"response_mask_format": "rle"}, {"masks": MaskOptions(form="rle")}),
        (
            {"mask_decode_mode": "tradeoff", "tradeoff_factor": 0.5, "allow_reduced_mask_resolution": True},
            {"masks": MaskOptions(decode_mode="tradeoff", tradeoff_factor=0.5, is_reduced=True)},
        ),
        ({"nonsense": {"a": 1}, "usage_billable": True, "source": None, "model_type": "x"}, {}),
    ],
)
def test_thresholds(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert parse(**fields).thresholds() == Thresholds(**expected)


def test_steps_to_leave_out() -> None:
    assert parse(disable_preproc_contrast=True, disable_preproc_static_crop=True).skipped() == {
        "contrast",
        "static-crop",
    }


@pytest.mark.parametrize(
    ("route", "fields", "kind", "name"),
    [
        ("keypoints_detection", {"confidence": "best"}, "value_error", "confidence"),
        ("semantic_segmentation", {"response_mask_format": "polygon"}, "literal_error", "response_mask_format"),
        ("instance_segmentation", {"response_mask_format": "base64_png"}, "literal_error", "response_mask_format"),
        ("instance_segmentation", {"mask_decode_mode": "slow"}, "literal_error", "mask_decode_mode"),
        ("instance_segmentation", {"tradeoff_factor": 2}, "less_than_equal", "tradeoff_factor"),
    ],
)
def test_what_a_route_refuses(route: str, fields: dict[str, Any], kind: str, name: str) -> None:
    request = replace(sent({"model_id": "things/1", "image": IMAGE, **fields}), route_key=f"POST /infer/{route}")

    (problem,) = problems_of(request)

    assert (problem["type"], problem["loc"]) == (kind, ["body", name])


def test_the_clients_id_is_kept() -> None:
    assert parse(id="mine").id == "mine"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({"type": "URL", "value": "https://a.b/c"}, [ImageReference("url", "https://a.b/c")]),
        ({"type": "Base64", "value": "QUJD"}, [ImageReference("base64", "QUJD")]),
        ({"type": "Numpy", "value": "QUJD"}, [ImageReference("numpy", "QUJD")]),
        ([], []),
        ([IMAGE], [ImageReference("base64", "QUJD")]),
        ([IMAGE, {"type": "url", "value": "u"}], [ImageReference("base64", "QUJD"), ImageReference("url", "u")]),
    ],
)
def test_images(image: Any, expected: list[ImageReference]) -> None:
    assert parse(image=image).references() == expected


@pytest.mark.parametrize(
    ("image", "public"),
    [
        ({"type": "NUMPY"}, NO_NUMPY),
        ({"type": "numpy", "value": [[1]]}, NO_NUMPY),
        ({"type": "file", "value": "/etc/passwd"}, "Image declaration contains not recognised image type."),
        ({"type": "", "value": "x"}, "Image declaration contains not recognised image type."),
        ({"type": "base64"}, "Malformed base64 input image."),
        ({"type": "base64", "value": None}, "Malformed base64 input image."),
        ({"type": "base64", "value": 5}, "Malformed base64 input image."),
        ({"type": "url", "value": None}, "Provided image URL is invalid"),
        ({"type": "url", "value": ["https://a.b/c"]}, "Provided image URL is invalid"),
    ],
)
def test_images_that_will_be_refused_in_their_turn(image: dict[str, Any], public: str) -> None:
    assert parse(image=image).references() == [ImageReference("refused", public)]


@pytest.mark.parametrize(
    ("body", "kind", "loc"),
    [
        pytest.param({"image": IMAGE}, "missing", ["body", "model_id"], id="no model"),
        pytest.param({"model_id": "a/1"}, "missing", ["body", "image"], id="no image"),
        pytest.param({"model_id": None, "image": IMAGE}, "string_type", ["body", "model_id"], id="model null"),
        pytest.param({"model_id": "a/1", "image": IMAGE, "max_detections": 1.5}, "int_from_float",
                     ["body", "max_detections"], id="half a detection"),
        pytest.param({"model_id": "a/1", "image": IMAGE, "class_agnostic_nms": "maybe"}, "bool_parsing",
                     ["body", "class_agnostic_nms"], id="no boolean"),
        pytest.param({"model_id": "a/1", "image": IMAGE, "iou_threshold": "x"}, "float_parsing",
                     ["body", "iou_threshold"], id="no number"),
        pytest.param(b'{"model_id": ', "json_invalid", ["body"], id="JSON cut off"),
        pytest.param(b"", "json_invalid", ["body"], id="empty"),
        pytest.param(b"QUJD", "json_invalid", ["body"], id="base64"),
        pytest.param(b'{"confidence": NaN}', "json_invalid", ["body"], id="NaN is no JSON"),
        pytest.param(b"\xff\xfe", "json_invalid", ["body"], id="bytes"),
        pytest.param([], "model_type", ["body"], id="a list"),
        pytest.param("text", "model_type", ["body"], id="a text"),
    ],
)  # fmt: skip
def test_refusals(body: Any, kind: str, loc: list[str]) -> None:
    problems = problems_of(sent(body))

    assert any(problem["type"] == kind and problem["loc"][: len(loc)] == loc for problem in problems), problems
    assert all(set(problem) == {"type", "loc", "msg"} for problem in problems)


@pytest.mark.parametrize("value", [None, "abc", [], {}])
def test_confidence_of_another_kind(value: Any) -> None:
    problems = problems_of(sent({"model_id": "a/1", "image": IMAGE, "confidence": value}))

    assert problems and all(problem["loc"][:2] == ["body", "confidence"] for problem in problems)


@pytest.mark.parametrize("image", ["QUJD", 5, {"value": "QUJD"}, [{"value": "QUJD"}], None])
def test_an_image_without_a_type(image: Any) -> None:
    problems = problems_of(sent({"model_id": "a/1", "image": image}))

    assert problems and all(problem["loc"][:2] == ["body", "image"] for problem in problems)


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_does_not_call_itself_json(content_type: str | None) -> None:
    (problem,) = problems_of(sent({"model_id": "a/1", "image": IMAGE}, content_type))

    assert (problem["type"], problem["loc"]) == ("model_attributes_type", ["body"])


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_other_spellings_of_json(content_type: str) -> None:
    assert parse_task_request(sent({"model_id": "a/1", "image": IMAGE}, content_type)).model_id == "a/1"


def test_neither_key_nor_picture_comes_back() -> None:
    with pytest.raises(ParameterError) as refused:
        parse_task_request(
            sent({"api_key": "secret-1", "image": {"type": 5, "value": "secret-2"}, "confidence": "secret-3"})
        )

    assert "secret" not in json.dumps(refused.value.details) + refused.value.message


def test_a_thousand_problems_are_cut_short() -> None:
    problems = problems_of(sent({"model_id": "a/1", "image": [{}] * 1000}))

    assert 1 <= len(problems) <= 20


class TestModelRequests:
    def test_fields(self) -> None:
        request = parse_model_request(sent({"model_id": "a/1", "model_type": None, "api_key": "k", "more": 1}))

        assert request.model_id == "a/1"

    @pytest.mark.parametrize("body", [{}, {"model_id": None}, {"model_id": 5}, [], b""])
    def test_refusals(self, body: Any) -> None:
        with pytest.raises(ParameterError):
            parse_model_request(sent(body))
