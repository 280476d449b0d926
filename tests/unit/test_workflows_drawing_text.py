"""Text and labels: their sizes and places, as OpenCV 4.12 and supervision 0.30 have them, and the ink they leave."""

import numpy as np
import pytest

from retinue.workflows.drawing import anchors, labels, text
from tests.unit.drawing_scene import COLORS, INK, SCENE


@pytest.mark.parametrize(
    ("given", "scale", "thickness", "expected"),
    [
        pytest.param("", 1, 1, (1, 22, 10), id="empty"),
        pytest.param("person 0.87", 1, 1, (192, 22, 10), id="label"),
        pytest.param("Dog", 0.5, 2, (32, 12, 6), id="half size"),
        pytest.param("é", 1, 1, (37, 22, 10), id="two bytes, each a question mark"),
        pytest.param("~", 0.7, 0, (17, 15, 6), id="no thickness"),
        pytest.param("wb8/wD_u>!EHsF87\\", 0.7, 3, (238, 17, 8), id="half a pixel, summed up from the left"),
        pytest.param("Tg", 2.5, 5, (92, 56, 25), id="large"),
    ],
)
def test_text_size(given: str, scale: float, thickness: int, expected: tuple[int, int, int]) -> None:
    assert text.text_size(given, scale, thickness) == expected


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_text_fills_its_size(scale: float) -> None:
    picture = np.zeros((120, 400, 3), np.uint8)
    text.draw_text(picture, "HEH", (20, 90), (255, 128, 0), scale=scale)
    y, x = np.nonzero(picture[..., 0] > 64)
    width, height, _ = text.text_size("HEH", scale, 1)
    assert abs(y.min() - (90 - height)) <= 2 and y.max() in (88, 89, 90)
    assert 20 <= x.min() <= 20 + 0.12 * width and 20 + 0.88 * width <= x.max() <= 20 + width
    assert picture[..., 1].max() <= 128 and not picture[..., 2].any()


@pytest.mark.parametrize(
    ("given", "origin", "scale"),
    [
        pytest.param("   ", (5, 20), 1.0, id="spaces"),
        pytest.param("abc", (5, 20), 0.0, id="no scale"),
        pytest.param("abc", (64, 20), 1.0, id="right of the picture"),
        pytest.param("abc", (5, -20), 1.0, id="above"),
        pytest.param("abc", (-500, 20), 1.0, id="left of it"),
    ],
)
def test_text_that_is_not_seen(given: str, origin: tuple[int, int], scale: float) -> None:
    picture = SCENE.copy()
    text.draw_text(picture, given, origin, INK, scale=scale)
    assert (picture == SCENE).all()


def test_long_and_large_text_is_cut_to_the_picture() -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    text.draw_text(picture, "MW" * 1_000_000, (-40, 400), INK, scale=30)
    assert (picture == 9).any()


def test_thick_text_has_more_ink() -> None:
    pictures = [np.zeros((60, 200, 3), np.uint8) for _ in range(2)]
    for picture, thickness in zip(pictures, (1, 6), strict=True):
        text.draw_text(picture, "dog", (20, 40), (255, 255, 255), scale=1.0, thickness=thickness)
    assert pictures[1].mean() > 1.5 * pictures[0].mean()


def test_rich_labels_break_long_lines() -> None:
    heights = []
    for most in (None, 4):
        picture = np.zeros((200, 300, 3), np.uint8)
        labels.draw_rich_labels(
            picture, np.array([[20.0, 150, 90, 190]]), ["aaaa bbbb"], COLORS[:1], max_line_length=most, border_radius=3
        )
        heights.append(int(picture.any(axis=(1, 2)).sum()))
    assert heights[1] > heights[0] + 10  # a line more, and the padding between


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        pytest.param("TOP_RIGHT", [[0, 47, 200, 100], [0, 94, 200, 100]], id="top"),
        pytest.param("BOTTOM_LEFT", [[0, 0, 200, 53], [0, 0, 200, 6]], id="bottom, from below"),
        pytest.param("CENTER", [[0, 3, 200, 50], [0, 50, 200, 97]], id="middle"),
        pytest.param("CENTER_LEFT", [[115, 3, 200, 50], [115, 50, 200, 97]], id="left"),
        pytest.param("CENTER_RIGHT", [[0, 3, 85, 50], [0, 50, 85, 97]], id="right"),
    ],
)
def test_classification_boxes(position: anchors.Position, expected: list[list[int]]) -> None:
    found = labels.classification_boxes(["cat", "horse"], (200, 100), position=position)
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("side", "scale", "size"),
    [
        pytest.param(1080, 1.0, 14, id="reference"),
        pytest.param(540, 0.5, 8, id="half, and the smallest font"),
        pytest.param(200, 0.3, 8, id="smallest"),
        pytest.param(10800, 5.0, 128, id="largest"),
    ],
)
def test_automatic_sizes(side: int, scale: float, size: int) -> None:
    picture = np.broadcast_to(np.uint8(0), (side, 2 * side, 3))
    assert labels.automatic_text_scale(picture, 1.0) == pytest.approx(scale)
    assert labels.automatic_font_size(picture, 14) == size
