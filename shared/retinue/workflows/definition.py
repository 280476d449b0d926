"""From the JSON of a document to its inputs, steps and outputs (contract/workflows.md 1)."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from retinue.workflows.block import Block, Limits
from retinue.workflows.errors import (
    BlockError,
    DuplicatedNameError,
    NotSupportedExecutionEngineError,
    WorkflowDefinitionError,
    WorkflowLimitError,
)
from retinue.workflows.findings import Findings, problems_of
from retinue.workflows.manifest import Manifest
from retinue.workflows.registry import find_block, similar_blocks

ENGINE_VERSION = "1.17.0"
"""The version of the language that documents may ask for (contract/workflows.md, first lines)."""

# PEP 440 without an epoch: the release, and what may follow it.
_VERSION = re.compile(
    r"\s*v?(\d+(?:\.\d+)*)(?:[-_.]?(?:alpha|a|beta|b|preview|pre|c|rc|post|rev|r|dev)[-_.]?\d*)*(?:\+[a-z0-9.]+)?\s*",
    re.IGNORECASE,
)
_IMAGE_TYPES = ("WorkflowImage", "InferenceImage")
_PARAMETER_TYPES = ("WorkflowParameter", "InferenceParameter")


class KindOfInput(BaseModel):
    """A kind that is written out."""

    name: str


class InputModel(BaseModel):
    """One input of a document."""

    type: Literal[
        "WorkflowImage", "InferenceImage", "WorkflowVideoMetadata", "WorkflowBatchInput", "WorkflowParameter",
        "InferenceParameter",
    ]  # fmt: skip
    name: str
    kind: list[str | KindOfInput] | None = None
    dimensionality: int | None = None
    default_value: float | int | str | bool | list[Any] | dict[str, Any] | None = None

    @model_validator(mode="after")
    def check_dimensionality(self) -> Self:
        usual = 0 if self.type in _PARAMETER_TYPES else 1
        if "dimensionality" not in self.model_fields_set:
            self.dimensionality = usual
        if self.dimensionality != usual and (self.dimensionality is None or self.type != "WorkflowBatchInput"):
            raise ValueError(f"dimensionality of a {self.type} is {usual}")
        return self


class OutputModel(BaseModel):
    """One output of a document."""

    type: Literal["JsonField"]
    name: str
    selector: str
    coordinates_system: Literal["own", "parent"] = "parent"


class SectionsModel(BaseModel):
    """The sections that every document has."""

    version: str
    inputs: list[Any]
    steps: list[Any]
    outputs: list[Any]
    dynamic_blocks_definitions: list[Any] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Input:
    """One input. depth: 0 for a parameter, 1 for one value per picture, 2 for several values per picture ..."""

    name: str
    type: str
    kinds: tuple[str, ...]
    depth: int
    is_batch: bool = True
    default: Any = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its block, and what it says."""

    name: str
    block: type[Block]
    manifest: Manifest

    @property
    def selector(self) -> str:
        """How others refer to it."""
        return f"$steps.{self.name}"


@dataclass(frozen=True, slots=True)
class Output:
    """One output."""

    name: str
    selector: str
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """A document in which every step is valid by itself."""

    inputs: dict[str, Input]
    steps: dict[str, Step]
    outputs: tuple[Output, ...] = field(default=())


def check_version(document: Any) -> None:
    """Raises what the version asks for: NotSupportedExecutionEngineError or WorkflowDefinitionError."""
    if not isinstance(document, dict):
        raise Findings([("", "Input should be a valid dictionary")]).error()
    asked = document.get("version")
    if not asked:
        return
    context = "workflow_compilation | engine_initialisation"
    found = _VERSION.fullmatch(asked[:100]) if isinstance(asked, str) else None
    if found is None:
        raise WorkflowDefinitionError(
            f"Version {str(asked)[:40]!r} of the workflow is not a version number; write for example '1.0'.",
            context=context,
        )
    release = _release(found[1])
    ours = _release(ENGINE_VERSION)
    if release > ours or release[0] < ours[0]:
        raise NotSupportedExecutionEngineError(
            f"The workflow asks for version {asked} of the execution engine; here is {ENGINE_VERSION}.",
            context=context,
        )


def _release(text: str) -> tuple[int, ...]:
    numbers = tuple(map(int, text.split(".")))
    return numbers + (0,) * (3 - len(numbers))


def parse_definition(document: dict[str, Any], limits: Limits) -> Definition:
    """The document with every section, step and property checked by itself, and all names unique.

    Nested workflows are already inlined. Raises WorkflowSyntaxError, DuplicatedNameError, WorkflowLimitError.
    """
    findings = Findings()
    try:
        SectionsModel.model_validate(document)
    except ValidationError as exc:
        findings = Findings(problems_of(exc))
    written = {name: items_of(document, name) for name in ("inputs", "steps", "outputs")}
    if len(written["steps"]) > limits.steps:
        raise WorkflowLimitError(
            f"The workflow has {len(written['steps']):,} steps; the limit is {limits.steps:,}. Split it.",
            context="workflow_compilation | specification_validation",
        )
    inputs = _parse_list(InputModel, written["inputs"], "inputs", findings)
    steps = [_parse_step(index, step, findings) for index, step in enumerate(written["steps"])]
    outputs = _parse_list(OutputModel, written["outputs"], "outputs", findings)
    if findings.count:
        raise findings.error()
    valid_steps = [step for step in steps if step is not None]
    _check_unique("input parameter", (item.name for item in inputs))
    _check_unique("input steps", (step.name for step in valid_steps))
    _check_unique("input outputs", (item.name for item in outputs))
    return Definition(
        {item.name: _input(item) for item in inputs},
        {step.name: step for step in valid_steps},
        tuple(Output(item.name, item.selector, item.coordinates_system == "own") for item in outputs),
    )


def items_of(document: Mapping[str, Any], section: str) -> list[Any]:
    """What a section holds; nothing if it is no list."""
    items = document.get(section)
    return items if isinstance(items, list) else []


def _parse_list(model: type[BaseModel], items: list[Any], section: str, findings: Findings) -> list[Any]:
    parsed = []
    for index, item in enumerate(items):
        try:
            parsed.append(model.model_validate(item))
        except ValidationError as exc:
            for place, message in problems_of(exc, f"{section}.{index}"):
                findings.add(place, message)
    return parsed


def _parse_step(index: int, step: Any, findings: Findings) -> Step | None:
    """The step, or None with what is wrong added to the findings."""
    record = step if isinstance(step, dict) else {}
    name, identifier = (value if isinstance(value, str) else None for value in (record.get("name"), record.get("type")))
    error = BlockError(block_id=name, block_type=identifier)
    block = find_block(identifier) if identifier is not None else None
    if block is None:
        findings.add(f"steps.{index}", _no_block(step, identifier), error)
        return None
    try:
        manifest = block.manifest.model_validate(record)
    except ValidationError as exc:
        for where, message in problems_of(exc):
            place = ".".join(filter(None, (f"steps.{index}.{identifier}", where)))
            findings.add(place, message, replace(error, property_name=where.partition(".")[0] or None))
        return None
    return Step(manifest.name, block, manifest)


def _no_block(step: Any, identifier: str | None) -> str:
    """Why there is no block for a step."""
    if not isinstance(step, dict):
        return "Input should be a valid dictionary"
    if identifier is None:
        return "Unable to extract tag using discriminator 'type'"
    message = f"Input tag '{identifier[:100]}' found using 'type' does not match any of the expected tags"
    similar = similar_blocks(identifier)
    return f"{message}; similar blocks: {', '.join(similar)}" if similar else message


def _check_unique(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DuplicatedNameError(
            f"Found duplicated {what} names: {', '.join(name[:100] for name in twice[:10])}",
            context="workflow_compilation | specification_validation",
        )


def _input(item: InputModel) -> Input:
    written = tuple(kind if isinstance(kind, str) else kind.name for kind in item.kind) if item.kind else None
    if item.type in _IMAGE_TYPES:
        return Input(item.name, item.type, written or ("image",), 1)
    if item.type in _PARAMETER_TYPES:
        return Input(item.name, item.type, written or ("*",), 0, is_batch=False, default=item.default_value)
    if item.type == "WorkflowVideoMetadata":
        return Input(item.name, item.type, written or ("video_metadata",), 1)
    return Input(item.name, item.type, written or ("*",), item.dimensionality or 0)
