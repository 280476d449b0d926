"""The workflows that are measured, in the language of both systems."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

# Detections below this go: about half of what the network finds.
_LEAST_CONFIDENCE = 0.5
_FILTERS, _DRAWINGS = 15, 4
_PICTURE, _FOUND = "$inputs.image", "$steps.detect.predictions"

Step = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A workflow: its name for programs, what it does for people, and its steps after the model's.

    `outputs` are names and selectors; one is `predictions`, by which both systems' answers are compared. `left_out` are
    those that the request does not want.
    """

    key: str
    name: str
    steps: tuple[Step, ...]
    outputs: dict[str, str]
    left_out: tuple[str, ...] = ()

    def without_pictures(self) -> "Document":
        """The same steps, and of the outputs only the predictions: what is left is the engine's and the blocks' own."""
        pictures = tuple(name for name in self.outputs if name != "predictions")
        return replace(self, key=f"{self.key}-unsent", name=f"{self.name}; no picture sent", left_out=pictures)

    def specification(self, model_id: str) -> dict[str, Any]:
        """The JSON document, with a detector of that id as its first step."""
        model = {"model_id": model_id, "images": _PICTURE}
        return {
            "version": "1.0",
            "inputs": [{"type": "WorkflowImage", "name": "image"}],
            "steps": [_step("roboflow_object_detection_model@v2", "detect", model), *self.steps],
            "outputs": [
                {"type": "JsonField", "name": name, "selector": selector} for name, selector in self.outputs.items()
            ],
        }


def _step(kind: str, name: str, fields: Step) -> Step:
    return {"type": f"roboflow_core/{kind}", "name": name, **fields}


def _filter(name: str, predictions: str) -> Step:
    confidence = {"type": "ExtractDetectionProperty", "property_name": "confidence"}
    statement = {
        "type": "BinaryStatement",
        "left_operand": {"type": "DynamicOperand", "operations": [confidence]},
        "comparator": {"type": "(Number) >="},
        "right_operand": {"type": "StaticOperand", "value": _LEAST_CONFIDENCE},
    }
    condition = {"type": "StatementGroup", "statements": [statement]}
    operation = {"type": "DetectionsFilter", "filter_operation": condition}
    return _step("detections_filter@v1", name, {"predictions": predictions, "operations": [operation]})


def _boxes(name: str, image: str, predictions: str) -> Step:
    return _step("bounding_box_visualization@v1", name, {"image": image, "predictions": predictions})


def _labels(name: str, image: str, predictions: str) -> Step:
    return _step("label_visualization@v1", name, {"image": image, "predictions": predictions})


def _one_step() -> Document:
    return Document("one-step", "one step", (), {"predictions": _FOUND})


def _filter_crop_draw() -> Document:
    kept = "$steps.filter.predictions"
    steps = (
        _filter("filter", _FOUND),
        _step("dynamic_crop@v1", "crop", {"images": _PICTURE, "predictions": kept}),
        _boxes("boxes", _PICTURE, kept),
        _labels("labels", "$steps.boxes.image", kept),
    )
    outputs = {"predictions": kept, "crops": "$steps.crop.crops", "picture": "$steps.labels.image"}
    return Document("filter-crop-draw", "detect, filter, crop, draw", steps, outputs)


def _long_graph() -> Document:
    steps: list[Step] = []
    kept, picture = _FOUND, _PICTURE
    for number in range(_FILTERS):
        steps.append(_filter(f"filter_{number}", kept))
        kept = f"$steps.filter_{number}.predictions"
    draw: tuple[Callable[[str, str, str], Step], ...] = (_boxes, _labels)
    for number in range(_DRAWINGS):
        steps.append(draw[number % 2](f"drawing_{number}", picture, kept))
        picture = f"$steps.drawing_{number}.image"
    outputs = {"predictions": kept, "picture": picture}
    return Document("long-graph", f"{1 + len(steps)} steps", tuple(steps), outputs)


ONE_STEP, FILTER_CROP_DRAW = _one_step(), _filter_crop_draw()
LONG_GRAPH = _long_graph()
DOCUMENTS = (
    ONE_STEP,
    FILTER_CROP_DRAW,
    FILTER_CROP_DRAW.without_pictures(),
    LONG_GRAPH,
    LONG_GRAPH.without_pictures(),
)
