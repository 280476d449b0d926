"""Annotators, by the checksum of the picture that supervision 0.30 (or the block's own annotator) draws."""

import zlib
from collections.abc import Callable

import numpy as np
import pytest

from retinue.pipeline.prediction import Mask
from retinue.workflows.drawing import anchors, boxes, crops, keypoints, labels, obscure, regions, shapes
from tests.unit.drawing_scene import BLUE, COLORS, INK, MASKS, POINTS, SCENE, XYXY, Draw, Picture


def draw_labels_without_text(picture: Picture, position: anchors.Position) -> None:
    """Labels whose text has the colour of the box: the letters are Pillow's, only the boxes can be compared."""
    for index, label in enumerate(["x", "xx\nxx", ""]):
        color = tuple(COLORS[index].tolist())
        labels.draw_labels(
            picture, XYXY[index : index + 1], [label], COLORS[index : index + 1], position=position, text_color=color,
            text_scale=0.4, text_padding=5, border_radius=4,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        pytest.param(lambda p: boxes.draw_boxes(p, XYXY, COLORS, thickness=2), 0xAB4FDB3B, id="boxes"),
        pytest.param(
            lambda p: boxes.draw_boxes(p, XYXY, COLORS, thickness=1, roundness=0.6),
            0xC3319A75,
            id="round boxes",
        ),
        pytest.param(
            lambda p: boxes.draw_boxes(p, XYXY, COLORS, thickness=3, roundness=0.4),
            0x27B79C81,
            id="thick round boxes",
        ),
        pytest.param(
            lambda p: boxes.draw_corners(p, XYXY, COLORS, thickness=4, corner_length=7),
            0xC69A10FD,
            id="corners",
        ),
        pytest.param(lambda p: boxes.draw_circles(p, XYXY, COLORS), 0x739CE48B, id="circles"),
        pytest.param(lambda p: boxes.draw_ellipses(p, XYXY, COLORS), 0x72B398A8, id="ellipses"),
        pytest.param(
            lambda p: boxes.draw_ellipses(p, XYXY, COLORS, thickness=1, start_angle=10, end_angle=300),
            0x127004C3,
            id="thin ellipses",
        ),
        pytest.param(
            lambda p: boxes.draw_dots(p, XYXY, COLORS, position="BOTTOM_CENTER", radius=4, outline_thickness=2),
            0xAC9228ED,
            id="dots",
        ),
        pytest.param(
            lambda p: boxes.draw_dots(p, XYXY, COLORS, position="CENTER_OF_MASS", radius=3, masks=MASKS),
            0x3D473B40,
            id="dots on masks",
        ),
        pytest.param(
            lambda p: boxes.draw_triangles(
                p, XYXY, COLORS, position="CENTER_RIGHT", base=11, height=9, outline_thickness=1
            ),
            0x44F3FB4F,
            id="triangles",
        ),
        pytest.param(lambda p: boxes.fill_boxes(p, XYXY, COLORS, opacity=0.3), 0x489F62D1, id="filled boxes"),
        pytest.param(lambda p: regions.cover_masks(p, MASKS, COLORS, opacity=0.7), 0x63842ECA, id="masks"),
        pytest.param(
            lambda p: regions.outline_masks_in_boxes(p, XYXY, MASKS, COLORS),
            0x3D9C52CF,
            id="outlines in boxes",
        ),
        pytest.param(
            lambda p: regions.outline_masks_in_boxes(p, XYXY, None, COLORS),
            0xAB4FDB3B,
            id="outlines without masks",
        ),
        pytest.param(lambda p: regions.outline_masks(p, MASKS, COLORS), 0x4F9C4A87, id="outlines"),
        pytest.param(lambda p: regions.draw_halos_v1(p, XYXY, MASKS, COLORS, opacity=0.3), 0xC6DBCDE9, id="halos v1"),
        pytest.param(
            lambda p: regions.draw_halos_v1(p, XYXY.clip(0), None, COLORS, opacity=0.3),
            0xD6D09F89,
            id="halos v1 without masks",
        ),
        pytest.param(
            lambda p: regions.draw_halos_v2(p, MASKS, COLORS, opacity=0.9, kernel_size=12),
            0xA2681627,
            id="halos v2",
        ),
        pytest.param(
            lambda p: regions.tint_background(p, XYXY, MASKS, (200, 10, 60), opacity=0.6),
            0x3FE8F60B,
            id="background",
        ),
        pytest.param(
            lambda p: regions.tint_background(p, XYXY, None, (200, 10, 60), opacity=0.6),
            0x6AE6BDCF,
            id="background without masks",
        ),
        pytest.param(
            lambda p: crops.draw_crops(p, XYXY, COLORS, position="TOP_LEFT", scale_factor=1.7),
            0x5775A08D,
            id="crops",
        ),
        pytest.param(lambda p: obscure.blur_regions(p, XYXY, None, kernel_size=15, padding=3), 0xC0F613E0, id="blur"),
        pytest.param(lambda p: obscure.blur_regions(p, XYXY, None, kernel_size=20), 0xBDE38D73, id="blur of 20"),
        pytest.param(
            lambda p: obscure.blur_regions(p, XYXY, MASKS, kernel_size=4, padding=3),
            0xB1B1BCF5,
            id="blur in masks",
        ),
        pytest.param(lambda p: obscure.pixelate_regions(p, XYXY, pixel_size=9), 0xBD4B04E6, id="pixels"),
        pytest.param(
            lambda p: obscure.pixelate_regions(p, XYXY, pixel_size=25),
            0xA30494D1,
            id="pixels larger than a box",
        ),
        pytest.param(lambda p: keypoints.draw_edges(p, POINTS, [(1, 2), (2, 3), (4, 1)], BLUE), 0x9F957A1F, id="edges"),
        pytest.param(lambda p: keypoints.draw_vertices(p, POINTS, BLUE, radius=3), 0xD249453E, id="vertices"),
        pytest.param(
            lambda p: keypoints.draw_vertex_labels(
                p,
                POINTS,
                ["x", "xx", "", "xxx"],
                BLUE,
                text_color=BLUE,
                text_scale=0.3,
                text_padding=4,
                border_radius=3,
            ),
            0x5349F734,
            id="vertex labels",
        ),
        pytest.param(lambda p: draw_labels_without_text(p, "TOP_LEFT"), 0x2A440726, id="labels TOP_LEFT"),
        pytest.param(lambda p: draw_labels_without_text(p, "CENTER"), 0x1BC2B8E9, id="labels CENTER"),
        pytest.param(lambda p: draw_labels_without_text(p, "BOTTOM_RIGHT"), 0xEB08EB2B, id="labels BOTTOM_RIGHT"),
    ],
)
def test_annotator(draw: Draw, expected: int) -> None:
    picture = SCENE.copy()
    draw(picture)
    assert zlib.crc32(picture.tobytes()) == expected


NO_BOXES, NO_COLORS = np.zeros((0, 4)), np.zeros((0, 3), np.uint8)
AWAY = np.array([[-500.0, -500, -400, -400], [9000, 9000, 9100, 9100]])
NOWHERE = [Mask(np.zeros((0, 0), np.bool_), 0, 0, 64, 48)] * 2


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda p, n: boxes.draw_boxes(p, AWAY[:n], COLORS[:n]), id="boxes"),
        pytest.param(lambda p, n: boxes.fill_boxes(p, AWAY[:n], COLORS[:n]), id="filled boxes"),
        pytest.param(lambda p, n: labels.draw_labels(p, AWAY[:n], ["a"] * n, COLORS[:n]), id="labels"),
        pytest.param(lambda p, n: labels.draw_rich_labels(p, AWAY[:n], ["a"] * n, COLORS[:n]), id="rich labels"),
        pytest.param(lambda p, n: crops.draw_crops(p, AWAY[:n], COLORS[:n], scale_factor=1e5), id="crops"),
        pytest.param(lambda p, n: obscure.blur_regions(p, AWAY[:n], None), id="blur"),
        pytest.param(lambda p, n: obscure.blur_regions(p, AWAY[:n], NOWHERE[:n], padding=9), id="blur in empty masks"),
        pytest.param(lambda p, n: obscure.pixelate_regions(p, AWAY[:n]), id="pixels"),
        pytest.param(lambda p, n: regions.cover_masks(p, NOWHERE[:n], COLORS[:n]), id="empty masks"),
        pytest.param(lambda p, n: regions.outline_masks(p, NOWHERE[:n], COLORS[:n]), id="outlines of empty masks"),
        # upstream divides by zero here
        pytest.param(lambda p, n: regions.draw_halos_v1(p, AWAY[:n], NOWHERE[:n], COLORS[:n]), id="no halos v1"),
        pytest.param(lambda p, n: regions.draw_halos_v2(p, NOWHERE[:n], COLORS[:n]), id="no halos v2"),
    ],
)
@pytest.mark.parametrize("count", [0, 2])
def test_nothing_changes(draw: Callable[[Picture, int], None], count: int) -> None:
    picture = SCENE.copy()
    draw(picture, count)
    assert (picture == SCENE).all()


def test_halos_v1_saturate() -> None:
    """Upstream's sum wraps around where it exceeds 255."""
    picture = np.full((40, 40, 3), 250, np.uint8)
    mask = Mask(np.ones((6, 6), np.bool_), 17, 17, 40, 40)
    regions.draw_halos_v1(picture, NO_BOXES, [mask], np.array([[255, 0, 0]], np.uint8), opacity=0.8)
    assert picture[..., 0].min() >= 50 and picture[20, 20].tolist() == [250, 250, 250]


def test_edges_are_those_of_the_known_skeleton() -> None:
    points = np.zeros((1, 17, 2))
    points[0, [5, 6]] = [(3, 4), (20, 4)]  # the shoulders
    picture = np.zeros((10, 30, 3), np.uint8)
    keypoints.draw_edges(picture, points, (), BLUE, thickness=1)
    assert np.argwhere(picture[..., 2]).tolist() == [[4, x] for x in range(3, 21)]


@pytest.mark.parametrize("edge", [(0, 1), (1, 5)])
def test_edges_to_points_that_do_not_exist(edge: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"1\.\.4"):
        keypoints.draw_edges(SCENE.copy(), POINTS, [edge], BLUE)


def test_points_that_are_not_finite_are_left_out() -> None:
    picture = SCENE.copy()
    keypoints.draw_vertices(picture, np.array([[[np.nan, 3], [np.inf, 3], [0, 0]]]), BLUE)
    assert (picture == SCENE).all()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        pytest.param(lambda p: shapes.draw_line(p, (0, 0), (1, 1), INK, 32768), "32767", id="thickness"),
        pytest.param(lambda p: shapes.draw_circle(p, (0, 0), -1, INK), "negative", id="radius"),
        pytest.param(lambda p: boxes.draw_boxes(p, XYXY, COLORS, roundness=1.1), "roundness", id="roundness"),
        pytest.param(lambda p: boxes.draw_dots(p, XYXY, COLORS, position="LEFT"), "position", id="position"),
        pytest.param(lambda p: boxes.draw_dots(p, XYXY, COLORS, position="CENTER_OF_MASS"), "masks", id="no masks"),
        pytest.param(lambda p: crops.draw_crops(p, XYXY, COLORS, scale_factor=0), "scale_factor", id="scale_factor"),
        pytest.param(lambda p: obscure.blur_regions(p, XYXY, None, kernel_size=0), "kernel_size", id="kernel_size"),
        pytest.param(lambda p: obscure.blur_regions(p, XYXY, None, padding=-1), "padding", id="padding"),
        pytest.param(lambda p: obscure.pixelate_regions(p, XYXY, pixel_size=0), "pixel_size", id="pixel_size"),
        pytest.param(
            lambda p: labels.draw_rich_labels(p, XYXY, ["a"] * 3, COLORS, font_size=0), "font_size", id="font_size"
        ),
        pytest.param(
            lambda p: labels.draw_rich_labels(p, XYXY, ["a"] * 3, COLORS, max_line_length=0), "max_line", id="max_line"
        ),
    ],
)
def test_parameters_that_are_refused(draw: Draw, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(SCENE.copy())


@pytest.mark.parametrize(
    ("position", "point", "label", "crop"),
    [
        pytest.param("TOP_LEFT", [10, 20], (10, 15, 17, 20), (3, 15, 10, 20), id="top left"),
        pytest.param("TOP_CENTER", [15, 20], (12, 15, 18, 20), (12, 15, 18, 20), id="top"),
        pytest.param("TOP_RIGHT", [20, 20], (13, 15, 20, 20), (20, 15, 27, 20), id="top right"),
        pytest.param("CENTER_LEFT", [10, 25], (3, 23, 10, 27), (3, 23, 10, 27), id="left"),
        pytest.param("CENTER", [15, 25], (12, 23, 18, 27), (12, 23, 18, 27), id="middle"),
        pytest.param("CENTER_RIGHT", [20, 25], (20, 23, 27, 27), (20, 23, 27, 27), id="right"),
        pytest.param("BOTTOM_LEFT", [10, 30], (10, 30, 17, 35), (3, 30, 10, 35), id="bottom left"),
        pytest.param("BOTTOM_CENTER", [15, 30], (12, 30, 18, 35), (12, 30, 18, 35), id="bottom"),
        pytest.param("BOTTOM_RIGHT", [20, 30], (13, 30, 20, 35), (20, 30, 27, 35), id="bottom right"),
    ],
)
def test_anchors(position: anchors.Position, point: list[int], label: tuple[int, ...], crop: tuple[int, ...]) -> None:
    found = anchors.anchor_points(np.array([[10.2, 20.9, 20.6, 30.9]]), position).tolist()
    assert found == [point]
    assert anchors.label_box((point[0], point[1]), (7, 5), position) == label
    assert anchors.outer_box((point[0], point[1]), (7, 5), position) == crop
