"""A value chosen by conditions."""

from typing import Annotated, Any, Literal

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.kinds import ANY
from retinue.workflows.manifest import AnyRef, Manifest
from retinue.workflows.named_values import apply_by_name
from retinue.workflows.query.evaluate import apply_operations, evaluate
from retinue.workflows.query.registry import QueryModel
from retinue.workflows.query.syntax import Operations, StatementGroup


class StaticCaseResult(QueryModel):
    """A value of the definition."""

    type: Literal["StaticCaseResult"]
    value: Any


class DynamicCaseResult(QueryModel):
    """One of the variables, after the operations."""

    type: Literal["DynamicCaseResult"]
    parameter_name: str
    operations: Operations | None = None


CaseResult = Annotated[StaticCaseResult | DynamicCaseResult, Field(discriminator="type")]


class CaseDefinition(QueryModel):
    """A condition, and the result where it holds."""

    type: Literal["CaseDefinition"]
    condition: StatementGroup
    result: CaseResult


class CasesDefinition(QueryModel):
    """Cases in their order, and the result where none of them holds."""

    type: Literal["CasesDefinition"]
    cases: list[CaseDefinition]
    default: CaseResult


class ExpressionManifest(Manifest):
    """The variables, and the cases that speak of them."""

    data: dict[str, AnyRef] = Field(description="The variables, by name.")
    data_operations: dict[str, Operations] = Field(
        default_factory=dict, description="What to do with variables before the cases look at them, by name."
    )
    switch: CasesDefinition = Field(title="Logic Definition", description="The cases; the first that holds counts.")


class Expression(Block):
    """The result of the first case whose condition holds, or the default."""

    identifier = "roboflow_core/expression@v1"
    title = "Expression"
    category = "formatter"
    manifest = ExpressionManifest
    outputs = {"output": (ANY,)}

    def run(
        self, data: dict[str, Any], data_operations: dict[str, Operations], switch: CasesDefinition
    ) -> dict[str, Any]:
        variables = apply_by_name(data, data_operations)
        result = next((case.result for case in switch.cases if evaluate(case.condition, variables)), switch.default)
        return {"output": _value_of(result, variables)}


def _value_of(result: StaticCaseResult | DynamicCaseResult, variables: dict[str, Any]) -> Any:
    if isinstance(result, StaticCaseResult):
        return result.value
    if result.parameter_name not in variables:
        raise ValueError(f"the result is variable `{result.parameter_name}`, which `data` does not have")
    return apply_operations(variables[result.parameter_name], result.operations or [], variables)
