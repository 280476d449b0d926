"""Colours and palettes as supervision 0.30 has them, and pixels blended and blurred as by OpenCV 4.12."""

import zlib

import numpy as np
import pytest

from retinue.workflows.drawing import colors
from retinue.workflows.drawing.blend import weighted
from retinue.workflows.drawing.box_filter import box_blur


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("#fff", (255, 255, 255), id="three digits"),
        pytest.param("#0fa8", (0, 255, 170), id="three digits and opacity"),
        pytest.param("#A351FB", (163, 81, 251), id="six digits"),
        pytest.param("#11223344", (17, 34, 51), id="six digits and opacity"),
        pytest.param("rgb(1, 2,3)", (1, 2, 3), id="rgb"),
        pytest.param("bgr(1,2,3)", (3, 2, 1), id="bgr"),
        pytest.param("white", (255, 255, 255), id="name in small letters"),
        pytest.param("Grey", (128, 128, 128), id="grey"),
        pytest.param("ROBOFLOW", (163, 81, 251), id="brand"),
    ],
)
def test_color(given: str, expected: tuple[int, int, int]) -> None:
    assert colors.parse_color(given) == expected


@pytest.mark.parametrize(
    "given", ["", "#", "#12", "#12345", "#xyzxyz", "# 1 2 3", "gray", "rgb(1,2)", "rgb(1,2,256)", "rgb(-1,2,3)", "rgb"]
)
def test_no_color(given: str) -> None:
    with pytest.raises(ValueError, match="is no colour"):
        colors.parse_color(given)


@pytest.mark.parametrize(
    ("name", "size", "count", "crc"),
    [
        ("DEFAULT", 3, 21, 0x5EB372BE),
        ("ROBOFLOW", 10, 6, 0xCC725A77),
        ("Matplotlib Viridis", 300, 300, 0x06F99656),
        ("Matplotlib Plasma", 1, 1, 0xBDC190A4),
        ("Matplotlib Inferno", 7, 7, 0x662775DE),
        ("Matplotlib Magma", 256, 256, 0xEF85DAFA),
        ("Matplotlib Cividis", 10, 10, 0x05A9730B),
        ("Matplotlib Pastel1", 3, 3, 0xB786ADAE),
        ("Matplotlib Pastel2", 10, 10, 0xB65EA166),
        ("Matplotlib Paired", 12, 12, 0xE5AC7ACD),
        ("Matplotlib Accent", 1, 1, 0x7A6EF6D5),
        ("Matplotlib Dark2", 5, 5, 0x37A0741F),
        ("Matplotlib Set1", 20, 20, 0x9F1A0F49),
        ("Matplotlib Set2", 8, 8, 0x05A83C4F),
        ("Matplotlib Set3", 10, 10, 0xEBC2E917),
        ("Matplotlib Tab10", 4, 4, 0x5233664A),
        ("Matplotlib Tab20", 33, 33, 0x5A99F440),
        ("Matplotlib Tab20b", 11, 11, 0xA87592E9),
        ("Matplotlib Tab20c", 6, 6, 0x49E344AF),
    ],
)
def test_palette(name: str, size: int, count: int, crc: int) -> None:
    palette = colors.palette(name, size=size)
    assert palette.shape == (count, 3) and zlib.crc32(palette.tobytes()) == crc


def test_custom_palette() -> None:
    assert colors.palette("CUSTOM", custom_colors=["#010203", "red"]).tolist() == [[1, 2, 3], [255, 0, 0]]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("Matplotlib Jet", {}, id="unknown map"),
        pytest.param("NOPE", {}, id="unknown name"),
        pytest.param("Matplotlib Viridis", {"size": 0}, id="no size"),
        pytest.param("CUSTOM", {"custom_colors": ["nope"]}, id="no colour"),
    ],
)
def test_palettes_that_are_refused(name: str, options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        colors.palette(name, **options)  # type: ignore[arg-type]


def test_colors_are_looked_up_modulo_and_grey_below_zero() -> None:
    palette = colors.palette("ROBOFLOW")
    looked_up = colors.look_up(palette, np.array([1, 7, -1, 6]))
    assert looked_up.tolist() == [[163, 81, 251], [163, 81, 251], [128, 128, 128], [194, 141, 252]]


def test_an_empty_palette_has_only_grey() -> None:
    empty = colors.palette("CUSTOM")
    assert colors.look_up(empty, np.array([-1])).tolist() == [[128, 128, 128]]
    with pytest.raises(ValueError, match="empty"):
        colors.look_up(empty, np.array([0]))


@pytest.mark.parametrize(
    ("first", "share", "second", "expected"),
    [
        pytest.param([0, 3, 5, 255], 0.5, [1, 0, 0, 255], [0, 2, 2, 255], id="halves to even"),
        pytest.param([255, 0, 45, 5], 0.3, [0, 255, 100, 0], [76, 178, 84, 2], id="three tenths, in single precision"),
        pytest.param([9, 200, 0, 1], 1.0, [1, 1, 1, 1], [9, 200, 0, 1], id="all of the first"),
    ],
)
def test_weighted(first: list[int], share: float, second: list[int], expected: list[int]) -> None:
    mixed = weighted(np.array(first, np.uint8), share, np.array(second, np.uint8), 1 - share)
    assert mixed.tolist() == expected


@pytest.mark.parametrize(
    ("kernel_size", "expected"),
    [
        pytest.param(1, [0, 40, 255, 7, 90], id="1"),
        pytest.param(2, [20, 20, 148, 131, 49], id="2: a quarter is rounded up"),
        pytest.param(3, [27, 98, 101, 117, 35], id="3"),
        pytest.param(20, [86, 86, 84, 89, 87], id="20: mirrored twice"),
    ],
)
def test_box_blur(kernel_size: int, expected: list[int]) -> None:
    row = np.array([0, 40, 255, 7, 90], np.uint8)
    picture = np.repeat(np.repeat(row[None, :, None], 4, axis=0), 3, axis=2)
    assert box_blur(picture, kernel_size)[2, :, 1].tolist() == expected
