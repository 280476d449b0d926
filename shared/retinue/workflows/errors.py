"""What can go wrong in a workflow: contract/workflows.md 2.2 and 2.3.

A workflow error carries the whole answer: who is to blame, where it happened (its context), and which blocks are
concerned.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from retinue.errors import AuthError, Forbidden, InvalidModelId, NotFound, RetinueError

Family = Literal["plain", "engine", "blocks"]
# Errors quote what documents say, and names there may be as long as a request.
_MOST_CHARACTERS = 10_000
_MOST_CHARACTERS_OF_BLOCK = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockError:
    """What is wrong with one step."""

    block_id: str | None = None
    block_type: str | None = None
    block_details: str | None = None
    property_name: str | None = None
    property_details: str | None = None
    block_traceback: dict[str, Any] | None = None


class WorkflowError(RetinueError):
    """Base of what goes wrong in a workflow; `type` is the error_type that clients see."""

    type: ClassVar[str] = "WorkflowError"
    is_callers_fault: ClassVar[bool] = True
    # Which keys an answer has beside the common ones: those of custom code, and the list of blocks concerned.
    family: ClassVar[Family] = "plain"

    def __init__(
        self,
        message: str,
        *,
        context: str,
        inner: BaseException | None = None,
        blocks: tuple[BlockError, ...] | None = None,
    ) -> None:
        super().__init__(_shortened(message))
        self.context = context
        self.inner = inner
        self.blocks = blocks

    def render(self) -> dict[str, Any]:
        """The body of contract/workflows.md 2.3."""
        if self.inner is not None:
            inner_type: str | None = getattr(self.inner, "type", None) or type(self.inner).__name__
        else:
            inner_type = "None" if self.family == "blocks" else None
        body: dict[str, Any] = {
            "message": self.public,
            "error_type": self.type,
            "context": self.context,
            "inner_error_type": inner_type,
            "inner_error_message": _shortened(
                self.inner.public if isinstance(self.inner, RetinueError) else str(self.inner)
            ),
        }
        if self.family == "blocks":
            body["blocks_errors"] = None if self.blocks is None else [_rendered(block) for block in self.blocks]
        if self.family != "plain":
            body["python_blocks_output_streams"] = None
            body["python_blocks_debug_traces"] = None
        return body


def _rendered(block: BlockError) -> dict[str, Any]:
    return {
        key: _shortened(value, _MOST_CHARACTERS_OF_BLOCK) if isinstance(value, str) else value
        for key, value in asdict(block).items()
    }


def _shortened(text: str, most: int = _MOST_CHARACTERS) -> str:
    """The text; of one with more than `most` characters the start and the end."""
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-(most // 2) :]}"


class WorkflowDefinitionError(WorkflowError):
    """The document as a whole makes no sense."""

    type = "WorkflowDefinitionError"


class DuplicatedNameError(WorkflowDefinitionError):
    """Two inputs, steps or outputs of one name."""

    type = "DuplicatedNameError"


class NotSupportedExecutionEngineError(WorkflowError):
    """The document asks for another engine version."""

    type = "NotSupportedExecutionEngineError"


class WorkflowSyntaxError(WorkflowError):
    """A section, a step or a property that the document language does not have."""

    type = "WorkflowSyntaxError"
    family = "blocks"


class InvalidReferenceTargetError(WorkflowError):
    """A selector of something that is not there."""

    type = "InvalidReferenceTargetError"
    family = "blocks"


class ReferenceTypeError(WorkflowError):
    """A selector of a kind that the property does not take."""

    type = "ReferenceTypeError"


class ExecutionGraphStructureError(WorkflowError):
    """Steps that cannot be put in an order, or wired so."""

    type = "ExecutionGraphStructureError"
    family = "blocks"


class StepInputDimensionalityError(WorkflowError):
    """Inputs of one step whose batches are nested to different depths."""

    type = "StepInputDimensionalityError"
    family = "blocks"


class StepInputLineageError(WorkflowError):
    """Inputs of one step that belong to different things, such as crops of two detectors."""

    type = "StepInputLineageError"
    family = "engine"


class ControlFlowDefinitionError(WorkflowError):
    """A condition on one thing that decides about another."""

    type = "ControlFlowDefinitionError"
    family = "engine"


class AssumptionError(WorkflowError):
    """A document that no rule of the language covers."""

    type = "AssumptionError"
    family = "engine"


class InnerWorkflowError(WorkflowDefinitionError):
    """A nested workflow that cannot be put into its parent."""

    def __init__(self, kind: str, message: str) -> None:
        part = "parameter_bindings" if "ParameterBindings" in kind else "composition"
        super().__init__(message, context=f"workflow_compilation | inner_workflow | {part}")
        self.type = kind  # type: ignore[misc]  # one class for the six kinds that differ in name alone


class WorkflowEnvironmentConfigurationError(WorkflowError):
    """Something that this installation does not allow."""

    type = "WorkflowEnvironmentConfigurationError"
    family = "engine"
    is_callers_fault = False


class RuntimeInputError(WorkflowError):
    """Inputs of the request that do not fit the document."""

    type = "RuntimeInputError"


class WorkflowLimitError(WorkflowError):
    """More steps, elements or time than the service gives one request."""

    type = "RuntimeLimitsExceededError"


class StepExecutionError(WorkflowError):
    """A block failed."""

    type = "StepExecutionError"
    is_callers_fault = False
    family = "blocks"


class ClientCausedStepExecutionError(StepExecutionError):
    """A block failed because of what the caller asked for; `inner` decides the status."""

    type = "ClientCausedStepExecutionError"
    is_callers_fault = True


# How a client is told what a step met: contract/http.md 5.2.
_MET: dict[type[RetinueError], str] = {
    AuthError: "Unauthorized error occurred while execution of step {step} - {error}",
    Forbidden: "Forbidden error occurred while execution of step {step} - {error}",
    NotFound: "Could not find requested Roboflow resource while execution of step {step} - {error}",
    InvalidModelId: "Problem with Workflow Block configuration - step {step}: {error}",
}


def message_of_step(step: str, error: RetinueError) -> str:
    """What a client is told of a step that met `error`."""
    said = next((text for kind, text in _MET.items() if isinstance(error, kind)), "{error}")
    return said.format(step=step, error=error.public)


class InvalidBlockBehaviourError(WorkflowError):
    """A block answered in a form that the engine cannot use."""

    type = "InvalidBlockBehaviourError"
    family = "engine"
    is_callers_fault = False


class ExecutionEngineRuntimeError(WorkflowError):
    """An output cannot be written as JSON."""

    type = "ExecutionEngineRuntimeError"
    family = "engine"
    is_callers_fault = False


class QueryError(WorkflowError):
    """Base of what goes wrong in an operation or a statement. has_place: its context says where in the definition."""

    type = "EvaluationEngineError"
    has_place = True
    family: ClassVar[Family] = "engine"
    is_callers_fault = False

    def __init__(
        self,
        message: str,
        *,
        context: str = "step_execution | roboflow_query_language_evaluation",
        inner: BaseException | None = None,
    ) -> None:
        super().__init__(message, context=context, inner=inner)


class InvalidInputTypeError(QueryError):
    """An operand of a type, or with a value, that the operation does not take."""

    type = "InvalidInputTypeError"
    family: ClassVar[Family] = "plain"
    is_callers_fault = True


class OperationTypeNotRecognisedError(QueryError):
    """An operation that does not exist."""

    type = "OperationTypeNotRecognisedError"
    family: ClassVar[Family] = "plain"
    is_callers_fault = True


class OperationError(QueryError):
    """An operation that cannot be done on this value."""

    type = "OperationError"


class UndeclaredSymbolError(QueryError):
    """An operand that no parameter has."""

    type = "UndeclaredSymbolError"
