"""The requests that are sent, in both forms that clients use."""

import base64
from dataclasses import dataclass

import orjson

from bench.cases import Case
from bench.documents import Document
from local.http1 import Request
from local.payload import http_event, split_target
from local.routes import Router
from local.template import Template


@dataclass(frozen=True, slots=True)
class Call:
    """A POST request with its path and query."""

    target: str
    content_type: str
    body: bytes

    def event(self, template: Template) -> bytes:
        """The event (JSON) that the gateway makes of it."""
        path, _ = split_target(self.target)
        match = Router(template.routes).match("POST", path)
        assert match is not None  # the template has both routes, or the stack's own tests fail
        headers = [("host", "localhost"), ("content-type", self.content_type), ("content-length", str(len(self.body)))]
        request = Request("POST", self.target, "HTTP/1.1", headers, self.body, "127.0.0.1")
        # Sent many times, so of no time: the service counts how long an event of the last seconds has waited.
        return http_event(request, match.route, match.parameters, "bench", "Root=1-0-0", 0.0, 9001)


def url_call(model_id: str, jpeg: bytes, key: str) -> Call:
    """As Roboflow's snippets do: base64 text in the body, called a form. The detect pool serves every model."""
    target = f"/detect/{model_id}?api_key={key}"
    return Call(target, "application/x-www-form-urlencoded", base64.b64encode(jpeg))


def json_call(case: Case, jpeg: bytes, key: str) -> Call:
    """As inference-sdk does: everything in a JSON body. Upstream gets the very same bytes."""
    body = orjson.dumps({"api_key": key, "model_id": case.model_id, "image": _picture(jpeg)})
    return Call(case.route, "application/json", body)


def workflow_call(document: Document, case: Case, jpeg: bytes, key: str) -> Call:
    """A run of the document, which the request brings along, with that detector. Upstream gets the very same bytes."""
    specification = document.specification(case.model_id)
    inputs, left_out = {"image": _picture(jpeg)}, list(document.left_out)
    body = orjson.dumps({"api_key": key, "specification": specification, "inputs": inputs, "excluded_fields": left_out})
    return Call("/workflows/run", "application/json", body)


def _picture(jpeg: bytes) -> dict[str, str]:
    return {"type": "base64", "value": base64.b64encode(jpeg).decode("ascii")}
