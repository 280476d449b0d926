"""How deep data lies, along which levels, and what may meet in one step (contract/workflows.md 2.5 and 2.6)."""

from typing import Any

import pytest

from retinue.workflows.errors import (
    AssumptionError,
    ControlFlowDefinitionError,
    ExecutionGraphStructureError,
    StepInputDimensionalityError,
    StepInputLineageError,
    WorkflowError,
)
from retinue.workflows.plan import PlannedStep
from tests.unit.workflow_documents import (
    BOXES,
    CONSENSUS,
    CROPS,
    FIRST,
    FIRST_OF,
    IMAGE,
    REPLACEMENT,
    STITCH,
    TEMPLATE,
    Json,
    batch,
    blamed,
    classifier,
    collapse,
    compiled,
    count,
    crop,
    detector,
    document,
    gate,
    inner,
    join,
    parameter,
    slicer,
    step,
    take,
    text,
)

CONTEXT = "workflow_compilation | execution_graph_construction"
INPUT = "<workflow_input>"
FLAT = (INPUT,)

# A picture that is the same for the whole request: the first of all that came in.
SCALAR_PICTURE = [
    collapse("all", "$inputs.image"),
    take("one", "$steps.all.output", FIRST_OF),
]


def planned(steps: list[Json], inputs: list[Json] | None = None) -> dict[str, PlannedStep]:
    return {item.step.name: item for item in compiled(document(steps, inputs=inputs or [IMAGE])).steps}


def output_lineages(steps: list[Json], inputs: list[Json] | None = None) -> dict[str, tuple[str, ...]]:
    return {name: item.output_lineage for name, item in planned(steps, inputs).items()}


class TestInputs:
    def test_parameters_are_scalars_and_all_batches_share_their_first_level(self) -> None:
        inputs = [IMAGE, parameter("p"), batch("a"), batch("b", 3), {"type": "WorkflowVideoMetadata", "name": "v"}]
        lineages = compiled(document(inputs=inputs)).input_lineages
        assert lineages == {
            "image": FLAT,
            "p": (),
            "a": FLAT,
            "b": (INPUT, f"{INPUT}.b.2", f"{INPUT}.b.3"),
            "v": FLAT,
        }

    @pytest.mark.parametrize("depth", [0, -1, -(10**5000)], ids=["0", "-1", "huge"])
    def test_at_least_one_level(self, depth: int) -> None:
        with pytest.raises(ExecutionGraphStructureError, match="declared dimensionality below 1") as caught:
            compiled(document(inputs=[batch("b", depth)]))
        assert caught.value.context == CONTEXT

    @pytest.mark.parametrize("depth", [33, 10**9, 10**5000], ids=["33", "large", "huge"])
    def test_not_more_levels_than_make_sense(self, depth: int) -> None:
        """Each level is written down."""
        with pytest.raises(ExecutionGraphStructureError, match="above 32"):
            compiled(document(inputs=[batch("b", depth)]))


class TestDepth:
    @pytest.mark.parametrize(
        ("steps", "expected"),
        [
            pytest.param([detector()], {"det": FLAT}, id="as its pictures"),
            pytest.param([text()], {"t": ()}, id="without data: scalar"),
            pytest.param([text(a="$inputs.p")], {"t": ()}, id="of a parameter: scalar"),
            pytest.param([text(a="$inputs.p", b="$inputs.image")], {"t": FLAT}, id="parameter and pictures"),
            pytest.param(CROPS, {"crop": (INPUT, "$steps.crop")}, id="crops: one more"),
            pytest.param([slicer()], {"sl": (INPUT, "$steps.sl")}, id="slices: one more"),
            pytest.param(
                [slicer(), slicer("s2", "$steps.sl.slices"), slicer("s3", "$steps.s2.slices")],
                {"s3": (INPUT, "$steps.sl", "$steps.s2", "$steps.s3")},
                id="slices of slices of slices",
            ),
            pytest.param(
                [*CROPS, detector("d2", "$steps.crop.crops"), crop("c2", "$steps.crop.crops", "$steps.d2.predictions")],
                {"d2": (INPUT, "$steps.crop"), "c2": (INPUT, "$steps.crop", "$steps.c2")},
                id="crops of crops",
            ),
            pytest.param(
                [*CROPS, collapse("all", "$steps.crop.crops")], {"all": FLAT}, id="collapse: one less"
            ),
            pytest.param([detector(), collapse("all", "$steps.det.predictions")], {"all": ()}, id="collapse to scalar"),
            pytest.param([text(), collapse("all", "$steps.t.output")], {"all": ()}, id="a collapsed scalar is one"),
            pytest.param(
                [*SCALAR_PICTURE, slicer("sl", "$steps.one.output")], {"one": (), "sl": ("$steps.sl",)}, id="emergent"
            ),
            pytest.param(
                [*SCALAR_PICTURE, slicer("sl", "$steps.one.output"), collapse("c", "$steps.sl.slices")],
                {"c": ()},
                id="emergent, collapsed",
            ),
            pytest.param(
                [slicer(), detector("d", "$steps.sl.slices"),
                 step(STITCH, "st", reference_image="$inputs.image", predictions="$steps.d.predictions")],
                {"st": FLAT},
                id="stitch: that of the reference",
            ),
            pytest.param(
                [*CROPS, classifier(images="$steps.crop.crops"),
                 step(REPLACEMENT, "r", object_detection_predictions="$steps.det.predictions",
                      classification_predictions="$steps.cls.predictions")],
                {"r": FLAT},
                id="replacement: that of the reference",
            ),
        ],
    )  # fmt: skip
    def test_of_what_steps_give(self, steps: list[Json], expected: dict[str, Any]) -> None:
        found = output_lineages(steps, [IMAGE, parameter("p")])
        assert {name: found[name] for name in expected} == expected

    def test_of_nested_inputs(self) -> None:
        found = output_lineages([join("e", v="$inputs.v"), collapse("c", "$inputs.v")], [batch("v", 2)])
        assert found == {"e": (INPUT, f"{INPUT}.v.2"), "c": FLAT}

    def test_of_outputs(self) -> None:
        plan = compiled(document(CROPS, {"a": "$steps.crop.*", "b": "$inputs.image", "c": "$steps.crop.crops"}))
        assert [item.lineage for item in plan.outputs] == [(INPUT, "$steps.crop"), FLAT, (INPUT, "$steps.crop")]
        assert [sorted(item.kinds) for item in plan.outputs] == [["crops", "predictions"], ["b"], ["c"]]


class TestDepthsThatDoNotMeet:
    @pytest.mark.parametrize(
        ("steps", "name"),
        [
            pytest.param(
                [*CROPS, detector("d2", "$steps.crop.crops"),
                 step(BOXES, "v", image="$inputs.image", predictions="$steps.d2.predictions")],
                "v", id="picture and crops",
            ),
            pytest.param([*CROPS, join("e", a="$inputs.image", b="$steps.crop.crops")], "e", id="in a dict"),
            pytest.param([*CROPS, step(FIRST, "f", data=["$inputs.image", "$steps.crop.crops"])], "f", id="in a list"),
            pytest.param(
                [*CROPS, detector("d2", "$steps.crop.crops"),
                 crop("c2", "$steps.crop.crops", "$steps.d2.predictions"),
                 join("e", a="$inputs.image", b="$steps.c2.crops")],
                "e", id="two apart",
            ),
            pytest.param(
                [*CROPS, crop("c2", "$steps.crop.crops", "$steps.det.predictions"), detector("d", "$steps.crop.crops")],
                "c2", id="crops of crops by the outer boxes",
            ),
            pytest.param(
                [*SCALAR_PICTURE, slicer("sl", "$steps.one.output"), slicer("s2", "$steps.sl.slices"),
                 join("e", a="$steps.sl.slices", b="$steps.s2.slices")],
                "e", id="emergent ones",
            ),
        ],
    )  # fmt: skip
    def test_equal_ones_are_needed(self, steps: list[Json], name: str) -> None:
        with pytest.raises(
            StepInputDimensionalityError, match=f"^For step {name} attempted to plug input data"
        ) as caught:
            compiled(document(steps))
        assert caught.value.context == f"{CONTEXT} | collecting_step_input_data"
        assert blamed(caught.value) == [(name, None)]
        assert caught.value.blocks is not None
        assert (caught.value.blocks[0].block_details or "").startswith("Detected dimensions: ")
        assert caught.value.render()["inner_error_type"] == "None"

    @pytest.mark.parametrize(
        ("predictions", "depth"),
        [("$steps.det.predictions", 1), ("$steps.d3.predictions", 3)],
        ids=["not deeper", "too deep"],
    )
    def test_one_level_below_the_reference(self, predictions: str, depth: int) -> None:
        steps = [
            detector(),
            slicer(),
            slicer("s2", "$steps.sl.slices"),
            detector("d3", "$steps.s2.slices"),
            step(STITCH, "st", reference_image="$inputs.image", predictions=predictions),
        ]
        with pytest.raises(StepInputDimensionalityError, match="has actual dimensionality") as caught:
            compiled(document(steps))
        assert caught.value.context == f"{CONTEXT} | denoting_step_inputs_dimensionality"
        assert blamed(caught.value) == [("st", "predictions")]
        assert caught.value.blocks is not None
        assert caught.value.blocks[0].property_details == (
            f"Expected dimensionality 2, but received dimensionality {depth}"
        )


class TestLineagesThatDoNotMeet:
    @pytest.mark.parametrize(
        ("steps", "inputs"),
        [
            pytest.param(
                [detector(), crop("a"), crop("b"), detector("d2", "$steps.b.crops"),
                 step(BOXES, "v", image="$steps.a.crops", predictions="$steps.d2.predictions")],
                [IMAGE], id="crops of two steps",
            ),
            pytest.param(
                [slicer("a"), slicer("b"), join("e", a="$steps.a.slices", b="$steps.b.slices")], [IMAGE], id="in a dict"
            ),
            pytest.param(
                [slicer("a"), slicer("b"), step(FIRST, "f", data=["$steps.a.slices", "$steps.b.slices"])],
                [IMAGE], id="in a list",
            ),
            pytest.param(
                [slicer("a"), join("e", a="$steps.a.slices", v="$inputs.v")], [IMAGE, batch("v", 2)],
                id="slices and a nested input",
            ),
            pytest.param(
                [join("e", a="$inputs.v", b="$inputs.w")], [batch("v", 2), batch("w", 2)], id="two nested inputs"
            ),
            pytest.param(
                [*SCALAR_PICTURE, slicer("sl", "$steps.one.output"),
                 join("e", a="$steps.sl.slices", b="$inputs.image")],
                [IMAGE], id="emergent and pictures",
            ),
            pytest.param(
                [slicer("a"), detector("da", "$steps.a.slices"), detector(),
                 step(REPLACEMENT, "r", object_detection_predictions="$steps.da.predictions",
                      classification_predictions="$inputs.c")],
                [IMAGE, batch("c", 3, ["string"])], id="one below, but of another",
            ),
        ],
    )  # fmt: skip
    def test_in_one_step(self, steps: list[Json], inputs: list[Json]) -> None:
        with pytest.raises(StepInputLineageError) as caught:
            compiled(document(steps, inputs=inputs))
        assert caught.value.context == f"{CONTEXT} | collecting_step_inputs_lineage"
        assert caught.value.is_callers_fault
        rendered = caught.value.render()
        assert rendered["python_blocks_output_streams"] is None and "blocks_errors" not in rendered
        assert rendered["inner_error_type"] is None

    def test_crops_of_two_detectors_meet_once_they_are_collapsed(self) -> None:
        steps = [
            detector(), crop("a"), crop("b"),
            collapse("ca", "$steps.a.crops"), collapse("cb", "$steps.b.crops"),
            join("e", a="$steps.ca.output", b="$steps.cb.output"),
        ]  # fmt: skip
        assert output_lineages(steps)["e"] == FLAT

    def test_crops_and_what_was_found_in_them_meet(self) -> None:
        steps = [*CROPS, detector("d2", "$steps.crop.crops"),
                 step(BOXES, "v", image="$steps.crop.crops", predictions="$steps.d2.predictions")]  # fmt: skip
        assert output_lineages(steps)["v"] == (INPUT, "$steps.crop")


class TestScalarProperties:
    @pytest.mark.parametrize(
        ("written", "property_name"),
        [
            pytest.param(detector(model_id="$steps.t.output"), "model_id", id="model id"),
            pytest.param(detector(max_detections="$steps.n.output"), "max_detections", id="number"),
            pytest.param(detector(class_filter="$steps.n.output"), "class_filter", id="list"),
            pytest.param(
                step(CONSENSUS, "det", predictions_batches=["$steps.d.predictions"], required_votes="$steps.n.output"),
                "required_votes",
                id="votes",
            ),
        ],
    )
    def test_take_no_batches(self, written: Json, property_name: str) -> None:
        steps = [detector("d"), count("n", "$steps.d.predictions"), take("t", "$inputs.image"), written]
        message = f"Property `{property_name}` of step `det` takes one value"
        with pytest.raises(ExecutionGraphStructureError, match=message) as caught:
            compiled(document(steps))
        assert caught.value.context == CONTEXT and caught.value.render()["blocks_errors"] is None

    def test_take_scalars_of_steps(self) -> None:
        steps = [step(TEMPLATE, "t", template="shapes/1"), detector(class_filter="$steps.x.output"),
                 take("x", "$steps.t.output")]  # fmt: skip
        assert output_lineages(steps)["det"] == FLAT

    def test_a_block_may_take_either(self) -> None:
        keep = step("roboflow_core/detections_filter@v1", "f", predictions="$steps.det.predictions", operations=[],
                    operations_parameters={"a": "$steps.n.output", "b": "$inputs.p"})  # fmt: skip
        assert output_lineages([detector(), count(), keep], [IMAGE, parameter("p")])["f"] == FLAT


class TestConditions:
    """A condition may decide about data of its own pictures or of what was cut from them, and about nothing else."""

    @pytest.mark.parametrize(
        "steps",
        [
            pytest.param([detector(), count(), gate("go", "$steps.n.output", "cls"), classifier()], id="same pictures"),
            pytest.param(
                [*CROPS, count(), gate("go", "$steps.n.output", "cls"), classifier(images="$steps.crop.crops")],
                id="pictures about crops",
            ),
            pytest.param([gate("go", "$inputs.p", "cls"), classifier()], id="a parameter about pictures"),
            pytest.param([gate("go", "$inputs.p", "t"), text()], id="a parameter about a scalar"),
            pytest.param(
                [slicer(), detector("d", "$steps.sl.slices"), count("n", "$steps.d.predictions"),
                 gate("go", "$steps.n.output", "st"),
                 step(STITCH, "st", reference_image="$inputs.image", predictions="$steps.d.predictions")],
                id="slices about what puts them together",
            ),
            pytest.param(
                [*CROPS, classifier(images="$steps.crop.crops"), count("n", "$steps.cls.predictions"),
                 gate("go", "$steps.n.output", "all"), collapse("all", "$steps.crop.crops")],
                id="crops about their collapse",
            ),
        ],
    )  # fmt: skip
    def test_that_fit(self, steps: list[Json]) -> None:
        compiled(document(steps, inputs=[IMAGE, parameter("p", 1)]))

    @pytest.mark.parametrize(
        "steps",
        [
            pytest.param(
                [*CROPS, count("n", "$steps.crop.predictions"), gate("go", "$steps.n.output", "cls"), classifier()],
                id="crops about their picture",
            ),
            pytest.param(
                [detector(), crop("a"), crop("b"), count("n", "$steps.a.predictions"),
                 gate("go", "$steps.n.output", "cls"), classifier(images="$steps.b.crops")],
                id="crops about other crops",
            ),
            pytest.param(
                [detector(), count(), gate("go", "$steps.n.output", "t"), *SCALAR_PICTURE,
                 slicer("sl", "$steps.one.output"), text("t", a="$steps.sl.slices")],
                id="pictures about emergent slices",
            ),
            pytest.param(
                [*SCALAR_PICTURE, slicer("sl", "$steps.one.output"), count("n", "$steps.sl.slices"),
                 gate("go", "$steps.n.output", "cls"), classifier()],
                id="emergent slices about pictures",
            ),
        ],
    )  # fmt: skip
    def test_that_do_not(self, steps: list[Json]) -> None:
        with pytest.raises(ControlFlowDefinitionError, match="it would never run") as caught:
            compiled(document(steps))
        assert caught.value.context == f"{CONTEXT} | verification_of_control_flow_lineage"
        assert caught.value.is_callers_fault and "blocks_errors" not in caught.value.render()

    def test_a_step_without_data_runs_for_each_element_that_passes(self) -> None:
        assert output_lineages([detector(), count(), gate("go", "$steps.n.output", "t"), text()])["t"] == FLAT

    def test_of_two_conditions_the_deeper_one_decides_how_often(self) -> None:
        steps = [*CROPS, count(), count("m", "$steps.crop.predictions"), text(),
                 gate("a", "$steps.n.output", "t"), gate("b", "$steps.m.output", "t")]  # fmt: skip
        assert output_lineages(steps)["t"] == (INPUT, "$steps.crop")

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(("$steps.n1.output", "$steps.n2.output"), id="crops of two steps"),
            pytest.param(("$steps.n1.output", "$steps.n3.output"), id="crops and emergent slices"),
        ],
    )
    def test_two_conditions_on_different_things_about_a_step_without_data(self, data: tuple[str, str]) -> None:
        steps = [
            detector(), crop("c1"), crop("c2"), *SCALAR_PICTURE, slicer("sl", "$steps.one.output"),
            count("n1", "$steps.c1.predictions"), count("n2", "$steps.c2.predictions"), count("n3", "$steps.sl.slices"),
            gate("a", data[0], "t"), gate("b", data[1], "t"), text(),
        ]  # fmt: skip
        with pytest.raises(AssumptionError, match="Conditions on different things") as caught:
            compiled(document(steps))
        assert caught.value.context == f"{CONTEXT} | collecting_step_inputs_lineage"

    def test_a_condition_alone_has_the_depth_of_its_variables(self) -> None:
        steps = [*CROPS, count("n", "$steps.crop.predictions"), gate("go", "$steps.n.output", "cls"),
                 classifier(images="$steps.crop.crops")]  # fmt: skip
        assert planned(steps)["go"].lineage == (INPUT, "$steps.crop")


class TestReleases:
    def test_results_go_after_the_last_who_needs_them(self) -> None:
        steps = [detector(), crop(), count(), classifier(images="$steps.crop.crops"), detector("unused")]
        plan = compiled(document(steps, {"p": "$steps.cls.predictions"}))
        assert {item.step.name: sorted(item.releases) for item in plan.steps} == {
            "det": [], "unused": ["unused"], "crop": [], "n": ["det", "n"], "cls": ["crop"],
        }  # fmt: skip

    def test_outputs_are_kept(self) -> None:
        steps = [detector(), count()]
        plan = compiled(document(steps, {"p": "$steps.det.*", "n": "$steps.n.output"}))
        assert all(item.releases == () for item in plan.steps)


def boxes(name: str, image: str) -> Json:
    kind = "roboflow_core/bounding_box_visualization@v1"
    return step(kind, name, image=image, predictions="$steps.det.predictions")


class TestConsumed:
    STEPS = (detector(), boxes("a", "$inputs.image"), boxes("b", "$steps.a.image"))

    @pytest.mark.parametrize(
        ("more", "outputs", "expected"),
        [
            pytest.param([], {"p": "$steps.b.image"}, {"image"}, id="one reads it"),
            pytest.param([], {"p": "$steps.b.image", "q": "$steps.a.image"}, set(), id="it is sent too"),
            pytest.param([], {"p": "$steps.b.image", "q": "$steps.a.*"}, set(), id="everything of its step is sent"),
            pytest.param([crop("c", "$steps.a.image")], {"p": "$steps.b.image"}, set(), id="two read it"),
        ],
    )
    def test_what_was_made_for_one_step_alone(self, more: list[Json], outputs: Json, expected: set[str]) -> None:
        plan = compiled(document([*self.STEPS, *more], outputs))
        consumed = {item.step.name: item.consumed for item in plan.steps}
        assert (consumed["a"], consumed["b"]) == (frozenset(), expected)

    def test_what_goes_through_another_step_may_be_read_before_it(self) -> None:
        steps = [*self.STEPS[:2], step(FIRST, "first", data=["$steps.a.image"], default=None),
                 boxes("b", "$steps.first.output")]  # fmt: skip
        plan = compiled(document(steps, {"p": "$steps.b.image"}))
        assert {item.step.name: item.consumed for item in plan.steps}["b"] == frozenset()


def test_every_level_is_told_in_errors() -> None:
    steps = [slicer("a"), slicer("b"), join("e", a="$steps.a.slices", b="$steps.b.slices")]
    with pytest.raises(StepInputLineageError) as caught:
        compiled(document(steps))
    assert "<workflow_input> > $steps.a" in caught.value.public and "<workflow_input> > $steps.b" in caught.value.public


def test_nested_workflows_have_the_lineage_of_their_place() -> None:
    child = document([detector(), crop()], {"crops": "$steps.crop.crops"})
    steps = [inner("in", child, image="$inputs.image"), classifier(images="$steps.in.crops")]
    assert output_lineages(steps)["cls"] == (INPUT, "$steps.in__crop")


@pytest.mark.parametrize(
    "error",
    [StepInputDimensionalityError, StepInputLineageError, ControlFlowDefinitionError, AssumptionError],
)
def test_they_are_all_the_fault_of_the_document(error: type[WorkflowError]) -> None:
    assert error.is_callers_fault
