"""Documents and inputs that mean harm, or mean nothing: each is refused or bounded, and nothing but a proper error
comes out."""

import json
import random
import string
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import orjson
import pytest

from retinue.errors import RetinueError
from retinue.workflows.block import Limits
from retinue.workflows.compile import PlanCache, describe_document
from retinue.workflows.errors import WorkflowError
from tests.unit.measured_runs import Outcome, measured
from tests.unit.workflow_documents import (
    COLLAPSE,
    EXPRESSION,
    FIRST,
    IMAGE,
    INNER,
    SEGMENTER,
    SLICER,
    STITCH,
    SWITCH,
    TEMPLATE,
    Json,
    batch,
    cases,
    classifier,
    compiled,
    count,
    crop,
    detector,
    document,
    gate,
    group,
    inner,
    join,
    more_than,
    output,
    parameter,
    picture,
    run,
    step,
    take,
)

MOST_SECONDS, MOST_MEGABYTES = 2.0, 300.0
MOST_TEXT = 20_000

Case = Callable[[], Any]
CASES: dict[str, Case] = {}
ERRORS: dict[str, str] = {}


def hostile(error: str = "") -> Callable[[Case], Case]:
    """Registers a case by the name of its function: the error that it ends with, if it may not pass."""

    def register(case: Case) -> Case:
        CASES[case.__name__] = case
        ERRORS[case.__name__] = error
        return case

    return register


def run_case(name: str) -> Any:
    """What a case answers, shortened: what it raises is raised once it was written as the body of an answer."""
    try:
        CASES[name]()
    except WorkflowError as exc:
        body = exc.render()
        assert len(orjson.dumps(body)) < 6_000_000, "the error does not fit into an answer"
        raise


def deep(depth: int, kind: str = "list") -> Any:
    value: Any = [] if kind == "list" else {}
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


def text(name: str, template: str = "text", **data: Any) -> Json:
    return step(TEMPLATE, name, template=template, data=data)


def slicer(name: str, image: str, width: int = 1, height: int = 1, overlap: float = 0) -> Json:
    return step(
        SLICER, name, image=image, slice_width=width, slice_height=height, overlap_ratio_width=overlap,
        overlap_ratio_height=overlap,
    )  # fmt: skip


# Size


@hostile("WorkflowLimitError")
def ten_thousand_steps() -> None:
    compiled(document([detector(f"s{place}") for place in range(10_000)]))


@hostile("WorkflowLimitError")
def a_hundred_thousand_steps_that_are_none() -> None:
    compiled(document([{} for _ in range(100_000)]))


@hostile("WorkflowLimitError")
def a_million_faults() -> None:
    faulty = [
        {"type": "roboflow_core/property_definition@v1", "name": "a", "operations": [{}] * 1_000} for _ in range(1_000)
    ]
    compiled(document(faulty))


@hostile("WorkflowLimitError")
def a_million_faults_in_one_list() -> None:
    compiled(document([take("a", "$inputs.image") | {"operations": [{"type": "x"}] * 1_000_000}]))


@hostile("WorkflowSyntaxError")
def as_many_faults_as_fit() -> None:
    compiled(document([take("a", "$inputs.image", *[{}] * 50) for _ in range(880)]))


@hostile("WorkflowSyntaxError")
def faults_of_many_kinds_in_one_step() -> None:
    compiled(document([text("t", **{f"v{place}": None for place in range(45_000)})]))


@hostile("WorkflowLimitError")
def faults_below_long_keys() -> None:
    compiled(document([text("t") | {"data_operations": {"k" * 1_000_000: [{}] * 1_000}}]))


@hostile("WorkflowSyntaxError")
def faults_below_keys_that_are_just_not_too_long() -> None:
    compiled(document([text("t") | {"data_operations": {f"{place:01000}": [{}] * 1_000 for place in range(40)}}]))


@hostile("WorkflowLimitError")
def a_hundred_thousand_inputs_that_are_none() -> None:
    compiled(document(inputs=[{}] * 100_000, outputs=[5] * 100_000))


@hostile("WorkflowSyntaxError")
def thousands_of_inputs_that_are_none() -> None:
    compiled(document(inputs=[{}] * 20_000, outputs=[5] * 20_000))


@hostile("WorkflowLimitError")
def a_hundred_thousand_inputs() -> None:
    compiled(document(inputs=[parameter(f"p{place}") for place in range(100_000)]))


@hostile()
def thousands_of_inputs() -> None:
    compiled(document(inputs=[parameter(f"p{place}") for place in range(9_000)]))


@hostile()
def the_interface_of_many_inputs() -> None:
    inputs = [parameter(f"p{place}") for place in range(4_000)]
    steps = [join(f"e{place}", **{f"v{at}": f"$inputs.p{at}" for at in range(100)}) for place in range(200)]
    describe_document(document(steps, inputs=inputs), Limits(), no_workflows)


@hostile()
def thousands_of_outputs() -> None:
    outputs = [output(f"o{place}", "$inputs.p") for place in range(9_000)]
    assert len(run(document([], outputs, [parameter("p", 1)]), {})[0]) == 9_000


@hostile("PayloadTooLarge")
def thousands_of_outputs_of_one_long_list() -> None:
    outputs = [output(f"o{place}", "$inputs.p") for place in range(9_000)]
    run(document([], outputs, [parameter("p")]), {"p": [[1] * 1_000] * 200})


@hostile()
def thousands_of_outputs_of_crops() -> None:
    outputs = [output(f"o{place}", "$steps.crop.predictions") for place in range(2_000)]
    run(document([detector(), crop()], outputs), {"image": [picture(2)] * 10})


@hostile()
def as_many_references_as_fit() -> None:
    steps = [text(f"s{place}", **{f"v{at}": f"$steps.s{at}.output" for at in range(max(0, place - 100), place)})
             for place in range(480)]  # fmt: skip
    compiled(document(steps))


@hostile()
def a_chain_of_a_thousand_steps() -> None:
    steps = [text("s0"), *(text(f"s{place}", "{x}", x=f"$steps.s{place - 1}.output") for place in range(1, 1_000))]
    assert run(document(steps, {"x": "$steps.s999.output"}, []), {}) == [{"x": "text"}]


@hostile()
def a_thousand_conditions_about_each_other() -> None:
    gates = [gate(f"g{place}", "$inputs.p", f"g{place + 1}") for place in range(998)]
    definition = document(
        [*gates, gate("g998", "$inputs.p", "t"), text("t")], {"t": "$steps.t.output"}, [parameter("p", 1)]
    )
    assert run(definition, {}) == [{"t": "text"}]


@hostile()
def a_condition_about_a_thousand_steps() -> None:
    names = [f"s{place}" for place in range(998)]
    run(document([gate("go", "$inputs.image", *names), *map(text, names)]) | {"steps": [
        gate("go", "$inputs.p", *names), *map(text, names)], "inputs": [parameter("p", 1)]}, {})  # fmt: skip


@hostile("ExecutionGraphStructureError")
def a_circle_of_a_thousand_steps() -> None:
    compiled(document([take(f"s{place}", f"$steps.s{(place + 1) % 1_000}.output") for place in range(1_000)]))


@hostile("ExecutionGraphStructureError")
def circles_everywhere() -> None:
    steps = [text(f"s{place}", **{f"v{at}": f"$steps.s{at}.output" for at in range(200)}) for place in range(200)]
    compiled(document(steps))


# Depth


def _deep_steps(value: Any) -> list[Json]:
    return [detector(extra=value), detector(confidence=value), step(EXPRESSION, "e", data={}, switch=value),
            step(FIRST, "f", data=["$inputs.image"], default=value)]  # fmt: skip


@hostile("WorkflowError")
def lists_in_lists() -> None:
    each_refused([document([written]) for depth in (100, 10_000) for written in _deep_steps(deep(depth))])


@hostile("WorkflowError")
def objects_in_objects() -> None:
    each_refused([document([written]) for depth in (100, 10_000) for written in _deep_steps(deep(depth, "dict"))])


@hostile("WorkflowError")
def depth_in_every_section() -> None:
    value = deep(10_000)
    each_refused([
        document() | {section: place}
        for section in ("version", "inputs", "steps", "outputs", "dynamic_blocks_definitions", "unknown")
        for place in (value, [value], [{"name": value}], [{"type": value}])
    ])  # fmt: skip


@hostile("WorkflowError")
def depth_of_what_is_described() -> None:
    for definition in (document(outputs=[{"name": deep(10_000)}]), document() | {"x": deep(10_000)}):
        with pytest.raises(WorkflowError):
            describe_document(definition, Limits(), no_workflows)
    describe_document(deep(10_000), Limits(), no_workflows)


@hostile("WorkflowError")
def statements_in_statements() -> None:
    for depth in (33, 60, 10_000):
        statement = more_than(0)
        for _ in range(depth):
            statement = group(statement)
        gated = gate("go", "$inputs.image", "t") | {"condition_statement": statement}
        with pytest.raises(WorkflowError):
            compiled(document([gated, text("t")]))
    raise_last()


@hostile("WorkflowError")
def operations_in_operations() -> None:
    for depth in (33, 60, 10_000):
        operations: list[Any] = []
        for _ in range(depth):
            operations = [{"type": "SequenceApply", "operations": operations}]
        with pytest.raises(WorkflowError):
            compiled(document([take("t", "$inputs.image", *operations)]))
    raise_last()


@hostile("WorkflowError")
def filters_in_filters() -> None:
    for depth in (17, 60, 5_000):
        operations: list[Any] = []
        for _ in range(depth):
            operand = {"type": "DynamicOperand", "operations": operations}
            unary = {"type": "UnaryStatement", "operand": operand, "operator": {"type": "Exists"}}
            operations = [{"type": "DetectionsFilter", "filter_operation": group(unary)}]
        with pytest.raises(WorkflowError):
            compiled(document([take("t", "$inputs.image", *operations)]))
    raise_last()


@hostile("WorkflowError")
def deep_inputs() -> None:
    definition = document([text("t", v="$inputs.v")], {"t": "$steps.t.output"}, [batch("v", 30), parameter("p")])
    for value in (deep(10_000), deep(10_000, "dict"), [[deep(10_000)]]):
        with pytest.raises(WorkflowError):
            run(definition, {"v": value})
        with pytest.raises(WorkflowError):
            run(definition, {"v": 1, "p": value})
    raise_last()


# Nested workflows


def no_workflows(*_: Any) -> Any:
    raise RetinueError("there are none")


@hostile("InnerWorkflowError")
def a_workflow_that_nests_itself() -> None:
    again = document([step(INNER, "x", workflow_workspace_id="w", workflow_id="again")], {}, [])
    compiled(again, lambda *_: again)


@hostile("InnerWorkflowError")
def workflows_that_nest_new_ones_for_ever() -> None:
    def look_up(workspace: str, workflow_id: str, version: str | None) -> Json:
        nested = [
            step(INNER, f"x{at}", workflow_workspace_id="w", workflow_id=f"{workflow_id}.{at}") for at in range(100)
        ]
        return document(nested, {}, [])

    compiled(look_up("w", "a", None), look_up)


@hostile("InnerWorkflowError")
def workflows_in_workflows() -> None:
    child = document([text("t")], {}, [])
    for _ in range(12):
        child = document([inner("in", child)], {}, [])
    compiled(child)


@hostile("InnerWorkflowError")
def thousands_of_workflows_in_workflows() -> None:
    child = document([text("t")], {}, [])
    for _ in range(4_000):
        child = document([inner("in", child)], {}, [])
    with pytest.raises(WorkflowError, match="deep"):
        compiled(child)
    compiled(document([step(INNER, "x", workflow_workspace_id="w", workflow_id="a")]), lambda *_: child)


@hostile("InnerWorkflowError")
def saved_workflows_that_nest_deep() -> None:
    saved = document([text("t")], {}, [], extra=deep(900))
    compiled(document([step(INNER, "x", workflow_workspace_id="w", workflow_id="a")]), lambda *_: saved)


@hostile("WorkflowError")
def saved_workflows_that_are_none() -> None:
    named = document([step(INNER, "x", workflow_workspace_id="w", workflow_id="a")])
    for saved in ([], "x", 5, None, [[]], {"steps": 5}, {"steps": [5]}, {"steps": {}}, {}, document() | {"inputs": 5}):
        with pytest.raises(WorkflowError):
            compiled(named, lambda *_, saved=saved: saved)
    raise_last()


@hostile("WorkflowLimitError")
def lists_of_selectors_of_lists() -> None:
    """A thousand selectors at each level: 10 ** 9 in all."""
    child = document(
        [text("t"), step(FIRST, "f", data=["$steps.t.output"], default="$inputs.x")],
        {"x": "$steps.f.output"},
        [parameter("x")],
    )
    for _ in range(3):
        child = document([inner("in", child, x=["$inputs.x"] * 1_000)], {"x": "$steps.in.x"}, [parameter("x")])
    compiled(child)


@hostile("WorkflowSyntaxError")
def outputs_that_are_lists_of_outputs() -> None:
    child = document([text("t")], {"x": "$inputs.x"}, [parameter("x", ["$steps.t.output"] * 1_000)])
    filled = document([inner("in", child), text("t")], {"x": "$inputs.y"}, [parameter("y", ["$steps.in.x"] * 1_000)])
    child = document([inner("in", filled), text("t")], {"x": "$steps.in.x"}, [parameter("y", ["$steps.in.x"] * 1_000)])
    compiled(document([inner("in", child, y=["$steps.in.x"] * 1_000)], {"x": "$steps.in.x"}, []))


@hostile("WorkflowLimitError")
def long_names_of_nested_workflows() -> None:
    child = document([text(f"s{place}", x=f"$steps.s{place}.output") for place in range(1_000)], {}, [])
    compiled(document([inner("n" * 1_000_000, child)], {}, []))


@hostile("WorkflowLimitError")
def long_names_referred_to_often() -> None:
    child = document([text("a"), step(FIRST, "f", data=["$steps.a.output"] * 100_000)], {}, [])
    compiled(document([inner("n" * 100_000, child)], {}, []))


@hostile("WorkflowError")
def names_that_are_taken() -> None:
    child = document([text("a")], {}, [])
    taken = [text(f"in{at}__a" + f"__{place}" * (place > 1)) for at in range(30) for place in range(1_000)]
    compiled(document([*(inner(f"in{at}", child) for at in range(30)), *taken], {}, []))


@hostile("WorkflowError")
def many_steps_in_many_workflows() -> None:
    child = document([text(f"s{place}") for place in range(1_000)], {}, [])
    compiled(document([inner(f"in{at}", child) for at in range(32)], {}, []))


@hostile("ExecutionGraphStructureError")
def selectors_that_lead_back() -> None:
    child = document([text("t", x="$inputs.x")], {"x": "$steps.t.output"}, [parameter("x")])
    steps = [inner(f"n{at}", child, x=f"$steps.n{(at + 1) % 30}.x") for at in range(30)]
    compiled(document(steps, {"x": "$steps.n0.x"}, []))


@hostile("WorkflowError")
def outputs_that_are_their_own_selectors() -> None:
    child = document([text("t")], {"x": "$inputs.x"}, [parameter("x")])
    compiled(document([inner("in", child, x="$steps.in.x")], {"x": "$steps.in.x"}, []))


# Pictures


@hostile("WorkflowError")
def slices_of_slices_of_slices() -> None:
    steps = [slicer("a", "$inputs.image", 6, 4), slicer("b", "$steps.a.slices", 1, 1), slicer("c", "$steps.b.slices")]
    run(document(steps, {"x": "$steps.c.slices"}), {"image": [picture(1, 300, 200)] * 64})


@hostile("WorkflowError")
def slices_of_one_pixel() -> None:
    run(document([slicer("a", "$inputs.image")], {"x": "$steps.a.slices"}), {"image": picture(1, 1_000, 1_000)})


@hostile("WorkflowError")
def slices_that_hardly_move() -> None:
    run(document([slicer("a", "$inputs.image", 900, 900, 0.999)]), {"image": picture(1, 1_000, 1_000)})


@hostile()
def crops_of_crops_of_crops() -> None:
    """Of the 25 boxes in a crop one lies in it: there are 5,000 at each level, most of them empty."""
    steps: list[Json] = []
    image = "$inputs.image"
    for level in range(6):
        steps += [detector(f"d{level}", image), crop(f"c{level}", image, f"$steps.d{level}.predictions")]
        image = f"$steps.c{level}.crops"
    rows = run(
        document(steps, {"x": f"{image.removesuffix('crops')}predictions"}), {"image": [picture(25, 300, 200)] * 8}
    )
    assert len(rows) == 8 and all(row["x"] == [[[[[[]]]]]] for row in rows)


@hostile()
def ten_thousand_slices_of_five_thousand() -> None:
    """Each level is looked through once, not once for each element above it."""
    steps = [slicer("a", "$inputs.image", 2, 1), slicer("b", "$steps.a.slices"),
             take("n", "$steps.b.slices", {"type": "ExtractImageProperty", "property_name": "size"})]  # fmt: skip
    (row,) = run(document(steps, {"x": "$steps.n.output"}), {"image": picture(1, 100, 100)})
    assert len(row["x"]) == 5_000 and row["x"][0] == [1, 1]


@hostile()
def many_steps_over_many_slices() -> None:
    steps = [slicer("a", "$inputs.image"), *(text(f"t{at}", x="$steps.a.slices") for at in range(10))]
    run(document(steps, {f"x{at}": f"$steps.t{at}.output" for at in range(10)}), {"image": picture(1, 50, 100)})


@hostile()
def stitches_of_many_slices() -> None:
    steps = [slicer("a", "$inputs.image", 2, 2), detector("d", "$steps.a.slices"),
             step(STITCH, "st", reference_image="$inputs.image", predictions="$steps.d.predictions")]  # fmt: skip
    run(document(steps, {"x": "$steps.st.predictions"}), {"image": picture(1, 60, 60)})


@hostile("WorkflowError")
def masks_in_a_root_larger_than_anything() -> None:
    place = {"offset_x": 5, "offset_y": 5, "width": 10**9, "height": 10**9}
    given = picture(2) | {"root_parent_id": "r", "root_parent_origin": place}
    definition = document(
        [step(SEGMENTER, "m", images="$inputs.image", model_id="masks/1")], {"m": "$steps.m.predictions"}
    )
    run(definition, {"image": given})


def _with_masks(*rows: Json, side: int) -> None:
    kinds = ["instance_segmentation_prediction"]
    row = {"x": 5, "y": 6, "width": 2, "height": 4, "confidence": 0.5, "class_id": 1, "class": "cat"}
    given = {"image": {"width": side, "height": side}, "predictions": [row | item for item in rows]}
    run(document([], {"v": "$inputs.v"}, [batch("v", 1, kinds)]), {"v": given})


@hostile("WorkflowError")
def masks_larger_than_any_picture() -> None:
    corners = [{"x": x, "y": y} for x, y in ((0, 0), (0, 10**5), (10**5, 10**5), (10**5, 0))]
    _with_masks({"points": corners}, side=10**5)


@hostile("WorkflowError")
def many_masks_of_large_pictures() -> None:
    corners = [{"x": x, "y": y} for x, y in ((0, 0), (0, 10**4), (10**4, 10**4), (10**4, 0))]
    _with_masks(*[{"points": corners}] * 1_000, side=10**4)


@hostile("WorkflowError")
def many_run_lengths_of_large_pictures() -> None:
    _with_masks(*[{"rle_mask": {"size": [10**4, 10**4], "counts": [0, 10**8]}}] * 1_000, side=10**4)


@hostile("WorkflowError")
def run_lengths_that_never_end() -> None:
    _with_masks({"rle_mask": {"size": [100, 100], "counts": "o" * 5_000_000}}, side=100)


@hostile("WorkflowError")
def outlines_of_many_points() -> None:
    _with_masks({"points": [{"x": at % 100, "y": at % 97} for at in range(400_000)]}, side=10**4)


@hostile("WorkflowError")
def outlines_that_cross_themselves() -> None:
    """What is drawn between two rows is sorted by all the edges that cross them."""
    _with_masks(*[{"points": [{"x": at % 7, "y": at % 2 * 2_000} for at in range(9_000)]}] * 10, side=10**4)


@hostile("WorkflowError")
def tall_outlines_of_many_points() -> None:
    _with_masks(*[{"points": [{"x": at % 7, "y": at} for at in range(9_000)]}] * 10, side=10**4)


@hostile("WorkflowError")
def wide_outlines_that_cross_themselves() -> None:
    _with_masks({"points": [{"x": at % 2 * 10**6, "y": at % 10} for at in range(9_000)]}, side=10**4)


@hostile()
def a_thousand_masks() -> None:
    _with_masks(*[{"points": [{"x": 0, "y": 0}, {"x": 9, "y": 9}, {"x": 0, "y": 9}]}] * 1_000, side=10**4)


@hostile("WorkflowError")
def thousands_of_detections() -> None:
    _with_masks(*[{}] * 20_000, side=100)


@hostile("WorkflowLimitError")
def a_million_elements_of_an_input() -> None:
    run(document([], {"v": "$inputs.v"}, [parameter("v")]), {"v": [[]] * 1_000_000})


@hostile("WorkflowLimitError")
def long_batches_of_batches() -> None:
    run(document([], {"v": "$inputs.v"}, [batch("v", 30)]), {"v": [[[1]] * 100_000]})


@hostile("WorkflowError")
def too_many_pictures() -> None:
    run(document([detector()]), {"image": [picture()] * 100_000})


@hostile("WorkflowError")
def endless_batches_of_batches() -> None:
    run(document([], {"v": "$inputs.v"}, [batch("v", 10**9)]), {"v": [1]})


# Texts and numbers


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


# All at once: changes at random


def each_refused(definitions: list[Any]) -> None:
    """Compiles each, and raises the last error. AssertionError if one of them compiles, or its error cannot be sent."""
    assert definitions
    for definition in definitions:
        for get in (compiled, lambda document: PlanCache().get(document, Limits(), no_workflows)):
            try:
                get(definition)
            except WorkflowError as exc:
                body = orjson.dumps(exc.render())
                assert len(exc.public) < MOST_TEXT and len(body) < 1_000_000, f"{type(exc).__name__} says too much"
            else:
                raise AssertionError(f"this was not refused: {str(definition)[:300]}")
    raise_last()


def raise_last() -> None:
    raise WorkflowError("each was refused", context="test")


ATOMS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**63, 1e30, 0.5, -0.5, 1e308, "", "a", "$", "$inputs.image", "$inputs.nobody",
    "$steps.det", "$steps.det.predictions", "$steps.crop.crops", "$steps.n.output", "$steps.nobody.x", "$steps.det.*",
    [], {}, [None], [[]], {"": None}, {"type": None}, {"name": "det"}, ["$inputs.image"],
    {"a": "$steps.det.predictions"}, "x" * 1_000, "\x00", "☃", "roboflow_core/expression@v1",
    {"type": "StatementGroup", "statements": []}, "0.5", "1e400",
)  # fmt: skip


def seeds() -> list[Json]:
    """Documents that are in order, of all parts of the language."""
    child = document([detector("d"), count("n", "$steps.d.predictions")], {"n": "$steps.n.output"})
    is_more = more_than(0.6)["statements"][0]
    operand = {
        "type": "DynamicOperand",
        "operations": [{"type": "ExtractDetectionProperty", "property_name": "confidence"}],
    }
    confident = more_than(0.6, "_") | {"statements": [is_more | {"left_operand": operand}]}
    steps = [
        detector(), crop(), count(), classifier(images="$steps.crop.crops"), gate("go", "$steps.n.output", "t"),
        text("t", "{n}", n="$steps.n.output"), step(COLLAPSE, "all", data="$steps.cls.predictions"),
        step(SWITCH, "sw", value="$inputs.p", cases={"a": "$steps.e"}, default_next_steps=["$steps.f"]),
        step(EXPRESSION, "e", data={"n": "$steps.n.output"}, switch=cases(more_than(1))),
        step(FIRST, "f", data=["$steps.t.output", "$steps.e.output"], default=[1]),
        inner("in", child, image="$steps.crop.crops"),
        take("big", "$steps.det.predictions", {"type": "DetectionsFilter", "filter_operation": confident}),
    ]  # fmt: skip
    outputs = {"d": "$steps.det.*", "c": "$steps.crop.crops", "a": "$steps.all.output", "i": "$steps.in.n",
               "image": "$inputs.image",
               "p": "$inputs.p", "f": "$steps.f.output", "b": "$steps.big.output"}  # fmt: skip
    whole = document(steps, outputs, [IMAGE, parameter("p", "a", ["string"]), batch("v", 2)])
    slices = document(
        [slicer("sl", "$inputs.image", 30, 20), detector("d", "$steps.sl.slices"),
         step(STITCH, "st", reference_image="$inputs.image", predictions="$steps.d.predictions"),
         step(SEGMENTER, "m", images="$steps.sl.slices", model_id="masks/1")],
        [output("s", "$steps.st.predictions", "own"), output("m", "$steps.m.predictions")],
    )  # fmt: skip
    return [whole, slices]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to everything in the value."""
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def mutated(value: Any, chance: random.Random) -> Any:
    """The value with something in it replaced, left out, doubled, renamed or swapped."""
    *way, last = chance.choice([path for path in places(value) if path])
    holder = value
    for key in way:
        holder = holder[key]
    match chance.randrange(6):
        case 0 | 1:
            holder[last] = deepcopy(chance.choice(ATOMS))
        case 2:
            del holder[last]
        case 3 if isinstance(holder, list):
            holder.insert(last, deepcopy(holder[last]))
        case 3:
            holder[chance.choice(("a", "type", "name", ""))] = holder[last]
        case 4:
            other = chance.choice([path for path in places(value) if path])
            found = value
            for key in other:
                found = found[key]
            holder[last] = deepcopy(found)
        case _:
            holder[last] = [holder[last]] if chance.random() < 0.5 else {"a": holder[last]}
    return value


FUZZ_ROUNDS = 2_000


def fuzz(first: int, last: int) -> dict[str, int]:
    """Compiles and runs changed documents; counts what came of it. Raises what is no proper error."""
    whole = seeds()
    inputs = {"image": [picture(2), picture(0)], "v": [["a"], []], "p": "a"}
    results: dict[str, int] = {}
    for seed in range(first, last):
        chance = random.Random(seed)
        definition, given = deepcopy(chance.choice(whole)), deepcopy(inputs)
        for _ in range(chance.choice((1, 1, 2, 5))):
            if chance.random() < 0.85:
                definition = (
                    mutated({"x": definition}, chance)["x"] if chance.random() < 0.02 else mutated(definition, chance)
                )
            elif given:
                given = mutated(given, chance)
            if not isinstance(definition, dict) or not isinstance(given, dict):
                break
        try:
            rows = run(definition, given if isinstance(given, dict) else {}, look_up=no_workflows)
            orjson.dumps(rows)
            kind = "answered"
        except (WorkflowError, RetinueError) as exc:
            if isinstance(exc, WorkflowError):
                orjson.dumps(exc.render())
            kind = type(exc).__name__
        except Exception as exc:
            raise AssertionError(f"seed {seed}: {type(exc).__name__}: {exc}") from exc
        results[kind] = results.get(kind, 0) + 1
    return results


@pytest.mark.parametrize("part", range(4))
def test_changed_documents_are_answered_or_refused(part: int) -> None:
    size = FUZZ_ROUNDS // 4
    outcome = measured(fuzz, part * size, (part + 1) * size, timeout_s=60)
    assert not outcome.error, outcome.text
    assert outcome.value["answered"] > size / 20 and outcome.value["WorkflowSyntaxError"] > size / 20
    assert len(outcome.value) >= 6 and outcome.megabytes < MOST_MEGABYTES


@pytest.mark.parametrize("name", list(CASES))
def test_bounded(name: str) -> None:
    outcome: Outcome = measured(run_case, name, timeout_s=15)
    wanted = ERRORS[name]
    if wanted:
        assert outcome.error, "it was not refused"
        assert wanted in outcome.error, (outcome.error, outcome.text)
        assert outcome.text.strip() and len(outcome.text) < MOST_TEXT
    else:
        assert not outcome.error, (outcome.error[0], outcome.text)
    assert outcome.seconds < MOST_SECONDS
    assert outcome.megabytes < MOST_MEGABYTES
