"""The query language as `/workflows/blocks/describe` shows it (contract/workflows.md 9.3)."""

import inspect
from typing import Any, get_args

from retinue.workflows.kinds import ANY, CLASSIFICATION, IMAGE, INSTANCES, KEYPOINTS, OBJECTS
from retinue.workflows.manifest import describe_kind
from retinue.workflows.query.registry import OperationModel
from retinue.workflows.query.syntax import Operation

Names = tuple[str, ...]

TABLES: Names = (OBJECTS, INSTANCES, KEYPOINTS)
FRACTION = "float_zero_to_one"
NUMBERS: Names = ("integer", "float", FRACTION)
LIST: Names = ("list_of_values",)
TEXT: Names = ("string",)
CHECK: Names = ("boolean",)
EVERYTHING: Names = (ANY,)

SIGNATURES: dict[str, tuple[Names, Names]] = {
    "StringToLowerCase": (TEXT, TEXT),
    "StringToUpperCase": (TEXT, TEXT),
    "LookupTable": (EVERYTHING, EVERYTHING),
    "ToNumber": ((*TEXT, *CHECK, *NUMBERS), NUMBERS),
    "NumberRound": (NUMBERS, NUMBERS),
    "SequenceMap": (LIST, LIST),
    "SequenceApply": (LIST, LIST),
    "NumericSequenceAggregate": (LIST, NUMBERS),
    "ToString": (EVERYTHING, TEXT),
    "ToBoolean": (("float", FRACTION, "integer"), CHECK),
    "StringSubSequence": (TEXT, TEXT),
    "DetectionsPropertyExtract": (TABLES, LIST),
    "SequenceAggregate": (LIST, EVERYTHING),
    "ExtractDetectionProperty": (("detection",), EVERYTHING),
    "DetectionsFilter": (TABLES, TABLES),
    "DetectionsOffset": (TABLES, TABLES),
    "DetectionsShift": (TABLES, TABLES),
    "DetectionsRename": (TABLES, TABLES),
    "RandomNumber": ((*TABLES, ANY), ("float", FRACTION)),
    "StringMatches": (TEXT, CHECK),
    "ExtractImageProperty": ((IMAGE,), ("integer",)),
    "ExtractFrameMetadata": ((IMAGE,), ("integer", "float", "timestamp")),
    "SequenceLength": ((*TABLES, *LIST, "dictionary"), ("integer",)),
    "SequenceElementsCount": (LIST, ("dictionary",)),
    "SequenceJoin": (LIST, TEXT),
    "Multiply": (NUMBERS, NUMBERS),
    "Divide": (NUMBERS, NUMBERS),
    "DetectionsSelection": (TABLES, TABLES),
    "SortDetections": (TABLES, TABLES),
    "ClassificationPropertyExtract": ((CLASSIFICATION,), (*TEXT, *LIST, FRACTION)),
    "ConvertImageToJPEG": ((IMAGE,), ("bytes",)),
    "ConvertImageToBase64": ((IMAGE,), TEXT),
    "DetectionsToDictionary": (TABLES, ("dictionary",)),
    "ConvertDictionaryToJSON": (("dictionary",), TEXT),
    "PickDetectionsByParentClass": (TABLES, TABLES),
    "TimestampToISOFormat": (("timestamp",), TEXT),
}
"""The kinds that each operation takes and gives."""

NESTED: dict[str, tuple[Names, Names]] = {
    "SequenceMap": (EVERYTHING, EVERYTHING),
    "SequenceApply": (EVERYTHING, EVERYTHING),
    "DetectionsFilter": (("detection",), CHECK),
}
"""The kinds that what lies inside an operation takes and gives."""

COMPARABLE: Names = ("integer", *TEXT, "float", FRACTION, *CHECK, *LIST)
COUNTABLE: Names = (*LIST, "dictionary", *TABLES)
POINT: Names = ("point", *LIST)

OPERANDS: dict[str, tuple[str, tuple[Names, ...]]] = {
    "in (Sequence)": (
        "Whether the first value is an element of the second, or a name in it",
        ((*TEXT, *NUMBERS), (*LIST, "dictionary")),
    ),
    "any in (Sequence)": ("Whether any element of the first list is in the second", (LIST, LIST)),
    "all in (Sequence)": ("Whether all elements of the first list are in the second", (LIST, LIST)),
    "(String) contains": ("Whether the second text is a part of the first", (TEXT, TEXT)),
    "(String) endsWith": ("Whether the first text ends with the second", (TEXT, TEXT)),
    "(String) startsWith": ("Whether the first text starts with the second", (TEXT, TEXT)),
    "(Number) <=": ("Whether the first number is at most the second", (NUMBERS, NUMBERS)),
    "(Number) <": ("Whether the first number is less than the second", (NUMBERS, NUMBERS)),
    "(Number) >=": ("Whether the first number is at least the second", (NUMBERS, NUMBERS)),
    "(Number) >": ("Whether the first number is more than the second", (NUMBERS, NUMBERS)),
    "(Number) in range": ("Whether the number is between two others [low, high] or one of them", (NUMBERS, LIST)),
    "(Number) !=": ("Whether the two numbers differ", (COMPARABLE, COMPARABLE)),
    "!=": ("Whether the two values differ", (COMPARABLE, COMPARABLE)),
    "(Number) ==": ("Whether the two numbers are equal", (COMPARABLE, COMPARABLE)),
    "==": ("Whether the two values are equal", (COMPARABLE, COMPARABLE)),
    "(Detection) in zone": ("Whether the point lies inside the polygon, not on its border", (POINT, ("zone",))),
    "Exists": ("Whether there is a value", (EVERYTHING,)),
    "DoesNotExist": ("Whether there is no value", (EVERYTHING,)),
    "(Boolean) is True": ("Whether the value is true, and no other than that", (CHECK,)),
    "(Boolean) is False": ("Whether the value is false, and no other than that", (CHECK,)),
    "(Sequence) is empty": ("Whether there are no elements", (COUNTABLE,)),
    "(Sequence) is not empty": ("Whether there are elements", (COUNTABLE,)),
}
"""What each comparator and operator checks, and the kinds of its operands."""


def describe_query_language() -> dict[str, Any]:
    """All operations, comparators and operators, as JSON.

    Upstream leaves out the comparators and operators that have no second name; here all are listed.
    """
    union, *_ = get_args(Operation)
    return {
        "operations_description": [_describe_operation(model) for model in get_args(union)],
        "operators_descriptions": [
            {
                "operator_type": name,
                "operands_number": len(operands),
                "operands_kinds": [_describe_kinds(kinds) for kinds in operands],
                "description": description,
            }
            for name, (description, operands) in OPERANDS.items()
        ],
    }


def _describe_operation(model: type[OperationModel]) -> dict[str, Any]:
    name = model.__name__
    takes, gives = SIGNATURES[name]
    nested_takes, nested_gives = NESTED.get(name, (None, None))
    property_name = model.model_fields.get("property_name")
    return {
        "operation_type": name,
        "compound": name in NESTED,
        "input_kind": _describe_kinds(takes),
        "output_kind": _describe_kinds(gives),
        "nested_operation_input_kind": nested_takes and _describe_kinds(nested_takes),
        "nested_operation_output_kind": nested_gives and _describe_kinds(nested_gives),
        "description": " ".join((inspect.getdoc(model) or "").split()),
        "property_name_options": property_name and list(get_args(property_name.annotation)),
    }


def _describe_kinds(names: Names) -> list[dict[str, str]]:
    return [describe_kind(name) for name in names]
