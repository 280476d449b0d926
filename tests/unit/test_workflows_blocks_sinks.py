"""Blocks that send: the webhook, what it asks and answers, disabled sinks, data set uploads, beside upstream 1.8.3."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import ValidationError

from retinue.errors import RequestError
from retinue.workflows.errors import WorkflowLimitError
from tests.unit.buckets import SOON
from tests.unit.workflow_queries import op
from tests.unit.workflow_steps import IMAGE, RUNTIME, UPPER, Step, run


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout_s: float

    @property
    def content_type(self) -> str:
        return self.headers["Content-Type"]


class Post:
    """A sender that keeps what it is given, and answers with `status` or raises it."""

    def __init__(self, status: int | Exception = 200) -> None:
        self.status = status
        self.requests: list[Request] = []

    def __call__(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
        self.requests.append(Request(method, url, headers, body, timeout_s))
        if isinstance(self.status, Exception):
            raise self.status
        return self.status


URL = "https://example.com/hook"
SENT = {"error_status": False, "throttling_status": False, "message": "Notification sent successfully"}


class TestWebhookSink:
    def sent(self, **properties: Any) -> Request:
        """The request of a step with these properties."""
        post = Post()
        definition = {"url": URL, "method": "POST", "fire_and_forget": False}
        assert run("webhook_sink", definition, replace(RUNTIME, send=post), **properties) == SENT
        return post.requests[0]

    @pytest.mark.parametrize(
        ("url", "parameters", "expected"),
        [
            ("https://example.com/hook", {}, "https://example.com/hook"),
            (
                "https://example.com/hook?key=1#part",
                {"a b": "x&y", "n": [1, 2.5, True], "none": None, "empty": []},
                "https://example.com/hook?key=1&a+b=x%26y&n=1&n=2.5&n=True",
            ),
            (" https://example.com/a b/ü?x=[1]", {}, "https://example.com/a%20b/%C3%BC?x=%5B1%5D"),
            ("https://example.com/a%20b?x=%2F", {}, "https://example.com/a%20b?x=%2F"),
        ],
        ids=["bare", "after its own query", "escaped", "escaped before"],
    )
    def test_url(self, url: str, parameters: dict[str, Any], expected: str) -> None:
        assert self.sent(url=url, query_parameters=parameters).url == expected

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
    def test_json(self, method: str) -> None:
        request = self.sent(method=method, json_payload={"n": 1, "ü": [None, "x"]})

        assert (request.method, request.content_type) == (method, "application/json")
        assert request.body == b'{"n": 1, "\\u00fc": [null, "x"]}'

    def test_nothing_to_say_is_an_empty_object(self) -> None:
        assert self.sent(method="GET").body == b"{}"

    def test_form(self) -> None:
        request = self.sent(json_payload={"n": 1}, form_data={"a": "x y", "b": [1, 2], "c": None, "d": {"k": 1}})

        assert request.content_type == "application/x-www-form-urlencoded"
        assert request.body == b"a=x+y&b=1&b=2&d=k"

    def test_multipart(self) -> None:
        files = {"image": b"\xff\xd8", "n": 5, 'q"\n': ["a.txt", "text", "text/plain"], "none": None}

        request = self.sent(form_data={"field": ["x", 1]}, multi_part_encoded_files=files)

        kind, _, boundary = request.content_type.partition("; boundary=")
        assert kind == "multipart/form-data" and re.fullmatch("[0-9a-f]{32}", boundary)
        parts = [
            b'form-data; name="field"\r\n\r\nx',
            b'form-data; name="field"\r\n\r\n1',
            b'form-data; name="image"; filename="image"\r\n\r\n\xff\xd8',
            b'form-data; name="n"; filename="n"\r\n\r\n5',
            b'form-data; name="q%22%0A"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\ntext',
        ]
        opening = f"--{boundary}\r\nContent-Disposition: ".encode()
        assert request.body == opening + (b"\r\n" + opening).join(parts) + f"\r\n--{boundary}--\r\n".encode()

    def test_a_boundary_of_its_own_for_each_request(self) -> None:
        files = {"a": "x"}

        first, second = (self.sent(multi_part_encoded_files=files).content_type for _ in range(2))

        assert first != second

    def test_operations(self) -> None:
        definition = {
            "url": URL,
            "method": "POST",
            "json_payload": {"word": "x", "same": "y"},
            "json_payload_operations": {"word": [UPPER], "nobody": [UPPER], "same": []},
            "form_data_operations": {"nobody": [UPPER]},
        }
        post = Post()

        run("webhook_sink", definition, replace(RUNTIME, send=post))

        assert post.requests[0].body == b'{"word": "X", "same": "y"}'

    def test_a_picture_as_a_file(self) -> None:
        definition = {
            "url": URL,
            "method": "POST",
            "multi_part_encoded_files": {"image": "$inputs.image"},
            "multi_part_encoded_files_operations": {"image": [op("ConvertImageToJPEG")]},
        }
        post = Post()

        run("webhook_sink", definition, replace(RUNTIME, send=post), multi_part_encoded_files={"image": IMAGE})

        assert b'filename="image"\r\n\r\n\xff\xd8\xff' in post.requests[0].body

    def test_headers(self) -> None:
        request = self.sent(headers={"X-Count": 3, "X-Is": True, "content-type": "text/plain"})

        assert request.headers == {"X-Count": "3", "X-Is": "True", "content-type": "text/plain"}

    @pytest.mark.parametrize(("asked", "remaining", "given"), [(2, 100, 2), (60, 5, 5)], ids=["its own", "the rest"])
    def test_timeout(self, asked: int, remaining: float, given: float) -> None:
        post = Post()
        runtime = replace(RUNTIME, send=post, deadline=replace(SOON, at_s=time.monotonic() + remaining))

        run("webhook_sink", {"url": URL, "method": "GET", "request_timeout": asked}, runtime)

        assert post.requests[0].timeout_s == pytest.approx(given, abs=0.5)

    @pytest.mark.parametrize(
        ("status", "details"),
        [
            (204, None),
            (302, "Webhook redirects are not allowed"),
            (404, "404 Client Error: Not Found for url: https://example.com/hook"),
            (503, "503 Server Error: Service Unavailable for url: https://example.com/hook"),
            (599, "599 Server Error:  for url: https://example.com/hook"),
            (ConnectionError("nobody there"), "nobody there"),
            (TimeoutError("too late"), "too late"),
            (RequestError("10.0.0.7 is private", public="the host is not public"), "the host is not public"),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("is_forgotten", [False, True], ids=["waits", "forgets"])
    def test_answers(self, status: int | Exception, details: str | None, is_forgotten: bool) -> None:
        definition = {"url": URL, "method": "POST", "fire_and_forget": is_forgotten}
        definition["query_parameters"] = {"token": "hush"}

        result = run("webhook_sink", definition, replace(RUNTIME, send=Post(status)))

        message = "Notification sent successfully"
        if is_forgotten:
            message = "Notification sent in the background task"
        elif details:
            message = f"Failed to send webhook notification. Internal error details: {details}"
        is_error = bool(details) and not is_forgotten
        assert result == {"error_status": is_error, "throttling_status": False, "message": message}

    @pytest.mark.parametrize(
        ("properties", "details"),
        [
            ({"json_payload": {"a": float("nan")}}, "not JSON compliant"),
            ({"json_payload": {"a": IMAGE}}, "not JSON serializable"),
            ({"json_payload": {"a": ["x" * 1_000_000] * 1_000_000}}, "larger than 10,000,000"),
            ({"multi_part_encoded_files": {"a": IMAGE}}, "convert it with its operations"),
            ({"multi_part_encoded_files": {"a": 1.5}}, "a float, not text or bytes"),
            ({"multi_part_encoded_files": {"a": ["x"]}}, "a list of 1"),
            ({"request_timeout": 0}, "more than 0 seconds"),
            ({"url": "https://[::1/"}, "Invalid IPv6 URL"),
        ],
        ids=["NaN", "picture", "large", "picture as a file", "number as a file", "no file", "no time", "no URL"],
    )
    def test_what_cannot_be_sent(self, properties: dict[str, Any], details: str) -> None:
        post = Post()
        definition = {"url": URL, "method": "POST", "fire_and_forget": False}

        result = run("webhook_sink", definition, replace(RUNTIME, send=post), **properties)

        assert result["error_status"] is True and details in result["message"]
        assert post.requests == []

    @pytest.mark.parametrize("is_forgotten", [False, True])
    def test_a_limit_fails_the_step(self, is_forgotten: bool) -> None:
        runtime = replace(RUNTIME, send=Post(WorkflowLimitError("100 requests", context="here")))

        with pytest.raises(WorkflowLimitError):
            run("webhook_sink", {"url": URL, "method": "GET", "fire_and_forget": is_forgotten}, runtime)

    @pytest.mark.parametrize(("cooldown", "requests"), [(60, 1), (0, 2)])
    def test_cooldown(self, cooldown: int, requests: int) -> None:
        post = Post()
        definition = {"url": URL, "method": "GET", "cooldown_seconds": cooldown}
        again = Step("webhook_sink", definition).ready(replace(RUNTIME, send=post))
        again()

        result = again()

        assert len(post.requests) == requests
        assert (result["throttling_status"], result["error_status"]) == (requests == 1, False)
        assert (result["message"] == "Sink cooldown applies") == (requests == 1)


UPLOAD = {"images": "$inputs.image", "target_project": "project", "usage_quota_name": "quota"}


@pytest.mark.parametrize(
    ("name", "definition", "values"),
    [
        ("webhook_sink", {"url": "https://example.com", "method": "GET"}, {}),
        ("roboflow_core/roboflow_dataset_upload@v1", UPLOAD, {"images": IMAGE}),
        ("roboflow_core/roboflow_dataset_upload@v2", UPLOAD, {"images": IMAGE}),
    ],
)
@pytest.mark.parametrize(
    ("has_sinks", "is_disabled", "message"),
    [
        (True, True, "Sink was disabled by parameter `disable_sink`"),
        (False, False, "Sink was disabled by workflow execution policy"),
        (False, True, "Sink was disabled by workflow execution policy"),
    ],
)
def test_disabled_sinks(
    name: str, definition: dict[str, Any], values: dict[str, Any], has_sinks: bool, is_disabled: bool, message: str
) -> None:
    post = Post()
    runtime = replace(RUNTIME, send=post, has_sinks=has_sinks)

    result = run(name, {**definition, "disable_sink": is_disabled}, runtime, **values)

    assert (result["error_status"], result["message"]) == (False, message)
    assert result.get("throttling_status", False) is False
    assert post.requests == []


class TestRoboflowDatasetUpload:
    @pytest.mark.parametrize("version", [1, 2])
    @pytest.mark.parametrize("is_forgotten", [False, True])
    def test_there_is_no_dataset(self, version: int, is_forgotten: bool) -> None:
        step = {**UPLOAD, "fire_and_forget": is_forgotten}

        result = run(f"roboflow_core/roboflow_dataset_upload@v{version}", step, images=IMAGE)

        assert result["error_status"] is True and "no Roboflow account" in result["message"]

    @pytest.mark.parametrize(("version", "size", "quality"), [(1, (512, 512), 75), (2, (1920, 1080), 95)])
    def test_defaults(self, version: int, size: tuple[int, int], quality: int) -> None:
        manifest: Any = Step(f"roboflow_core/roboflow_dataset_upload@v{version}", UPLOAD).manifest

        assert (manifest.max_image_size, manifest.compression_level) == (size, quality)

    @pytest.mark.parametrize(
        ("version", "properties"),
        [
            (1, {"compression_level": 0}),
            (1, {"labeling_batches_recreation_frequency": "hourly"}),
            (1, {"persist_predictions": "$inputs.p"}),
            (2, {"data_percentage": 101}),
            (2, {"max_image_size": [1]}),
        ],
        ids=str,
    )
    def test_refused(self, version: int, properties: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Step(f"roboflow_core/roboflow_dataset_upload@v{version}", {**UPLOAD, **properties})

    def test_what_version_2_takes(self) -> None:
        step = {**UPLOAD, "persist_predictions": "$inputs.p", "metadata": {"camera": "$inputs.c", "n": 1}}

        Step("roboflow_core/roboflow_dataset_upload@v2", {**step, "data_percentage": "$inputs.d"})
