"""From pictures to answers by a published model: what the routes and the uploads share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retinue.deadline import Deadline
from retinue.errors import ModelLoading, PayloadTooLarge
from retinue.http.parameters import UrlParameters
from retinue.http.render import render_prediction
from retinue.images.decode import Image
from retinue.images.load import ImageReference, load_image
from retinue.keys import Access
from retinue.models.cache import Lookup
from retinue.models.package import ModelId, Step
from retinue.models.session import LoadedModel
from retinue.observe import RequestRecord
from retinue.pipeline.predict import StageTimes, pictures_per_run, predict
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.service import Service

if TYPE_CHECKING:
    from retinue.http.task_requests import TaskRequest


@dataclass(frozen=True, slots=True)
class Call:
    """A piece of work: on whose behalf, until when, and where it is noted."""

    service: Service
    access: Access
    deadline: Deadline
    record: RequestRecord

    def load(self, reference: ImageReference, *, is_oriented: bool = True) -> Image:
        """The picture, from wherever it is. Raises ImageError, UploadNotFound."""
        return load_image(
            reference,
            fetch=self.service.fetch,
            fetch_upload=self.service.uploads_of(self.access.workspace),
            deadline=self.deadline,
            max_pixels=self.service.settings.max_pixels,
            is_oriented=is_oriented,
            takes_pickles=self.service.settings.accept_pickled_arrays,
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of each picture."""

    thresholds: Thresholds
    is_oriented: bool
    skipped: frozenset[Step]

    @classmethod
    def of_url(cls, parameters: UrlParameters) -> "Wish":
        """What the parameters of a URL ask."""
        return cls(parameters.thresholds, parameters.is_oriented, parameters.skipped)

    @classmethod
    def of_task(cls, body: "TaskRequest") -> "Wish":
        """What the body of a task request asks."""
        return cls(body.thresholds(), not body.disable_preproc_auto_orient, body.skipped())


@dataclass(frozen=True, slots=True)
class InferredPicture:
    """A picture with what the model says about it, and the seconds that the model took."""

    image: Image
    prediction: Prediction
    time_s: float
    colors: tuple[str, ...]

    def draw(self, has_labels: bool, stroke_width: int) -> bytes:
        """The prediction drawn on the picture: a JPEG."""
        from retinue.pipeline.draw import draw_prediction  # Pillow

        return draw_prediction(
            self.image, self.prediction, colors=self.colors, has_labels=has_labels, stroke_width=stroke_width
        )

    def render(self, inference_id: str, drawing: bytes = b"") -> dict[str, Any]:
        """The answer of the contract, with the drawing in it unless that is empty."""
        visualization = None
        if drawing:
            import pybase64

            visualization = pybase64.b64encode(drawing).decode("ascii")
        return render_prediction(
            self.prediction, inference_id=inference_id, time_s=self.time_s, visualization=visualization
        )

    def answer_url(self, parameters: UrlParameters, inference_id: str, drawing: bytes = b"") -> dict[str, Any]:
        """The answer of a URL route."""
        answer = self.render(inference_id, drawing)
        if self.prediction.segmentation is not None:  # where the roboflow package looks for it
            answer |= {name: answer["predictions"][name] for name in ("segmentation_mask", "class_map")}
        return answer

    def answer_task(self, body: "TaskRequest", inference_id: str) -> dict[str, Any]:
        """The answer of a task route."""
        drawing = b""
        if body.visualize_predictions:
            drawing = self.draw(body.visualization_labels, body.visualization_stroke_width)
        return self.render(inference_id, drawing)


def find_model(model_id: ModelId, call: Call) -> Lookup:
    """The model, ready to run. Raises ModelNotFound, ModelError, Busy."""
    record = call.record
    record.model_ids.append(str(model_id))
    with record.stage("model"):
        lookup = call.service.models.get(model_id, call.deadline)
    record.facts["cache"] = lookup.source
    lookup.note_in(record, model_id)
    return lookup


def infer(
    model: LoadedModel, references: Sequence[ImageReference], wish: Wish, call: Call
) -> Iterator[InferredPicture]:
    """The pictures in order, run by run: of a long list only as many are decoded at a time as memory allows.

    Raises ImageError, UploadNotFound, ModelLoading when no time is left for the first run, and PayloadTooLarge when it
    was not enough for all.
    """
    record, budget_bytes = call.record, call.service.settings.run_memory_bytes
    size, position = pictures_per_run(model, budget_bytes), 0
    while position < len(references):
        if call.deadline.remaining_s < model.manifest.latency_ms / 1e3:
            if position == 0:  # loading the model took it, and that is done now
                raise ModelLoading("no time is left for a run")
            raise PayloadTooLarge(
                f"time was enough for {position} of {len(references)} images; send fewer in one request"
            )
        images: list[Image] = []
        with record.stage("load"):
            for reference in references[position : position + size]:
                images.append(call.load(reference, is_oriented=wish.is_oriented))
                if sum(image.nbytes for image in images) > budget_bytes:
                    break
        position += len(images)
        times = StageTimes()
        predictions = predict(model, images, wish.thresholds, times, skipped=wish.skipped)
        for stage in ("prepare", "infer", "decode"):
            record.add(stage, getattr(times, f"{stage}_ms"))
        record.facts["images"] = position
        record.facts["runs"] = record.facts.get("runs", 0) + times.runs
        time_s = (times.prepare_ms + times.infer_ms + times.decode_ms) / 1e3
        for image, prediction in zip(images, predictions, strict=True):
            yield InferredPicture(image, prediction, time_s, model.manifest.colors)
