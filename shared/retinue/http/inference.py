"""Routes that infer: by URL (v0) and by task (v2). Which pool serves them is the template's business."""

import uuid

from retinue.errors import PayloadTooLarge
from retinue.http.credentials import api_key_anywhere, authorise
from retinue.http.event import Request
from retinue.http.parameters import is_asynchronous, parse_url_parameters
from retinue.http.pictures import picture_of
from retinue.http.response import Response
from retinue.inference import Call, Wish, find_model, infer
from retinue.models.package import ModelId
from retinue.observe import RequestRecord
from retinue.service import Service


def infer_by_url(request: Request, service: Service, record: RequestRecord) -> Response:
    """What a model says of a picture: parameters in the query, the picture in the body, a form or a URL."""
    access = authorise(api_key_anywhere(request), request, service, record)
    parameters = parse_url_parameters(request.query)
    reference = picture_of(request, parameters)
    model_id = ModelId.parse(f"{request.path_parameters['project']}/{request.path_parameters['version']}")
    access.require(model_id.project)
    call = Call(service, access, request.deadline, record)
    if is_asynchronous(request.query):
        from retinue.http.asynchronous import accept_by_url  # boto3

        return accept_by_url(model_id, reference, request.query, call)
    lookup = find_model(model_id, call)
    (picture,) = infer(lookup.model, [reference], Wish.of_url(parameters), call)
    with record.stage("render"):
        drawing = b""
        if parameters.output_format != "json":
            drawing = picture.draw(parameters.has_labels, parameters.stroke_width)
        if parameters.output_format == "image":
            return Response(drawing, content_type="image/jpeg")
        return Response(picture.answer_url(parameters, str(uuid.uuid4()), drawing))


def infer_by_task(request: Request, service: Service, record: RequestRecord) -> Response:
    """What a model says of pictures: everything in a JSON body; a list of pictures gives a list of answers.

    The model's package decides the task; the route only names the pool.
    """
    from retinue.http.task_requests import parse_task_request  # pydantic: 90-160 ms, which URL routes never pay

    access = authorise(api_key_anywhere(request), request, service, record)
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
    call = Call(service, access, request.deadline, record)
    if is_asynchronous(request.query):
        from retinue.http.asynchronous import accept_by_task  # boto3

        return accept_by_task(model_id, body, call)
    lookup = find_model(model_id, call)
    answers = []
    for picture in infer(lookup.model, references, Wish.of_task(body), call):
        with record.stage("render"):
            answers.append(picture.answer_task(body, body.id))
    return Response(answers if isinstance(body.image, list) else answers[0])
