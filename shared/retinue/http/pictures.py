"""Where the picture of a URL-route request is: the order of contract/http.md 1.3.2."""

import io

from retinue.errors import RequestError
from retinue.http.event import Request
from retinue.http.parameters import UrlParameters
from retinue.images.load import UNKNOWN_TYPE, ImageReference
from retinue.uploads.layout import is_upload_id

_MISSING_PART = "Expected image to be send in part named 'file' of multipart/form-data request"
_INVALID_TYPE = "Invalid Content-Type header provided with request."


def picture_of(request: Request, parameters: UrlParameters) -> ImageReference:
    """The picture: part `file` of a form, else the URL or the upload in `image`, else the body as base64, whatever its
    Content-Type.

    Raises RequestError with the contract's texts.
    """
    content_type = request.content_type
    if not content_type and parameters.image_url is None:
        raise RequestError("Content-Type header not provided with request.")
    if content_type and "multipart/form-data" in content_type.lower():
        return ImageReference("raw", _file_part(request.body, content_type))
    if parameters.image_url is not None:
        return ImageReference("upload" if is_upload_id(parameters.image_url) else "url", parameters.image_url)
    match parameters.image_type.lower():
        case "base64":
            return ImageReference("base64", request.body)
        case "numpy":
            return ImageReference("numpy", request.body)
        case _:
            return ImageReference("refused", UNKNOWN_TYPE)


def _file_part(body: bytes, content_type: str) -> bytes:
    """The bytes of the file in part `file`."""
    from multipart import MultipartError, MultipartParser, parse_options_header  # only forms need it

    _, options = parse_options_header(content_type)
    limit = len(body) + 1
    try:
        parts = MultipartParser(
            io.BytesIO(body), options.get("boundary", ""), spool_limit=limit, memory_limit=limit, part_limit=64
        )
        for part in parts:
            if part.name == "file":
                if part.filename is None:
                    raise RequestError(_INVALID_TYPE)
                return bytes(part.raw)
    except (MultipartError, UnicodeDecodeError) as exc:
        # Its words may repeat bytes of the picture, which no log may hold.
        raise RequestError(f"broken form: {type(exc).__name__}", public=_INVALID_TYPE) from exc
    raise RequestError(_MISSING_PART)
