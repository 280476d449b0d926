"""From what a request says about a picture to its pixels."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from retinue.deadline import Deadline
from retinue.errors import ImageError
from retinue.images.decode import NPY_MAGIC, Image, decode_image

NOT_BASE64 = "Malformed base64 input image."
NOT_A_URL = "Provided image URL is invalid"
NOT_AN_IMAGE = "Data is not image."
NOT_AN_UPLOAD = "Provided upload id is invalid; POST /uploads gives ids of 32 hexadecimal digits."
NO_UPLOADS = "Uploads are not taken here."
NO_NUMPY = "NumPy image type is not supported in this configuration of the service; .npy files without objects are."
UNKNOWN_TYPE = "Image declaration contains not recognised image type."
RAW_BYTES = (
    "Invalid base64 input: the image payload contains raw bytes instead of a base64-encoded string. "
    "Encode the picture, or send it as part 'file' of multipart/form-data."
)
_WHITESPACE = b" \t\r\n"
# How arrays begin that come as they are: .npy files, and pickles of protocols 2 and above, 0 and 1.
_ARRAYS = (NPY_MAGIC, b"\x80", b"cnumpy.")

# Fetches the bytes behind a URL, or of an upload by its id, before the deadline. Raises ImageError.
Fetch = Callable[[str, Deadline], bytes]


def no_uploads(upload_id: str, deadline: Deadline) -> bytes:
    """For where there are none. Raises ImageError."""
    raise ImageError(f"upload {upload_id} where none are taken", public=NO_UPLOADS)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Where a picture is: `raw` bytes of a file, `base64` text, a `url`, the id of an `upload`, a `numpy` array or its
    base64 text; or why it is `refused`.

    A refusal waits for its turn: clients are told of an unknown model first.
    """

    kind: Literal["raw", "base64", "url", "upload", "numpy", "refused"]
    value: bytes | str


def load_image(
    reference: ImageReference,
    *,
    fetch: Fetch,
    deadline: Deadline,
    max_pixels: int,
    is_oriented: bool = True,
    fetch_upload: Fetch = no_uploads,
    takes_pickles: bool = False,
) -> Image:
    """The picture (H, W, 3) uint8 RGB. takes_pickles: whether `numpy` arrays may be pickled.

    Raises ImageError or ImageTooLarge with a text that says what is wrong, and what the fetching raises.
    """
    data = image_bytes(
        reference, fetch=fetch, fetch_upload=fetch_upload, deadline=deadline, takes_pickles=takes_pickles
    )
    failure = NOT_AN_IMAGE if reference.kind in ("url", "upload") else NOT_BASE64
    return decode_image(data, max_pixels=max_pixels, is_oriented=is_oriented, failure=failure)


def image_bytes(
    reference: ImageReference, *, fetch: Fetch, fetch_upload: Fetch, deadline: Deadline, takes_pickles: bool
) -> bytes:
    """The picture's file. Raises as `load_image`, but for what only decoding finds."""
    match reference.kind:
        case "url":
            return fetch(str(reference.value), deadline)
        case "upload":
            return fetch_upload(str(reference.value), deadline)
        case "refused":
            raise ImageError("picture refused", public=str(reference.value))
        case "base64":
            return decode_base64(reference.value)
        case "numpy":
            return _npy_file(reference.value, takes_pickles)
        case _:
            return reference.value if isinstance(reference.value, bytes) else reference.value.encode()


def _npy_file(value: bytes | str, takes_pickles: bool) -> bytes:
    """The array in `value`, which may be its base64 text, as a `.npy` file. Raises ImageError."""
    try:
        data = value if isinstance(value, bytes) and value.startswith(_ARRAYS) else decode_base64(value)
    except ImageError as exc:
        public = exc.public if takes_pickles else NO_NUMPY
        raise ImageError(f"neither an array nor base64: {exc.message}", public=public) from exc
    if data.startswith(NPY_MAGIC):
        return data
    if not takes_pickles:
        raise ImageError("an array that is no .npy file (RETINUE_ACCEPT_PICKLED_ARRAYS is off)", public=NO_NUMPY)
    from retinue.images.pickled_arrays import npy_of_pickle  # 10 ms

    return npy_of_pickle(data)


def decode_base64(text: bytes | str) -> bytes:
    """The bytes behind base64 `text`, with or without a data URI and line breaks. Raises ImageError.

    Only the standard alphabet with right padding passes: anything laxer turns percent-encoded or raw input into
    garbage.
    """
    import binascii

    import pybase64

    data = text.encode() if isinstance(text, str) else text
    if data[:5] == b"data:":
        head, _, data = data.partition(b",")
        if not head.endswith(b";base64"):
            raise ImageError("data URI without base64", public=NOT_BASE64)
    with suppress(binascii.Error):  # nearly all text has no line breaks, and removing them costs as much as decoding
        if decoded := pybase64.b64decode(data, validate=True):
            return decoded
    data = data.translate(None, _WHITESPACE)
    if not data:
        raise ImageError("no bytes", public="Empty image payload.")
    try:
        return pybase64.b64decode(data, validate=True)
    except binascii.Error as exc:
        is_text = data[:4096].isascii() and data[:4096].decode("ascii").isprintable()
        raise ImageError(f"not base64: {exc}", public=NOT_BASE64 if is_text else RAW_BYTES) from exc
