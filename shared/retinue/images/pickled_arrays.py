"""Pickled numpy arrays, read by an unpickler that can build an array of numbers and nothing else.

A pickle is a program. Here it is only read: `pickletools` splits it into opcodes and runs none of them, and the few of
which numpy's own pickles consist (protocols 0 to 5, numpy 1 and 2) are worked through on a list. No name is looked up,
no function called, no memory taken because a number in the pickle says so. What it says about the array becomes a
`.npy` file, which goes through the checks of every other one.
"""

from dataclasses import dataclass
from pickletools import genops
from typing import Any

from retinue.errors import ImageError
from retinue.images.decode import NPY_MAGIC

NO_ARRAY = (
    "The picture is neither a .npy file nor a pickled numpy array of numbers in C or Fortran order; use numpy.save."
)
_MOST_OPCODES = 200  # numpy writes up to 70
# Opcodes that put their argument onto the stack.
_ARGUMENTS = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE"}
    | {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


def npy_of_pickle(data: bytes) -> bytes:
    """The array in a pickle as a `.npy` file. Raises ImageError for everything else that a pickle can be."""
    try:
        return _npy(_Unpickler().unpickle(data))
    except (ValueError, IndexError, KeyError) as exc:
        raise ImageError(f"no pickled array: {type(exc).__name__}", public=NO_ARRAY) from exc


@dataclass(frozen=True, slots=True)
class _Name:
    """A module and a name in it, as the pickle spells them."""

    text: str


@dataclass(slots=True)
class _Type:
    """What is said about the type of the numbers."""

    kind: str
    byte_order: str = ""


@dataclass(slots=True)
class _Array:
    """What is said about the array; the shape may hold anything."""

    values: bytes | bytearray = b""
    type: _Type | None = None
    shape: tuple[Any, ...] = ()
    is_fortran: bool = False


class _Unpickler:
    """The stack and the memo of one pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def unpickle(self, data: bytes) -> Any:
        """What the pickle leaves on the stack. Raises ValueError, IndexError, KeyError."""
        for count, (opcode, argument, _) in enumerate(genops(data)):
            if count == _MOST_OPCODES:
                raise ValueError("too many opcodes")
            self._do(opcode.name, argument)
        return self._stack.pop()

    def _do(self, name: str, argument: Any) -> None:
        stack = self._stack
        match name:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "PUT" | "BINPUT":
                self._memo[argument] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "GET" | "BINGET":
                stack.append(self._memo[argument])
            case "GLOBAL":
                stack.append(_Name(argument))
            case "STACK_GLOBAL":
                self._gather(2)
                stack.append(_Name(_joined(stack.pop())))
            case "MARK":
                self._marks.append(len(stack))
            case "TUPLE":
                self._gather(len(stack) - self._marks.pop())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                self._gather(int(name[-1]))
            case "REDUCE":
                self._gather(2)
                stack.append(_called(*stack.pop()))
            case "BUILD":
                _set_state(stack[-2], stack.pop())
            case _ if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            case _ if name in _ARGUMENTS:
                stack.append(argument)
            case _:
                raise ValueError("an opcode that no array needs")

    def _gather(self, count: int) -> None:
        """Makes a tuple of the topmost objects."""
        start = len(self._stack) - count
        if start < 0:
            raise IndexError("the stack is too short")
        self._stack[start:] = [tuple(self._stack[start:])]


# Tuples of a pickle may hold each other many times over: nothing below may compare or print them as a whole.


def _joined(module_and_name: tuple[Any, ...]) -> str:
    match module_and_name:
        case str(module), str(name):
            return f"{module} {name}"
    raise ValueError("a name that is no text")


def _called(function: Any, arguments: Any) -> Any:
    """What one of the calls in numpy's pickles makes. Raises ValueError for any other call."""
    match function, arguments:
        case _Name("_codecs encode"), (str(text), "latin1"):
            return text.encode("latin-1")
        case _Name("numpy dtype"), (str(kind), *_):
            return _Type(kind)
        case (
            _Name("numpy._core.multiarray _reconstruct" | "numpy.core.multiarray _reconstruct"),
            (_Name("numpy ndarray"), *_),
        ):
            return _Array()
        case (
            _Name("numpy._core.numeric _frombuffer" | "numpy.core.numeric _frombuffer"),
            (bytes() | bytearray() as values, _Type() as kind, tuple() as shape, "C" | "F" as order),
        ):
            return _Array(values, kind, shape, order == "F")
    raise ValueError("a call that no array needs")


def _set_state(target: Any, state: Any) -> None:
    match target, state:
        case _Type(), (3, str(byte_order), None, None, None, -1, -1, 0):  # neither fields nor a shape of its own
            target.byte_order = byte_order
        case _Array(), (1, tuple() as shape, _Type() as kind, bool(is_fortran), bytes() as values):
            target.values, target.type, target.shape, target.is_fortran = values, kind, shape, is_fortran
        case _:
            raise ValueError("a state that no array has")


def _npy(array: Any) -> bytes:
    """A file of format 2.0. Raises ValueError for what is no array."""
    if not isinstance(array, _Array) or array.type is None or not all(type(length) is int for length in array.shape):
        raise ValueError("no array")
    description = array.type.byte_order + array.type.kind
    header = repr({"descr": description, "fortran_order": array.is_fortran, "shape": array.shape}).encode("ascii")
    return b"".join((NPY_MAGIC, b"\x02\x00", len(header).to_bytes(4, "little"), header, array.values))
