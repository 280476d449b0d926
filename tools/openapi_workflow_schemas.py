"""What the routes of workflows answer, and the bodies that the package does not read by a model of pydantic."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from tools.openapi_schemas import Answer


class WorkflowDocument(BaseModel):
    """A workflow; `GET /workflows/definition/schema` has the schema of its parts."""

    version: str
    inputs: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    outputs: list[dict[str, Any]]


class WorkflowStep(BaseModel):
    """A step of a workflow; its further properties are those of its block."""

    type: str
    name: str


class Outputs(Answer):
    """The outputs of a run: one element for each picture."""

    outputs: list[dict[str, Any]]
    profiler_trace: list[dict[str, Any]]


class Interface(Answer):
    """Inputs and outputs by name with their kinds; the Python type, and perhaps the JSON schema, of each kind."""

    inputs: dict[str, list[str]]
    outputs: dict[str, list[str] | dict[str, list[str]]]
    typing_hints: dict[str, str]
    kinds_schemas: dict[str, dict[str, Any]]


class Kind(Answer):
    """A kind of value."""

    name: str
    description: str
    docs: str
    serialised_data_type: str
    internal_data_type: str


class StepOutput(Answer):
    """An output of a step, and the kinds that it may have."""

    name: str
    kind: list[Kind]


class Blocks(Answer):
    """All blocks, kinds and operations, for editors."""

    blocks: list[dict[str, Any]]
    declared_kinds: list[Kind]
    kinds_connections: dict[str, list[dict[str, Any]]]
    primitives_connections: list[dict[str, Any]]
    universal_query_language_description: dict[str, Any]
    dynamic_block_definition_schema: dict[str, Any]


class DefinitionSchema(Answer):
    """The JSON schema of workflows."""

    schema_: dict[str, Any] = Field(alias="schema")


class Versions(Answer):
    """The versions of the workflow language."""

    versions: list[str]


class Verdict(Answer):
    """A workflow that can be run."""

    status: Literal["ok"]
