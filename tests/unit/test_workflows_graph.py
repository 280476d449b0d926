"""References between steps: those that exist, kinds that fit, the order that follows, circles."""

from typing import Any

import pytest

from retinue.workflows.block import Limits
from retinue.workflows.definition import parse_definition
from retinue.workflows.errors import (
    AssumptionError,
    ExecutionGraphStructureError,
    InvalidReferenceTargetError,
    ReferenceTypeError,
)
from retinue.workflows.graph import build_graph
from retinue.workflows.kinds import KINDS
from retinue.workflows.selectors import Selector, is_selector, parse_selector, step_of
from tests.unit.workflow_documents import (
    CONSENSUS,
    CONTINUE_IF,
    FIRST,
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
    group,
    join,
    more_than,
    parameter,
    parsed,
    step,
    take,
)

CONTEXT = "workflow_compilation | execution_graph_construction"


def order_of(steps: list[Json], **more: Any) -> list[str]:
    return [item.name for item in build_graph(parse_definition(document(steps, **more), Limits())).order]


class TestSelectors:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("$inputs.image", {"input": "image"}),
            ("$inputs.a-b_C9", {"input": "a-b_C9"}),
            ("$steps.det.predictions", {"step": "det", "output": "predictions"}),
            ("$steps.det.*", {"step": "det", "output": "*"}),
            ("$steps.det", {"step": "det"}),
            ("$steps.inputs.steps", {"step": "inputs", "output": "steps"}),
        ],
    )
    def test_forms(self, text: str, expected: dict[str, str]) -> None:
        assert parse_selector(text) == Selector(text, **expected)

    @pytest.mark.parametrize(
        "text",
        [
            "", "$", "$$", "image", "$inputs", "$inputs.", "$inputs.a.b", "$inputs.*", "$inputs.a b", "$steps",
            "$steps.", "$steps.a.", "$steps.a.b.c", "$steps.a b.c", "$steps..b", "$outputs.x", "$input.image",
            " $inputs.image", "$inputs.image\n", "$steps.a\n", "$steps.a.b\n", "$steps.é.x", "$inputs.image\t",
            "$steps.det.predictions[0]",
        ],
    )  # fmt: skip
    def test_no_forms(self, text: str) -> None:
        assert parse_selector(text) is None

    def test_outputs_may_name_any_step(self) -> None:
        text = "$steps.my stép.predictions"
        assert parse_selector(text) is None
        assert parse_selector(text, is_output=True) == Selector(text, step="my stép", output="predictions")

    @pytest.mark.parametrize("value", ["$", "$inputs.x", "$5"])
    def test_a_dollar_makes_one(self, value: str) -> None:
        assert is_selector(value)

    @pytest.mark.parametrize("value", ["", "a$", 5, None, ["$inputs.x"]])
    def test_nothing_else_does(self, value: Any) -> None:
        assert not is_selector(value)

    def test_the_step_of_a_target(self) -> None:
        assert step_of("$steps.a") == step_of("$steps.a.b") == "a"


class TestReferences:
    @pytest.mark.parametrize(
        ("steps", "blame", "text"),
        [
            pytest.param(
                [detector(images="$inputs.picture")],
                ("det", "images"),
                "Workflow references '$inputs.picture' which points to a non-existent input parameter.",
                id="input",
            ),
            pytest.param(
                [count(data="$steps.nobody.predictions")],
                ("n", "data"),
                "Workflow references '$steps.nobody.predictions' which points to a non-existent block.",
                id="step",
            ),
            pytest.param(
                [join("e", a="$inputs.image", b="$inputs.nobody")],
                ("e", None),
                "Workflow references '$inputs.nobody' which points to a non-existent input parameter.",
                id="input in a dict",
            ),
            pytest.param(
                [step(FIRST, "f", data=["$steps.nobody.x"])],
                ("f", None),
                "Workflow references '$steps.nobody.x' which points to a non-existent block.",
                id="step in a list",
            ),
            pytest.param(
                [detector(), gate("go", "$inputs.image", "det", "nobody")],
                ("go", None),
                "Workflow references '$steps.nobody' which points to a non-existent block.",
                id="target",
            ),
            pytest.param(
                [step(SWITCH, "sw", value="$inputs.image", cases={"a": "$steps.nobody"})],
                ("sw", None),
                "Workflow references '$steps.nobody' which points to a non-existent block.",
                id="target of a case",
            ),
        ],
    )
    def test_to_nothing(self, steps: list[Json], blame: tuple[str, str], text: str) -> None:
        with pytest.raises(InvalidReferenceTargetError) as caught:
            compiled(document(steps))
        assert (caught.value.public, caught.value.context, blamed(caught.value)) == (text, CONTEXT, [blame])
        assert caught.value.render()["inner_error_type"] == "None"
        assert caught.value.blocks is not None
        (block,) = caught.value.blocks
        assert block.property_details == "Invalid reference to " + text.split("'")[1]

    def test_the_first_of_several_counts(self) -> None:
        with pytest.raises(InvalidReferenceTargetError, match=r"\$inputs\.x") as caught:
            compiled(document([detector(images="$inputs.x"), count(data="$steps.y.z")], {"p": "$steps.q.r"}))
        assert blamed(caught.value) == [("det", "images")]

    @pytest.mark.parametrize("name", ["nothing", "*", "images"])
    def test_to_an_output_that_the_step_does_not_have(self, name: str) -> None:
        with pytest.raises(ExecutionGraphStructureError) as caught:
            compiled(document([detector(), count(data=f"$steps.det.{name}")]))
        assert caught.value.public == f"Found reference to non-existing property `{name}` of step `det`."
        assert blamed(caught.value) == [("n", "data")]
        assert caught.value.blocks is not None
        assert caught.value.blocks[0].property_details == f"'det.{name}' is an invalid reference"

    def test_to_a_step_where_data_belongs(self) -> None:
        template = step(TEMPLATE, "t", template="{a}", data={"a": "$steps.det"})
        with pytest.raises(ExecutionGraphStructureError, match="name one of the outputs") as caught:
            compiled(document([detector(), template]))
        assert caught.value.context == CONTEXT

    @pytest.mark.parametrize("target", ["$steps.det.predictions", "$steps.det.inference_id"])
    def test_to_data_where_a_step_belongs(self, target: str) -> None:
        definition = document([detector(), count()])
        definition["steps"].append(gate("go", "$steps.n.output", "x") | {"next_steps": [target]})
        with pytest.raises(ReferenceTypeError, match="regarding property: next_steps"):
            compiled(definition)

    def test_dollars_inside_texts_are_texts(self) -> None:
        definition = document([step(TEMPLATE, "t", template="costs $5", data={"a": "5 $", "b": " $inputs.a"})])
        assert compiled(definition).steps[0].bindings == ()

    @pytest.mark.parametrize(
        ("text", "error", "what"),
        [
            ("$5", InvalidReferenceTargetError, "non-existent block"),
            ("$", InvalidReferenceTargetError, "non-existent block"),
            ("$steps", InvalidReferenceTargetError, "non-existent block"),
            ("$steps..a", InvalidReferenceTargetError, "non-existent block"),
            ("$steps.a.b.c", InvalidReferenceTargetError, "non-existent block"),
            ("$inputs", InvalidReferenceTargetError, "non-existent input parameter"),
            ("$inputs.image.x", InvalidReferenceTargetError, "non-existent input parameter"),
            ("$steps.t.", ExecutionGraphStructureError, "name one of the outputs"),
        ],
    )
    @pytest.mark.parametrize("shape", ["a value", "in a dict"])
    def test_what_starts_with_a_dollar_is_no_text(
        self, shape: str, text: str, error: type[Exception], what: str
    ) -> None:
        more = {"template": text} if shape == "a value" else {"template": "x", "data": {"a": text}}
        with pytest.raises(error, match=what):
            compiled(document([step(TEMPLATE, "t", **more)]))

    def test_selectors_lie_one_level_deep(self) -> None:
        """Deeper ones are texts."""
        switch = join("e", a="$inputs.image")["switch"]
        switch["default"]["value"] = ["$inputs.nobody", {"a": "$steps.nobody.x"}]
        compiled(document([join("e", a="$inputs.image") | {"switch": switch}]))


class TestOutputs:
    @pytest.mark.parametrize(
        ("selector", "what"),
        [
            ("$inputs.nobody", "references '$inputs.nobody' which points to a non-existent input parameter"),
            ("$inputs.*", "references '$inputs.*' which points to a non-existent input parameter"),
            ("$inputs.image.width", "references '$inputs.image.width' which points to a non-existent input parameter"),
            ("$steps.nobody.x", "references '$steps.nobody.x' which points to a non-existent block"),
            ("$steps.nobody", "references '$steps.nobody' which points to a non-existent block"),
            ("$steps.det.predictions.x", "references '$steps.det.predictions.x' which points to a non-existent block"),
            ("$steps.det.no", "output references '$steps.det.no' which points to a non-existent block property"),
            ("$outputs.p", "references '$outputs.p' which points to a non-existent block"),
            ("predictions", "references 'predictions' which points to a non-existent block"),
            ("$", "references '$' which points to a non-existent block"),
            ("", "references '' which points to a non-existent block"),
        ],
    )  # fmt: skip
    def test_of_nothing(self, selector: str, what: str) -> None:
        with pytest.raises(InvalidReferenceTargetError) as caught:
            compiled(document([detector()], {"p": selector}))
        assert caught.value.public == f"Workflow {what}."
        assert (caught.value.context, blamed(caught.value)) == (CONTEXT, [("$outputs", "p")])
        assert caught.value.blocks is not None
        assert caught.value.blocks[0].property_details == f"Invalid reference to {selector}"

    def test_of_a_whole_step(self) -> None:
        with pytest.raises(AssumptionError, match=r"write '\$steps\.det\.\*'") as caught:
            compiled(document([detector()], {"p": "$steps.det"}))
        assert caught.value.context == f"{CONTEXT} | retrieving_compiled_node"
        assert caught.value.is_callers_fault

    @pytest.mark.parametrize("selector", ["$inputs.image", "$steps.det.predictions", "$steps.det.*"])
    def test_of_something(self, selector: str) -> None:
        (planned,) = compiled(document([detector()], {"p": selector})).outputs
        assert planned.selector.text == selector


class TestKinds:
    @pytest.mark.parametrize(
        ("steps", "inputs", "place"),
        [
            pytest.param(
                [detector(), detector("d2", "$steps.det.predictions")], [], ("d2", "images"), id="detections as picture"
            ),
            pytest.param(
                [classifier(), crop(predictions="$steps.cls.predictions")],
                [],
                ("crop", "predictions"),
                id="classes as detections",
            ),
            pytest.param([detector(model_id="$inputs.image")], [], ("det", "model_id"), id="picture as model"),
            pytest.param(
                [detector(confidence="$inputs.c")],
                [parameter("c", 0.5, ["float"])],
                ("det", "confidence"),
                id="float is no fraction",
            ),
            pytest.param(
                [detector(max_detections="$inputs.c")],
                [parameter("c", 5, ["float"])],
                ("det", "max_detections"),
                id="float is no integer",
            ),
            pytest.param(
                [detector(), classifier(), step(CONSENSUS, "c", required_votes=1, predictions_batches=[
                    "$steps.det.predictions", "$steps.cls.predictions"
                ])],
                [],
                ("c", "predictions_batches"),
                id="in a list",
            ),
            pytest.param([detector("d", "$inputs.b")], [batch("b", 1, ["string"])], ("d", "images"), id="texts"),
            pytest.param(
                [detector("d", "$inputs.b")], [batch("b", 1, ["my_own"])], ("d", "images"), id="kind that nobody knows"
            ),
        ],
    )  # fmt: skip
    def test_that_do_not_meet(self, steps: list[Json], inputs: list[Json], place: tuple[str, str]) -> None:
        name, property_name = place
        with pytest.raises(ReferenceTypeError) as caught:
            compiled(document(steps, inputs=[{"type": "WorkflowImage", "name": "image"}, *inputs]))
        assert caught.value.public.startswith(
            f"Failed to validate reference provided for step: $steps.{name} regarding property: {property_name} with "
            "value: "
        )
        assert caught.value.context == CONTEXT and "blocks_errors" not in caught.value.render()

    @pytest.mark.parametrize(
        ("steps", "inputs"),
        [
            pytest.param([detector(confidence="$inputs.c")], [parameter("c", 0.5)], id="a parameter without kind"),
            pytest.param(
                [detector(confidence="$inputs.c")], [parameter("c", 0.5, ["float_zero_to_one"])], id="the very kind"
            ),
            pytest.param(
                [detector(confidence="$inputs.c")],
                [parameter("c", 0.5, ["string", {"name": "float_zero_to_one"}])],
                id="one of several",
            ),
            pytest.param([detector(images="$inputs.b")], [batch("b")], id="a batch of anything"),
            pytest.param([detector(images="$inputs.b")], [batch("b", 1, ["image"])], id="a batch of pictures"),
            pytest.param([detector(), count(data="$steps.det.inference_id")], [], id="into anything"),
            pytest.param([count(data="$inputs.b")], [batch("b", 1, ["my_own"])], id="unknown into anything"),
            pytest.param(
                [detector(), take("n", "$steps.det.predictions"), detector("d2", "$steps.n.output")], [], id="any"
            ),
        ],
    )  # fmt: skip
    def test_that_meet(self, steps: list[Json], inputs: list[Json]) -> None:
        compiled(document(steps, inputs=[{"type": "WorkflowImage", "name": "image"}, *inputs]))

    @pytest.mark.parametrize(
        ("steps", "error"),
        [
            pytest.param(
                [detector("a", "$steps.d.predictions"), detector("b", "$inputs.nobody"), detector("d")],
                ReferenceTypeError,
                id="a kind in the first step, a target in the second",
            ),
            pytest.param(
                [detector("b", "$inputs.nobody"), detector("a", "$steps.d.predictions"), detector("d")],
                InvalidReferenceTargetError,
                id="a target in the first step, a kind in the second",
            ),
            pytest.param([detector("d", "$steps.d.predictions")], ReferenceTypeError, id="a kind in a circle"),
            pytest.param(
                [
                    gate("go", "$inputs.image", "a") | {"next_steps": ["$steps.go", "$steps.d.predictions"]},
                    detector("d"),
                ],
                ReferenceTypeError,
                id="an output as the step to go to",
            ),
        ],
    )
    def test_the_first_step_with_a_fault_tells_it_and_circles_come_last(
        self, steps: list[Json], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            compiled(document(steps, {"x": "$steps.nobody.x"}))

    def test_there_are_as_many_as_the_contract_says(self) -> None:
        assert len(KINDS) == 45


class TestOrder:
    def test_follows_the_references_whatever_the_document_says(self) -> None:
        assert order_of([count(), classifier(images="$steps.crop.crops"), crop(), detector()]) == [
            "det", "n", "crop", "cls",
        ]  # fmt: skip

    def test_waves_keep_the_order_of_the_document(self) -> None:
        steps = [
            detector("c"),
            detector("a"),
            detector("b"),
            *(count(f"n{of}", f"$steps.{of}.predictions") for of in "bca"),
        ]
        assert order_of(steps) == ["c", "a", "b", "nb", "nc", "na"]

    def test_a_step_comes_after_the_longest_way_to_it(self) -> None:
        """So it waits for steps that it does not need: upstream's waves."""
        steps = [
            detector("a"),
            count("late", "$steps.a.predictions"),
            take("x1", "$inputs.image"),
            take("x2", "$steps.x1.output"),
            join("both", p="$steps.late.output", q="$steps.x2.output"),
            take("end", "$steps.a.predictions"),
        ]
        assert order_of(steps) == ["a", "x1", "late", "x2", "end", "both"]

    def test_conditions_come_before_what_they_decide_about(self) -> None:
        steps = [classifier(), detector(), count(), gate("go", "$steps.n.output", "cls")]
        assert order_of(steps) == ["det", "n", "go", "cls"]

    def test_a_diamond(self) -> None:
        steps = [
            join("d", b="$steps.b.output", c="$steps.c.output"),
            take("c", "$steps.a.output"),
            take("b", "$steps.a.output"),
            take("a", "$inputs.image"),
        ]
        assert order_of(steps) == ["a", "c", "b", "d"]

    @pytest.mark.parametrize(
        ("steps", "inside"),
        [
            pytest.param([take("a", "$steps.a.output")], {"a"}, id="itself"),
            pytest.param([take("a", "$steps.b.output"), take("b", "$steps.a.output")], {"a", "b"}, id="two"),
            pytest.param([take(str(i), f"$steps.{(i + 1) % 9}.output") for i in range(9)], set("012345678"), id="nine"),
            pytest.param(
                [detector(), crop("a", "$steps.b.crops"), crop("b", "$steps.a.crops"), count()], {"a", "b"}, id="crops"
            ),
            pytest.param([gate("go", "$steps.x.output", "x"), take("x", "$inputs.image")], {"go", "x"}, id="condition"),
            pytest.param([gate("go", "$inputs.image", "go")], {"go"}, id="a condition about itself"),
            pytest.param(
                [gate("a", "$inputs.image", "b"), gate("b", "$inputs.image", "a")], {"a", "b"}, id="two conditions"
            ),
        ],
    )
    def test_circles(self, steps: list[Json], inside: set[str]) -> None:
        with pytest.raises(ExecutionGraphStructureError, match="Detected cycle in execution graph") as caught:
            compiled(document(steps))
        assert set(caught.value.public.rpartition(": ")[2].rstrip(".").split(", ")) == inside
        assert caught.value.context == CONTEXT
        assert caught.value.render()["blocks_errors"] is None

    def test_a_circle_that_no_output_needs(self) -> None:
        with pytest.raises(ExecutionGraphStructureError):
            compiled(document([detector(), take("a", "$steps.a.output")], {"p": "$steps.det.predictions"}))


class TestTargets:
    def test_who_decides_about_whom(self) -> None:
        steps = [
            detector(), count(), classifier("a"), classifier("b"),
            gate("go", "$steps.n.output", "a", "b"), gate("on", "$steps.n.output", "b"),
        ]  # fmt: skip
        graph = build_graph(parsed(document(steps)))
        assert {name: given for name, given in graph.controllers.items() if given} == {"a": ("go",), "b": ("go", "on")}

    def test_one_target_twice(self) -> None:
        with pytest.raises(ExecutionGraphStructureError, match="more than one way") as caught:
            compiled(document([detector(), count(), classifier(), gate("go", "$steps.n.output", "cls", "cls")]))
        assert caught.value.context == CONTEXT and caught.value.render()["blocks_errors"] is None

    def test_conditions_without_targets_compile(self) -> None:
        """They fail once they run."""
        definition = document(
            [step(CONTINUE_IF, "go", condition_statement=more_than(1), next_steps=[], evaluation_parameters={})]
        )
        assert compiled(definition).steps[0].bindings == ()

    def test_the_variables_of_conditions_are_no_targets(self) -> None:
        always = group({"type": "UnaryStatement", "operand": {"type": "StaticOperand", "value": 1},
                        "operator": {"type": "Exists"}})  # fmt: skip
        steps = [detector(), step(CONTINUE_IF, "go", condition_statement=always, next_steps=["$steps.det"],
                                  evaluation_parameters={"a": "$steps.det.predictions"})]  # fmt: skip
        with pytest.raises(ExecutionGraphStructureError, match="cycle"):
            compiled(document(steps))


def test_a_step_may_be_called_like_an_input() -> None:
    definition = document([take("p", "$inputs.p")], inputs=[batch("p")])
    assert [use.selector for use in build_graph(parsed(definition)).uses["p"]] == [Selector("$inputs.p", input="p")]
