"""Conditions and cases in whole documents: which elements the steps behind them run for."""

import pytest

from retinue.workflows.errors import ExecutionEngineRuntimeError, InvalidBlockBehaviourError, WorkflowError
from tests.unit.workflow_documents import (
    CLASS_NAMES,
    CONTINUE_IF,
    CROPS,
    FIRST,
    FIRST_OF,
    IMAGE,
    SWITCH,
    THREE,
    TOP_CLASS,
    Models,
    batch,
    classifier,
    collapse,
    column,
    count,
    crop,
    detector,
    document,
    gate,
    more_than,
    parameter,
    picture,
    run,
    runtime,
    step,
    take,
    text,
)


class TestConditions:
    def test_decide_for_each_element(self) -> None:
        models = Models()
        steps = [detector(), count(), gate("go", "$steps.n.output", "cls", limit=1), classifier(),
                 take("top", "$steps.cls.predictions", TOP_CLASS)]  # fmt: skip
        definition = document(steps, {"top": "$steps.top.output", "all": "$steps.cls.*"})
        rows = run(definition, {"image": [picture(3), picture(0), picture(2), picture(1)]}, runtime(models))
        assert [row["top"] for row in rows] == ["cat", None, "dog", None]
        assert models.calls[1].images == ("image.[0]", "image.[2]")
        assert rows[1]["all"] == {"inference_id": None, "predictions": None, "model_id": None}

    def test_on_a_parameter_decide_for_all(self) -> None:
        steps = [gate("go", "$inputs.p", "cls"), classifier(), take("top", "$steps.cls.predictions", TOP_CLASS)]
        inputs = [IMAGE, parameter("p", 1)]
        assert column(steps, "$steps.top.output", inputs=inputs) == ["dog", "dog", "cat"]
        assert column(steps, "$steps.top.output", THREE | {"p": 0}, inputs=inputs) == [None, None, None]

    def test_a_step_without_data_runs_once_for_each_that_passes(self) -> None:
        steps = [detector(), count(), gate("go", "$steps.n.output", "t"), text()]
        assert column(steps, "$steps.t.output") == ["text", None, "text"]

    def test_two_hold_together(self) -> None:
        steps = [detector(), count(), gate("a", "$steps.n.output", "t"), gate("b", "$steps.n.output", "t", limit=1),
                 text("t", "{n}", n="$steps.n.output")]  # fmt: skip
        assert column(steps, "$steps.t.output") == ["2", None, None]

    def test_one_that_holds_nowhere_is_ignored_beside_one_that_does(self) -> None:
        """As upstream does (contract/workflows.md 4.3)."""
        steps = [detector(), count(), gate("a", "$steps.n.output", "t"), gate("b", "$steps.n.output", "t", limit=99),
                 text("t", "{n}", n="$steps.n.output")]  # fmt: skip
        assert column(steps, "$steps.t.output") == ["2", None, "1"]

    def test_one_on_a_parameter_is_never_ignored(self) -> None:
        steps = [detector(), count(), gate("a", "$steps.n.output", "t"), gate("b", "$inputs.p", "t"),
                 text("t", "{n}", n="$steps.n.output")]  # fmt: skip
        assert column(steps, "$steps.t.output", inputs=[IMAGE, parameter("p", 0)]) == [None, None, None]

    def test_one_about_another(self) -> None:
        steps = [detector(), count(), gate("a", "$steps.n.output", "b"), gate("b", "$steps.n.output", "t", limit=1),
                 text("t", "{n}", n="$steps.n.output")]  # fmt: skip
        assert column(steps, "$steps.t.output") == ["2", None, None]
        steps[2] = gate("a", "$steps.n.output", "b", limit=99)
        assert column(steps, "$steps.t.output") == [None, None, None]

    def test_one_whose_variables_are_missing_does_not_hold(self) -> None:
        steps = [detector(), count(), gate("a", "$steps.n.output", "m"), count("m"), gate("b", "$steps.m.output", "t"),
                 text("t", "{n}", n="$steps.n.output")]  # fmt: skip
        assert column(steps, "$steps.t.output") == ["2", None, "1"]

    def test_what_follows_sees_what_is_missing(self) -> None:
        steps = [detector(), count(), gate("go", "$steps.n.output", "d2"), detector("d2"),
                 crop(predictions="$steps.d2.predictions"), classifier(images="$steps.crop.crops"),
                 take("top", "$steps.cls.predictions", TOP_CLASS)]  # fmt: skip
        assert column(steps, "$steps.top.output") == [["dog", "dog"], [], ["cat"]]

    def test_branches_come_together(self) -> None:
        steps = [
            detector(), count(), gate("many", "$steps.n.output", "a", limit=1), text("a", "many"),
            step(FIRST, "f", data=["$steps.a.output"], default="few"),
        ]  # fmt: skip
        assert column(steps, "$steps.f.output") == ["many", "few", "few"]

    @pytest.mark.parametrize("default", [["$steps.other"], []], ids=["default", "none"])
    def test_cases(self, default: list[str]) -> None:
        choice = step(
            SWITCH, "sw", value="$inputs.v", cases={"x": "$steps.a", "1": "$steps.b"}, default_next_steps=default
        )
        steps = [choice, *(text(name, name, v="$inputs.v") for name in ("a", "b"))]
        outputs = {"a": "$steps.a.output", "b": "$steps.b.output"}
        if default:
            steps.append(text("other", "other", v="$inputs.v"))
            outputs["other"] = "$steps.other.output"
        rows = run(document(steps, outputs, [batch("v")]), {"v": ["x", 1, "z", None]})
        assert [row["a"] for row in rows] == ["a", None, None, None]
        assert [row["b"] for row in rows] == [None, "b", None, None]
        assert [row.get("other") for row in rows] == [None, None, "other" if default else None, None]

    def test_pictures_decide_about_their_crops(self) -> None:
        """Upstream never runs those."""
        steps = [*CROPS, count(), gate("go", "$steps.n.output", "cls", limit=1), classifier(images="$steps.crop.crops"),
                 take("top", "$steps.cls.predictions", TOP_CLASS)]  # fmt: skip
        assert column(steps, "$steps.top.output") == [["dog", "dog"], [], [None]]

    def test_crops_decide_about_themselves(self) -> None:
        is_dog = step(SWITCH, "sw", value="$steps.class.output", cases={"dog": "$steps.cls"})
        steps = [*CROPS, take("class", "$steps.crop.predictions", CLASS_NAMES, FIRST_OF), is_dog,
                 classifier(images="$steps.crop.crops"), take("top", "$steps.cls.predictions", TOP_CLASS)]  # fmt: skip
        assert column(steps, "$steps.top.output") == [[None, "dog"], [], [None]]

    def test_crops_decide_what_is_put_together(self) -> None:
        steps = [*CROPS, take("class", "$steps.crop.predictions", CLASS_NAMES, FIRST_OF),
                 step(SWITCH, "sw", value="$steps.class.output", cases={"dog": "$steps.all"}),
                 collapse("all", "$steps.class.output")]  # fmt: skip
        assert column(steps, "$steps.all.output") == [["dog"], None, []]

    def test_without_targets_they_fail_once_they_run(self) -> None:
        gating = step(CONTINUE_IF, "go", condition_statement=more_than(0), evaluation_parameters={"n": "$inputs.p"},
                      next_steps=[])  # fmt: skip
        definition = document([gating], {"p": "$inputs.p"}, [parameter("p", 1)])
        with pytest.raises(InvalidBlockBehaviourError, match="next_steps is empty") as caught:
            run(definition, {})
        assert caught.value.context == "workflow_execution | step_output_registration"
        assert not caught.value.is_callers_fault

    @pytest.mark.parametrize(
        ("value", "error"),
        [
            pytest.param("$inputs.v", InvalidBlockBehaviourError, id="on a batch"),
            pytest.param("$inputs.p", ExecutionEngineRuntimeError, id="on one value"),
        ],
    )
    def test_cases_without_targets_fail_once_they_run(self, value: str, error: type[WorkflowError]) -> None:
        definition = document([step(SWITCH, "sw", value=value, cases={})], {}, [batch("v"), parameter("p", 1)])
        with pytest.raises(error, match="should answer with a branch") as caught:
            run(definition, {"v": ["a"]})
        assert caught.value.context == "workflow_execution | step_output_registration"
