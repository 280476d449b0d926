"""Documents in order, changed at random: each is answered or refused with a proper error."""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import orjson
import pytest

from retinue.errors import RetinueError
from retinue.workflows.errors import WorkflowError
from tests.unit.hostile_workflows import MOST_MEGABYTES, no_workflows
from tests.unit.measured_runs import measured
from tests.unit.workflow_documents import (
    COLLAPSE,
    EXPRESSION,
    FIRST,
    IMAGE,
    SEGMENTER,
    STITCH,
    SWITCH,
    Json,
    batch,
    cases,
    classifier,
    count,
    crop,
    detector,
    document,
    gate,
    inner,
    more_than,
    output,
    parameter,
    picture,
    run,
    slicer,
    step,
    take,
    text,
)

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
