"""What workflows draw, against OpenCV 4.12 and supervision 0.30.

Shapes are compared as pictures of OpenCV's pixels, annotators by the checksum of the whole picture that supervision
(or the block's own annotator) draws.
"""

import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask
from retinue.workflows.drawing import anchors, boxes, colors, crops, keypoints, labels, obscure, regions, shapes, text
from retinue.workflows.drawing.blend import weighted
from retinue.workflows.drawing.box_filter import box_blur

Picture = NDArray[np.uint8]
Draw = Callable[[Picture], None]

INK = (9, 9, 9)
BLUE = (1, 2, 250)

SHAPES = [
    pytest.param(
        lambda p: shapes.draw_line(p, (1, 2), (13, 6), INK),
        "................ ................ .##............. ...###.......... ......###....... "
        ".........###.... ............##.. ................ ................ ................",
        id="line",
    ),
    pytest.param(
        lambda p: shapes.draw_line(p, (4, 9), (7, 0), INK),
        ".......#........ .......#........ ......#......... ......#......... ......#......... "
        ".....#.......... .....#.......... .....#.......... ....#........... ....#...........",
        id="steep line, upwards",
    ),
    pytest.param(
        lambda p: shapes.draw_line(p, (-7, -3), (20, 14), INK),
        "................ #............... .##............. ...#............ ....##.......... "
        "......#......... .......##....... .........#...... ..........##.... ............#...",
        id="line from outside to outside",
    ),
    pytest.param(
        lambda p: shapes.draw_line(p, (3, 7), (12, 3), INK, 3),
        "................ ...........##... .........#####.. ......#########. ....##########.. "
        "..############.. ..##########.... .#########...... ..#####......... ...##...........",
        id="line of 3",
    ),
    pytest.param(
        lambda p: shapes.draw_line(p, (-3, 12), (9, 4), INK, 4),
        "................ ................ ........##...... ......#####..... .....#######.... "
        "...########..... ..#########..... ##########...... ########........ #######.........",
        id="line of 4, half outside",
    ),
    pytest.param(
        lambda p: shapes.draw_line(p, (7, 5), (7, 5), INK, 5),
        "................ ................ .......#........ .....#####...... .....#####...... "
        "....#######..... .....#####...... .....#####...... .......#........ ................",
        id="line of 5 without length",
    ),
    pytest.param(
        lambda p: shapes.draw_rectangle(p, (12, 7, 3, 2), INK),
        "................ ................ ...##########... ...#........#... ...#........#... "
        "...#........#... ...#........#... ...##########... ................ ................",
        id="rectangle",
    ),
    pytest.param(
        lambda p: shapes.draw_rectangle(p, (4, 3, 11, 7), INK, 2),
        "................ ................ ....########.... ...##########... ...##########... "
        "...###....###... ...##########... ...##########... ....########.... ................",
        id="rectangle of 2",
    ),
    pytest.param(
        lambda p: shapes.draw_rectangle(p, (-4, 6, 5, 40), INK, -1),
        "................ ................ ................ ................ ................ "
        "................ ######.......... ######.......... ######.......... ######..........",
        id="rectangle, filled, half outside",
    ),
    pytest.param(
        lambda p: shapes.draw_polygon(p, [(2, 1), (13, 4), (6, 8)], INK),
        "................ ..##............ ...#####........ ...#....####.... ....#.......##.. "
        "....#......##... .....#...##..... .....#.##....... ......#......... ................",
        id="polygon",
    ),
    pytest.param(
        lambda p: shapes.draw_polygon(p, [(3, 2), (12, 4), (6, 7)], INK, 2),
        "................ ...###.......... ..########...... ..###########... ...###########.. "
        "...####.#####... ....#######..... .....####....... .....##......... ................",
        id="polygon of 2",
    ),
    pytest.param(
        lambda p: shapes.draw_polyline(p, [(3, 2), (12, 4), (6, 7)], INK, 2),
        "................ ...###.......... ..########...... ...##########... ......########.. "
        "........#####... ......#####..... .....####....... ......#......... ................",
        id="polyline of 2",
    ),
    pytest.param(
        lambda p: shapes.fill_polygon(p, [(1, 1), (14, 8), (14, 1), (1, 8)], INK),
        "................ .#............#. .###........###. .#####....#####. .##############. "
        ".##############. .#####....#####. .###........###. .#............#. ................",
        id="filled polygon that crosses itself",
    ),
    pytest.param(
        lambda p: shapes.fill_polygon(p, [(-5, -4), (22, 5), (3, 13)], INK),
        "#########....... ############.... ##############.. ################ ################ "
        "################ ################ .############### .##############. ..###########...",
        id="filled polygon, cut by the edge",
    ),
    pytest.param(
        lambda p: shapes.fill_polygon(p, [(-2, 9), (0, 3), (0, 1)], INK),
        "................ #............... #............... #............... #............... "
        "#............... #............... #............... #............... ................",
        id="filled polygon beside the picture",
    ),
    pytest.param(
        lambda p: shapes.draw_circle(p, (7, 5), 4, INK),
        "................ .......#........ .....##.##...... ....#.....#..... ....#.....#..... "
        "...#.......#.... ....#.....#..... ....#.....#..... .....##.##...... .......#........",
        id="circle",
    ),
    pytest.param(
        lambda p: shapes.draw_circle(p, (7, 4), 4, INK, 2),
        "....#######..... ...#########.... ...###...###.... ..###.....###... ..###.....###... "
        "..###.....###... ...###...###.... ...#########.... ....#######..... ......###.......",
        id="circle of 2",
    ),
    pytest.param(
        lambda p: shapes.draw_circle(p, (13, 5), 4, INK, -1),
        "................ .............#.. ...........##### ..........###### ..........###### "
        ".........####### ..........###### ..........###### ...........##### .............#..",
        id="disc",
    ),
    pytest.param(
        lambda p: shapes.fill_circle(p, (3, 5), 0, INK),
        "................ ................ ................ ................ ................ "
        "...#............ ................ ................ ................ ................",
        id="disc without radius",
    ),
    pytest.param(
        lambda p: shapes.draw_ellipse_arc(p, (7, 5), (6, 3), (-45, 235), INK, connectivity=4),
        "................ ................ ................ ..###......##... .##.........##.. "
        ".#...........#.. .##.........##.. ..###.....###... ....#######..... ................",
        id="arc, 4-connected",
    ),
    pytest.param(
        lambda p: shapes.draw_ellipse_arc(p, (7, 5), (6, 3), (-45, 235), INK),
        "................ ................ ................ ..###......#.... .#..........##.. "
        ".#...........#.. .#..........##.. ..###......#.... .....######..... ................",
        id="arc, 8-connected",
    ),
    pytest.param(
        lambda p: shapes.draw_ellipse_arc(p, (7, 3), (5, 4), (30, 200), INK, 2),
        "................ .##............. .###............ .###............ .###.......#.... "
        "..####...####... ..###########... ...########..... .....#####...... ................",
        id="arc of 2",
    ),
    pytest.param(
        lambda p: shapes.draw_ellipse_arc(p, (7, 5), (6, 4), (-400, 900), INK),
        "................ .....#####...... ...##.....##.... ..#.........#... .#...........#.. "
        ".#...........#.. .#...........#.. ..#.........#... ...##.....##.... .....#####......",
        id="ellipse by more than a turn",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("draw", "expected"), SHAPES)
def test_shape(draw: Draw, expected: str) -> None:
    picture = np.zeros((10, 16, 3), np.uint8)
    draw(picture)
    assert [".#"[pixel] for pixel in picture.any(axis=2).ravel().astype(int)] == list(expected.replace(" ", ""))
    assert set(np.unique(picture)) == {0, 9}


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda p: shapes.draw_line(p, (-50, 0), (-1, 30), INK, 3), id="line"),
        pytest.param(lambda p: shapes.draw_polyline(p, [], INK, 3), id="no vertices"),
        pytest.param(lambda p: shapes.draw_polygon(p, np.zeros((0, 2)), INK), id="empty polygon"),
        pytest.param(lambda p: shapes.fill_polygon(p, [], INK), id="empty filled polygon"),
        pytest.param(lambda p: shapes.draw_rectangle(p, (20, 20, 40, 40), INK, 3), id="rectangle"),
        pytest.param(lambda p: shapes.fill_circle(p, (7, -20), 19, INK), id="disc"),
        pytest.param(lambda p: shapes.draw_circle(p, (5, 5), 10**6, INK), id="circle around the picture"),
    ],
)
def test_nothing_is_seen(draw: Draw) -> None:
    picture = np.zeros((10, 16, 3), np.uint8)
    draw(picture)
    assert not picture.any()


def test_a_huge_disc_covers_all() -> None:
    picture = np.zeros((10, 16, 3), np.uint8)
    shapes.fill_circle(picture, (-3, 400), 10**8, INK)
    assert (picture == 9).all()


# The scene of the annotators.
ROW, COLUMN = np.mgrid[0:48, 0:64]
SCENE = np.stack(
    [(3 * COLUMN + ROW) % 200, (5 * ROW + 2 * COLUMN) % 180, (COLUMN * ROW) % 220], axis=2
).astype(np.uint8)  # fmt: skip
XYXY = np.array([[6.7, 8.2, 34.9, 30.1], [20.5, 15.5, 58.4, 44.9], [40.2, -5.0, 70.0, 12.6]])
COLORS = colors.look_up(colors.palette("DEFAULT"), np.array([0, 4, 7]))
POINTS = np.array([[[10, 10], [30, 20], [0, 0], [50, 40]], [[5, 40], [60, 3], [33.7, 25.2], [20, 5]]])


def mask_of(inside: NDArray[np.bool_]) -> Mask:
    """The mask whose patch is as small as can be."""
    y, x = np.nonzero(inside)
    patch = inside[y.min() : y.max() + 1, x.min() : x.max() + 1]
    return Mask(patch, int(x.min()), int(y.min()), inside.shape[1], inside.shape[0])


MASKS = [
    mask_of(((COLUMN - 20) / 13) ** 2 + ((ROW - 19) / 10) ** 2 < 1),
    mask_of((np.abs(COLUMN - 39) + np.abs(ROW - 30) < 15) & ((COLUMN - 39) ** 2 + (ROW - 30) ** 2 > 9)),  # a hole
    mask_of((COLUMN >= 44) & (ROW < 10)),
]


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
