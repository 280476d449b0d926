"""HTTP requests to other services."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import Field

from retinue.errors import RetinueError
from retinue.workflows.block import Block, Runtime
from retinue.workflows.errors import WorkflowError
from retinue.workflows.manifest import AnyRef, BooleanRef, IntegerRef, Manifest, Reference, StringRef
from retinue.workflows.named_values import apply_by_name
from retinue.workflows.outgoing import Body, encode_body, url_with_query
from retinue.workflows.query.syntax import Operations
from retinue.workflows.sinks import disabled_message

_TEXT_KINDS = (
    "string",
    "integer",
    "float",
    "roboflow_model_id",
    "roboflow_project",
    "roboflow_api_key",
    "float_zero_to_one",
)
HeaderRef = Annotated[str, Reference((*_TEXT_KINDS, "boolean", "top_class"))]
QueryRef = Annotated[str, Reference((*_TEXT_KINDS, "list_of_values", "boolean", "top_class"))]
FieldValue = AnyRef | str | float | bool | int | dict[str, Any] | list[Any]


def _operations_field(name: str) -> Any:
    return Field(default_factory=dict, description=f"What to do with values of `{name}`, by name.")


class WebhookSinkManifest(Manifest):
    """Where to send what, and how often."""

    url: StringRef | str = Field(description="Where to send it.")
    method: Literal["GET", "POST", "PUT"] = Field(description="The HTTP method.")
    query_parameters: dict[str, QueryRef | str | float | bool | int | list[str | float | int | bool]] = Field(
        default_factory=dict, description="Parameters for the URL."
    )
    headers: dict[str, HeaderRef | str | float | bool | int] = Field(
        default_factory=dict, description="Headers of the request."
    )
    json_payload: dict[str, FieldValue] = Field(default_factory=dict, description="The fields of a JSON body.")
    json_payload_operations: dict[str, Operations] = _operations_field("json_payload")
    multi_part_encoded_files: dict[str, FieldValue] = Field(
        default_factory=dict, description="The files of a multipart body."
    )
    multi_part_encoded_files_operations: dict[str, Operations] = _operations_field("multi_part_encoded_files")
    form_data: dict[str, FieldValue] = Field(default_factory=dict, description="The fields of a form.")
    form_data_operations: dict[str, Operations] = _operations_field("form_data")
    request_timeout: int | IntegerRef = Field(2, description="How long to wait for an answer, in seconds.")
    fire_and_forget: bool | BooleanRef = Field(True, description="Whether nobody wants to know if it arrived.")
    disable_sink: bool | BooleanRef = Field(False, description="Whether to send nothing.")
    cooldown_seconds: int | IntegerRef = Field(5, description="How long to send nothing after something was sent.")


class WebhookSink(Block):
    """Sends an HTTP request to a public https host.

    A failure is an output, not an error of the step; with `fire_and_forget` it is no output either. The request is
    always sent before the workflow answers: a function does nothing more after its answer.
    """

    identifier = "roboflow_core/webhook_sink@v1"
    title = "Webhook Sink"
    category = "sink"
    manifest = WebhookSinkManifest
    outputs = {"error_status": ("boolean",), "throttling_status": ("boolean",), "message": ("string",)}

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._sent_at_s: float | None = None

    def run(
        self,
        url: str,
        method: str,
        query_parameters: dict[str, Any],
        headers: dict[str, Any],
        json_payload: dict[str, Any],
        json_payload_operations: dict[str, Operations],
        multi_part_encoded_files: dict[str, Any],
        multi_part_encoded_files_operations: dict[str, Operations],
        form_data: dict[str, Any],
        form_data_operations: dict[str, Operations],
        request_timeout: int,
        fire_and_forget: bool,
        disable_sink: bool,
        cooldown_seconds: int,
    ) -> dict[str, Any]:
        if message := disabled_message(self.runtime, disable_sink):
            return _answer(message)
        now_s = time.monotonic()
        if self._sent_at_s is not None and now_s - self._sent_at_s < cooldown_seconds:
            return _answer("Sink cooldown applies", is_throttled=True)
        payload = _applied(json_payload, json_payload_operations)
        files = _applied(multi_part_encoded_files, multi_part_encoded_files_operations)
        form = _applied(form_data, form_data_operations)
        self._sent_at_s = now_s
        failure = None
        try:
            body = encode_body(payload, files, form)
            self._send(method, url_with_query(url, query_parameters), headers, body, request_timeout)
        except WorkflowError:
            raise
        except (RetinueError, OSError, TypeError, ValueError, RecursionError) as exc:
            failure = f"Failed to send webhook notification. Internal error details: {getattr(exc, 'public', exc)}"
        if fire_and_forget:
            return _answer("Notification sent in the background task")
        return _answer(failure or "Notification sent successfully", is_error=failure is not None)

    def _send(self, method: str, url: str, headers: Mapping[str, Any], body: Body, timeout_s: float) -> None:
        """Raises ValueError, OSError or RetinueError unless the answer says that all is well."""
        if timeout_s <= 0:
            raise ValueError(f"request_timeout is {timeout_s}; it must be more than 0 seconds")
        sent = {name: str(value) for name, value in headers.items()}
        if "content-type" not in map(str.lower, sent):
            sent["Content-Type"] = body.content_type
        timeout_s = min(timeout_s, self.runtime.deadline.remaining_s)
        status = self.runtime.send(method, url, headers=sent, body=body.content, timeout_s=timeout_s)
        if 300 <= status < 400:
            raise ValueError("Webhook redirects are not allowed")
        if status >= 400:
            # Without the query: it may hold secrets that the caller does not know.
            raise ValueError(f"{_status_text(status)} for url: {url.partition('?')[0]}")


def _applied(values: Mapping[str, Any], operations: Mapping[str, Operations]) -> dict[str, Any]:
    """The values after their operations; those on a name without a value count for nothing."""
    return apply_by_name(values, {name: chain for name, chain in operations.items() if name in values})


def _answer(message: str, *, is_error: bool = False, is_throttled: bool = False) -> dict[str, Any]:
    return {"error_status": is_error, "throttling_status": is_throttled, "message": message}


def _status_text(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"{status} {'Client' if status < 500 else 'Server'} Error: {phrase}"
