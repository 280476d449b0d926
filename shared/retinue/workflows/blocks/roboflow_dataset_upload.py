"""Pictures for a dataset of Roboflow's: there is none to upload to, and the blocks say so."""

import random
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field

from retinue.workflows.block import Block
from retinue.workflows.image import WorkflowImage
from retinue.workflows.kinds import CLASSIFICATION, INSTANCES, KEYPOINTS, OBJECTS
from retinue.workflows.manifest import (
    AnyRef,
    BooleanRef,
    FloatRef,
    ImageRef,
    ListRef,
    Manifest,
    ProjectRef,
    Reference,
    StringRef,
)
from retinue.workflows.sinks import disabled_message

PredictionsRef = Annotated[str, Reference((OBJECTS, INSTANCES, KEYPOINTS, CLASSIFICATION))]
Quality = Annotated[int, Field(gt=0, le=100)]
Frequency = Literal["never", "daily", "weekly", "monthly"]

_SIZE = "The greatest width and height, in pixels."
_QUALITY = "The quality of the JPEG, from 1 to 100."
_LABELS = "Whether predictions become labels."
NOWHERE = (
    "The picture was not uploaded: this service has no Roboflow account, so there is no dataset to upload to. Remove "
    "the step, or set `disable_sink`."
)


class UploadManifest(Manifest):
    """What both versions know: which pictures, where to, and how many."""

    images: ImageRef = Field(
        title="Image", description="The pictures.", validation_alias=AliasChoices("images", "image")
    )
    predictions: PredictionsRef | None = Field(None, description="What a model found in them.")
    target_project: ProjectRef | str = Field(description="The project of the dataset.")
    minutely_usage_limit: int = Field(10, description="The most uploads in a minute.")
    hourly_usage_limit: int = Field(100, description="The most uploads in an hour.")
    daily_usage_limit: int = Field(1000, description="The most uploads in a day.")
    usage_quota_name: str = Field(description="The name under which uploads are counted.")
    registration_tags: list[StringRef | str] | ListRef = Field(
        default_factory=list, description="The tags of the pictures."
    )
    disable_sink: bool | BooleanRef = Field(False, description="Whether to upload nothing.")
    fire_and_forget: bool | BooleanRef = Field(True, description="Whether nobody wants to know if it arrived.")
    labeling_batch_prefix: str | StringRef = Field(
        "workflows_data_collector", description="What the names of labelling batches start with."
    )
    labeling_batches_recreation_frequency: Frequency = Field(
        "never", description="How often a new labelling batch starts."
    )
    image_name: str | StringRef | None = Field(None, description="The name of the picture.")


class UploadManifestV1(UploadManifest):
    """Small pictures."""

    max_image_size: tuple[int, int] = Field((512, 512), description=_SIZE)
    compression_level: Quality = Field(75, description=_QUALITY)
    persist_predictions: bool = Field(True, description=_LABELS)


class UploadManifestV2(UploadManifest):
    """Larger pictures, a part of them only, and notes on each."""

    data_percentage: Annotated[float, Field(ge=0, le=100)] | FloatRef = Field(
        100, description="How many of a hundred pictures are uploaded."
    )
    max_image_size: tuple[int, int] = Field((1920, 1080), description=_SIZE)
    compression_level: Quality = Field(95, description=_QUALITY)
    persist_predictions: bool | BooleanRef = Field(True, description=_LABELS)
    metadata: dict[str, str | int | float | bool | AnyRef] = Field(
        default_factory=dict, description="Notes on the picture, by name."
    )


class Upload(Block):
    """Accepts pictures for a dataset, and answers that there is none."""

    title = "Roboflow Dataset Upload"
    category = "sink"
    outputs = {"error_status": ("boolean",), "message": ("string",)}
    batches = frozenset({"images", "predictions", "image_name"})

    def run(self, images: WorkflowImage, disable_sink: bool, **_: Any) -> dict[str, Any]:
        message = disabled_message(self.runtime, disable_sink)
        return {"error_status": message is None, "message": message or NOWHERE}


class UploadV1(Upload):
    """Accepts pictures for a dataset, and answers that there is none to upload to."""

    identifier = "roboflow_core/roboflow_dataset_upload@v1"
    manifest = UploadManifestV1


class UploadV2(Upload):
    """Accepts a sample of the pictures for a dataset, and answers that there is none to upload to."""

    identifier = "roboflow_core/roboflow_dataset_upload@v2"
    manifest = UploadManifestV2

    def run(self, images: WorkflowImage, disable_sink: bool, data_percentage: float = 100, **_: Any) -> dict[str, Any]:
        answer = super().run(images, disable_sink)
        if answer["error_status"] and random.uniform(0, 100) >= data_percentage:
            return {"error_status": False, "message": "Registration skipped due to sampling settings"}
        return answer
