"""Routes: the template against itself, against the tables of the functions, and against the sample events."""

import base64
import importlib.util
import itertools
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import pytest

from retinue.models.package import RESERVED_PROJECTS
from retinue.workflows.saved import RESERVED_WORKFLOWS
from tests.template.deployment import ROOT, Deployed

# Variables whose values cannot be these words.
RESERVED = {"{project}": RESERVED_PROJECTS, "{workspace}": RESERVED_PROJECTS, "{id}": RESERVED_WORKFLOWS}
EVENTS = sorted((ROOT / "events").glob("http-*.json"))


@pytest.fixture(scope="session")
def routes(deployed: Deployed) -> dict[str, str]:
    """Route key -> logical id of the function that answers it, read from the API that SAM made."""
    found = {}
    for path, operations in deployed.properties("Api")["Body"]["paths"].items():
        for method, operation in operations.items():
            integration = operation["x-amazon-apigateway-integration"]
            assert integration["payloadFormatVersion"] == "2.0"
            (function,) = re.findall(r"/functions/(\w+)Aliaslive/", integration["uri"])
            found[path if path == "$default" else f"{method.upper()} {path}"] = function
    return found


def segments(key: str) -> list[str]:
    return key.split(" ", 1)[1].split("/")


def overlap(one: str, other: str) -> bool:
    """Whether some request could match both routes: same method, and each pair of segments is equal or variable."""
    if one.split()[0] != other.split()[0] or len(segments(one)) != len(segments(other)):
        return False
    return all(a == b or "{" in a or "{" in b for a, b in zip(segments(one), segments(other), strict=True))


def is_more_static(one: str, other: str) -> bool:
    """Whether `one` is static wherever `other` is, and somewhere where `other` is not."""
    pairs = [("{" in a, "{" in b) for a, b in zip(segments(one), segments(other), strict=True)]
    return all(b or not a for a, b in pairs) and any(b and not a for a, b in pairs)


def needs_a_reserved_name(one: str, other: str) -> bool:
    """Whether nothing lies behind `one` where both match: something would have a reserved name."""
    pairs = zip(segments(one), segments(other), strict=True)
    return any(fixed in RESERVED.get(own, ()) for own, fixed in pairs)


def is_ambiguous(one: str, other: str) -> bool:
    """Whether the gateway would have to guess which route a request is for, and could guess wrong."""
    if not overlap(one, other) or is_more_static(one, other) or is_more_static(other, one):
        return False
    return not (needs_a_reserved_name(one, other) and needs_a_reserved_name(other, one))


def test_no_request_has_two_equally_good_routes(routes: dict[str, str]) -> None:
    """HTTP API takes the most static of the routes that match, so of two that overlap one must be the more static.

    `GET /model/registry` beats `GET /{project}/{version}`; `/a/{x}` beside `/{y}/b` would leave /a/b to chance, unless
    neither x may be called b, nor y a.
    """
    keys = [key for key in routes if key != "$default"]
    for one, other in itertools.combinations(keys, 2):
        assert not is_ambiguous(one, other), (one, other)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("GET /a/{x}", "GET /{y}/b", True),
        ("GET /detect/{project}", "GET /{workspace}/workflows", False),
        ("GET /detect/{project}", "GET /{workspace}/more", True),
        ("GET /a/{project}", "GET /{workspace}/workflows", True),
        ("GET /detect/{version}", "GET /{workspace}/workflows", True),
        ("GET /infer/{id}", "GET /{workspace}/describe_interface", False),
        ("GET /{a}/{b}", "GET /{c}/{d}", True),
        ("GET /a/b", "GET /{y}/b", False),
        ("GET /a/{x}", "POST /{y}/b", False),
        ("GET /a/{x}", "GET /{y}/b/c", False),
    ],
)
def test_the_rule_itself(one: str, other: str, expected: bool) -> None:
    assert is_ambiguous(one, other) is is_ambiguous(other, one) is expected


def test_there_is_one_route_for_each_event_of_the_template(routes: dict[str, str], source: dict[str, Any]) -> None:
    """SAM puts routes into a table: a second function with the same path and method would replace the first."""
    declared = [
        (event["Properties"].get("Method"), event["Properties"].get("Path"), name)
        for name, resource in source["Resources"].items()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    keys = ["$default" if path is None else f"{method} {path}" for method, path, _ in declared]
    assert len(keys) == len(set(keys))
    assert routes == {key: name for key, (_, _, name) in zip(keys, declared, strict=True)}


def test_every_route_may_invoke_its_function(routes: dict[str, str], deployed: Deployed) -> None:
    permitted = {
        (item["FunctionName"].removesuffix("Aliaslive"), item["SourceArn"].split(":Api/*/", 1)[1])
        for item in deployed.of_type("AWS::Lambda::Permission").values()
        if item["Principal"] == "apigateway.amazonaws.com" and item["Action"] == "lambda:InvokeFunction"
    }
    needed = set()
    for key, function in routes.items():
        method, _, path = key.partition(" ")
        needed.add((function, "*" if key == "$default" else method + re.sub(r"\{\w+\}", "*", path)))
    assert permitted == needed


@pytest.mark.parametrize("pool", ["detect", "classify", "outline", "workflow", "catalog", "jobs"])
def test_the_table_of_a_function_is_the_templates(routes: dict[str, str], source: dict[str, Any], pool: str) -> None:
    function = f"{pool.title()}Function"
    properties = source["Resources"][function]["Properties"]
    module = load(ROOT / properties["CodeUri"] / "app.py", f"{pool}_app")
    assert set(module.ROUTES) == {key for key, name in routes.items() if name == function}
    assert all(map(callable, module.ROUTES.values()))
    assert callable(module.handler)


def load(path: Path, name: str) -> ModuleType:
    """A module by its file, under a name of its own: every function calls its module `app`."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def matching(method: str, path: str, routes: dict[str, str]) -> str:
    """The route that HTTP API takes for a request: the most static match, else $default."""
    request = f"{method} {path}"
    found = [key for key in routes if key != "$default" and overlap(key, request)]
    return max(found, key=lambda key: sum("{" not in part for part in segments(key)), default="$default")


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_a_sample_event_is_what_the_gateway_would_send(path: Path, routes: dict[str, str]) -> None:
    event = json.loads(path.read_text(encoding="utf-8"))
    http = event["requestContext"]["http"]
    assert event["routeKey"] == event["requestContext"]["routeKey"] == matching(http["method"], http["path"], routes)
    assert event["rawPath"] == http["path"]
    assert event.get("queryStringParameters", {}) == dict(parse_qsl(event["rawQueryString"], keep_blank_values=True))
    filled = event["routeKey"].split(" ", 1)[1].format(**event.get("pathParameters", {}))
    assert filled == event["rawPath"]
    body = event.get("body", "")
    size = len(base64.b64decode(body, validate=True)) if event["isBase64Encoded"] else len(body.encode())
    assert int(event["headers"].get("content-length", 0)) == size


def test_there_is_a_sample_event_for_every_inference_route(routes: dict[str, str]) -> None:
    sampled = {json.loads(path.read_text(encoding="utf-8"))["routeKey"] for path in EVENTS}
    assert {key for key in routes if key.startswith("POST /infer/")} <= sampled
    assert {"POST /{project}/{version}", "GET /model/registry", "GET /info"} <= sampled
