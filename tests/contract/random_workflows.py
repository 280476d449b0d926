"""Workflows drawn at random from the schemas of the blocks: every property may be anything that its schema allows."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from pydantic import ValidationError

from retinue.workflows.block import Block
from retinue.workflows.describe import block_schema
from retinue.workflows.kinds import ANY
from retinue.workflows.registry import all_blocks
from tests.contract.deployment import CLASSIFIER, DETECTOR, SEGMENTER
from tests.contract.workflows import IMAGE_INPUT, Document, document, parameter

Sources = list[tuple[str, tuple[str, ...]]]
"""What a step may refer to: selectors with their kinds."""

# They send, read other workflows or run none of our code.
_LEFT_OUT = ("webhook_sink", "inner_workflow", "dataset_upload")
_MODELS = {
    "object_detection": DETECTOR,
    "instance_segmentation": SEGMENTER,
    "keypoint_detection": "yolov8-pose/1",
    "multi_label": "labels/1",
    "classification": CLASSIFIER,
}
_TEXTS = (
    "", "a", "circle", "red", "#A351FB", "(1, 2, 3)", "rgb(1,2,3)", "5", "-1", "0.5", "{{ a }}", "ä☃", "true",
    "x" * 300, "UTC", "2026-01-01", "[1, 2]", '{"a": 1}', "^a+$", "(", "shapes/1", "colours/1",
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 3, 0.5, 10, 100, 255, 1e6, -1e9, 1e-9, 2**31)
_MOST_NESTED = 5
_PARAMETERS = {
    "number": ("integer", "float"),
    "fraction": ("float_zero_to_one",),
    "text": ("string",),
    "flag": ("boolean",),
    "anything": (ANY,),
}


def random_document(chance: random.Random) -> Document:
    """A detector and a few steps after it, each with outputs; nothing says that they make sense together."""
    inputs = [IMAGE_INPUT, *(parameter(name) | {"kind": list(kinds)} for name, kinds in _PARAMETERS.items())]
    inputs.append({"type": "WorkflowBatchInput", "name": "values"})
    sources: Sources = [("$inputs.image", ("image",)), ("$inputs.values", (ANY,))]
    sources += [(f"$inputs.{name}", kinds) for name, kinds in _PARAMETERS.items()]
    steps: list[Document] = []
    blocks = [_block_of("object_detection_model@v2")]
    blocks += [chance.choice(_blocks()) for _ in range(chance.randint(1, 6))]
    for number, block in enumerate(blocks):
        step = _random_step(f"step{number}", block, sources, chance)
        steps.append(step)
        with suppress(ValidationError):  # a step that is wrong has no outputs
            outputs = block.outputs_of(block.manifest.model_validate(step))
            sources += [(f"$steps.{step['name']}.{name}", tuple(kinds)) for name, kinds in outputs.items()]
    wanted = chance.sample(sources[1:], min(len(sources) - 1, 8))
    return document(inputs, steps, **{f"output{index}": selector for index, (selector, _) in enumerate(wanted)})


def random_values(chance: random.Random) -> dict[str, Any]:
    """Values for the inputs of a random document, of the types that it declares."""
    return {
        "number": int(chance.choice(_NUMBERS)),
        "fraction": chance.random(),
        "text": chance.choice(_TEXTS),
        "flag": chance.random() < 0.5,
        "anything": chance.choice((None, True, [], {}, [1, 2], {"a": 1}, *_NUMBERS, *_TEXTS)),
        "values": chance.choice((1, "a", [1], ["a"], {"a": 1})),
    }


@cache
def _blocks() -> list[type[Block]]:
    return [block for block in all_blocks() if not any(name in block.identifier for name in _LEFT_OUT)]


def _block_of(name: str) -> type[Block]:
    return next(block for block in _blocks() if block.identifier.endswith(name))


@cache
def _schema(block: type[Block]) -> dict[str, Any]:
    return block_schema(block)


def _random_step(name: str, block: type[Block], sources: Sources, chance: random.Random) -> Document:
    schema = _schema(block)
    sample = _Sampler(schema.get("$defs", {}), sources, chance)
    step: Document = {"type": block.identifier, "name": name}
    for key, part in schema["properties"].items():
        if key in step:
            continue
        if key == "model_id" and chance.random() < 0.95:
            step[key] = next(model for task, model in _MODELS.items() if task in block.identifier)
        elif key in schema["required"] or chance.random() < 0.3:
            step[key] = sample(part)
    return step


class _Sampler:
    """Draws values from JSON schemas; where a selector may stand, mostly one of a kind that fits."""

    def __init__(self, definitions: Mapping[str, Any], sources: Sources, chance: random.Random) -> None:
        self._definitions, self._sources, self._chance = definitions, sources, chance

    def __call__(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        chance = self._chance
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return chance.choice(schema["enum"])
        if branches := [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
            branches = [part for part in branches if self._is_possible(part)] or branches
            simple = [part for part in branches if not self._is_deep(part)]
            return self(chance.choice(simple if depth > _MOST_NESTED and simple else branches), depth + 1)
        if schema.get("reference"):
            return self._selector(schema)
        draw: Callable[[Mapping[str, Any], int], Any] = {
            "integer": self._integer,
            "number": self._number,
            "boolean": lambda *_: chance.random() < 0.5,
            "string": lambda *_: chance.choice(_TEXTS),
            "array": self._array,
            "object": self._object,
            "null": lambda *_: None,
        }.get(str(schema.get("type")), lambda *_: chance.choice((*_TEXTS, *_NUMBERS)))
        return draw(schema, depth)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        return schema

    def _is_possible(self, schema: Mapping[str, Any]) -> bool:
        """Whether it is no selector, or there is something of a kind that it takes."""
        is_data = schema.get("reference") and schema.get("selected_element") != "step"
        return not is_data or bool(self._fitting(schema))

    def _fitting(self, schema: Mapping[str, Any]) -> list[str]:
        """The selectors of values whose kinds the schema takes; only if there are none, of values of any kind."""
        kinds = {kind["name"] for kind in schema.get("kind", ())}
        exact = [text for text, given in self._sources if ANY in kinds or kinds & set(given) - {ANY}]
        return exact or [text for text, given in self._sources if ANY in given]

    def _is_deep(self, schema: Mapping[str, Any]) -> bool:
        """Whether a statement or operation holds others."""
        properties = self._resolved(schema).get("properties", {})
        return bool({"statements", "operations", "filter_operation"} & set(properties))

    def _selector(self, schema: Mapping[str, Any]) -> str:
        if schema.get("selected_element") == "step":
            return f"$steps.step{self._chance.randrange(8)}"
        pool = self._fitting(schema)
        if not pool or self._chance.random() < 0.01:
            pool = [text for text, _ in self._sources]
        return self._chance.choice(pool)

    def _integer(self, schema: Mapping[str, Any], _: int) -> int:
        return int(self._number(schema, 0))

    def _number(self, schema: Mapping[str, Any], _: int) -> float:
        is_inside = [
            lambda n: n >= schema.get("minimum", n) and n <= schema.get("maximum", n),
            lambda n: "exclusiveMinimum" not in schema or n > schema["exclusiveMinimum"],
            lambda n: "exclusiveMaximum" not in schema or n < schema["exclusiveMaximum"],
            lambda n: schema["type"] == "number" or n == int(n),
        ]
        inside = [number for number in _NUMBERS if all(test(number) for test in is_inside)]
        bounds = [schema[name] for name in ("minimum", "maximum") if name in schema]
        return float(self._chance.choice([*inside, *bounds]))

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self(part, depth + 1) for part in schema["prefixItems"]]
        size = self._chance.choice((1, 1, 1, 2, 3)) if depth < _MOST_NESTED else 1
        return [self(schema.get("items", {}), depth + 1) for _ in range(max(size, schema.get("minItems", 0)))]

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        if "properties" in schema:
            return dict(self._properties(schema, depth))
        rest = schema.get("additionalProperties", {})
        names = self._chance.sample(("a", "circle", "b c", "☃"), self._chance.randrange(3))
        return {name: self(rest if isinstance(rest, dict) else {}, depth + 1) for name in names}

    def _properties(self, schema: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
        required = schema.get("required", ())
        for name, part in schema["properties"].items():
            if name in required or name == "type" or (depth < _MOST_NESTED and self._chance.random() < 0.4):
                yield name, self(part, depth + 1)
