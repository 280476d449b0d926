"""Lines, rectangles, circles, ellipses and polygons, compared as pictures of the pixels of OpenCV 4.12."""

import numpy as np
import pytest

from retinue.workflows.drawing import shapes
from tests.unit.drawing_scene import INK, Draw

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
