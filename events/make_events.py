"""Write the sample events of this folder: what API Gateway hands a function for real requests of real clients.

    .venv/bin/python events/make_events.py

They serve `sam local invoke DetectFunction --event events/http-detect-base64.json` and the tests. The picture inside is
a JPEG of 32 x 32 pixels with one disc, drawn here. Times, ids and addresses are fixed, so a second run changes nothing.
"""

import base64
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
KEY = "sample-key"
# A detector and its boxes drawn: what POST /workflows/run brings along, and what is saved as default/coins.
WORKFLOW: dict[str, Any] = {
    "version": "1.0",
    "inputs": [
        {"type": "WorkflowImage", "name": "image"},
        {"type": "WorkflowParameter", "name": "confidence", "default_value": 0.4},
    ],
    "steps": [
        {
            "type": "roboflow_core/roboflow_object_detection_model@v2",
            "name": "coins",
            "images": "$inputs.image",
            "model_id": "coins/1",
            "confidence": "$inputs.confidence",
        },
        {
            "type": "roboflow_core/bounding_box_visualization@v1",
            "name": "boxes",
            "image": "$inputs.image",
            "predictions": "$steps.coins.predictions",
        },
    ],
    "outputs": [
        {"type": "JsonField", "name": "coins", "selector": "$steps.coins.predictions"},
        {"type": "JsonField", "name": "picture", "selector": "$steps.boxes.image"},
    ],
}
HOST = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
BOUNDARY = "1f0c9b52d1a54c6e8b1c6a4f2f6d7e90"
FORM = "application/x-www-form-urlencoded"
# HTTP API leaves a body of these types as text. It base64-encodes any other, and one without a type; so base64 text in
# a form, which is what the classic snippets send, arrives encoded twice.
TEXT_TYPES = ("application/json", "application/xml", "application/javascript")


def picture() -> bytes:
    """A JPEG, 32 x 32 pixels: an orange disc on grey."""
    image = Image.new("RGB", (32, 32), (90, 96, 104))
    ImageDraw.Draw(image).ellipse((6, 6, 25, 25), fill=(232, 140, 42))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def event(
    route: str,
    path: str,
    query: dict[str, str] | None = None,
    *,
    body: bytes = b"",
    content_type: str | None = None,
    agent: str = "python-requests/2.32.5",
) -> dict[str, Any]:
    """The payload (format 2.0) of one request. `route` is the routeKey, `path` what the client asked for."""
    raw_query = urlencode(query or {}, quote_via=quote)
    method = route.split()[0]
    context = {
        "accountId": "123456789012",
        "apiId": HOST.split(".")[0],
        "domainName": HOST,
        "domainPrefix": HOST.split(".")[0],
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": agent},
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": route,
        "stage": "$default",
        "time": "03/Nov/2026:10:15:30 +0000",
        "timeEpoch": 1793700930000,
    }
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": raw_query,
        "headers": headers(method, body, content_type, agent),
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if raw_query:
        made["queryStringParameters"] = dict(parse_qsl(raw_query, keep_blank_values=True))
    if parameters := path_parameters(route, path):
        made["pathParameters"] = parameters
    if body:
        is_text = content_type is not None and content_type.startswith(("text/", *TEXT_TYPES))
        made["body"] = body.decode() if is_text else base64.b64encode(body).decode()
        made["isBase64Encoded"] = not is_text
    return made


def headers(method: str, body: bytes, content_type: str | None, agent: str) -> dict[str, str]:
    """Headers as the gateway passes them on: names in lower case, its own forwarding headers added."""
    made = {
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
        "host": HOST,
        "user-agent": agent,
        "x-amzn-trace-id": "Root=1-6ae94a42-1f8d2c5b7a0e4d3c9b6f1a28",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    if body or method == "POST":
        made["content-length"] = str(len(body))
    if content_type is not None:
        made["content-type"] = content_type
    return dict(sorted(made.items()))


def path_parameters(route: str, path: str) -> dict[str, str]:
    """What the `{...}` segments of the route matched in the path."""
    pairs = zip(route.split(" ", 1)[1].split("/"), path.split("/"), strict=True)
    return {template[1:-1]: value for template, value in pairs if template.startswith("{")}


def multipart(picture: bytes) -> bytes:
    """A form with one file part named `file`."""
    head = 'Content-Disposition: form-data; name="file"; filename="disc.jpg"\r\nContent-Type: image/jpeg'
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()


def infer_event(task: str, model_id: str, picture: bytes) -> dict[str, Any]:
    """A request to /infer/{task}: one JSON object, the picture as base64 inside."""
    image = {"type": "base64", "value": base64.b64encode(picture).decode()}
    body = json.dumps({"api_key": KEY, "model_id": model_id, "image": [image], "confidence": 0.4}).encode()
    return event(f"POST /infer/{task}", f"/infer/{task}", body=body, content_type="application/json")


def workflow_event(route: str, path: str, picture: bytes, **fields: Any) -> dict[str, Any]:
    """A request that runs a workflow over one picture, as inference-sdk sends it."""
    inputs = {"image": {"type": "base64", "value": base64.b64encode(picture).decode()}, "confidence": 0.4}
    body = {"api_key": KEY, "use_cache": True, "enable_profiling": False, "inputs": inputs, **fields}
    return event(f"POST {route}", path, body=json.dumps(body).encode(), content_type="application/json")


def all_events() -> dict[str, dict[str, Any]]:
    """File name without its ending -> event."""
    disc = picture()
    text = base64.b64encode(disc)
    model = "POST /{project}/{version}"
    query = {"api_key": KEY, "confidence": "40", "overlap": "30"}
    url = {"api_key": KEY, "image": "https://images.example.com/coins.jpg?width=640"}
    form = f"multipart/form-data; boundary={BOUNDARY}"
    return {
        "http-detect-base64": event(model, "/coins/1", query, body=text, content_type=FORM),
        "http-detect-url": event(model, "/coins/1", url),
        "http-detect-multipart": event(model, "/coins/1", query, body=multipart(disc), content_type=form),
        "http-classify-base64": event(
            "POST /classify/{project}/{version}", "/classify/digits/1", {"api_key": KEY}, body=text, content_type=FORM
        ),
        "http-outline-base64": event(
            "POST /outline/{project}/{version}", "/outline/coins/1", query, body=text, content_type=FORM
        ),
        "http-infer-object-detection": infer_event("object_detection", "coins/1", disc),
        "http-infer-classification": infer_event("classification", "digits/1", disc),
        "http-infer-instance-segmentation": infer_event("instance_segmentation", "coins/1", disc),
        "http-infer-keypoints-detection": infer_event("keypoints_detection", "people/1", disc),
        "http-infer-semantic-segmentation": infer_event("semantic_segmentation", "roads/1", disc),
        "http-workflow-run": workflow_event("/workflows/run", "/workflows/run", disc, specification=WORKFLOW),
        "http-workflow-saved": workflow_event("/{workspace}/workflows/{id}", "/default/workflows/coins", disc),
        "http-infer-workflows": workflow_event("/infer/workflows", "/infer/workflows", disc, specification=WORKFLOW),
        "http-infer-workflows-saved": workflow_event(
            "/infer/workflows/{workspace}/{id}", "/infer/workflows/default/coins", disc
        ),
        "http-registry": event("GET /model/registry", "/model/registry", {"api_key": KEY}, agent="curl/8.14.1"),
        "http-info": event("GET /info", "/info", agent="curl/8.14.1"),
    }


def main() -> None:
    """Write every event."""
    for name, made in all_events().items():
        (HERE / f"{name}.json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
