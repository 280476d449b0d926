"""Whole documents run over real blocks: what runs for which elements, and what the rows of the answer are.

The figures follow from the models of `workflow_documents`: as many objects as a picture's grey level, 8 x 10 pixels
each, in a row from (2, 3) on, on pictures of 60 x 40.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from retinue.deadline import Deadline
from retinue.errors import Busy, ModelNotFound, RequestError
from retinue.workflows.block import Block, Limits, Runtime
from retinue.workflows.definition import Definition, Output, Step
from retinue.workflows.detections import DetectionTable
from retinue.workflows.engine import RunState, run_plan
from retinue.workflows.errors import (
    ClientCausedStepExecutionError,
    ExecutionEngineRuntimeError,
    InvalidBlockBehaviourError,
    InvalidInputTypeError,
    StepExecutionError,
    WorkflowError,
    WorkflowLimitError,
)
from retinue.workflows.graph import build_graph
from retinue.workflows.image import WorkflowImage
from retinue.workflows.inputs import assemble_inputs
from retinue.workflows.lineage import plan_steps
from retinue.workflows.manifest import AnyRef, Manifest
from retinue.workflows.outputs import build_rows
from retinue.workflows.trace import Profiler
from retinue.workflows.values import ValueReader
from tests.unit.workflow_documents import (
    CLASSIFIER,
    COLLAPSE,
    CONTINUE_IF,
    DETECTOR,
    EXPIRED,
    EXPRESSION,
    FIRST,
    IMAGE,
    POSER,
    REPLACEMENT,
    SEGMENTER,
    SLICER,
    STATIC_CROP,
    STITCH,
    SWITCH,
    TEMPLATE,
    Json,
    Models,
    batch,
    blamed,
    cases,
    classifier,
    compiled,
    count,
    crop,
    detector,
    document,
    find_shapes,
    gate,
    join,
    load,
    more_than,
    output,
    parameter,
    picture,
    run,
    runtime,
    step,
    take,
)

CROPS = [detector(), crop()]
TOP = {"type": "ClassificationPropertyExtract", "property_name": "top_class"}
NAMES = {"type": "DetectionsPropertyExtract", "property_name": "class_name"}
FIRST_OF = {"type": "SequenceAggregate", "mode": "first"}
# As everywhere below: two objects, none, one.
THREE = {"image": [picture(2), picture(0), picture(1)]}


@dataclass(frozen=True, slots=True)
class Looks(Deadline):
    """A deadline that has passed once somebody looked at it so often."""

    left: list[int]

    @property
    def remaining_s(self) -> float:
        self.left[0] -= 1
        return self.left[0]


def collapse(name: str, data: str) -> Json:
    return step(COLLAPSE, name, data=data)


def slicer(name: str = "sl", image: str = "$inputs.image", side: int = 20) -> Json:
    return step(
        SLICER, name, image=image, slice_width=side, slice_height=side, overlap_ratio_width=0, overlap_ratio_height=0
    )


def text(name: str = "t", template: str = "text", **data: str) -> Json:
    return step(TEMPLATE, name, template=template, data=data)


def column(steps: list[Json], selector: str, given: Json | None = None, inputs: list[Json] | None = None) -> list[Any]:
    """One output of all rows. given: the values of the inputs."""
    return [row["x"] for row in run(document(steps, {"x": selector}, inputs or [IMAGE]), given or THREE)]


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


class TestConditions:
    def test_decide_for_each_element(self) -> None:
        models = Models()
        steps = [detector(), count(), gate("go", "$steps.n.output", "cls", limit=1), classifier(),
                 take("top", "$steps.cls.predictions", TOP)]  # fmt: skip
        definition = document(steps, {"top": "$steps.top.output", "all": "$steps.cls.*"})
        rows = run(definition, {"image": [picture(3), picture(0), picture(2), picture(1)]}, runtime(models))
        assert [row["top"] for row in rows] == ["cat", None, "dog", None]
        assert models.calls[1].images == ("image.[0]", "image.[2]")
        assert rows[1]["all"] == {"inference_id": None, "predictions": None, "model_id": None}

    def test_on_a_parameter_decide_for_all(self) -> None:
        steps = [gate("go", "$inputs.p", "cls"), classifier(), take("top", "$steps.cls.predictions", TOP)]
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
                 take("top", "$steps.cls.predictions", TOP)]  # fmt: skip
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
                 take("top", "$steps.cls.predictions", TOP)]  # fmt: skip
        assert column(steps, "$steps.top.output") == [["dog", "dog"], [], [None]]

    def test_crops_decide_about_themselves(self) -> None:
        is_dog = step(SWITCH, "sw", value="$steps.class.output", cases={"dog": "$steps.cls"})
        steps = [*CROPS, take("class", "$steps.crop.predictions", NAMES, FIRST_OF), is_dog,
                 classifier(images="$steps.crop.crops"), take("top", "$steps.cls.predictions", TOP)]  # fmt: skip
        assert column(steps, "$steps.top.output") == [[None, "dog"], [], [None]]

    def test_crops_decide_what_is_put_together(self) -> None:
        steps = [*CROPS, take("class", "$steps.crop.predictions", NAMES, FIRST_OF),
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


class TestNesting:
    def test_crops_are_a_level_below_their_picture(self) -> None:
        models = Models()
        steps = [*CROPS, classifier(images="$steps.crop.crops"), take("top", "$steps.cls.predictions", TOP)]
        rows = run(document(steps, {"x": "$steps.top.output"}), THREE, runtime(models))
        assert [row["x"] for row in rows] == [["dog", "dog"], [], ["cat"]]
        assert len(models.calls[1].images) == 3

    def test_crops_of_crops(self) -> None:
        steps = [*CROPS, detector("d2", "$steps.crop.crops"), crop("c2", "$steps.crop.crops", "$steps.d2.predictions"),
                 take("class", "$steps.c2.predictions", NAMES, FIRST_OF)]  # fmt: skip
        definition = document(steps, {"x": "$steps.class.output", "n": "$steps.c2.crops"})
        # Crops have 8 x 10 pixels: of the boxes found in them the first overlaps, the second lies outside.
        rows = run(definition, THREE)
        assert [row["x"] for row in rows] == [[["cat", None], ["cat", None]], [[]], [["cat"]]]
        assert [[len(crops) for crops in row["n"]] for row in rows] == [[2, 2], [0], [1]]

    @pytest.mark.parametrize(
        ("greys", "expected"),
        [
            pytest.param((2, 0, 1, 0, 0), [["a", "a"], [], ["a"]], id="empty lists at the end are cut"),
            pytest.param((0, 0), [[]], id="of nothing but empty lists one stays"),
            pytest.param((0, 1), [[], ["a"]], id="others stay"),
            pytest.param((), [[]], id="nothing"),
        ],
    )
    def test_of_level_three(self, greys: tuple[int, ...], expected: list[Any]) -> None:
        """As upstream has it."""
        found = [detector("det", "$inputs.v"), crop("crop", "$inputs.v"), take("u", "$steps.crop.crops"),
                 text("t", "a", u="$steps.u.output")]  # fmt: skip
        definition = document(found, {"x": "$steps.t.output"}, [batch("v", 2, ["image"])])
        assert run(definition, {"v": [[picture(grey) for grey in greys]]}) == [{"x": expected}]

    def test_no_crops_anywhere(self) -> None:
        steps = [*CROPS, classifier(images="$steps.crop.crops"), collapse("all", "$steps.cls.predictions")]
        definition = document(steps, {"c": "$steps.crop.crops", "p": "$steps.cls.predictions", "s": "$steps.crop.*"})
        assert run(definition, {"image": [picture(0)] * 2}) == [{"c": [], "p": [], "s": []}] * 2

    def test_values_of_the_picture_go_with_its_slices(self) -> None:
        area = {"type": "ExtractImageProperty", "property_name": "size"}
        steps = [slicer("sl", side=30), take("w", "$steps.sl.slices", area),
                 text("t", "{w}{p}", w="$steps.w.output", p="$inputs.p")]  # fmt: skip
        assert column(steps, "$steps.t.output", {"image": picture(), "p": "px"}, inputs=[IMAGE, parameter("p")]) == [
            ["900px", "900px", "300px", "300px"]
        ]

    @pytest.mark.parametrize(
        ("selector", "expected"),
        [
            ("$inputs.v", [[["a", "b"], ["c"]], [["d"]], [[]]]),
            ("$steps.u.output", [[["A", "B"], ["C"]], [["D"]], [[]]]),
            ("$steps.c.output", [[["A", "B"], ["C"]], [["D"]], []]),
            ("$steps.cc.output", [[["A", "B"], ["C"]], [["D"]], None]),
            ("$steps.ccc.output", [[[["A", "B"], ["C"]], [["D"]]]] * 3),
        ],
    )
    def test_of_inputs(self, selector: str, expected: list[Any]) -> None:
        steps = [
            take("u", "$inputs.v", "StringToUpperCase"),
            collapse("c", "$steps.u.output"),
            collapse("cc", "$steps.c.output"),
            collapse("ccc", "$steps.cc.output"),
        ]
        definition = document(steps, {"x": selector, "i": "$inputs.v"}, [batch("v", 3)])
        given = {"v": [[["a", "b"], ["c"]], [["d"]], []]}
        assert [row["x"] for row in run(definition, given)] == expected

    def test_of_inputs_that_stand_for_all(self) -> None:
        steps = [text("t", "{a}{b}", a="$inputs.v", b="$inputs.w")]
        given = {"v": [[1, 2]], "w": ["x", "y"]}
        definition = document(steps, {"x": "$steps.t.output"}, [batch("v", 2), batch("w")])
        # One level apart: the values of a step's properties have one depth, unless one of them is no batch.
        with pytest.raises(WorkflowError, match="different dimensions"):
            run(definition, given)
        definition = document(
            [take("u", "$inputs.v", "ToString")], {"x": "$steps.u.output"}, [batch("v", 2), batch("w")]
        )
        assert run(definition, given) == [{"x": ["1", "2"]}] * 2

    def test_stitched_slices(self) -> None:
        steps = [slicer("sl", side=20), detector("d", "$steps.sl.slices"),
                 step(STITCH, "st", reference_image="$inputs.image", predictions="$steps.d.predictions",
                      overlap_filtering_strategy="none")]  # fmt: skip
        (stitched,) = column(steps, "$steps.st.predictions", {"image": picture(1)})
        assert [(item["x"], item["y"]) for item in stitched["predictions"]] == [
            (x + 6, y + 8) for y in (0, 20) for x in (0, 20, 40)
        ]
        assert stitched["image"] == {"width": 60, "height": 40}
        assert {item["parent_id"] for item in stitched["predictions"]} == {"image"}

    def test_classes_found_in_crops_replace_those_of_their_objects(self) -> None:
        steps = [*CROPS, classifier(images="$steps.crop.crops"),
                 step(REPLACEMENT, "r", object_detection_predictions="$steps.det.predictions",
                      classification_predictions="$steps.cls.predictions"),
                 take("names", "$steps.r.predictions", NAMES)]  # fmt: skip
        assert column(steps, "$steps.names.output") == [["dog", "dog"], [], ["cat"]]


class TestCollapse:
    def test_of_crops(self) -> None:
        steps = [
            *CROPS,
            take("class", "$steps.crop.predictions", NAMES, FIRST_OF),
            collapse("all", "$steps.class.output"),
        ]
        assert column(steps, "$steps.all.output") == [["cat", "dog"], None, ["cat"]]

    @pytest.mark.parametrize("gated", ["n", "all"])
    def test_to_one_value_of_which_nothing_is_left(self, gated: str) -> None:
        steps = [gate("go", "$inputs.v", gated), text("n", "x", v="$inputs.v"), collapse("all", "$steps.n.output"),
                 take("size", "$steps.all.output", "SequenceLength")]  # fmt: skip
        definition = document(
            steps, {"n": "$steps.n.output", "all": "$steps.all.output", "size": "$steps.size.output"}, [batch("v")]
        )
        rows = run(definition, {"v": [0, 0]})
        assert [(row["all"], row["size"]) for row in rows] == [(None, None)] * 2
        rows = run(definition, {"v": [0, 1]})
        assert [(row["all"], row["size"]) for row in rows] == [(["x"], 1)] * 2

    def test_of_pictures_is_one_list_in_every_row(self) -> None:
        steps = [detector(), count(), collapse("all", "$steps.n.output")]
        definition = document(steps, {"n": "$steps.n.output", "all": "$steps.all.output"})
        assert run(definition, THREE) == [
            {"all": [2, 0, 1], "n": 2}, {"all": [2, 0, 1], "n": 0}, {"all": [2, 0, 1], "n": 1},
        ]  # fmt: skip
        assert run(document(steps, {"all": "$steps.all.output"}), THREE) == [{"all": [2, 0, 1]}]

    def test_of_a_scalar_is_a_list_of_one(self) -> None:
        steps = [text(), collapse("all", "$steps.t.output"), collapse("again", "$steps.all.output")]
        definition = document(steps, {"a": "$steps.all.output", "b": "$steps.again.output"}, [])
        assert run(definition, {}) == [{"a": ["text"], "b": [["text"]]}]

    def test_leaves_out_what_is_missing(self) -> None:
        steps = [detector(), count(), gate("go", "$steps.n.output", "t"), text("t", "{n}", n="$steps.n.output"),
                 collapse("all", "$steps.t.output")]  # fmt: skip
        assert run(document(steps, {"all": "$steps.all.output"}), THREE) == [{"all": ["2", "1"]}]

    def test_of_nothing_but_missing_values(self) -> None:
        steps = [*CROPS, count("n", "$steps.crop.predictions"), gate("go", "$steps.n.output", "cls", limit=9),
                 classifier(images="$steps.crop.crops"), collapse("all", "$steps.cls.predictions")]  # fmt: skip
        assert column(steps, "$steps.all.output") == [[], None, []]

    def test_of_pictures_and_detections(self) -> None:
        """Upstream cannot write these."""
        steps = [detector(), collapse("p", "$steps.det.predictions"), collapse("i", "$inputs.image")]
        (row,) = run(document(steps, {"p": "$steps.p.output", "i": "$steps.i.output"}), THREE)
        assert [len(item["predictions"]) for item in row["p"]] == [2, 0, 1]
        assert [item["type"] for item in row["i"]] == ["base64"] * 3


class TestEmergentLevels:
    """Levels that hang on no picture: slices of a picture that is the same for the whole request."""

    STEPS: ClassVar = [
        collapse("pictures", "$inputs.image"), take("one", "$steps.pictures.output", FIRST_OF),
        slicer("sl", "$steps.one.output", side=30), detector("d", "$steps.sl.slices"),
        count("n", "$steps.d.predictions"),
    ]  # fmt: skip

    def test_are_lists_in_every_row(self) -> None:
        definition = document(self.STEPS, {"n": "$steps.n.output", "i": "$inputs.image"})
        assert [row["n"] for row in run(definition, THREE)] == [[2, 2, 2, 2]] * 3
        assert run(document(self.STEPS, {"n": "$steps.n.output"}), THREE) == [{"n": [2, 2, 2, 2]}]

    def test_collapse_to_scalars(self) -> None:
        steps = [*self.STEPS, collapse("all", "$steps.n.output")]
        assert run(document(steps, {"n": "$steps.all.output"}), THREE) == [{"n": [2, 2, 2, 2]}]

    def test_are_empty_where_nothing_was_made(self) -> None:
        steps = [*self.STEPS, gate("go", "$inputs.p", "one"), collapse("all", "$steps.n.output")]
        definition = document(steps, {"n": "$steps.n.output", "all": "$steps.all.output"}, [IMAGE, parameter("p", 0)])
        assert run(definition, THREE) == [{"n": [], "all": None}]


class TestCoordinates:
    def test_detections_in_crops_are_told_in_the_picture(self) -> None:
        steps = [*CROPS, detector("d2", "$steps.crop.crops")]
        outputs = [output("parent", "$steps.d2.predictions"), output("own", "$steps.d2.predictions", "own"),
                   output("outer", "$steps.det.predictions")]  # fmt: skip
        (row,) = run(document(steps, outputs))
        (parent,), (own,), outer = row["parent"], row["own"], row["outer"]
        assert parent["image"] == {"width": 60, "height": 40} and own["image"] == {"width": 8, "height": 10}
        (moved,), (here,) = parent["predictions"], own["predictions"]
        assert [moved[key] for key in ("x", "y", "width", "height", "parent_id")] == [8.0, 11.0, 8.0, 10.0, "image"]
        assert not {"parent_origin", "root_parent_id", "root_parent_origin"} & moved.keys()
        identifier = outer["predictions"][0]["detection_id"]
        assert [here[key] for key in ("x", "y", "width", "height", "parent_id")] == [6.0, 8.0, 8.0, 10.0, identifier]
        place = {"offset_x": 2, "offset_y": 3, "width": 60, "height": 40}
        assert here["parent_origin"] == place and here["root_parent_origin"] == place
        assert here["root_parent_id"] == "image"
        assert list(here).index("parent_origin") == list(here).index("parent_id") + 1

    def test_of_crops_of_crops(self) -> None:
        steps = [*CROPS, detector("d2", "$steps.crop.crops"), crop("c2", "$steps.crop.crops", "$steps.d2.predictions"),
                 detector("d3", "$steps.c2.crops")]  # fmt: skip
        outputs = [output("parent", "$steps.d3.predictions"), output("own", "$steps.d3.predictions", "own")]
        (row,) = run(document(steps, outputs))
        (moved,) = row["parent"][0][0]["predictions"]
        assert (moved["x"], moved["y"], moved["parent_id"]) == (10.0, 14.0, "image")
        (here,) = row["own"][0][0]["predictions"]
        assert here["parent_origin"] == {"offset_x": 2, "offset_y": 3, "width": 8, "height": 10}
        assert here["root_parent_origin"] == {"offset_x": 4, "offset_y": 6, "width": 60, "height": 40}

    def test_what_a_crop_says_of_its_own_detection_stays(self) -> None:
        """contract/workflows.md 4.4."""
        outputs = [output("a", "$steps.crop.predictions"), output("b", "$steps.crop.predictions", "own")]
        (row,) = run(document(CROPS, outputs))
        for (found,) in row.values():
            assert found["image"] == {"width": 60, "height": 40}
            assert [found["predictions"][0][key] for key in ("x", "y", "parent_id")] == [4.0, 5.0, "image"]

    def test_masks_and_keypoints_move_too(self) -> None:
        steps = [
            step(STATIC_CROP, "crop", images="$inputs.image", x_center=30, y_center=20, width=40, height=30),
            step(SEGMENTER, "m", images="$steps.crop.crops", model_id="masks/1"),
            step(POSER, "k", images="$steps.crop.crops", model_id="points/1"),
        ]
        (row,) = run(document(steps, {"m": "$steps.m.predictions", "k": "$steps.k.predictions"}))
        (mask,), (pose,) = row["m"]["predictions"], row["k"]["predictions"]
        assert (mask["x"], mask["y"], pose["x"], pose["y"]) == (16.0, 13.0, 16.0, 13.0)
        corners = {(point["x"], point["y"]) for point in mask["points"]}
        assert corners == {(12.0, 8.0), (12.0, 17.0), (19.0, 17.0), (19.0, 8.0)}
        assert pose["keypoints"] == [{"class_id": 0, "class": "nose", "confidence": 0.75, "x": 12.0, "y": 8.0}]

    def test_inside_lists(self) -> None:
        steps = [*CROPS, detector("d2", "$steps.crop.crops"), collapse("all", "$steps.d2.predictions")]
        outputs = [output("parent", "$steps.all.output"), output("own", "$steps.all.output", "own")]
        (row,) = run(document(steps, outputs))
        assert [row[name][0]["predictions"][0]["x"] for name in ("parent", "own")] == [8.0, 6.0]

    def test_nothing_found_in_a_crop(self) -> None:
        steps = [*CROPS, step(DETECTOR, "d2", images="$steps.crop.crops", model_id="none/1")]
        models = Models()
        models.answers["none/1"] = lambda image: find_shapes(WorkflowImage.of_pixels(image.pixels * 0, image.id))
        outputs = [output("parent", "$steps.d2.predictions"), output("own", "$steps.d2.predictions", "own")]
        (row,) = run(document(steps, outputs), using=runtime(models))
        assert row["parent"] == [{"image": {"width": 60, "height": 40}, "predictions": []}]
        assert row["own"] == [{"image": {"width": None, "height": None}, "predictions": []}]


class TestRows:
    def test_without_pictures_there_is_one(self) -> None:
        steps = [detector(), text()]
        assert run(document(steps, {"t": "$steps.t.output"}), THREE) == [{"t": "text"}]

    def test_without_outputs_there_is_an_empty_one(self) -> None:
        assert run(document([detector()]), THREE) == [{}]

    def test_scalars_come_first_and_in_every_row(self) -> None:
        steps = [detector(), count(), text(), collapse("all", "$steps.n.output")]
        outputs = {"n": "$steps.n.output", "all": "$steps.all.output", "p": "$inputs.p", "m": "$steps.n.output",
                   "t": "$steps.t.output"}  # fmt: skip
        rows = run(document(steps, outputs, [IMAGE, parameter("p", 5)]), THREE)
        assert [list(row) for row in rows] == [["all", "p", "t", "n", "m"]] * 3
        assert rows[0] == {"all": [2, 0, 1], "p": 5, "t": "text", "n": 2, "m": 2}

    def test_all_outputs_of_a_step(self) -> None:
        (row,) = run(document([classifier()], {"x": "$steps.cls.*"}))
        assert list(row["x"]) == ["inference_id", "predictions", "model_id"]
        assert row["x"]["predictions"]["inference_id"] == row["x"]["inference_id"]
        assert row["x"]["predictions"]["top"] == "cat"

    def test_all_outputs_of_crops(self) -> None:
        rows = run(document(CROPS, {"x": "$steps.crop.*"}), THREE)
        assert [[sorted(item) for item in row["x"]] for row in rows] == [
            [["crops", "predictions"]] * 2, [], [["crops", "predictions"]],
        ]  # fmt: skip

    def test_all_outputs_of_a_step_that_says_itself_which(self) -> None:
        parser = step("roboflow_core/json_parser@v1", "j", raw_json='{"a": 1, "b": [2]}', expected_fields=["b", "a"])
        (row,) = run(document([parser], {"x": "$steps.j.*", "a": "$steps.j.a"}, []), {})
        assert row == {"x": {"b": [2], "a": 1, "error_status": False}, "a": 1}

    @pytest.mark.parametrize("excluded", [["n"], ["n", "nobody"], ("n",), {"n"}])
    def test_without_excluded_outputs(self, excluded: Any) -> None:
        definition = document([detector(), count()], {"n": "$steps.n.output", "m": "$steps.n.output"})
        assert run(definition, THREE, excluded=excluded) == [{"m": 2}, {"m": 0}, {"m": 1}]

    def test_with_all_outputs_excluded(self) -> None:
        definition = document([detector(), count()], {"n": "$steps.n.output"})
        assert run(definition, THREE, excluded=["n"]) == [{}, {}, {}]

    def test_pictures_come_back_as_they_came(self) -> None:
        sent = picture(3)
        (row,) = run(document([], {"i": "$inputs.image"}), {"image": sent})
        assert row["i"]["value"] == sent["value"]
        assert list(row["i"]) == ["type", "value", "video_metadata"]

    def test_what_cannot_be_written(self) -> None:
        plan = compiled(document([text()], {"t": "$steps.t.output"}, []))
        state = RunState({(): [()]}, {}, results={"t": {(): {"output": {1, 2}}}})
        with pytest.raises(ExecutionEngineRuntimeError, match=r"Output 't'.*type set") as caught:
            build_rows(plan, state)
        assert caught.value.context == "workflow_execution | output_construction"
        assert caught.value.render()["inner_error_type"] == "TypeError"
        assert not caught.value.is_callers_fault


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


class TestTime:
    def test_nothing_starts_after_the_deadline(self) -> None:
        models = Models()
        with pytest.raises(WorkflowLimitError, match="before step 'det'") as caught:
            run(document([detector()]), using=runtime(models, deadline=EXPIRED))
        assert models.calls == [] and caught.value.is_callers_fault
        assert caught.value.context == "workflow_execution | step_execution"

    def test_between_steps(self) -> None:
        models = Models()
        with pytest.raises(WorkflowLimitError, match="before step 'n'"):
            run(document([detector(), count()]), using=runtime(models, deadline=Looks(0.0, [2])))
        assert len(models.calls) == 1

    def test_between_elements(self) -> None:
        Counting.made.clear()
        definition = built(Counting, "a", "b")
        plan = plan_steps(definition, build_graph(definition))
        state = assemble_inputs(plan, {"v": [1, 2, 3, 4]}, ValueReader(load), Limits())
        with pytest.raises(WorkflowLimitError, match="before step 'a'"):
            run_plan(plan, state, runtime(deadline=Looks(0.0, [4])))
        assert Counting.made == [2]


class TestElements:
    def test_of_one_picture(self) -> None:
        definition = document([slicer(side=20)], {"x": "$steps.sl.slices"})
        assert len(run(definition, using=runtime(limits=Limits(elements=6)))[0]["x"]) == 6
        with pytest.raises(WorkflowError, match=r"3 x 2 = 6 slices; the limit is 5"):
            run(definition, using=runtime(limits=Limits(elements=5)))

    def test_of_one_picture_with_many_objects(self) -> None:
        definition = document(CROPS, {"x": "$steps.crop.crops"})
        assert len(run(definition, {"image": picture(5)}, runtime(limits=Limits(elements=5)))[0]["x"]) == 5
        with pytest.raises(WorkflowError, match="the limit is 4"):
            run(definition, {"image": picture(5)}, runtime(limits=Limits(elements=4)))

    def test_of_all_pictures_together(self) -> None:
        definition = document([slicer(side=20)], {"x": "$steps.sl.slices"})
        using = runtime(limits=Limits(elements=17))
        assert len(run(definition, {"image": [picture()] * 2}, using)) == 2
        with pytest.raises(WorkflowLimitError, match="Step 'sl' makes more than 17 elements") as caught:
            run(definition, THREE, using)
        assert caught.value.is_callers_fault

    def test_of_every_level(self) -> None:
        steps = [slicer(side=20), slicer("s2", "$steps.sl.slices", side=10)]
        definition = document(steps, {"x": "$steps.s2.slices"})
        assert len(run(definition, using=runtime(limits=Limits(elements=24)))[0]["x"]) == 6
        with pytest.raises(WorkflowLimitError, match="Step 's2'"):
            run(definition, using=runtime(limits=Limits(elements=23)))


class TestFailures:
    def test_the_callers(self) -> None:
        with pytest.raises(ClientCausedStepExecutionError, match="There is no model nobody/1") as caught:
            run(document([detector(model_id="nobody/1")]))
        assert caught.value.context == "workflow_execution | step_execution"
        assert isinstance(caught.value.inner, ModelNotFound) and caught.value.is_callers_fault
        assert blamed(caught.value) == [("det", None)]
        assert caught.value.blocks is not None and caught.value.blocks[0].block_type == DETECTOR

    def test_a_model_of_another_task(self) -> None:
        with pytest.raises(ClientCausedStepExecutionError, match="does classification") as caught:
            run(document([detector(model_id="levels/1")]))
        assert isinstance(caught.value.inner, RequestError)
        with pytest.raises(ClientCausedStepExecutionError, match="does object-detection"):
            run(document([step(CLASSIFIER, "c", images="$inputs.image", model_id="shapes/1")]))

    def test_of_a_block(self) -> None:
        broken = text("t", "{a}", b="$inputs.image")
        with pytest.raises(StepExecutionError, match="names \\['a'\\]") as caught:
            run(document([broken]))
        assert not isinstance(caught.value, ClientCausedStepExecutionError) and not caught.value.is_callers_fault
        assert blamed(caught.value) == [("t", None)]
        assert isinstance(caught.value.inner, ValueError)

    def test_of_a_query_stay_what_they_are(self) -> None:
        with pytest.raises(InvalidInputTypeError) as caught:
            run(document([take("t", "$inputs.image", "StringToUpperCase")]))
        assert caught.value.context == "step_execution | roboflow_query_language_evaluation | <root>[0]"

    @pytest.mark.parametrize("error", [Busy("not now"), MemoryError()], ids=["busy", "memory"])
    def test_of_the_service_stay_what_they_are(self, error: Exception) -> None:
        def fail(image: WorkflowImage) -> Any:
            raise error

        with pytest.raises(type(error)):
            run(document([detector()]), using=runtime(Models({"shapes/1": fail})))

    def test_the_first_step_that_fails_is_told(self) -> None:
        with pytest.raises(WorkflowError) as caught:
            run(document([detector(model_id="nobody/1"), text("t", "{a}")]))
        assert blamed(caught.value) == [("det", None)]

    def test_a_step_without_elements_does_not_fail(self) -> None:
        steps = [*CROPS, text("t", "{missing}", c="$steps.crop.crops")]
        assert column(steps, "$steps.t.output", {"image": picture(0)}) == [[]]


class EchoManifest(Manifest):
    """What it answers with."""

    value: AnyRef


class Echo(Block):
    """Base of blocks that exist for these tests."""

    identifier = "test/echo@v1"
    title = "Echo"
    category = "test"
    manifest = EchoManifest
    outputs = {"output": ("*",)}  # noqa: RUF012

    def run(self, value: Any) -> Any:
        return {"output": value}


class Batched(Echo):
    batches = frozenset({"value"})
    is_batched = True

    def run(self, value: Any) -> Any:
        return [{"output": element} for element in value]


class TooFew(Batched):
    def run(self, value: Any) -> Any:
        return super().run(value)[1:]


class NoList(Batched):
    def run(self, value: Any) -> Any:
        return {"output": value}


class NoBranch(Echo):
    is_flow_control = True


class NoNesting(Echo):
    output_offset = 1


class Counting(Echo):
    """How often it was made, and called."""

    made: ClassVar[list[int]] = []

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.made.append(0)

    def run(self, value: Any) -> Any:
        self.made[-1] += 1
        return {"output": value}


class Unmakeable(Echo):
    def __init__(self, runtime: Runtime) -> None:
        raise OSError("no such device")


def built(block: type[Block], *names: str) -> Definition:
    """Steps of one block, each with the input `v`."""
    steps = {
        name: Step(name, block, EchoManifest(type=block.identifier, name=name, value="$inputs.v")) for name in names
    }
    inputs = compiled(document(inputs=[batch("v")])).inputs
    return Definition(dict(inputs), steps, tuple(Output(name, f"$steps.{name}.output") for name in names))


def run_block(block: type[Block], values: list[Any]) -> list[Json]:
    definition = built(block, "s")
    plan = plan_steps(definition, build_graph(definition))
    state = assemble_inputs(plan, {"v": values}, ValueReader(load), Limits())
    run_plan(plan, state, runtime())
    return build_rows(plan, state)


class TestBlocks:
    @pytest.mark.parametrize("block", [Echo, Batched])
    def test_get_and_give_elements(self, block: type[Block]) -> None:
        assert run_block(block, [1, None, [3]]) == [{"s": 1}, {"s": None}, {"s": [3]}]

    def test_live_for_one_step(self) -> None:
        Counting.made.clear()
        run_block(Counting, [1, 2, 3])
        assert Counting.made == [3]

    def test_are_not_made_for_nothing(self) -> None:
        Counting.made.clear()
        run_block(Counting, [None, None])
        assert Counting.made == []

    @pytest.mark.parametrize(
        ("block", "message"),
        [
            (TooFew, "answer with 2 elements; it answered with list of 1"),
            (NoList, "answer with 2 elements; it answered with dict"),
            (NoBranch, "answer with a branch; it answered with dict"),
            (NoNesting, "answer with a list; it answered with dict"),
        ],
    )
    def test_that_misbehave(self, block: type[Block], message: str) -> None:
        with pytest.raises(InvalidBlockBehaviourError, match=message) as caught:
            run_block(block, [1, 2])
        assert caught.value.context == "workflow_execution | step_output_registration"
        assert not caught.value.is_callers_fault

    def test_that_cannot_be_made(self) -> None:
        with pytest.raises(StepExecutionError, match="no such device") as caught:
            run_block(Unmakeable, [1])
        assert blamed(caught.value) == [("s", None)]

    def test_the_base_cannot_be_made(self) -> None:
        with pytest.raises(TypeError, match="abstract"):
            Block(runtime())  # type: ignore[abstract]


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
