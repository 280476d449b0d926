"""Routes that infer: by URL (v0) and by task (v2). Which pool serves them is the template's business."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from retinue.errors import PayloadTooLarge
from retinue.http.credentials import api_key, api_key_anywhere
from retinue.http.event import Request
from retinue.http.parameters import parse_url_parameters
from retinue.http.pictures import picture_of
from retinue.http.render import render_prediction
from retinue.http.response import Response
from retinue.images.decode import Image
from retinue.images.load import ImageReference, load_image
from retinue.models.cache import Lookup
from retinue.models.package import ModelId, Step
from retinue.models.session import LoadedModel
from retinue.observe import RequestRecord
from retinue.pipeline.predict import StageTimes, pictures_per_run, predict
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.service import Service


def infer_by_url(request: Request, service: Service, record: RequestRecord) -> Response:
    """`/{project}/{version}` with parameters in the query and the picture in the body, a form or a URL."""
    with record.stage("auth"):
        access = service.keys.lookup(api_key(request), request.deadline)
    parameters = parse_url_parameters(request.query)
    reference = picture_of(request, parameters)
    model_id = ModelId.parse(f"{request.path_parameters['project']}/{request.path_parameters['version']}")
    access.require(model_id.project)
    lookup = _model(model_id, request, service, record)
    wish = Wish(parameters.thresholds, parameters.is_oriented, parameters.skipped, parameters.output_format != "json")
    (picture,) = _infer(lookup.model, [reference], wish, request, service, record)
    with record.stage("render"):
        drawing = b""
        if parameters.output_format != "json":
            drawing = picture.draw(parameters.has_labels, parameters.stroke_width)
        if parameters.output_format == "image":
            return Response(drawing, content_type="image/jpeg")
        answer = picture.render(str(uuid.uuid4()), drawing)
        if picture.prediction.segmentation is not None:  # where the roboflow package looks for it
            answer |= {name: answer["predictions"][name] for name in ("segmentation_mask", "class_map")}
        return Response(answer)


def infer_by_task(request: Request, service: Service, record: RequestRecord) -> Response:
    """`/infer/<task>` with everything in a JSON body; a list of pictures gives a list of answers.

    The model's package decides the task; the route only names the pool.
    """
    from retinue.http.task_requests import parse_task_request  # pydantic: 90-160 ms, which URL routes never pay

    with record.stage("auth"):
        access = service.keys.lookup(api_key_anywhere(request), request.deadline)
    with record.stage("parse"):
        body = parse_task_request(request)
    references = body.references()
    if len(references) > service.settings.max_images:
        raise PayloadTooLarge(
            f"{len(references):,} images in one request; the limit is {service.settings.max_images} "
            "(RETINUE_MAX_IMAGES). Send them in several requests."
        )
    model_id = ModelId.parse(body.model_id)
    access.require(model_id.project)
    lookup = _model(model_id, request, service, record)
    wish = Wish(
        body.thresholds(), not body.disable_preproc_auto_orient, body.skipped(), bool(body.visualize_predictions)
    )
    answers = []
    for picture in _infer(lookup.model, references, wish, request, service, record):
        with record.stage("render"):
            drawing = b""
            if body.visualize_predictions:
                drawing = picture.draw(body.visualization_labels, body.visualization_stroke_width)
            answers.append(picture.render(body.id, drawing))
    return Response(answers if isinstance(body.image, list) else answers[0])


def _model(model_id: ModelId, request: Request, service: Service, record: RequestRecord) -> Lookup:
    record.model_ids.append(str(model_id))
    with record.stage("model"):
        lookup = service.models.get(model_id, request.deadline)
    record.facts["cache"] = lookup.source
    record.is_cold_model, record.load_s = lookup.source != "memory", lookup.load_s
    return lookup


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks of each picture."""

    thresholds: Thresholds
    is_oriented: bool
    skipped: frozenset[Step]
    is_drawn: bool


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


def _infer(
    model: LoadedModel,
    references: list[ImageReference],
    wish: Wish,
    request: Request,
    service: Service,
    record: RequestRecord,
) -> Iterator[InferredPicture]:
    """The pictures in order, run by run: of a long list only as many are decoded at a time as memory allows."""
    budget_bytes = service.settings.run_memory_bytes
    size, position = pictures_per_run(model, budget_bytes), 0
    while position < len(references):
        if request.deadline.remaining_s < model.manifest.latency_ms / 1e3:
            raise PayloadTooLarge(
                f"time was enough for {position} of {len(references)} images; send fewer in one request"
            )
        images: list[Image] = []
        with record.stage("load"):
            for reference in references[position : position + size]:
                images.append(_load(reference, wish, request, service))
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


def _load(reference: ImageReference, wish: Wish, request: Request, service: Service) -> Image:
    return load_image(
        reference,
        fetch=service.fetch,
        deadline=request.deadline,
        max_pixels=service.settings.max_pixels,
        is_oriented=wish.is_oriented,
    )
