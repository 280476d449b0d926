"""Blocks that write, choose, branch and send: what each answers, beside what upstream 1.8.3 answered."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from retinue.errors import RequestError
from retinue.workflows.block import Branch, Runtime
from retinue.workflows.errors import InvalidBlockBehaviourError, WorkflowLimitError
from retinue.workflows.image import WorkflowImage
from retinue.workflows.registry import find_block
from tests.unit.buckets import SOON


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


class NoModels:
    def predict(self, *_: Any) -> Any:
        raise AssertionError("these blocks need no model")


RUNTIME = Runtime(models=NoModels(), send=Post(), deadline=SOON)
IMAGE = WorkflowImage.of_pixels(np.zeros((4, 6, 3), np.uint8), "image")


@dataclass
class Step:
    """A step of a definition: `values` are what its selectors mean when it runs."""

    name: str
    definition: dict[str, Any]

    def __post_init__(self) -> None:
        block = find_block(self.name if "@" in self.name else f"roboflow_core/{self.name}@v1")
        assert block is not None
        self.block = block
        self.manifest = block.manifest.model_validate({"type": block.identifier, "name": "step", **self.definition})

    def run(self, runtime: Runtime = RUNTIME, **values: Any) -> Any:
        return self.ready(runtime, **values)()

    def ready(self, runtime: Runtime = RUNTIME, **values: Any) -> Callable[[], Any]:
        """The block's object, to be called again and again."""
        block = self.block(runtime)
        names = type(self.manifest).model_fields.keys() - {"type", "name"}
        properties = {name: getattr(self.manifest, name) for name in names} | values
        return lambda: block.run(**properties)


def run(name: str, definition: dict[str, Any], runtime: Runtime = RUNTIME, **values: Any) -> Any:
    return Step(name, definition).run(runtime, **values)


def operation(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"type": kind, **arguments}


UPPER, LENGTH = operation("StringToUpperCase"), operation("SequenceLength")


def holds(name: str, comparator: str, value: Any) -> dict[str, Any]:
    """The condition that a variable compares so with a value."""
    statement = {
        "type": "BinaryStatement",
        "left_operand": {"type": "DynamicOperand", "operand_name": name},
        "comparator": {"type": comparator},
        "right_operand": {"type": "StaticOperand", "value": value},
    }
    return {"type": "StatementGroup", "statements": [statement]}


class TestPropertyDefinition:
    @pytest.mark.parametrize(
        ("operations", "expected"),
        [([], ["a", "b"]), ([LENGTH], 2), ([LENGTH, operation("ToString")], "2")],
        ids=["none: as it is", "one", "in order"],
    )
    def test_output(self, operations: list[Any], expected: Any) -> None:
        step = {"data": "$inputs.x", "operations": operations}

        assert run("property_definition", step, data=["a", "b"]) == {"output": expected}

    def test_only_selectors_are_data(self) -> None:
        with pytest.raises(ValidationError, match="data"):
            Step("property_definition", {"data": "text", "operations": []})


class TestExpression:
    def choose(self, cases: list[tuple[Any, Any]], default: Any, **more: Any) -> Any:
        def result(value: Any) -> Any:
            if isinstance(value, dict):
                return {"type": "DynamicCaseResult", **value}
            return {"type": "StaticCaseResult", "value": value}

        switch = {
            "type": "CasesDefinition",
            "cases": [
                {"type": "CaseDefinition", "condition": condition, "result": result(value)}
                for condition, value in cases
            ],
            "default": result(default),
        }
        step = {"data": {"n": "$inputs.n", "word": "$inputs.word"}, "switch": switch, **more}
        return run("expression", step, data={"n": 5, "word": "five"})["output"]

    @pytest.mark.parametrize(
        ("cases", "expected"),
        [
            ([], "none"),
            ([(holds("n", "==", 4), "four"), (holds("n", "==", 5), "five")], "five"),
            ([(holds("n", "(Number) >", 1), "first"), (holds("n", "==", 5), "second")], "first"),
            ([(holds("n", "==", 4), "four")], "none"),
            ([(holds("n", "==", 5), {"parameter_name": "word"})], "five"),
            ([(holds("n", "==", 5), {"parameter_name": "word", "operations": [UPPER]})], "FIVE"),
        ],
        ids=["no case", "second holds", "both hold", "none holds", "a variable", "a changed variable"],
    )
    def test_result(self, cases: list[Any], expected: Any) -> None:
        assert self.choose(cases, "none") == expected

    def test_default_may_be_a_variable(self) -> None:
        assert self.choose([], {"parameter_name": "n"}) == 5

    def test_operations_come_before_the_cases(self) -> None:
        operations = {"word": [LENGTH]}

        assert (
            self.choose([(holds("word", "==", 4), "four letters")], "?", data_operations=operations) == "four letters"
        )

    @pytest.mark.parametrize(
        ("default", "more", "message"),
        [
            ({"parameter_name": "nobody"}, {}, "nobody"),
            ("x", {"data_operations": {"nobody": [UPPER]}}, r"nobody.*\['n', 'word'\]"),
        ],
    )
    def test_unknown_variables(self, default: Any, more: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            self.choose([], default, **more)


class TestJsonParser:
    @pytest.mark.parametrize(
        ("text", "fields", "expected"),
        [
            ('{"a": 1, "b": null}', ["a", "b"], {"a": 1, "b": None, "error_status": False}),
            ('```json {"a": 1}``` then ```json {"a": 2}```', ["a"], {"a": 1, "error_status": False}),
            ('Sure!\n```JSON\n{"a": [1]}\n``` more', ["a"], {"a": [1], "error_status": False}),
            ('{"a": 1}', ["a", "c"], {"a": 1, "c": None, "error_status": True}),
            ("{broken", ["a"], {"a": None, "error_status": True}),
            ("[1]", ["a"], {"a": None, "error_status": True}),
            ('"a"', ["a"], {"a": None, "error_status": True}),
            ("[1]", [], {"error_status": False}),
            ("nope", [], {"error_status": True}),
            ("```json {} ", ["a"], {"a": None, "error_status": True}),
            ("[" * 100_000, ["a"], {"a": None, "error_status": True}),
        ],
        ids=[
            "null is there",
            "first of two blocks",
            "any case",
            "a field missing",
            "no JSON",
            "a list",
            "a text that contains the field's name",
            "nothing wanted of a list",
            "nothing wanted, no JSON",
            "block without end",
            "deeply nested",
        ],
    )
    def test_fields(self, text: str, fields: list[str], expected: dict[str, Any]) -> None:
        assert run("json_parser", {"raw_json": "$inputs.x", "expected_fields": fields}, raw_json=text) == expected

    def test_each_field_is_an_output(self) -> None:
        step = Step("json_parser", {"raw_json": "{}", "expected_fields": ["a", "b"]})

        assert step.block.outputs_of(step.manifest) == {"error_status": ("boolean",), "a": ("*",), "b": ("*",)}

    def test_the_name_of_the_status_is_taken(self) -> None:
        with pytest.raises(ValidationError, match="`error_status` is reserved field name"):
            Step("json_parser", {"raw_json": "{}", "expected_fields": ["error_status"]})


class TestCsvFormatter:
    STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")

    def table(self, values: list[Any]) -> str:
        """The table of one column, with T for the times."""
        rows = [{"a": value} for value in values]
        results = run("csv_formatter", {"columns_data": {"a": "$steps.s.out"}}, columns_data=rows)
        assert [result["csv_content"] for result in results[:-1]] == [None] * (len(values) - 1)
        return self.STAMP.sub("T", results[-1]["csv_content"])

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([1, 2], "1,T\n2,T\n"),
            ([1, 2.5], "1.0,T\n2.5,T\n"),
            ([1, None], "1.0,T\n,T\n"),
            ([None, "x"], ",T\nx,T\n"),
            ([True, 2], "True,T\n2,T\n"),
            ([1, True, None], "1,T\nTrue,T\n,T\n"),
            ([float("nan"), "s"], ",T\ns,T\n"),
            ([0.1, 1e22], "0.1,T\n1e+22,T\n"),
            ([10**20, 1.5], "100000000000000000000,T\n1.5,T\n"),
            ([-5, -0.5], "-5.0,T\n-0.5,T\n"),
            (["=1+1", "-5"], "'=1+1,T\n'-5,T\n"),
            (["+x", "@y"], "'+x,T\n'@y,T\n"),
            (["\tq", 'say "hi"'], '\'\tq,T\n"say ""hi""",T\n'),
            (["a,b", "two\nlines"], '"a,b",T\n"two\nlines",T\n'),
            ([[1, "=x"], {"k": None}], "\"[1, '=x']\",T\n{'k': None},T\n"),
        ],
        ids=repr,
    )
    def test_cells(self, values: list[Any], expected: str) -> None:
        assert self.table(values) == f"a,timestamp\n{expected}"

    def test_carriage_returns_are_quoted(self) -> None:
        # upstream leaves them bare, and readers take them for the end of the row
        assert self.table(["a\rb", "\rc"]) == 'a,timestamp\n"a\rb",T\n"\'\rc",T\n'

    def test_columns_keep_their_order(self) -> None:
        step = {
            "columns_data": {"b": "$inputs.x", "a": 7, "n": "$inputs.y"},
            "columns_operations": {"b": [UPPER]},
        }

        (result,) = run("csv_formatter", step, columns_data={"b": "x", "a": 7, "n": [1, 2]})

        assert self.STAMP.sub("T", result["csv_content"]) == 'b,a,n,timestamp\nX,7,"[1, 2]",T\n'

    def test_the_time_is_that_of_the_run(self) -> None:
        before = datetime.now(UTC)

        (result,) = run("csv_formatter", {"columns_data": {"a": 1}})

        written = datetime.fromisoformat(result["csv_content"].split(",")[-1].strip())
        assert before <= written <= datetime.now(UTC)

    @pytest.mark.parametrize(("place", "value"), [("columns_data", 1), ("columns_operations", [])])
    def test_the_name_of_the_time_is_taken(self, place: str, value: Any) -> None:
        with pytest.raises(ValidationError, match="reserved name `timestamp`"):
            Step("csv_formatter", {"columns_data": {"a": 1}, place: {"timestamp": value}})

    def test_operations_on_no_column(self) -> None:
        with pytest.raises(ValueError, match="operations on `b`"):
            run("csv_formatter", {"columns_data": {"a": 1}, "columns_operations": {"b": [UPPER]}})


class TestStringTemplate:
    @pytest.mark.parametrize(
        ("template", "data", "expected"),
        [
            ("{a:>5}|{b:.2f}|{c!r}", {"a": "x", "b": 1.005, "c": "q"}, "    x|1.00|'q'"),
            ("{{}} {a}", {"a": [1, None]}, "{} [1, None]"),
            ("{a:{b}}", {"a": 3, "b": 4}, "   3"),
            ("{a:%Y-%m}", {"a": datetime(2026, 1, 2)}, "2026-01"),
            ("{a:=^9}", {"a": "mid"}, "===mid==="),
            ("{a:,}", {"a": 1_234_567}, "1,234,567"),
            ("", {"a": 1}, ""),
            ("{a}{a}", {"a": "ü"}, "üü"),
            ("{a}" * 100, {"a": "x" * 10_000}, "x" * 1_000_000),
        ],
        ids=["formats", "doubled braces", "width by name", "date", "fill", "commas", "empty", "twice", "just so long"],
    )
    def test_text(self, template: str, data: dict[str, Any], expected: str) -> None:
        assert run("string_template", {"template": "$inputs.t"}, template=template, data=data) == {"output": expected}

    def test_operations_come_first(self) -> None:
        step = {"template": "{a}", "data": {"a": "x"}, "data_operations": {"a": [UPPER]}}

        assert run("string_template", step) == {"output": "X"}

    @pytest.mark.parametrize(
        ("template", "data", "message"),
        [
            ("{}", {}, "without a name"),
            ("{0}", {"0": 1}, "without a name"),
            ("{a.__class__}", {"a": 1}, "looks into a value"),
            ("{a[0]}", {"a": [1]}, "looks into a value"),
            ("{a:{b.c}}", {"a": 1, "b": 1}, "looks into a value"),
            ("{b} {c}", {"a": 1}, r"\['b', 'c'\].*\['a'\]"),
            ("{a", {"a": 1}, "cannot be read.*expected '}'"),
            ("}", {}, "cannot be read"),
            ("{a:d}", {"a": "x"}, "cannot be filled in.*'d'"),
            ("{a!x}", {"a": 1}, "cannot be filled in"),
            ("{a:{b:{c}}}", {"a": 1, "b": 2, "c": 3}, "braces inside the braces"),
            ("{a:10001}", {"a": 1}, "more than 10,000"),
            ("{a:.10001f}", {"a": 1.0}, "more than 10,000"),
            ("{a:{b}}", {"a": 1, "b": 10_001}, "more than 10,000"),
            ("{a:{b}}", {"a": 1, "b": "9" * 5_000}, "more than 10,000"),
            ("{a:" + "%9999Y" * 101 + "}", {"a": datetime(2026, 1, 1)}, "more than 10,000"),
            ("{a}" * 101, {"a": "x" * 10_000}, "longer than 1,000,000"),
            ("{a:10000}" * 10_000, {"a": 1}, "longer than 1,000,000"),
            ("{a}", {"a": ["x" * 100_000] * 1_000_000}, "longer than 1,000,000"),
            ("{a}" * 50_000, {"a": "x" * 1_000_000}, "longer than 1,000,000"),
        ],
        ids=[
            "no name",
            "a number",
            "an attribute",
            "an index",
            "an attribute in a format",
            "unknown names",
            "open brace",
            "closing brace",
            "wrong format",
            "wrong conversion",
            "nested twice",
            "wide",
            "precise",
            "wide by name",
            "a width of 5,000 digits",
            "wide years",
            "one too many",
            "ten thousand wide fields",
            "a long text a million times",
            "fifty thousand long texts",
        ],
    )
    def test_refused(self, template: str, data: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            run("string_template", {"template": "$inputs.t"}, template=template, data=data)

    def test_a_template_that_is_no_text(self) -> None:
        with pytest.raises(ValueError, match="not a text but int"):
            run("string_template", {"template": "$inputs.t"}, template=5)


class TestCurrentTime:
    @pytest.mark.parametrize(
        ("zone", "offset"), [("UTC", "+00:00"), ("Asia/Kathmandu", "+05:45"), ("Etc/GMT+12", "-12:00")]
    )
    def test_now(self, zone: str, offset: str) -> None:
        before = datetime.now(UTC)

        now = run("current_time", {"timezone": zone})

        assert before <= now["timestamp"] <= datetime.now(UTC)
        assert now["iso_string"] == now["timestamp"].isoformat() and now["iso_string"].endswith(offset)
        assert f"{now['date']}T{now['time']}" == now["iso_string"][:19]

    def test_utc_unless_said(self) -> None:
        assert run("current_time", {})["iso_string"].endswith("+00:00")

    def test_every_zone_of_the_list_is_known(self) -> None:
        zones = Step("current_time", {}).block.manifest.model_json_schema()["properties"]["timezone"]["anyOf"][0][
            "enum"
        ]

        assert len(zones) == 55 and all(run("current_time", {"timezone": zone}) for zone in zones)

    @pytest.mark.parametrize("zone", ["Europe/Paris", "Mars", "", "../../etc/passwd", None, 5])
    def test_other_zones(self, zone: Any) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            run("current_time", {"timezone": "$inputs.z"}, timezone=zone)
        with pytest.raises(ValidationError):
            Step("current_time", {"timezone": zone})


CASES = {"red": "$steps.stop", "5": "$steps.five", "1.0": "$steps.one", "True": "$steps.yes", "None": "$steps.no"}


class TestSwitchCase:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("red", ("stop",)),
            (5, ("five",)),
            (1.0, ("one",)),
            (True, ("yes",)),
            (None, ("no",)),
            ("RED", ("other", "last")),
            (1, ("other", "last")),
        ],
    )
    def test_values_compare_as_text(self, value: Any, expected: tuple[str, ...]) -> None:
        step = {"value": "$inputs.x", "cases": CASES, "default_next_steps": ["$steps.other", "$steps.last"]}

        assert run("switch_case", step, value=value) == Branch(expected)

    @pytest.mark.parametrize(("value", "expected"), [("RED", ("stop",)), ("tRuE", ("yes",)), ("blue", ())])
    def test_case_insensitive(self, value: str, expected: tuple[str, ...]) -> None:
        step = {"value": "$inputs.x", "cases": CASES, "case_insensitive": True}

        assert run("switch_case", step, value=value) == Branch(expected)

    @pytest.mark.parametrize(
        ("properties", "message"),
        [
            ({"cases": {"a": "$steps.x", "b": "$steps.x"}}, r"at most once.*\['\$steps.x'\]"),
            ({"cases": {"a": "$steps.x"}, "default_next_steps": ["$steps.x"]}, "at most once"),
            ({"cases": {"a": "$steps.x", "A": "$steps.y"}, "case_insensitive": True}, "collide"),
            ({"cases": {"a": "nowhere"}}, "cases.a"),
        ],
    )
    def test_refused(self, properties: dict[str, Any], message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            Step("switch_case", {"value": "a", **properties})

    def test_nowhere_to_go(self) -> None:
        assert run("switch_case", {"value": "a"}) is None


CONTINUE = {
    "condition_statement": holds("n", "(Number) >", 3),
    "evaluation_parameters": {"n": "$inputs.n"},
    "next_steps": ["$steps.a", "$steps.b"],
}


class TestContinueIf:
    @pytest.mark.parametrize(("value", "expected"), [(4, ("a", "b")), (3, ())])
    def test_branch(self, value: int, expected: tuple[str, ...]) -> None:
        assert run("continue_if", CONTINUE, evaluation_parameters={"n": value}) == Branch(expected)

    @pytest.mark.parametrize(("stop_delay", "expected"), [(60, ("a", "b")), (0.0, ())], ids=["open", "closed"])
    def test_a_branch_that_stays_open(self, stop_delay: float, expected: tuple[str, ...]) -> None:
        values = {"n": 4}
        again = Step("continue_if", CONTINUE).ready(evaluation_parameters=values, stop_delay=stop_delay)
        assert again() == Branch(("a", "b"))

        values["n"] = 3

        assert again() == Branch(expected)

    @pytest.mark.parametrize(
        "properties", [{"stop_delay": 0}, {"stop_delay": -1}, {"evaluation_parameters": {"n": 5}}], ids=str
    )
    def test_refused(self, properties: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Step("continue_if", {**CONTINUE, **properties})

    def test_nowhere_to_go(self) -> None:
        with pytest.raises(InvalidBlockBehaviourError, match="next_steps is empty"):
            run("continue_if", {**CONTINUE, "next_steps": []}, evaluation_parameters={"n": 4})


SECRETS = {"variables_storing_secrets": ["SMTP_Password", "NOT_SET"]}


class TestEnvironmentSecretsStore:
    def test_values_under_small_names(self) -> None:
        runtime = replace(RUNTIME, secrets={"SMTP_Password": "hush", "smtp_password": "other"})

        assert run("environment_secrets_store", SECRETS, runtime) == {"smtp_password": "hush", "not_set": None}

    def test_outputs_are_secrets(self) -> None:
        step = Step("environment_secrets_store", SECRETS)

        assert step.block.outputs_of(step.manifest) == {"smtp_password": ("secret",), "not_set": ("secret",)}

    def test_off_unless_the_operator_allows_it(self) -> None:
        message = "^`roboflow_core/environment_secrets_store@v1` block cannot run in this environment - "
        with pytest.raises(RuntimeError, match=message):
            run("environment_secrets_store", SECRETS)

    def test_nothing_asked_for(self) -> None:
        with pytest.raises(ValidationError):
            Step("environment_secrets_store", {"variables_storing_secrets": []})


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
            "multi_part_encoded_files_operations": {"image": [operation("ConvertImageToJPEG")]},
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
