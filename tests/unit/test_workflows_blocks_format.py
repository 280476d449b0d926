"""Blocks that read or write texts: json_parser, csv_formatter, string_template, current_time, beside upstream 1.8.3."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.workflow_steps import UPPER, Step, run


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
