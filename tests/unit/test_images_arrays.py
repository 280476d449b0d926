"""Pictures as .npy files: what they may hold, where they may be, and that nothing else is ever read from one."""

import base64
import io
import pickle
import struct
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from retinue.errors import ImageError, ImageTooLarge
from retinue.images.arrays import decode_array
from retinue.images.decode import decode_image
from retinue.images.load import NO_NUMPY, ImageReference, load_image
from tests.unit.buckets import SOON
from tests.unit.networks import noise

RGB = noise(3, 5)
BGR = np.ascontiguousarray(RGB[:, :, ::-1])
GREY = RGB[:, :, 0]


def npy(array: NDArray[Any], version: tuple[int, int] | None = None) -> bytes:
    """The array as a file."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version)
    return stream.getvalue()


def with_header(header: str, values: bytes = bytes(45)) -> bytes:
    """A file of format 1.0 with this header."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin-1") + values


def described(descr: str = "'|u1'", shape: str = "(3, 5, 3)", order: str = "False") -> bytes:
    return with_header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(npy(BGR), RGB, id="blue first, as OpenCV has it"),
        pytest.param(npy(np.asfortranarray(BGR)), RGB, id="in columns"),
        pytest.param(npy(BGR, (2, 0)), RGB, id="format 2.0"),
        pytest.param(npy(BGR, (3, 0)), RGB, id="format 3.0"),
        pytest.param(npy(np.dstack([BGR, GREY])), RGB, id="a fourth channel is dropped"),
        pytest.param(npy(GREY), np.dstack([GREY] * 3), id="grey"),
        pytest.param(npy(GREY[:, :, None]), np.dstack([GREY] * 3), id="grey with an axis of 1"),
        *(pytest.param(npy(BGR.astype(kind)), RGB, id=kind) for kind in ("<u2", ">u2", "<i8", "<f2", "<f4", ">f8")),
        pytest.param(npy(BGR[:1, :1]), RGB[:1, :1], id="one pixel"),
    ],
)
def test_pixels(data: bytes, expected: NDArray[np.uint8]) -> None:
    image = decode_array(data, max_pixels=15)

    assert image.dtype == np.uint8 and image.flags.c_contiguous
    assert_array_equal(image, expected)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x93NUMPY", id="magic only"),
        pytest.param(npy(BGR)[:-1], id="a byte short"),
        pytest.param(npy(BGR) + b"x", id="a byte more"),
        pytest.param(npy(BGR)[:60], id="cut in the header"),
        pytest.param(npy(np.zeros((3, 5, 2))), id="two channels"),
        pytest.param(npy(np.zeros(5)), id="one axis"),
        pytest.param(npy(np.zeros((1, 3, 5, 3))), id="four axes"),
        pytest.param(npy(np.zeros((0, 5, 3))), id="no rows"),
        pytest.param(npy(np.full((3, 5), 256.0)), id="256"),
        pytest.param(npy(np.full((3, 5), -1)), id="below 0"),
        pytest.param(npy(np.full((3, 5), np.nan)), id="NaN"),
        pytest.param(npy(np.full((3, 5), np.inf)), id="infinity"),
        pytest.param(npy(np.zeros((3, 5), bool)), id="booleans"),
        pytest.param(npy(np.zeros((3, 5), complex)), id="complex numbers"),
        pytest.param(npy(np.zeros((3, 5), "U1")), id="text"),
        pytest.param(npy(np.zeros((3, 5), [("a", "u1")])), id="records"),
        pytest.param(npy(np.full((3, 5), None)), id="pickled objects"),
        pytest.param(described("'|O'"), id="objects"),
        pytest.param(described("'f1'"), id="a float of one byte"),
        pytest.param(described("5"), id="a number for a type"),
        pytest.param(described(shape="5"), id="a number for a shape"),
        pytest.param(described(shape="(3, -5, 3)"), id="a negative length"),
        pytest.param(described(shape="(3, True, 3)"), id="a boolean length"),
        pytest.param(described(shape="('3', 5, 3)"), id="text for a length"),
        pytest.param(with_header("{}"), id="empty header"),
        pytest.param(with_header("[]"), id="a list"),
        pytest.param(with_header("__import__('os').getcwd()"), id="a call"),
        pytest.param(with_header("(" * 900), id="brackets"),
        pytest.param(with_header("{'descr': '|u1',\xff}"), id="no ASCII"),
        pytest.param(with_header("{" + " " * 2000 + "}"), id="a long header"),
    ],
)  # fmt: skip
def test_no_picture(data: bytes) -> None:
    with pytest.raises(ImageError) as refused:
        decode_array(data, max_pixels=1000)

    assert refused.value.public.startswith("The array is no picture")


def test_too_many_pixels_are_refused_from_the_header_alone() -> None:
    with pytest.raises(ImageTooLarge, match="1,000,000 x 1,000,000"):
        decode_array(described(shape="(1000000, 1000000, 3)"), max_pixels=50_000_000)


class Trap:
    """Whoever unpickles it fails the test."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("unpickled",)


def load(reference: ImageReference) -> NDArray[np.uint8]:
    return load_image(
        reference,
        fetch=lambda url, deadline: npy(BGR),
        fetch_upload=lambda upload_id, deadline: npy(BGR),
        deadline=SOON,
        max_pixels=1000,
    )


@pytest.mark.parametrize(
    "reference",
    [
        ImageReference("numpy", npy(BGR)),
        ImageReference("numpy", base64.b64encode(npy(BGR))),
        ImageReference("numpy", base64.b64encode(npy(BGR)).decode()),
        ImageReference("base64", base64.b64encode(npy(BGR))),
        ImageReference("base64", f"data:image/png;base64,{base64.b64encode(npy(BGR)).decode()}"),
        ImageReference("raw", npy(BGR)),
        ImageReference("url", "https://example.com/a.npy"),
        ImageReference("upload", "0" * 32),
    ],
    ids=["body", "base64 body", "base64 text", "body as picture", "data URI", "file of a form", "URL", "upload"],
)
def test_where_they_may_be(reference: ImageReference) -> None:
    assert_array_equal(load(reference), RGB)


def test_wherever_pictures_are_decoded() -> None:
    assert_array_equal(decode_image(npy(BGR), max_pixels=15, failure=""), RGB)
    with pytest.raises(ImageTooLarge, match="5 x 3"):
        decode_image(npy(BGR), max_pixels=14, failure="")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(pickle.dumps(BGR), id="pickled array"),
        *(pytest.param(pickle.dumps(BGR, protocol), id=f"protocol {protocol}") for protocol in range(6)),
        pytest.param(base64.b64encode(b"\x89PNG\r\n"), id="picture"),
        pytest.param(base64.b64encode(pickle.dumps(BGR)), id="pickled array in base64"),
        pytest.param(pickle.dumps(Trap()), id="pickled trap"),
        pytest.param(base64.b64encode(pickle.dumps(Trap())).decode(), id="pickled trap in base64"),
        pytest.param(b"", id="nothing"),
        pytest.param("x", id="text"),
        pytest.param(base64.b64encode(b"PK\x03\x04"), id="npz"),
    ],
)
def test_arrays_in_other_forms_are_refused(value: bytes | str) -> None:
    with pytest.raises(ImageError) as refused:
        load(ImageReference("numpy", value))

    assert refused.value.public == NO_NUMPY
    assert NO_NUMPY.startswith("NumPy image type is not supported in this configuration of")
