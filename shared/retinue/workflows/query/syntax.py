"""The statements, operands and operations of which a query is made (contract/workflows.md 6.1-6.4)."""

from contextvars import ContextVar
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from retinue.workflows.query.classifications import ClassificationPropertyExtract
from retinue.workflows.query.limits import MAX_DEPTH, MAX_LENGTH
from retinue.workflows.query.numbers import Divide, Multiply, NumberRound, RandomNumber, ToBoolean, ToNumber
from retinue.workflows.query.pictures import (
    ConvertImageToBase64,
    ConvertImageToJPEG,
    ExtractFrameMetadata,
    ExtractImageProperty,
)
from retinue.workflows.query.registry import OperationModel, QueryModel
from retinue.workflows.query.sequences import (
    LookupTable,
    NumericSequenceAggregate,
    SequenceAggregate,
    SequenceElementsCount,
    SequenceJoin,
    SequenceLength,
    SequenceMap,
)
from retinue.workflows.query.tables import (
    DetectionsOffset,
    DetectionsPropertyExtract,
    DetectionsRename,
    DetectionsSelection,
    DetectionsShift,
    DetectionsToDictionary,
    ExtractDetectionProperty,
    PickDetectionsByParentClass,
    SortDetections,
)
from retinue.workflows.query.texts import (
    ConvertDictionaryToJSON,
    StringMatches,
    StringSubSequence,
    StringToLowerCase,
    StringToUpperCase,
    TimestampToISOFormat,
    ToString,
)

ELEMENT = "_"  # the operand that stands for the detection that a filter looks at

ComparatorType = Literal[
    "==",
    "!=",
    "(Number) ==",
    "(Number) !=",
    "(Number) >",
    "(Number) >=",
    "(Number) <",
    "(Number) <=",
    "(Number) in range",
    "(String) startsWith",
    "(String) endsWith",
    "(String) contains",
    "in (Sequence)",
    "any in (Sequence)",
    "all in (Sequence)",
    "(Detection) in zone",
]
OperatorType = Literal[
    "Exists",
    "DoesNotExist",
    "(Boolean) is True",
    "(Boolean) is False",
    "(Sequence) is empty",
    "(Sequence) is not empty",
]

_depth: ContextVar[int] = ContextVar("depth", default=0)


class Nesting(QueryModel):
    """A part that can hold others of its kind. Raises ValueError where they nest deeper than MAX_DEPTH."""

    @model_validator(mode="wrap")
    @classmethod
    def limit_depth(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        depth = _depth.get() + 1
        if depth > MAX_DEPTH:
            raise ValueError(f"statements and operations nest deeper than {MAX_DEPTH} levels")
        token = _depth.set(depth)
        try:
            return handler(value)
        finally:
            _depth.reset(token)


class SequenceApply(OperationModel, Nesting):
    """The operations done on each element of the list."""

    type: Literal["SequenceApply"]
    operations: "Operations"


class DetectionsFilter(OperationModel):
    """The detections for which the condition holds; it calls the detection `_`."""

    type: Literal["DetectionsFilter"]
    filter_operation: "StatementGroup"


Operation = Annotated[
    StringToLowerCase
    | StringToUpperCase
    | LookupTable
    | ToNumber
    | NumberRound
    | SequenceMap
    | SequenceApply
    | NumericSequenceAggregate
    | ToString
    | ToBoolean
    | StringSubSequence
    | DetectionsPropertyExtract
    | SequenceAggregate
    | ExtractDetectionProperty
    | DetectionsFilter
    | DetectionsOffset
    | DetectionsShift
    | DetectionsRename
    | RandomNumber
    | StringMatches
    | ExtractImageProperty
    | ExtractFrameMetadata
    | SequenceLength
    | SequenceElementsCount
    | SequenceJoin
    | Multiply
    | Divide
    | DetectionsSelection
    | SortDetections
    | ClassificationPropertyExtract
    | ConvertImageToJPEG
    | ConvertImageToBase64
    | DetectionsToDictionary
    | ConvertDictionaryToJSON
    | PickDetectionsByParentClass
    | TimestampToISOFormat,
    Field(discriminator="type"),
]
"""Any operation."""

Operations = Annotated[list[Operation], Field(max_length=MAX_LENGTH)]
"""A chain of operations: each takes what the one before it gave."""


class StaticOperand(QueryModel):
    """A value of the definition, after the operations."""

    type: Literal["StaticOperand"]
    value: Any
    operations: Operations = Field(default_factory=list)


class DynamicOperand(QueryModel):
    """A parameter, or the detection that a filter looks at, after the operations."""

    type: Literal["DynamicOperand"]
    operand_name: str = ELEMENT
    operations: Operations = Field(default_factory=list)


Operand = Annotated[StaticOperand | DynamicOperand, Field(discriminator="type")]


class Comparator(QueryModel):
    """How two values are compared."""

    type: ComparatorType


class Operator(QueryModel):
    """What one value is checked for."""

    type: OperatorType


class BinaryStatement(QueryModel):
    """A comparison of two operands."""

    type: Literal["BinaryStatement"]
    left_operand: Operand
    comparator: Comparator
    right_operand: Operand
    negate: bool = False


class UnaryStatement(QueryModel):
    """A check of one operand."""

    type: Literal["UnaryStatement"]
    operand: Operand
    operator: Operator
    negate: bool = False


class StatementGroup(Nesting):
    """Statements of which all must hold (`and`), or any (`or`)."""

    type: Literal["StatementGroup"]
    statements: Annotated[
        list[Annotated["BinaryStatement | UnaryStatement | StatementGroup", Field(discriminator="type")]],
        Field(min_length=1, max_length=MAX_LENGTH),
    ]
    operator: Literal["and", "or"] = "or"
