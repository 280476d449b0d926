"""The JSON bodies of the task routes (v2), as contract/http.md 2.1 and 2.2 have them."""

import uuid
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, field_validator

from retinue.errors import ParameterError
from retinue.http.event import Request
from retinue.images.load import NO_NUMPY, NOT_A_URL, NOT_AN_UPLOAD, NOT_BASE64, UNKNOWN_TYPE, ImageReference
from retinue.models.package import Step
from retinue.pipeline.prediction import MaskOptions, Thresholds
from retinue.uploads.layout import is_upload_id

Body = TypeVar("Body", bound=BaseModel)


class ImageField(BaseModel):
    """A picture: `{"type": "base64", "value": ...}`, `{"type": "url", "value": ...}`, or `{"type": "upload", "value":
    id}` with the id of `POST /uploads`, `{"type": "numpy", "value": ...}` with a `.npy` file in base64."""

    type: str
    value: Any = None

    def reference(self) -> ImageReference:
        """Where the picture is."""
        match self.type.lower():
            case ("base64" | "url") as kind if isinstance(self.value, str):
                return ImageReference("base64" if kind == "base64" else "url", self.value)
            case "upload" if is_upload_id(self.value):
                return ImageReference("upload", self.value)
            case "upload":
                return ImageReference("refused", NOT_AN_UPLOAD)
            case "base64":
                return ImageReference("refused", NOT_BASE64)
            case "url":
                return ImageReference("refused", NOT_A_URL)
            case "numpy" if isinstance(self.value, str):
                return ImageReference("numpy", self.value)
            case "numpy":
                return ImageReference("refused", NO_NUMPY)
            case _:
                return ImageReference("refused", UNKNOWN_TYPE)


class TaskRequest(BaseModel):
    """The fields of all task requests; unknown ones are ignored.

    The model's package decides the task, so every request may say everything. Fractions are fractions here: nothing
    is divided by 100.
    """

    model_config = ConfigDict(protected_namespaces=())

    id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    api_key: str | None = None
    model_id: str
    image: ImageField | list[ImageField]
    confidence: FiniteFloat | Literal["best", "default"] = 0.4
    iou_threshold: FiniteFloat = 0.3
    max_detections: int = 300
    max_candidates: int = 3000
    class_agnostic_nms: bool = False
    class_filter: list[str] | None = None
    mask_decode_mode: Literal["accurate", "tradeoff", "fast"] = "accurate"
    tradeoff_factor: float = Field(0.0, ge=0, le=1)
    response_mask_format: Literal["polygon", "rle"] = "polygon"
    allow_reduced_mask_resolution: bool = False
    keypoint_confidence: FiniteFloat | None = None
    visualize_predictions: bool = False
    visualization_labels: bool = False
    visualization_stroke_width: int = 1
    disable_preproc_auto_orient: bool = False
    disable_preproc_contrast: bool = False
    disable_preproc_grayscale: bool = False
    disable_preproc_static_crop: bool = False
    # Declared by the contract and without effect on the answer: still checked.
    disable_active_learning: bool = False
    active_learning_target_dataset: str | None = None
    disable_model_monitoring: bool = False
    fix_batch_size: bool = False
    enforce_dense_masks_in_inference_models: bool = False
    include_anomaly_map: bool = False
    model_type: str | None = None
    source: str | None = None
    source_info: str | None = None
    start: float | None = None
    usage_billable: bool = True

    def references(self) -> list[ImageReference]:
        """Where the pictures are, in order."""
        images = self.image if isinstance(self.image, list) else [self.image]
        return [image.reference() for image in images]

    def thresholds(self) -> Thresholds:
        """What of the raw outputs becomes an answer."""
        return Thresholds(
            confidence=self.confidence,
            iou_threshold=self.iou_threshold,
            max_detections=self.max_detections,
            is_class_agnostic=self.class_agnostic_nms,
            class_filter=frozenset(self.class_filter) if self.class_filter else None,
            keypoint_confidence=self.keypoint_confidence,
            masks=MaskOptions(
                form="rle" if self.response_mask_format == "rle" else "polygon",
                decode_mode=self.mask_decode_mode,
                tradeoff_factor=self.tradeoff_factor,
                is_reduced=self.allow_reduced_mask_resolution,
            ),
        )

    def skipped(self) -> frozenset[Step]:
        """The steps of the preprocessing to leave out."""
        switches: dict[Step, bool] = {
            "static-crop": self.disable_preproc_static_crop,
            "contrast": self.disable_preproc_contrast,
            "grayscale": self.disable_preproc_grayscale,
        }
        return frozenset(step for step, is_off in switches.items() if is_off)


class KeypointsRequest(TaskRequest):
    """The body of `/infer/keypoints_detection`."""

    @field_validator("confidence")
    @classmethod
    def _has_no_best(cls, confidence: float | str) -> float | str:
        if confidence == "best":
            raise ValueError('confidence="best" is not supported for keypoint detection')
        return confidence


class SemanticSegmentationRequest(TaskRequest):
    """The body of `/infer/semantic_segmentation`, whose masks have one format."""

    response_mask_format: Literal["base64_png"] = "base64_png"  # type: ignore[assignment]


class ModelRequest(BaseModel):
    """The body of `/model/add` and `/model/remove`."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: str
    model_type: str | None = None
    api_key: str | None = None


_REQUESTS: dict[str, type[TaskRequest]] = {
    "POST /infer/keypoints_detection": KeypointsRequest,
    "POST /infer/semantic_segmentation": SemanticSegmentationRequest,
}


def parse_task_request(request: Request) -> TaskRequest:
    """The body of a task route. Raises ParameterError."""
    return _parse(request, _REQUESTS.get(request.route_key, TaskRequest))


def task_request(fields: Mapping[str, Any]) -> TaskRequest:
    """The request with these fields of a body, without picture and model. Raises ParameterError."""
    return _validated({**fields, "model_id": "", "image": []}, TaskRequest)


def parse_model_request(request: Request) -> ModelRequest:
    """The body of a model route. Raises ParameterError."""
    return _parse(request, ModelRequest)


def _parse(request: Request, kind: type[Body]) -> Body:
    if "json" not in (request.content_type or "").lower():
        _refuse(
            "model_attributes_type", ["body"], "Input should be a valid dictionary or object to extract fields from"
        )
    try:
        record = request.json
    except orjson.JSONDecodeError as exc:
        _refuse("json_invalid", ["body", exc.pos], f"JSON decode error: {exc.msg}")
    return _validated(record, kind)


def _validated(record: Any, kind: type[Body]) -> Body:
    try:
        return kind.model_validate(record)
    except ValidationError as exc:
        # Never the rejected input: it may be a picture, or hold the key.
        problems = exc.errors(include_url=False, include_input=False, include_context=False)
        raise ParameterError(
            [{"type": item["type"], "loc": ["body", *item["loc"]], "msg": item["msg"]} for item in problems[:20]]
        ) from exc


def _refuse(kind: str, loc: list[str | int], msg: str) -> NoReturn:
    raise ParameterError([{"type": kind, "loc": loc, "msg": msg}])
