"""Whole documents run over real blocks: which elements a step runs for, what is kept of its results, and the trace."""

from contextlib import AbstractContextManager, nullcontext

import pytest

from retinue.workflows.block import Limits, Runtime
from retinue.workflows.detections import DetectionTable
from retinue.workflows.engine import RunState, run_plan
from retinue.workflows.errors import WorkflowError
from retinue.workflows.inputs import assemble_inputs
from retinue.workflows.trace import Profiler
from retinue.workflows.values import ValueReader
from tests.unit.workflow_documents import (
    EXPRESSION,
    FIRST,
    IMAGE,
    THREE,
    Json,
    Models,
    batch,
    cases,
    classifier,
    column,
    compiled,
    count,
    crop,
    detector,
    document,
    gate,
    join,
    load,
    parameter,
    picture,
    run,
    runtime,
    step,
    text,
)


def state_of(definition: Json, inputs: Json, using: Runtime | None = None) -> RunState:
    """The state after a run."""
    plan = compiled(definition)
    state = assemble_inputs(plan, inputs, ValueReader(load), Limits())
    run_plan(plan, state, using or runtime())
    return state


class TestBatches:
    def test_models_see_all_pictures_at_once(self) -> None:
        models = Models()
        rows = run(document([detector(), count()], {"n": "$steps.n.output"}), THREE, runtime(models))
        assert rows == [{"n": 2}, {"n": 0}, {"n": 1}]
        assert [(call.model_id, call.images) for call in models.calls] == [
            ("shapes/1", ("image.[0]", "image.[1]", "image.[2]"))
        ]

    def test_one_picture_is_named_after_its_input(self) -> None:
        models = Models()
        (row,) = run(document([detector()], {"p": "$steps.det.predictions"}), using=runtime(models))
        assert models.calls[0].images == ("image",)
        (prediction,) = row["p"]["predictions"]
        assert prediction.pop("detection_id")
        assert row["p"]["image"] == {"width": 60, "height": 40}
        assert prediction == {
            "width": 8.0,
            "height": 10.0,
            "x": 6.0,
            "y": 8.0,
            "confidence": pytest.approx(0.9),
            "class_id": 0,
            "class": "cat",
            "parent_id": "image",
        }

    def test_other_blocks_see_one_element_at_a_time(self) -> None:
        assert column([text("t", "{n}", n="$steps.n.output"), detector(), count()], "$steps.t.output") == [
            "2",
            "0",
            "1",
        ]

    def test_a_single_value_stands_for_all(self) -> None:
        inputs = [IMAGE, {"type": "WorkflowImage", "name": "one"}, batch("b")]
        steps = [detector("a"), detector("o", "$inputs.one"), count("na", "$steps.a.predictions"),
                 count("no", "$steps.o.predictions"), text("t", "{a}{o}{b}", a="$steps.na.output", o="$steps.no.output",
                                                           b="$inputs.b")]  # fmt: skip
        given = THREE | {"one": picture(4), "b": ["x"]}
        assert column(steps, "$steps.t.output", given, inputs=inputs) == ["24x", "04x", "14x"]

    def test_parameters_go_with_every_element(self) -> None:
        steps = [detector(), count(), text("t", "{n}/{p}", n="$steps.n.output", p="$inputs.p")]
        inputs = [IMAGE, parameter("p", "of")]
        assert column(steps, "$steps.t.output", inputs=inputs) == ["2/of", "0/of", "1/of"]
        assert column(steps, "$steps.t.output", THREE | {"p": 7}, inputs=inputs) == ["2/7", "0/7", "1/7"]

    def test_scalars_of_steps_go_with_every_element(self) -> None:
        steps = [detector(), count(), text("s"), text("t", "{n} {s}", n="$steps.n.output", s="$steps.s.output")]
        assert column(steps, "$steps.t.output") == ["2 text", "0 text", "1 text"]

    def test_thresholds_reach_the_model(self) -> None:
        models = Models()
        steps = [detector(confidence="$inputs.c", iou_threshold=0.75, class_filter=["cat"], max_detections=3)]
        run(document(steps, inputs=[IMAGE, parameter("c", 0.25)]), using=runtime(models))
        thresholds = models.calls[0].thresholds
        assert (thresholds.confidence, thresholds.iou_threshold, thresholds.max_detections) == (0.25, 0.75, 3)
        assert thresholds.class_filter == frozenset({"cat"})


class TestNulls:
    def test_an_element_without_a_value_is_left_out(self) -> None:
        models = Models()
        steps = [detector(), count()]
        definition = document(steps, {"p": "$steps.det.predictions", "n": "$steps.n.output"})
        rows = run(definition, {"image": [None, picture(3), None]}, runtime(models))
        assert models.calls[0].images == ("image.[1]",)
        assert (rows[0], rows[2]) == ({"p": None, "n": None}, {"p": None, "n": None})
        assert rows[1]["n"] == 3

    def test_nothing_runs_without_any_element(self) -> None:
        models = Models()
        definition = document([detector()], {"p": "$steps.det.*"})
        empty = {"inference_id": None, "predictions": None, "model_id": None}
        assert run(definition, {"image": [None, None]}, runtime(models)) == [{"p": empty}, {"p": empty}]
        assert models.calls == []

    def test_in_a_dict_of_values(self) -> None:
        steps = [join("e", a="$inputs.a", b="$inputs.b")]
        given = {"a": [1, None, 3], "b": [1, 2, None]}
        assert column(steps, "$steps.e.output", given, inputs=[batch("a"), batch("b")]) == ["ok", None, None]

    def test_in_a_list_of_values_of_a_block_that_takes_them(self) -> None:
        steps = [step(FIRST, "f", data=["$inputs.a", "$inputs.b"], default="none")]
        given = {"a": [1, None, None], "b": [0, 2, None]}
        assert column(steps, "$steps.f.output", given, inputs=[batch("a"), batch("b")]) == [1, 2, "none"]

    def test_parameters_may_be_null(self) -> None:
        steps = [step(EXPRESSION, "e", data={"p": "$inputs.p"}, switch=cases())]
        assert run(document(steps, {"x": "$steps.e.output"}, [parameter("p")]), {}) == [{"x": "ok"}]

    def test_a_scalar_step_that_did_not_run_stops_all(self) -> None:
        steps = [gate("go", "$inputs.p", "s"), text("s"), text("t", "{s}", s="$steps.s.output", i="$inputs.v")]
        inputs = [parameter("p", 0), batch("v")]
        assert column(steps, "$steps.t.output", {"v": [1, 2]}, inputs=inputs) == [None, None]
        assert column(steps, "$steps.t.output", {"v": [1, 2], "p": 1}, inputs=inputs) == ["text", "text"]


class TestReleases:
    def test_results_are_kept_as_long_as_somebody_needs_them(self) -> None:
        steps = [detector(), crop(), classifier(images="$steps.crop.crops"), text("unused")]
        state = state_of(document(steps, {"p": "$steps.cls.predictions"}), THREE)
        assert {name: len(results) for name, results in state.results.items()} == {
            "det": 0, "crop": 0, "cls": 3, "unused": 0,
        }  # fmt: skip

    def test_results_that_outputs_need_are_kept(self) -> None:
        state = state_of(document([detector(), crop()], {"a": "$steps.det.*", "b": "$steps.crop.crops"}), THREE)
        assert {name: len(results) for name, results in state.results.items()} == {"det": 3, "crop": 3}

    def test_conditions_hold_after_their_variables_are_gone(self) -> None:
        steps = [detector(), count(), gate("go", "$steps.n.output", "d"), text("a"),
                 text("b", "{x}", x="$steps.a.output"), text("c", "{x}", x="$steps.b.output"),
                 text("d", "{x}", x="$steps.c.output")]  # fmt: skip
        assert column(steps, "$steps.d.output") == ["text", None, "text"]


def test_every_step_is_traced() -> None:
    profiler = Profiler()
    run(document([detector(), count()], {"n": "$steps.n.output"}), trace=profiler)
    assert [(event["name"], event["cat"]) for event in profiler.events] == [
        ("compile", "workflow"), ("inputs", "workflow"), ("det", "step"), ("n", "step"), ("outputs", "workflow"),
    ]  # fmt: skip
    starts = [event["ts"] for event in profiler.events]
    assert starts == sorted(starts) and all(event["dur"] >= 0 and event["ph"] == "X" for event in profiler.events)


def test_a_step_that_fails_is_traced_too() -> None:
    profiler = Profiler()
    with pytest.raises(WorkflowError):
        run(document([detector(model_id="nobody/1")]), trace=profiler)
    assert [event["name"] for event in profiler.events][-1] == "det"


def test_a_trace_is_any_context() -> None:
    def trace(name: str, category: str) -> AbstractContextManager[None]:
        return nullcontext()

    assert run(document(), trace=trace) == [{}]


def test_detections_are_tables_inside() -> None:
    state = state_of(document([detector()], {"p": "$steps.det.predictions"}), {"image": picture(2)})
    assert isinstance(state.results["det"][(0,)]["predictions"], DetectionTable)  # type: ignore[index]
