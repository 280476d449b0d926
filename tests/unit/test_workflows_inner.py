"""Nested workflows: what becomes of their steps in their parent, and when they cannot be put there."""

from copy import deepcopy
from typing import Any

import pytest

from retinue.errors import NotFound
from retinue.workflows.block import Limits
from retinue.workflows.compile import PlanCache
from retinue.workflows.errors import (
    DuplicatedNameError,
    ExecutionGraphStructureError,
    InnerWorkflowError,
    InvalidReferenceTargetError,
    WorkflowDefinitionError,
    WorkflowEnvironmentConfigurationError,
    WorkflowLimitError,
    WorkflowSyntaxError,
)
from retinue.workflows.inner import MOST_COUNT, MOST_DEPTH, Lookup, has_saved_parts, inline
from tests.unit.workflow_documents import (
    COLLAPSE,
    FIRST,
    IMAGE,
    INNER,
    SWITCH,
    TEMPLATE,
    Json,
    batch,
    blamed,
    classifier,
    compiled,
    count,
    crop,
    detector,
    document,
    gate,
    inner,
    join,
    output,
    parameter,
    picture,
    run,
    runtime,
    step,
)

COMPOSITION = "workflow_compilation | inner_workflow | composition"
BINDINGS = "workflow_compilation | inner_workflow | parameter_bindings"


def echo(default: Any = "default") -> Json:
    """A workflow that says what it is told."""
    return document(
        [step(TEMPLATE, "pick", template="$inputs.msg")],
        {"echo": "$steps.pick.output"},
        [parameter("msg", default)],
    )


def detecting() -> Json:
    """A workflow that finds and counts objects."""
    return document(
        [detector("d", confidence="$inputs.conf"), count("n", "$steps.d.predictions")],
        {"preds": "$steps.d.predictions", "count": "$steps.n.output"},
        [IMAGE, parameter("conf", 0.5)],
    )


def nested(depth: int, child: Json | None = None) -> Json:
    """Workflows in each other, the innermost `depth` below the first: all hand on what they are told."""
    for _ in range(depth):
        child = document(
            [inner("mid", child or echo(), msg="$inputs.msg")], {"echo": "$steps.mid.echo"}, [parameter("msg")]
        )
    return child or echo()


def library(**documents: Json) -> Lookup:
    """Saved workflows of the workspace `ws`."""

    def look_up(workspace: str, workflow_id: str, version: str | None) -> Json:
        key = workflow_id if version is None else f"{workflow_id}_v{version}"
        if workspace != "ws" or key not in documents:
            raise NotFound(f"There is no workflow {workspace}/{key}.")
        return documents[key]

    return look_up


def by_id(name: str, workflow_id: str, workspace: str = "ws", version: Any = None, **bindings: Any) -> Json:
    return step(
        INNER,
        name,
        workflow_workspace_id=workspace,
        workflow_id=workflow_id,
        workflow_version_id=version,
        parameter_bindings=bindings,
    )


def inlined(definition: Json) -> Json:
    return inline(definition, library(), lambda part: None)


def error_of(definition: Any, look_up: Lookup | None = None) -> InnerWorkflowError:
    with pytest.raises(InnerWorkflowError) as caught:
        compiled(definition, look_up or library())
    assert caught.value.is_callers_fault and isinstance(caught.value, WorkflowDefinitionError)
    return caught.value


class TestInlining:
    def test_steps_become_those_of_the_parent(self) -> None:
        parent = document(
            [
                detector(),
                inner("in", detecting(), image="$inputs.image", conf="$inputs.c"),
                count("m", "$steps.in.preds"),
            ],
            {"n": "$steps.in.count", "m": "$steps.m.output"},
            [IMAGE, parameter("c", 0.25)],
        )
        before = deepcopy(parent)
        assert inlined(parent) == parent | {
            "steps": [
                detector(),
                detector("in__d", confidence="$inputs.c"),
                count("in__n", "$steps.in__d.predictions"),
                count("m", "$steps.in__d.predictions"),
            ],
            "outputs": [output("n", "$steps.in__n.output"), output("m", "$steps.m.output")],
        }
        assert parent == before
        using = runtime()
        assert run(parent, {"image": [picture(2), picture(0)]}, using) == [{"n": 2, "m": 2}, {"n": 0, "m": 0}]

    def test_a_document_without_any_stays_as_it_is(self) -> None:
        definition = detecting()
        assert inlined(definition) is definition

    @pytest.mark.parametrize(
        ("binding", "expected"),
        [
            pytest.param({"msg": "hello"}, "hello", id="literal"),
            pytest.param({"msg": "$inputs.p"}, "from outside", id="parameter of the parent"),
            pytest.param({"msg": "$steps.t.output"}, "of a step", id="step of the parent"),
            pytest.param({}, "default", id="default"),
        ],
    )
    def test_bindings(self, binding: Json, expected: str) -> None:
        steps = [step(TEMPLATE, "t", template="of a step"), inner("in", echo(), **binding)]
        definition = document(steps, {"e": "$steps.in.echo"}, [parameter("p", "from outside")])
        assert run(definition, {}) == [{"e": expected}]

    @pytest.mark.parametrize("bindings", [..., None], ids=["missing", "null"])
    def test_bindings_may_be_left_out(self, bindings: Any) -> None:
        written = inner("in", echo())
        if bindings is None:
            written["parameter_bindings"] = None
        else:
            del written["parameter_bindings"]
        assert run(document([written], {"e": "$steps.in.echo"}, []), {}) == [{"e": "default"}]

    def test_literals_of_any_form(self) -> None:
        child = document(
            [step(FIRST, "f", data=["$inputs.image"], default="$inputs.v")],
            {"v": "$steps.f.output"},
            [IMAGE, parameter("v")],
        )
        value = {"a": [1, None, {"b": "c"}]}
        definition = document([inner("in", child, image="$inputs.image", v=value)], {"v": "$steps.in.v"})
        assert run(definition, {"image": [None, None]}) == [{"v": value}, {"v": value}]

    def test_two_of_one_workflow(self) -> None:
        steps = [inner("a", echo(), msg="1"), inner("b", echo(), msg="2"), inner("ab", echo(), msg="3")]
        definition = document(steps, {name: f"$steps.{name}.echo" for name in ("a", "b", "ab")}, [])
        assert run(definition, {}) == [{"a": "1", "b": "2", "ab": "3"}]

    def test_one_after_another(self) -> None:
        steps = [inner("b", echo(), msg="$steps.a.echo"), inner("a", echo(), msg="first")]
        assert run(document(steps, {"e": "$steps.b.echo"}, []), {}) == [{"e": "first"}]

    @pytest.mark.parametrize("depth", range(MOST_DEPTH))
    def test_in_each_other(self, depth: int) -> None:
        definition = document([inner("out", nested(depth), msg="deep")], {"e": "$steps.out.echo"}, [])
        (only,) = compiled(definition).steps
        assert only.step.name == "__".join(["out", *["mid"] * depth, "pick"])
        assert run(definition, {}) == [{"e": "deep"}]

    def test_names_that_are_taken_get_a_number(self) -> None:
        steps = [
            inner("in", echo(), msg="nested"),
            step(TEMPLATE, "in__pick", template="mine"),
            step(TEMPLATE, "in__pick__2", template="mine too"),
        ]
        outputs = {"e": "$steps.in.echo", "m": "$steps.in__pick.output", "n": "$steps.in__pick__2.output"}
        assert run(document(steps, outputs, []), {}) == [{"e": "nested", "m": "mine", "n": "mine too"}]
        assert [item.step.name for item in compiled(document(steps, outputs, [])).steps] == [
            "in__pick__3", "in__pick", "in__pick__2",
        ]  # fmt: skip

    def test_an_output_may_hand_an_input_on(self) -> None:
        child = document([count("n", "$inputs.v")], {"same": "$inputs.v"}, [batch("v")])
        definition = document([inner("in", child, v="$inputs.b")], {"s": "$steps.in.same"}, [batch("b")])
        assert run(definition, {"b": ["x", "y"]}) == [{"s": "x"}, {"s": "y"}]

    def test_crops_made_inside_are_used_outside(self) -> None:
        child = document([detector(), crop()], {"crops": "$steps.crop.crops"})
        steps = [
            inner("in", child, image="$inputs.image"),
            classifier(images="$steps.in.crops"),
            step(COLLAPSE, "all", data="$steps.cls.predictions"),
        ]
        rows = run(document(steps, {"tops": "$steps.all.output"}), {"image": [picture(1), picture(2)]})
        assert [[item["top"] for item in row["tops"]] for row in rows] == [["cat"], ["dog", "dog"]]

    def test_inputs_of_the_child_may_be_called_like_those_of_the_parent(self) -> None:
        steps = [inner("a", echo(), msg="$inputs.other"), step(TEMPLATE, "mine", template="$inputs.msg")]
        inputs = [parameter("msg", "parent"), parameter("other", "other")]
        assert run(document(steps, {"a": "$steps.a.echo", "b": "$steps.mine.output"}, inputs), {}) == [
            {"a": "other", "b": "parent"}
        ]

    def test_the_version_of_a_child_is_not_looked_at(self) -> None:
        definition = document([inner("in", echo() | {"version": "2.0"})], {"e": "$steps.in.echo"}, [])
        assert run(definition, {}) == [{"e": "default"}]


class TestConditions:
    def test_one_about_a_nested_workflow_decides_about_its_first_steps(self) -> None:
        steps = [
            detector(), count("m"), gate("go", "$steps.m.output", "in", limit=1),
            inner("in", detecting(), image="$inputs.image"),
        ]  # fmt: skip
        definition = document(steps, {"n": "$steps.in.count"})
        assert compiled(definition).steps[-2].controllers == ("go",)
        assert run(definition, {"image": [picture(2), picture(1), picture(0)]}) == [{"n": 2}, {"n": None}, {"n": None}]

    def test_the_first_in_the_document_is_the_one_to_go_to(self) -> None:
        child = document([step(TEMPLATE, "a", template="a"), step(TEMPLATE, "b", template="b")], {}, [])
        steps = [inner("in", child), gate("go", "$inputs.p", "in")]
        definition = document(steps, {"x": "$steps.in__a.output", "y": "$steps.in__b.output"}, [parameter("p", 1)])
        assert run(definition, {}) == [{"x": "a", "y": "b"}]
        assert run(definition, {"p": 0}) == [{"x": None, "y": "b"}]

    def test_of_workflows_in_workflows_too(self) -> None:
        child = document([inner("deep", echo(), msg="a"), step(TEMPLATE, "b", template="b")], {}, [])
        steps = [inner("in", child), gate("go", "$inputs.p", "in")]
        assert [item.controllers for item in compiled(document(steps, {}, [parameter("p", 1)])).steps] == [
            (), (), ("go",),
        ]  # fmt: skip

    def test_cases_go_to_workflows(self) -> None:
        steps = [
            step(SWITCH, "sw", value="$inputs.x", cases={"a": "$steps.one", "b": "$steps.two"}),
            inner("one", echo(), msg="first"),
            inner("two", echo(), msg="second"),
        ]
        definition = document(steps, {"1": "$steps.one.echo", "2": "$steps.two.echo"}, [parameter("x", "b")])
        assert run(definition, {}) == [{"1": None, "2": "second"}]
        assert run(definition, {"x": "a"}) == [{"1": "first", "2": None}]

    def test_cases_go_to_the_first_of_two_steps(self) -> None:
        child = document([step(TEMPLATE, "a", template="a"), step(TEMPLATE, "b", template="b")], {}, [])
        steps = [step(SWITCH, "sw", value="x", cases={"a": "$steps.in"}), inner("in", child)]
        outputs = {"a": "$steps.in__a.output", "b": "$steps.in__b.output"}
        assert run(document(steps, outputs, inputs=[]), {}) == [{"a": None, "b": "b"}]

    def test_one_inside_decides_inside(self) -> None:
        child = document(
            [detector(), count(), gate("go", "$steps.n.output", "cls", limit=1), classifier()], {"top": "$steps.cls.*"}
        )
        definition = document([inner("in", child, image="$inputs.image")], {"x": "$steps.in__cls.predictions"})
        rows = run(definition, {"image": [picture(1), picture(3)]})
        assert rows[0] == {"x": None} and rows[1]["x"]["top"] == "cat"


class TestRefusals:
    @pytest.mark.parametrize("steps", [{}, "", 0, None], ids=repr)
    def test_steps_that_are_nothing_are_no_list(self, steps: Any) -> None:
        with pytest.raises(WorkflowSyntaxError):
            compiled(document() | {"steps": steps})

    @pytest.mark.parametrize("steps", ["text", 5, [5], [[detector()]], [None]], ids=repr)
    def test_steps_are_objects(self, steps: Any) -> None:
        error = error_of(document() | {"steps": steps})
        assert (error.type, error.context) == ("InnerWorkflowInvalidStepEntryError", COMPOSITION)
        assert "blocks_errors" not in error.render() and error.render()["inner_error_type"] is None

    @pytest.mark.parametrize(
        "written",
        [
            pytest.param(step(INNER, "in"), id="nothing"),
            pytest.param(step(INNER, "in", workflow_definition=None), id="null"),
            pytest.param(step(INNER, "in", workflow_definition=[1]), id="a list"),
            pytest.param(step(INNER, "in", workflow_definition="text"), id="a text"),
            pytest.param(step(INNER, "in", workflow_id="a"), id="no workspace"),
            pytest.param(step(INNER, "in", workflow_workspace_id="a"), id="no id"),
            pytest.param(step(INNER, "in", workflow_workspace_id=5, workflow_id="a"), id="workspace is a number"),
        ],
    )
    def test_the_child_is_given_or_named(self, written: Json) -> None:
        assert error_of(document([written])).type == "InnerWorkflowInvalidStepEntryError"

    def test_depth(self) -> None:
        error = error_of(document([inner("out", nested(MOST_DEPTH), msg="x")], {"e": "$steps.out.echo"}, []))
        assert (error.type, error.context) == ("InnerWorkflowNestingDepthError", COMPOSITION)

    def test_count(self) -> None:
        steps = [inner(f"i{place}", echo()) for place in range(MOST_COUNT)]
        assert len(compiled(document(steps, inputs=[])).steps) == MOST_COUNT
        error = error_of(document([*steps, inner("more", echo())], inputs=[]))
        assert (error.type, error.context) == ("InnerWorkflowTotalCountError", COMPOSITION)

    def test_count_goes_over_all_levels(self) -> None:
        pair = document([inner("a", echo()), inner("b", echo())], {}, [])
        steps = [inner(f"i{place}", pair) for place in range(11)]  # 11 x 3
        assert error_of(document(steps, inputs=[])).type == "InnerWorkflowTotalCountError"

    def test_bindings_that_the_child_does_not_know(self) -> None:
        error = error_of(document([inner("in", echo(), msg="a", other=1, more=2)], inputs=[]))
        assert (error.type, error.context) == ("InnerWorkflowParameterBindingsUnknownInputError", BINDINGS)
        assert "['more', 'other']" in error.public

    @pytest.mark.parametrize("inputs", [[IMAGE], [parameter("msg")], [batch("b")]], ids=["picture", "null", "batch"])
    def test_bindings_that_the_child_needs(self, inputs: list[Json]) -> None:
        child = document([step(TEMPLATE, "t", template="t")], {}, inputs)
        error = error_of(document([inner("in", child)]))
        assert (error.type, error.context) == ("InnerWorkflowParameterBindingsMissingRequiredError", BINDINGS)
        assert inputs[0]["name"] in error.public

    def test_only_embedded_ones(self) -> None:
        with pytest.raises(WorkflowEnvironmentConfigurationError, match="remote_dispatch") as caught:
            compiled(document([inner("in", echo()) | {"execution_mode": "remote_dispatch"}]))
        assert not caught.value.is_callers_fault

    def test_custom_code_of_a_child(self) -> None:
        child = echo() | {"dynamic_blocks_definitions": [{"type": "DynamicBlockDefinition"}]}
        with pytest.raises(WorkflowEnvironmentConfigurationError, match="custom Python code"):
            compiled(document([inner("in", child)], inputs=[]))

    @pytest.mark.parametrize("steps", [[], ...], ids=["none", "missing"])
    def test_a_child_without_steps(self, steps: Any) -> None:
        child = echo()
        if steps == []:
            child["steps"] = []
        else:
            del child["steps"]
        with pytest.raises((InnerWorkflowError, WorkflowSyntaxError)):
            compiled(document([inner("in", child)], inputs=[]))

    @pytest.mark.parametrize("section", ["version", "inputs", "outputs"])
    def test_a_child_without_a_section(self, section: str) -> None:
        child = echo()
        del child[section]
        with pytest.raises(WorkflowSyntaxError) as caught:
            compiled(document([inner("in", child)], inputs=[]))
        assert section in str(caught.value.inner)

    def test_a_child_with_a_broken_step(self) -> None:
        child = document([step("nothing", "x")], {}, [])
        with pytest.raises(WorkflowSyntaxError) as caught:
            compiled(document([inner("in", child)], inputs=[]))
        assert blamed(caught.value) == [("x", None)]

    def test_a_child_with_a_broken_reference(self) -> None:
        child = document([count("p", "$steps.zzz.output")], {}, [])
        with pytest.raises(InvalidReferenceTargetError) as caught:
            compiled(document([inner("in", child)], inputs=[]))
        assert blamed(caught.value) == [("in__p", "data")]

    def test_a_child_with_one_name_twice(self) -> None:
        child = document([step(TEMPLATE, "t", template="a"), step(TEMPLATE, "t", template="b")], {}, [])
        with pytest.raises(DuplicatedNameError):
            compiled(document([inner("in", child)], inputs=[]))

    @pytest.mark.parametrize("name", [7, None, ...], ids=["number", "null", "missing"])
    def test_a_child_whose_step_has_no_name(self, name: Any) -> None:
        written = step(TEMPLATE, "t", template="a") | {"name": name}
        if name is ...:
            del written["name"]
        with pytest.raises(WorkflowSyntaxError):
            compiled(document([inner("in", document([written], {}, []))], inputs=[]))

    @pytest.mark.parametrize("other", [inner("in", echo()), step(TEMPLATE, "in", template="a")], ids=["two", "step"])
    def test_names_are_unique(self, other: Json) -> None:
        with pytest.raises(DuplicatedNameError, match="Found duplicated input steps names: in") as caught:
            compiled(document([inner("in", echo()), other], inputs=[]))
        assert caught.value.context == "workflow_compilation | specification_validation"

    def test_outputs_that_a_child_does_not_have(self) -> None:
        with pytest.raises(InvalidReferenceTargetError, match=r"\$steps\.in\.nothing"):
            compiled(document([inner("in", echo())], {"e": "$steps.in.nothing"}, []))

    def test_all_outputs_of_a_child_cannot_be_had_at_once(self) -> None:
        with pytest.raises(InvalidReferenceTargetError):
            compiled(document([inner("in", echo())], {"e": "$steps.in.*"}, []))

    def test_two_that_need_each_other(self) -> None:
        steps = [inner("a", echo(), msg="$steps.b.echo"), inner("b", echo(), msg="$steps.a.echo")]
        with pytest.raises(ExecutionGraphStructureError, match=r"a__pick, b__pick|b__pick, a__pick"):
            compiled(document(steps, inputs=[]))

    def test_bindings_that_name_themselves(self) -> None:
        with pytest.raises(ExecutionGraphStructureError, match="cycle"):
            compiled(document([inner("a", echo(), msg="$steps.a.echo")], {"e": "$steps.a.echo"}, []))

    def test_limits_hold_for_all_steps_together(self) -> None:
        steps = [inner(name, echo()) for name in "abc"]
        assert len(compiled(document(steps, inputs=[]), limits=Limits(steps=3)).steps) == 3
        with pytest.raises(WorkflowLimitError, match="has 3 steps; the limit is 2"):
            compiled(document(steps, inputs=[]), limits=Limits(steps=2))


class TestSaved:
    def test_by_id(self) -> None:
        look_up = library(echo=echo(), echo_v3=echo("third"))
        steps = [by_id("a", "echo", msg="hello"), by_id("b", "echo"), by_id("c", "echo", version="3")]
        outputs = {name: f"$steps.{name}.echo" for name in "abc"}
        assert run(document(steps, outputs, []), {}, look_up=look_up) == [{"a": "hello", "b": "default", "c": "third"}]

    def test_a_version_may_be_a_number(self) -> None:
        definition = document([by_id("c", "echo", version=3)], {"e": "$steps.c.echo"}, [])
        assert run(definition, {}, look_up=library(echo_v3=echo("third"))) == [{"e": "third"}]

    def test_unknown(self) -> None:
        with pytest.raises(NotFound, match="ws/nobody"):
            compiled(document([by_id("a", "nobody")], inputs=[]), library())

    def test_a_workflow_that_nests_itself(self) -> None:
        again = document([by_id("again", "me")], {}, [])
        error = error_of(again, library(me=again))
        assert (error.type, error.context) == ("InnerWorkflowCompositionCycleError", COMPOSITION)
        assert "ws/me/latest > ws/me/latest" in error.public

    def test_three_that_nest_each_other(self) -> None:
        look_up = library(**{name: document([by_id("x", to)], {}, []) for name, to in ("ab", "bc", "ca")})
        error = error_of(document([by_id("x", "a")], {}, []), look_up)
        assert "ws/a/latest > ws/b/latest > ws/c/latest > ws/a/latest" in error.public

    def test_one_workflow_twice_is_no_circle(self) -> None:
        middle = document([by_id("x", "echo")], {"echo": "$steps.x.echo"}, [])
        look_up = library(echo=echo(), middle=middle)
        steps = [by_id("a", "middle"), by_id("b", "middle"), by_id("c", "echo")]
        assert len(compiled(document(steps, inputs=[]), look_up).steps) == 3

    @pytest.mark.parametrize("saved", [[], "text", 5, None], ids=repr)
    def test_what_is_saved_is_no_document(self, saved: Any) -> None:
        assert error_of(document([by_id("a", "x")], inputs=[]), lambda *_: saved).type == (
            "InnerWorkflowInvalidStepEntryError"
        )

    def test_plans_with_saved_parts_are_not_kept(self) -> None:
        """What is saved may change."""
        documents = {"echo": echo("old")}
        plans = PlanCache()
        definition = document([by_id("a", "echo")], {"e": "$steps.a.echo"}, [])
        assert has_saved_parts(definition) and not has_saved_parts(document([inner("a", echo())]))
        assert has_saved_parts(document([inner("a", definition)]))

        def template() -> str:
            plan = plans.get(definition, Limits(), library(**documents))
            return str(vars(plan.steps[0].step.manifest)["template"])

        assert template() == "old"
        documents["echo"] = echo("new")
        assert template() == "new"


class TestPlanCache:
    def test_one_plan_for_one_document(self) -> None:
        plans = PlanCache()
        first = plans.get(document([detector()]), Limits(), library())
        assert plans.get(document([detector()]), Limits(), library()) is first
        assert plans.get(document([detector("other")]), Limits(), library()) is not first

    def test_the_oldest_goes(self) -> None:
        plans = PlanCache(size=2)
        a, b, c = (document([detector(name)]) for name in "abc")
        kept = [plans.get(item, Limits(), library()) for item in (a, b)]
        assert plans.get(a, Limits(), library()) is kept[0]
        plans.get(c, Limits(), library())
        assert plans.get(a, Limits(), library()) is kept[0]
        assert plans.get(b, Limits(), library()) is not kept[1]

    def test_the_order_of_keys_counts(self) -> None:
        """That of a template's data is the order of its variables."""
        plans = PlanCache()
        one = document([join("e", a="$inputs.image", b="$inputs.image")])
        other = document([join("e", b="$inputs.image", a="$inputs.image")])
        assert plans.get(one, Limits(), library()) is not plans.get(other, Limits(), library())

    def test_errors_are_not_kept(self) -> None:
        plans = PlanCache()
        for _ in range(2):
            with pytest.raises(InvalidReferenceTargetError):
                plans.get(document(outputs={"p": "$steps.nobody.x"}), Limits(), library())
