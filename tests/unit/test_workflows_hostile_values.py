"""Texts, numbers and names that mean harm, or mean nothing: each is refused or bounded."""

import json
import string
from typing import Any

import orjson
import pytest

from retinue.workflows.block import Limits
from retinue.workflows.compile import PlanCache
from retinue.workflows.errors import WorkflowError
from tests.unit.hostile_workflows import Hostile, each_refused, no_workflows, raise_last
from tests.unit.workflow_documents import (
    FIRST,
    IMAGE,
    SWITCH,
    Json,
    batch,
    compiled,
    detector,
    document,
    inner,
    join,
    output,
    parameter,
    picture,
    run,
    slicer,
    step,
    take,
    text,
)

hostile = Hostile()


def matches(regex: str, value: str) -> Any:
    """Whether the text matches, as a workflow finds it."""
    asked = take("t", "$inputs.v", {"type": "StringMatches", "regex": regex})
    (row,) = run(document([asked], {"x": "$steps.t.output"}, [batch("v")]), {"v": value})
    return row["x"]


@hostile("WorkflowError")
def expressions_that_backtrack() -> None:
    for regex in (r"^(a+)+$", r"^(a|a?)+$"):
        assert matches(regex, "a" * 40 + "!") is False
    matches(r"(x+x+)+y", "x" * 50_000)


@hostile("WorkflowError")
def expressions_that_are_none() -> None:
    for regex in ("(", "a{1,100000000}{1,100000000}", "(?P<a", "(" * 5_000, "[" * 10_001, "\\"):
        with pytest.raises(WorkflowError):
            matches(regex, "a" * 99)
    assert matches("(?<=a+)" * 1_000, "a" * 99) is True
    raise_last()


@hostile("WorkflowError")
def templates_that_grow() -> None:
    for template in ("{a:>999999999}", "{a:{a}}", "{a!r:>99999}" * 100, "{" * 99_999, "{a[0]}", "{a.__class__}", "{0}",
                     "{}", "{a:" + "{a:" * 1_000, "{a:%" * 3, "{a:,.99999999f}", "{b}"):  # fmt: skip
        with pytest.raises(WorkflowError):
            run(document([text("t", template, a="9999999999")], inputs=[]), {})
    raise_last()


@hostile("WorkflowError")
def templates_of_templates() -> None:
    """Each doubles what the one before it gave."""
    steps = [text("t0", "x" * 100), *(text(f"t{at}", "{a}{a}", a=f"$steps.t{at - 1}.output") for at in range(1, 60))]
    run(document(steps, {"x": "$steps.t59.output"}, []), {})


@hostile("WorkflowError")
def joined_texts_that_grow() -> None:
    table = {"type": "SequenceMap", "lookup_table": {"a": "x" * 100_000}}
    run(document([take("t", "$inputs.v", table, "SequenceJoin")], inputs=[batch("v")]), {"v": [["a"] * 100_000]})


@hostile("WorkflowError")
def lists_that_double() -> None:
    """Each element becomes a list of a thousand."""
    table = {"type": "SequenceMap", "lookup_table": {"a": ["a"] * 1_000}}
    operations: list[Json] = [table]
    for _ in range(6):
        operations = [table, {"type": "SequenceApply", "operations": operations}]
    run(document([take("t", "$inputs.v", *operations)], inputs=[batch("v")]), {"v": [["a"] * 1_000]})


@hostile("WorkflowError")
def products_that_grow() -> None:
    operations = [{"type": "Multiply", "other": 2**62}] * 1_000
    run(document([take("t", "$inputs.v", *operations)], {"x": "$steps.t.output"}, [batch("v")]), {"v": 2**62})


@hostile("WorkflowError")
def products_of_floats_that_grow() -> None:
    operations = [{"type": "Multiply", "other": 1e300}] * 10
    operations += [{"type": "ToNumber", "cast_to": "int"}]
    run(document([take("t", "$inputs.v", *operations)], {"x": "$steps.t.output"}, [batch("v")]), {"v": 1e300})


@hostile("WorkflowError")
def sums_of_texts() -> None:
    operations = [{"type": "NumericSequenceAggregate", "function": "sum"}]
    run(document([take("t", "$inputs.v", *operations)], inputs=[batch("v")]), {"v": [["a" * 1_000] * 10_000]})


@hostile("WorkflowError")
def rounding_to_many_digits() -> None:
    def rounded(digits: float) -> Any:
        asked = sent(take("t", "$inputs.v", {"type": "NumberRound", "decimal_digits": digits}))
        return run(document([asked], {"x": "$steps.t.output"}, [batch("v")]), {"v": 1.5})

    assert rounded(10**9) == [{"x": 1.5}] and rounded(-(10**9)) == [{"x": 0.0}]
    for digits in (10**30, 1e300):
        with pytest.raises(WorkflowError):
            rounded(digits)
    raise_last()


@hostile("WorkflowError")
def huge_integers_everywhere() -> None:
    huge = 10**300
    written = [
        detector(confidence=huge), detector(max_detections=huge), detector(name=huge), detector(images=huge),
        detector(class_filter=[huge]), slicer("a", "$inputs.image", 1, -huge),
        step(FIRST, "f", data=huge), step(SWITCH, "s", value="a", cases={"a": huge}), {"type": huge, "name": "a"},
    ]  # fmt: skip
    each_refused([sent(document([item])) for item in written])
    each_refused([sent(document(inputs=[batch("b", number)])) for number in (huge, -huge)])
    each_refused([sent(document() | {"version": huge})])
    PlanCache().get(sent(document(inputs=[parameter("p", huge)])), Limits(), no_workflows)
    assert run(document([], {"x": "$inputs.v"}, [batch("v")]), sent({"v": huge})) == [{"x": 1e300}]
    multiplied = sent(take("t", "$inputs.v", {"type": "Multiply", "other": huge}))
    run(document([multiplied], {"x": "$steps.t.output"}, [batch("v")]), {"v": 2**63})
    with pytest.raises(WorkflowError):
        run(document([slicer("a", "$inputs.image", sent(huge))]), {"image": picture()})
    raise_last()


def sent(value: Any) -> Any:
    """What a request gives that is sent as JSON: whole numbers of more than 64 bits as floats."""
    return orjson.loads(json.dumps(value))


@hostile("WorkflowError")
def numbers_that_are_none() -> None:
    for number in (float("nan"), float("inf"), -float("inf")):
        each_refused([document([detector(confidence=number)]), document([detector(max_detections=number)]),
                      document(inputs=[batch("b", number)])])  # type: ignore[arg-type]  # fmt: skip
        for kind in ("float", "float_zero_to_one", "list_of_values", "point"):
            given = {"list_of_values": [number], "point": [number, 1]}.get(kind, number)
            definition = document([take("t", "$inputs.v", "ToString")], {"v": "$inputs.v"}, [batch("v", 1, [kind])])
            try:
                orjson.dumps(run(definition, {"v": [given]}))
            except WorkflowError:
                assert kind == "float_zero_to_one"
    raise_last()


@hostile("WorkflowError")
def long_names() -> None:
    long = "n" * 2_000_000
    joined = join("e", a="$steps.a.slices", b=f"$steps.{long}.slices")
    each_refused([
        document([detector(long, confidence=5)]),
        document([detector(long), detector(long)]),
        document([detector("a"), take(long, f"$steps.{long}.output")]),
        document([detector(), detector("b", "$steps.det.predictions") | {"name": long}]),
        document([{"type": long, "name": "a"}]),
        document([{"type": f"roboflow_core/{long}@v1", "name": "a"}]),
        document([take("a", "$inputs.image", {"type": long})]),
        document([take("a", "$inputs.image", *[{"type": long[:1_000]}] * 1_000)]),
        document([], {"x": f"$steps.{long}.x"}),
        document([], {long: "$steps.a.x"}),
        document(inputs=[IMAGE, {"type": long, "name": long}]),
        document([slicer("a", "$inputs.image"), slicer(long, "$inputs.image"), joined]),
        document([inner(long, document([text("t")], {}, []), **{long: 1})]),
        document([inner("a", document([text("t")], {}, [parameter(long)]))]),
        document([step(SWITCH, long, value="a", cases={"a": "$steps.x", "b": "$steps.x", long: "$steps.x"})]),
        document() | {"version": long},
        document() | {"version": "1." * 1_000_000},
        document() | {"version": "9" * 100_000},
    ])  # fmt: skip


@hostile("WorkflowError")
def strange_names() -> None:
    names = (
        "",
        " ",
        "\x00",
        "a.b",
        "a b",
        "$steps.a",
        "*",
        "é",
        "☃",
        "😀",
        "\u202eabc",
        "\n",
        "a\n",
        "..",
        "__proto__",
    )
    for name in names:
        definition = document([detector(name)], [output(name, f"$steps.{name}.predictions")])
        try:
            compiled(definition)
        except WorkflowError:
            assert not name or set(name) - set(string.ascii_letters + string.digits + "-_")
        try:
            run(definition)
        except WorkflowError as exc:
            orjson.dumps(exc.render())
    raise_last()


@pytest.mark.parametrize("name", hostile.names)
def test_bounded(name: str) -> None:
    hostile.check(name)
