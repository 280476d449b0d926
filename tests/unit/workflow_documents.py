"""Workflow documents, and what runs them: pictures of one colour, and models that answer from a function."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from retinue.deadline import Deadline
from retinue.errors import ImageError, ModelNotFound
from retinue.images.decode import Image
from retinue.images.load import ImageReference, load_image
from retinue.pipeline.prediction import Classification, Detections, Labels, Mask, Prediction, Thresholds
from retinue.workflows.block import Limits, Runtime
from retinue.workflows.compile import PlanCache, compile_definition
from retinue.workflows.definition import Definition, parse_definition
from retinue.workflows.errors import WorkflowError
from retinue.workflows.image import WorkflowImage
from retinue.workflows.inner import Lookup
from retinue.workflows.plan import Plan
from retinue.workflows.run import run_workflow
from retinue.workflows.values import ValueReader
from tests.unit.buckets import SOON
from tests.unit.pictures import encode

Json = dict[str, Any]

DETECTOR = "roboflow_core/roboflow_object_detection_model@v2"
SEGMENTER = "roboflow_core/roboflow_instance_segmentation_model@v2"
POSER = "roboflow_core/roboflow_keypoint_detection_model@v2"
CLASSIFIER = "roboflow_core/roboflow_classification_model@v2"
CROP = "roboflow_core/dynamic_crop@v1"
SLICER = "roboflow_core/image_slicer@v1"
STITCH = "roboflow_core/detections_stitch@v1"
COLLAPSE = "roboflow_core/dimension_collapse@v1"
CONTINUE_IF = "roboflow_core/continue_if@v1"
SWITCH = "roboflow_core/switch_case@v1"
EXPRESSION = "roboflow_core/expression@v1"
PROPERTY = "roboflow_core/property_definition@v1"
FIRST = "roboflow_core/first_non_empty_or_default@v1"
TEMPLATE = "roboflow_core/string_template@v1"
INNER = "roboflow_core/inner_workflow@v1"
STATIC_CROP = "roboflow_core/absolute_static_crop@v1"
CONSENSUS = "roboflow_core/detections_consensus@v1"
REPLACEMENT = "roboflow_core/detections_classes_replacement@v1"
BOXES = "roboflow_core/bounding_box_visualization@v1"

IMAGE = {"type": "WorkflowImage", "name": "image"}

# What `take` asks for.
TOP_CLASS = {"type": "ClassificationPropertyExtract", "property_name": "top_class"}
CLASS_NAMES = {"type": "DetectionsPropertyExtract", "property_name": "class_name"}
FIRST_OF = {"type": "SequenceAggregate", "mode": "first"}


def document(steps: Sequence[Any] = (), outputs: Any = (), inputs: Sequence[Any] = (IMAGE,), **more: Any) -> Json:
    """A document. outputs: selectors by name, or whole outputs."""
    listed = [output(*item) for item in outputs.items()] if isinstance(outputs, Mapping) else list(outputs)
    return {"version": "1.0", "inputs": list(inputs), "steps": list(steps), "outputs": listed, **more}


def parameter(name: str, default: Any = None, kinds: Sequence[Any] | None = None) -> Json:
    return {"type": "WorkflowParameter", "name": name, "default_value": default, "kind": kinds}


def batch(name: str, depth: int = 1, kinds: Sequence[Any] | None = None) -> Json:
    return {"type": "WorkflowBatchInput", "name": name, "dimensionality": depth, "kind": kinds}


def step(type: str, name: str, **properties: Any) -> Json:
    return {"type": type, "name": name, **properties}


def output(name: str, selector: str, coordinates_system: str = "parent") -> Json:
    return {"type": "JsonField", "name": name, "selector": selector, "coordinates_system": coordinates_system}


def detector(name: Any = "det", images: Any = "$inputs.image", **properties: Any) -> Json:
    return step(DETECTOR, name, images=images, **({"model_id": "shapes/1"} | properties))


def classifier(name: str = "cls", images: str = "$inputs.image") -> Json:
    return step(CLASSIFIER, name, images=images, model_id="levels/1")


def crop(name: str = "crop", images: str = "$inputs.image", predictions: str = "$steps.det.predictions") -> Json:
    return step(CROP, name, images=images, predictions=predictions)


CROPS = [detector(), crop()]


def slicer(name: str = "sl", image: str = "$inputs.image", width: int = 1, height: int = 1, overlap: float = 0) -> Json:
    return step(
        SLICER, name, image=image, slice_width=width, slice_height=height, overlap_ratio_width=overlap,
        overlap_ratio_height=overlap,
    )  # fmt: skip


def collapse(name: str, data: str) -> Json:
    return step(COLLAPSE, name, data=data)


def text(name: str = "t", template: str = "text", **data: Any) -> Json:
    return step(TEMPLATE, name, template=template, data=data)


def take(name: str, data: str, *operations: Any) -> Json:
    """A property_definition; an operation without arguments is its name."""
    chain = [{"type": item} if isinstance(item, str) else item for item in operations]
    return step(PROPERTY, name, data=data, operations=chain)


def count(name: str = "n", data: str = "$steps.det.predictions") -> Json:
    return take(name, data, "SequenceLength")


def join(name: str, **data: str) -> Json:
    """An expression that takes all of `data` and always answers 'ok': for what may come together."""
    return step(EXPRESSION, name, data=data, switch=cases())


def cases(*conditions: Json, default: Any = "ok") -> Json:
    """Answers with the position of the first condition that holds."""
    return {
        "type": "CasesDefinition",
        "cases": [
            {"type": "CaseDefinition", "condition": item, "result": {"type": "StaticCaseResult", "value": place}}
            for place, item in enumerate(conditions)
        ],
        "default": {"type": "StaticCaseResult", "value": default},
    }


def more_than(limit: float, operand: str = "n") -> Json:
    """The statement that a number is larger."""
    return group(
        {
            "type": "BinaryStatement",
            "left_operand": {"type": "DynamicOperand", "operand_name": operand},
            "comparator": {"type": "(Number) >"},
            "right_operand": {"type": "StaticOperand", "value": limit},
        }
    )


def group(*statements: Json, operator: str = "and") -> Json:
    return {"type": "StatementGroup", "operator": operator, "statements": list(statements)}


def gate(name: str, data: str, *targets: str, limit: float = 0) -> Json:
    """A continue_if that goes on where `data` is more than `limit`."""
    return step(
        CONTINUE_IF,
        name,
        condition_statement=more_than(limit),
        evaluation_parameters={"n": data},
        next_steps=[f"$steps.{target}" for target in targets],
    )


def inner(name: str, child: Json | None = None, **bindings: Any) -> Json:
    return step(INNER, name, workflow_definition=child, parameter_bindings=bindings)


def picture(level: int = 1, width: int = 60, height: int = 40) -> Json:
    """A picture of one grey level, as a request sends it; `shapes/1` finds as many objects as its level says."""
    data = encode(np.full((height, width, 3), level, np.uint8), "PNG")
    return {"type": "base64", "value": base64.b64encode(data).decode("ascii")}


# Three pictures: two objects, none, one.
THREE = {"image": [picture(2), picture(0), picture(1)]}


def boxes_of(level: int) -> list[list[float]]:
    """Where `shapes/1` finds its objects: 8 x 10 pixels each, in a row from (2, 3) on."""
    return [[2.0 + 10 * place, 3.0, 10.0 + 10 * place, 13.0] for place in range(level)]


def found(image: WorkflowImage, xyxy: Sequence[Sequence[float]], **more: Any) -> Prediction:
    """What a detector says: cats and dogs by turns, ever less confident."""
    number = len(xyxy)
    return Prediction(
        task=more.pop("task", "object-detection"),
        image_width=image.width,
        image_height=image.height,
        class_names=("cat", "dog"),
        keypoint_names=more.pop("keypoint_names", ()),
        detections=Detections(
            xyxy=np.array(xyxy, np.float32).reshape(-1, 4),
            confidence=np.linspace(0.9, 0.5, number, dtype=np.float32),
            class_id=np.arange(number) % 2,
            **more,
        ),
    )


def find_shapes(image: WorkflowImage) -> Prediction:
    """As many boxes as the grey level of the top left pixel."""
    return found(image, boxes_of(int(image.pixels[0, 0, 0])))


def find_masks(image: WorkflowImage) -> Prediction:
    """The boxes of find_shapes, each filled by its mask."""
    xyxy = boxes_of(int(image.pixels[0, 0, 0]))
    masks = [
        Mask(np.ones((10, 8), bool), left=int(box[0]), top=int(box[1]), width=image.width, height=image.height)
        for box in xyxy
    ]
    return found(image, xyxy, task="instance-segmentation", masks=masks)


def find_points(image: WorkflowImage) -> Prediction:
    """The boxes of find_shapes, each with a nose in its corner; there would be a tail, but nobody sees it."""
    xyxy = boxes_of(int(image.pixels[0, 0, 0]))
    points = np.array([[[box[0], box[1], 0.75], [0, 0, 0.25]] for box in xyxy], np.float32).reshape(-1, 2, 3)
    return found(
        image,
        xyxy,
        task="keypoint-detection",
        keypoints=points,
        is_keypoint_shown=np.tile([True, False], (len(xyxy), 1)),
        keypoint_names=(("nose", "tail"), ("nose", "tail")),
    )


def say_level(image: WorkflowImage) -> Prediction:
    """A cat where the grey level is odd, else a dog."""
    best = 1 - int(image.pixels[0, 0, 0]) % 2
    return Prediction(
        task="classification",
        image_width=image.width,
        image_height=image.height,
        class_names=("cat", "dog"),
        classification=Classification(class_id=np.array([best, 1 - best]), confidence=np.array([0.75, 0.25])),
    )


def say_labels(image: WorkflowImage) -> Prediction:
    """A cat, and nothing else."""
    return Prediction(
        task="multi-label-classification",
        image_width=image.width,
        image_height=image.height,
        class_names=("cat", "dog"),
        labels=Labels(confidence=np.array([0.75, 0.25]), is_predicted=np.array([True, False])),
    )


@dataclass(frozen=True)
class Call:
    """One call of a model: the ids of its pictures."""

    model_id: str
    images: tuple[str, ...]
    thresholds: Thresholds


@dataclass
class Models:
    """Answers by model id, and what was asked."""

    answers: dict[str, Callable[[WorkflowImage], Prediction]] = field(
        default_factory=lambda: {
            "shapes/1": find_shapes,
            "masks/1": find_masks,
            "points/1": find_points,
            "levels/1": say_level,
            "labels/1": say_labels,
        }
    )
    calls: list[Call] = field(default_factory=list)

    def predict(self, model_id: str, images: Sequence[WorkflowImage], thresholds: Thresholds) -> list[Prediction]:
        self.calls.append(Call(model_id, tuple(image.id for image in images), thresholds))
        if model_id not in self.answers:
            raise ModelNotFound(f"There is no model {model_id}.")
        return [self.answers[model_id](image) for image in images]


def nowhere(*_: Any, **__: Any) -> NoReturn:
    """Fetches nothing, sends nothing."""
    raise ImageError("nothing can be fetched here")


def load(reference: ImageReference) -> Image:
    return load_image(reference, fetch=nowhere, deadline=SOON, max_pixels=1_000_000)


def runtime(models: Models | None = None, **settings: Any) -> Runtime:
    """What blocks may use: no network, an hour of time."""
    return Runtime(models=models or Models(), send=nowhere, **({"deadline": SOON} | settings))


def no_saved(workspace: str, workflow_id: str, version: str | None) -> NoReturn:
    raise AssertionError("no saved workflow was asked for")


def run(
    definition: Any,
    inputs: Mapping[str, Any] | None = None,
    using: Runtime | None = None,
    look_up: Lookup = no_saved,
    **options: Any,
) -> list[Json]:
    """The rows of the answer. inputs: one picture of level 1, if nothing else is said."""
    return run_workflow(
        definition,
        {"image": picture()} if inputs is None else inputs,
        plans=PlanCache(),
        look_up=look_up,
        read=ValueReader(load),
        runtime=using or runtime(),
        **options,
    )


def column(steps: list[Json], selector: str, given: Json | None = None, inputs: list[Json] | None = None) -> list[Any]:
    """One output of all rows. given: the values of the inputs; THREE, if nothing else is said."""
    return [row["x"] for row in run(document(steps, {"x": selector}, inputs or [IMAGE]), given or THREE)]


def parsed(definition: Json, limits: Limits | None = None) -> Definition:
    return parse_definition(definition, limits or Limits())


def compiled(definition: Any, look_up: Lookup = no_saved, limits: Limits | None = None) -> Plan:
    return compile_definition(definition, limits or Limits(), look_up)


def blamed(error: WorkflowError) -> list[tuple[str | None, str | None]]:
    """Which step and which property of it."""
    return [(block.block_id, block.property_name) for block in error.blocks or ()]


EXPIRED = Deadline(0.0)
