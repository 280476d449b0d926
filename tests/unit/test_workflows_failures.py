"""What stops a run: its time, too many elements, steps that fail and blocks that misbehave."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from retinue.deadline import Deadline
from retinue.errors import Busy, ModelNotFound, RequestError
from retinue.workflows.block import Block, Limits, Runtime
from retinue.workflows.definition import Definition, Output, Step
from retinue.workflows.engine import run_plan
from retinue.workflows.errors import (
    ClientCausedStepExecutionError,
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
from retinue.workflows.values import ValueReader
from tests.unit.workflow_documents import (
    CLASSIFIER,
    CROPS,
    DETECTOR,
    EXPIRED,
    THREE,
    Json,
    Models,
    batch,
    blamed,
    column,
    compiled,
    count,
    detector,
    document,
    load,
    picture,
    run,
    runtime,
    slicer,
    step,
    take,
    text,
)


@dataclass(frozen=True, slots=True)
class Looks(Deadline):
    """A deadline that has passed once somebody looked at it so often."""

    left: list[int]

    @property
    def remaining_s(self) -> float:
        self.left[0] -= 1
        return self.left[0]


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
        definition = document([slicer(width=20, height=20)], {"x": "$steps.sl.slices"})
        assert len(run(definition, using=runtime(limits=Limits(elements=6)))[0]["x"]) == 6
        with pytest.raises(WorkflowError, match=r"3 x 2 = 6 slices; the limit is 5"):
            run(definition, using=runtime(limits=Limits(elements=5)))

    def test_of_one_picture_with_many_objects(self) -> None:
        definition = document(CROPS, {"x": "$steps.crop.crops"})
        assert len(run(definition, {"image": picture(5)}, runtime(limits=Limits(elements=5)))[0]["x"]) == 5
        with pytest.raises(WorkflowError, match="the limit is 4"):
            run(definition, {"image": picture(5)}, runtime(limits=Limits(elements=4)))

    def test_of_all_pictures_together(self) -> None:
        definition = document([slicer(width=20, height=20)], {"x": "$steps.sl.slices"})
        using = runtime(limits=Limits(elements=17))
        assert len(run(definition, {"image": [picture()] * 2}, using)) == 2
        with pytest.raises(WorkflowLimitError, match="Step 'sl' makes more than 17 elements") as caught:
            run(definition, THREE, using)
        assert caught.value.is_callers_fault

    def test_of_every_level(self) -> None:
        steps = [slicer(width=20, height=20), slicer("s2", "$steps.sl.slices", width=10, height=10)]
        definition = document(steps, {"x": "$steps.s2.slices"})
        assert len(run(definition, using=runtime(limits=Limits(elements=24)))[0]["x"]) == 6
        with pytest.raises(WorkflowLimitError, match="Step 's2'"):
            run(definition, using=runtime(limits=Limits(elements=23)))


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
