"""Pickled numpy arrays, where the operator allows them: those of numpy are read, and a pickle never does anything."""

import base64
import io
import os
import pickle
import random
import re
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from retinue.config import Settings
from retinue.errors import ImageError, ImageTooLarge
from retinue.images.decode import Image
from retinue.images.load import NO_NUMPY, ImageReference, load_image
from retinue.images.pickled_arrays import NO_ARRAY, npy_of_pickle
from retinue.inference import Call
from retinue.keys import Access
from retinue.observe import RequestRecord
from retinue.service import Service
from tests.unit.buckets import SOON
from tests.unit.networks import noise

RGB = noise(30, 50)
BGR = np.ascontiguousarray(RGB[:, :, ::-1])
KINDS = ["u1", "<f4", "<i8", ">u2", "<f2"]
# What numpy's own pickles call.
RECONSTRUCT: Callable[..., Any] = np.zeros(1).__reduce__()[0]
FROM_BUFFER: Callable[..., Any] = np.zeros(1).__reduce_ex__(5)[0]


class Called:
    """Its pickle is the call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, state: Any = None) -> None:
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def trap() -> Called:
    """Whoever unpickles it fails the test."""
    return Called(pytest.fail, "unpickled")


def of_numpy_1(data: bytes) -> bytes:
    """The same pickle as numpy 1 writes it. Frames, which count bytes, may be left out."""
    data = re.sub(rb"\A(\x80.)\x95.{8}", rb"\1", data, flags=re.DOTALL)
    for module in (b"multiarray", b"numeric"):
        new, old = b"numpy._core." + module, b"numpy.core." + module
        data = data.replace(b"\x8c%c%s" % (len(new), new), b"\x8c%c%s" % (len(old), old)).replace(new, old)
    return data


def read(data: bytes | str, max_pixels: int = 10_000) -> Image:
    """The picture, where pickles are taken."""

    def no_fetch(url: str, deadline: object) -> bytes:
        raise AssertionError("nothing is fetched")

    reference = ImageReference("numpy", data)
    return load_image(reference, fetch=no_fetch, deadline=SOON, max_pixels=max_pixels, takes_pickles=True)


@pytest.mark.parametrize("spelling", [bytes, of_numpy_1], ids=["numpy 2", "numpy 1"])
@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", KINDS)
def test_arrays_as_numpy_pickles_them(kind: str, order: Any, protocol: int, spelling: Callable[[bytes], bytes]) -> None:
    data = spelling(pickle.dumps(BGR.astype(kind, order=order), protocol))
    assert (b"numpy._core" in data) == (spelling is bytes)

    assert_array_equal(read(data), RGB)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        pytest.param(BGR[:, :, 0], np.dstack([BGR[:, :, 0]] * 3), id="grey, and a part of a larger array"),
        pytest.param(BGR[::-1, ::2], RGB[::-1, ::2], id="in steps"),
        pytest.param(np.dstack([BGR, BGR[:, :, 0]]), RGB, id="a fourth channel is dropped"),
        pytest.param(BGR[:1, :1], RGB[:1, :1], id="one pixel"),
        pytest.param(np.frombuffer(BGR.tobytes(), np.uint8).reshape(BGR.shape), RGB, id="read only"),
    ],
)
@pytest.mark.parametrize("protocol", range(6))
def test_pixels(array: NDArray[Any], expected: NDArray[np.uint8], protocol: int) -> None:
    assert_array_equal(read(pickle.dumps(array, protocol)), expected)


def test_how_they_may_be_sent() -> None:
    data = pickle.dumps(BGR)
    stream = io.BytesIO()
    np.save(stream, BGR)

    for value in (data, base64.b64encode(data), base64.b64encode(data).decode(), BGR.dumps(), stream.getvalue()):
        assert_array_equal(read(value), RGB)


@pytest.mark.parametrize("is_on", [False, True])
def test_the_setting_decides(is_on: bool) -> None:
    service = Service(Settings(accept_pickled_arrays=is_on), cast(Any, None), cast(Any, None))
    call = Call(service, Access("default", frozenset({"*"})), SOON, RequestRecord())
    reference = ImageReference("numpy", base64.b64encode(pickle.dumps(BGR)))

    if is_on:
        assert_array_equal(call.load(reference), RGB)
    else:
        with pytest.raises(ImageError) as refused:
            call.load(reference)
        assert refused.value.public == NO_NUMPY


# ---------------------------------------------------------------- what is no picture


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.zeros((3, 5, 2)), id="two channels"),
        pytest.param(np.zeros(5), id="one axis"),
        pytest.param(np.zeros(()), id="no axis"),
        pytest.param(np.zeros((0, 5, 3)), id="no rows"),
        pytest.param(np.full((3, 5), 256.0), id="256"),
        pytest.param(np.full((3, 5), np.nan), id="NaN"),
        pytest.param(np.zeros((3, 5), bool), id="booleans"),
        pytest.param(np.zeros((3, 5), complex), id="complex numbers"),
        pytest.param(np.zeros((3, 5), "U1"), id="text"),
        pytest.param(np.zeros((3, 5), "V3"), id="bytes"),
        pytest.param(np.zeros((3, 5), "M8[s]"), id="dates"),
        pytest.param(np.zeros((3, 5), [("a", "u1")]), id="records"),
        pytest.param(np.full((3, 5), None), id="objects"),
        pytest.param(np.array([[trap()]], object), id="an object that does something"),
        pytest.param(np.ma.masked_array(BGR), id="masked"),
        pytest.param(np.zeros((3, 5)).view(np.recarray), id="subclass"),
        pytest.param(np.float64(3), id="scalar"),
        pytest.param([BGR], id="list of arrays"),
        pytest.param((BGR,), id="tuple of arrays"),
        pytest.param(BGR.dtype, id="type"),
        pytest.param("text", id="text alone"),
        pytest.param(None, id="nothing"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_other_values(array: Any, protocol: int) -> None:
    with pytest.raises(ImageError) as refused:
        read(base64.b64encode(pickle.dumps(array, protocol)))

    assert refused.value.public.startswith((NO_ARRAY, "The array is no picture"))


@pytest.mark.parametrize("data", [b"", b"x", "%%", base64.b64encode(b"PK\x03\x04"), b"\x80", b"cnumpy.core"])
def test_no_pickle(data: bytes | str) -> None:
    with pytest.raises(ImageError):
        read(data)


def test_too_many_pixels_are_refused_before_there_is_an_array() -> None:
    data = pickle.dumps(Called(FROM_BUFFER, b"1", np.dtype("u1"), (1_000_000, 1_000_000, 3), "C"))

    with pytest.raises(ImageTooLarge, match="1,000,000 x 1,000,000"):
        read(data)


# ---------------------------------------------------------------- pickles that mean harm

PAIR = b"\x94h%c\x86"  # memoize the top, fetch it again, and make a tuple of both
SHARED = b"N" + b"".join(PAIR % index for index in range(60))  # a tuple of 2**60 parts
TYPE = b"cnumpy\ndtype\n(X\x02\x00\x00\x00u1tR"
BUFFER = b"cnumpy.core.numeric\n_frombuffer\n(C\x01a" + TYPE
IN_ROWS = b"X\x01\x00\x00\x00CtR."


def _system(command: str) -> bytes:
    return pickle.dumps(Called(os.system, command))


HOSTILE = {
    "os.system": _system("exit 1"),
    "os.system in text": b"cos\nsystem\n(S'exit 1'\ntR.",
    "eval": pickle.dumps(Called(eval, "1/0")),
    "exec after an array": pickle.dumps((BGR, Called(exec, "1/0"))),
    "getattr of a class": pickle.dumps(Called(getattr, np.ndarray, "fromfile")),
    "getattr chain": b"cbuiltins\ngetattr\n(cnumpy\nndarray\nX\x09\x00\x00\x00__class__tR.",
    "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93.",
    "a name that is an array": b"\x80\x04" + TYPE + b"\x8c\x05dtype\x93.",
    "numpy.load": b"cnumpy\nload\n(X\x0b\x00\x00\x00/etc/passwdtR.",
    "reconstructs another class": b"cnumpy.core.multiarray\n_reconstruct\n(cos\nsystem\n(K\x00tC\x01btR.",
    "encodes by another codec": b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00bz2tR.",
    "a call of what was called": b"cnumpy\ndtype\n(X\x02\x00\x00\x00u1tR(tR.",
    "a class": b"(cos\nsystem\no.",
    "an instance": b"(S'exit 1'\nios\nsystem\n.",
    "a new object": b"\x80\x02cos\nsystem\n)\x81.",
    "a persistent id": b"Pexit 1\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "a buffer from elsewhere": b"\x80\x05\x97.",
    "memo at two thousand million": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "memo at more than that": b"Np99999999999999999999\n.",
    "fetches what is not there": b"\x80\x02h\x07.",
    "marks without end": b"(" * 1_000_000 + b".",
    "tuples in tuples": b"\x80\x02N" + b"\x85" * 1_000_000 + b".",
    "opcodes without end": b"N" * 1_000_000 + b".",
    "empties the stack": b"0" * 1000 + b".",
    "tuple of nothing": b"\x80\x02\x87.",
    "mark of nothing": b"t.",
    "a shape of 2**60 parts": b"\x80\x04" + SHARED + b"\x94" + BUFFER + b"h\x3c" + IN_ROWS,
    "a length of 2**60 parts": b"\x80\x04" + SHARED + b"\x94" + BUFFER + b"(h\x3cK\x05t" + IN_ROWS,
    "a type of 2**60 parts": b"\x80\x04" + SHARED + b"cnumpy\ndtype\nN\x86R.",
    "bytes that are not there": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.",
    "a buffer that is not there": b"\x80\x05\x96" + b"\x00\x00\x00\x00\x10\x00\x00\x00.",
    "text that is not there": b"\x80\x02X\xff\xff\xff\x7f.",
    "a frame that is not there": b"\x80\x04\x95" + b"\xff" * 8 + b".",
    "a number of a million digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "a number of a million bytes": b"\x80\x02\x8b\x40\x42\x0f\x00" + b"\x7f" * 1_000_000 + b".",
    "a length of 4000 digits": BUFFER + b"(I" + b"9" * 4000 + b"\nK\x05t" + IN_ROWS,
    "an unknown opcode": b"\xff.",
    "nothing but the end": b".",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_is_ever_done(name: str) -> None:
    data = HOSTILE[name]
    tracemalloc.start()
    started = time.perf_counter()
    try:
        with pytest.raises(ImageError):
            read(base64.b64encode(data))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 500_000 + 8 * len(data)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("protocol", range(6))
def test_cut_anywhere(protocol: int) -> None:
    data = pickle.dumps(BGR[:2, :2], protocol)

    for end in range(len(data)):
        with pytest.raises(ImageError):
            npy_of_pickle(data[:end])


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("protocol", range(6))
def test_changed_anywhere(protocol: int) -> None:
    """Thousands of pickles with a byte or two changed: each is an array, or refused."""
    seeded = random.Random(protocol)
    data = pickle.dumps(BGR[:2, :2], protocol)
    refused = 0
    for _ in range(2000):
        changed = bytearray(data)
        for _ in range(seeded.choice((1, 1, 2))):
            changed[seeded.randrange(len(changed))] = seeded.randrange(256)
        try:
            read(base64.b64encode(changed))
        except ImageError:
            refused += 1
    assert 500 < refused < 2000
