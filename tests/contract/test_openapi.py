"""The OpenAPI document: it is what the code says, and what the stack answers."""

import json
import os
import re
from collections.abc import Callable

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from retinue.http.documentation import DOCUMENT
from tests.contract.deployment import Answer, Deployment
from tests.contract.openapi_requests import Document, Fuzz, Prepared
from tests.contract.pictures import scene
from tools import write_openapi

# RETINUE_FUZZ_REQUESTS=5000 for the long run.
SEED = int(os.environ.get("RETINUE_FUZZ_SEED", "6"))
REQUESTS = int(os.environ.get("RETINUE_FUZZ_REQUESTS", "300"))
RECORD = json.loads(DOCUMENT.read_text("utf-8"))
EXAMPLES = dict(Document(RECORD).examples())
# What the examples name does not exist, or cannot be fetched from here.
UNKNOWN = re.compile(r"\{job_id\}|/uploads/\{id\}|^get /videoinfer")

Check = Callable[[Prepared, Answer], None]


@pytest.fixture(scope="module")
def described(saved: Deployment) -> Deployment:
    """`saved` with what the examples of the document speak of."""
    bucket = saved.stack.environment()["RETINUE_UPLOADS_BUCKET"]
    saved.s3.put_object(Bucket=bucket, Key="sources/default/june/1.jpg", Body=scene())
    return saved


@pytest.fixture(scope="module")
def check() -> Check:
    """Fails unless an answer has a status that the document knows, and a body as it says there."""
    document, validators = Document(RECORD), {}

    def validator(request: Prepared, status: int, kind: str) -> Draft202012Validator:
        key = (request.operation["operationId"], status, kind)
        if key not in validators:
            response = document.resolved(request.operation["responses"][str(status)])
            schema = {"components": RECORD["components"], **response["content"][kind]["schema"]}
            validators[key] = Draft202012Validator(schema)
        return validators[key]

    def check(request: Prepared, answer: Answer) -> None:
        told = f"{request}\n{answer.status} {answer.body[:1000]!r}"
        assert str(answer.status) in request.operation["responses"], told
        assert answer.status != 500, told
        kind = answer.headers["content-type"].partition(";")[0]
        instance = json.loads(answer.body) if kind == "application/json" else answer.body.decode("latin-1")
        problem = next(validator(request, answer.status, kind).iter_errors(instance), None)
        assert problem is None, f"{told}\n{problem.json_path}: {problem.message[:500]}"

    return check


def sent(deployment: Deployment, request: Prepared, key: str) -> Answer:
    headers = {"authorization": f"Bearer {key}", **request.headers}
    return deployment.send(request.method.upper(), request.target, request.body, headers)


def test_the_file_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text("utf-8") == write_openapi.render(), "run python -m tools.write_openapi"


def test_it_is_openapi_3_1() -> None:
    assert RECORD["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(RECORD).iter_errors()] == []


def test_it_has_the_routes_of_the_template_and_no_others() -> None:
    routes = {f"{method.upper()} {path}" for method, path, _ in Document(RECORD).operations()}
    assert routes == set(write_openapi.route_functions())


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_answered_as_described(described: Deployment, key: str, check: Check, name: str) -> None:
    request = EXAMPLES[name]
    answer = sent(described, request, key)

    check(request, answer)
    assert answer.status < 300 or UNKNOWN.search(f"{request.method} {request.path}") or needs_picture(request)


def needs_picture(request: Prepared) -> bool:
    """Whether it is a URL route without the picture, which GET has no example of."""
    return request.method == "get" and request.path.endswith("{version}")


@pytest.mark.timeout(1800)
def test_random_requests_are_answered_as_described(described: Deployment, key: str, check: Check) -> None:
    statuses: dict[int, int] = {}
    for request in Fuzz(Document(RECORD), SEED).requests(REQUESTS):
        answer = sent(described, request, key)
        check(request, answer)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
    print(f"{REQUESTS} requests of seed {SEED}: {dict(sorted(statuses.items()))}")
    # The requests must neither be harmless nor all stop at the first check.
    assert statuses[200] > REQUESTS // 8
    assert statuses[422] > REQUESTS // 20
    assert statuses[400] > REQUESTS // 20


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_it_is_served_without_a_key(deployment: Deployment, path: str) -> None:
    answer = deployment.send("GET", path)

    assert answer.status == 200
    if path == "/openapi.json":
        assert json.loads(answer.body) == RECORD
    else:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_page_asks_no_other_host(deployment: Deployment, path: str) -> None:
    page = deployment.send("GET", path)

    assert not re.findall(rb"https?://|\bsrc=|<link|@import|url\(", page.body)
    assert b"connect-src 'self'" in page.headers["content-security-policy"].encode()
