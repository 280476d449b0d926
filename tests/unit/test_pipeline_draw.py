"""Predictions drawn on the picture: JPEG, so colours agree within a few grey levels."""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from retinue.pipeline.draw import DEFAULT_COLORS, draw_prediction
from retinue.pipeline.prediction import Classification, Detections, Prediction
from tests.unit.networks import filled

GREY = (128, 128, 128)
# What JPEG at quality 90 may change in the middle of a line of some pixels.
TOLERANCE = 16


def detected(
    *boxes: list[float], class_id: list[int] | None = None, polygons: list[NDArray[np.float32]] | None = None
) -> Prediction:
    count = len(boxes)
    detections = Detections(
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.full(count, 0.875, np.float32),
        class_id=np.array(class_id or [0] * count, np.int64),
        polygons=polygons or [],
    )
    names = tuple(f"name {index}" for index in range(12))
    return Prediction(
        task="object-detection", image_width=200, image_height=120, class_names=names, detections=detections
    )


def classified(*class_id: int) -> Prediction:
    classification = Classification(
        class_id=np.array(class_id, np.int64), confidence=np.linspace(0.9, 0.5, len(class_id))
    )
    names = ("alpha", "beta", "gamma")
    return Prediction(
        task="classification", image_width=200, image_height=120, class_names=names, classification=classification
    )


def drawn(prediction: Prediction, **options: Any) -> NDArray[np.uint8]:
    jpeg = draw_prediction(filled(120, 200, GREY), prediction, **options)
    picture = Image.open(io.BytesIO(jpeg))
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (200, 120))
    return np.asarray(picture)


def rgb(color: str) -> NDArray[np.int64]:
    return np.array([int(color[index : index + 2], 16) for index in (1, 3, 5)])


def is_color(image: NDArray[np.uint8], x: int, y: int, color: str) -> bool:
    return bool(np.abs(image[y, x].astype(int) - rgb(color)).max() <= TOLERANCE)


def changed(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.abs(image.astype(int) - GREY[0]).max(axis=2) > TOLERANCE


def test_no_detections_leave_the_picture_as_it_is() -> None:
    assert not changed(drawn(detected())).any()


@pytest.mark.parametrize("class_id", [0, 1, 8])
def test_a_box_in_the_colour_of_its_class(class_id: int) -> None:
    image = drawn(detected([40, 40, 160, 100], class_id=[class_id]), stroke_width=9)

    color = DEFAULT_COLORS[class_id]
    assert all(is_color(image, x, y, color) for x, y in [(44, 70), (156, 70), (100, 44), (100, 96)])  # the four sides
    assert not changed(image)[56:84, 60:140].any()  # nothing inside


def test_colours_repeat_after_the_last() -> None:
    image = drawn(detected([40, 40, 160, 100], class_id=[10]), stroke_width=9)

    assert is_color(image, 44, 70, DEFAULT_COLORS[1])


def test_colours_of_the_package() -> None:
    prediction = detected([10, 10, 90, 100], [110, 10, 190, 100], class_id=[0, 1])

    image = drawn(prediction, colors=("#FF0000", "#0000FF"), stroke_width=9)

    assert is_color(image, 14, 60, "#FF0000") and is_color(image, 114, 60, "#0000FF")


def test_an_outline_is_drawn_inside_its_box() -> None:
    triangle = np.array([[100, 40], [60, 90], [140, 90]], np.float32)

    image = drawn(detected([20, 10, 180, 110], polygons=[triangle]), stroke_width=7)

    assert is_color(image, 100, 90, DEFAULT_COLORS[0])  # the closing side
    assert is_color(image, 80, 65, DEFAULT_COLORS[0])
    assert not changed(image)[70:75, 97:103].any()  # not filled


@pytest.mark.parametrize("points", [0, 1, 2])
def test_too_few_points_make_no_outline(points: int) -> None:
    polygon = np.array([[90, 60], [110, 60]], np.float32)[:points]

    image = drawn(detected([20, 10, 180, 110], polygons=[polygon]), stroke_width=7)

    assert not changed(image)[50:70, 80:120].any()


@pytest.mark.parametrize(
    ("stroke_width", "expected"), [(1, 1), (9, 9), (0, 1), (-3, 1), (51, 50), (10**9, 50)]
)  # kept within 1 and 50
def test_stroke_width_in_pixels(stroke_width: int, expected: int) -> None:
    image = drawn(detected([0, -100, 500, 500]), stroke_width=stroke_width)

    width = int(changed(image)[60, :100].sum())
    assert width == pytest.approx(expected, abs=1)  # JPEG blurs the edge


def test_a_label_sits_on_the_box_and_only_if_asked_for() -> None:
    prediction = detected([40, 60, 160, 110])

    without, with_label = drawn(prediction), drawn(prediction, has_labels=True)

    assert not changed(without)[:55].any()
    assert changed(with_label)[47:58, 42:95].mean() > 0.8
    assert is_color(with_label, 41, 57, DEFAULT_COLORS[0])  # the filled box under the text


def test_a_label_without_room_above_lies_inside() -> None:
    image = drawn(detected([40, 2, 160, 110]), has_labels=True)

    assert is_color(image, 44, 10, DEFAULT_COLORS[0])


@pytest.mark.parametrize(("class_id", "ink"), [(5, 0), (3, 255)])  # yellow: black; crimson: white
def test_text_is_readable_on_its_colour(class_id: int, ink: int) -> None:
    image = drawn(detected([10, 60, 190, 110], class_id=[class_id]), has_labels=True)

    label = image[40:58, 11:80].reshape(-1, 3).astype(int)
    distance = np.abs(label - ink).max(axis=1)
    assert distance.min() < 60


def test_the_best_class_in_a_frame_at_the_top_left() -> None:
    image = drawn(classified(2, 0), stroke_width=6)

    color = DEFAULT_COLORS[2]
    assert is_color(image, 100, 117, color) and is_color(image, 197, 60, color)
    assert changed(image)[8:14, 8:60].mean() > 0.3
    assert not changed(image)[60:100, 20:180].any()


def test_no_class_draws_nothing() -> None:
    assert not changed(drawn(classified(), stroke_width=6)).any()
