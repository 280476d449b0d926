"""Operations on the answers of classification models (contract/workflows.md 5.3)."""

from collections.abc import Callable
from typing import Any, Literal

from retinue.workflows.errors import OperationError
from retinue.workflows.query.registry import OperationModel, Parameters, expect, performs

Answer = dict[str, Any]


class ClassificationPropertyExtract(OperationModel):
    """A part of a classification: the winning class or its confidence, or those of all classes.

    With several labels: the list of the predicted classes, or of their confidences; top_class_confidence_single is the
    highest of these, 0 without any.
    """

    type: Literal["ClassificationPropertyExtract"]
    property_name: Literal[
        "top_class", "top_class_confidence", "top_class_confidence_single", "all_classes", "all_confidences"
    ]


@performs(ClassificationPropertyExtract, has_place=False)
def extract_property(value: Any, operation: ClassificationPropertyExtract, parameters: Parameters) -> Any:
    answer = expect(value, dict, operation)
    try:
        return PROPERTIES[operation.property_name](answer)
    except (KeyError, TypeError, AttributeError) as error:
        raise OperationError(f"this is no classification with `{operation.property_name}`: {error!r}") from error


def _top_class(answer: Answer) -> Any:
    return answer["top"] if "top" in answer else answer.get("predicted_classes", [])


def _top_confidence(answer: Answer) -> Any:
    if "confidence" in answer:
        return answer["confidence"]
    return [answer["predictions"][name]["confidence"] for name in answer.get("predicted_classes", [])]


def _highest_confidence(answer: Answer) -> Any:
    confidence = _top_confidence(answer)
    return max(confidence, default=0.0) if isinstance(confidence, list) else confidence


def _all_classes(answer: Answer) -> list[Any]:
    return [row["class"] for row in _classes(answer)]


def _all_confidences(answer: Answer) -> list[Any]:
    return [row["confidence"] for row in _classes(answer)]


def _classes(answer: Answer) -> list[dict[str, Any]]:
    """The classes in the order of the answer, or of their ids where they are listed by name."""
    predictions = answer["predictions"]
    if isinstance(predictions, list):
        return predictions
    by_id = {row["class_id"]: {"class": name, **row} for name, row in predictions.items()}
    return [by_id[class_id] for class_id in sorted(by_id)]


PROPERTIES: dict[str, Callable[[Answer], Any]] = {
    "top_class": _top_class,
    "top_class_confidence": _top_confidence,
    "top_class_confidence_single": _highest_confidence,
    "all_classes": _all_classes,
    "all_confidences": _all_confidences,
}
