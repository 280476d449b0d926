"""Which frames are taken, from their times alone."""

from fractions import Fraction

import pytest

from retinue.video.sampling import Sampler


def taken(times: list[Fraction], infer_fps: float) -> list[int]:
    sampler = Sampler(infer_fps)
    return [index for index, time_s in enumerate(times) if sampler.takes(time_s)]


def constant(fps: Fraction | int, count: int = 61) -> list[Fraction]:
    return [Fraction(index) / fps for index in range(count)]


NTSC = Fraction(30000, 1001)
MATROSKA = [Fraction(round(index * 1000 / 30), 1000) for index in range(61)]


@pytest.mark.parametrize(
    ("times", "infer_fps", "expected"),
    [
        pytest.param(constant(30), 5, list(range(0, 61, 6)), id="a factor of the rate"),
        pytest.param(constant(24), 4, list(range(0, 61, 6)), id="the published example"),
        pytest.param(constant(30, 31), 7, [0, 5, 9, 13, 18, 22, 26, 30], id="no factor of the rate"),
        pytest.param(constant(30), 30, list(range(61)), id="the rate itself"),
        pytest.param(constant(30), 120, list(range(61)), id="more than there are"),
        pytest.param(constant(30), 0.5, [0, 60], id="one in two seconds"),
        pytest.param(constant(NTSC), 30, list(range(61)), id="29.97 a second, 30 asked"),
        pytest.param(constant(30, 30), 29.97, list(range(30)), id="30 a second, 29.97 asked: all of one second"),
        pytest.param(MATROSKA, 30, list(range(61)), id="times rounded to 1 ms, each frame"),
        pytest.param(MATROSKA, 15, list(range(0, 61, 2)), id="times rounded to 1 ms, every second"),
        pytest.param(
            [Fraction(n, 1000) for n in (0, 400, 450, 1000, 1900, 2050, 5100, 5200, 6000)],
            1,
            [0, 3, 5, 6, 8],
            id="variable rate with a gap of three seconds",
        ),
        pytest.param([Fraction(0)] * 4, 30, [0], id="frames of one time"),
        pytest.param([Fraction(n) for n in (0, 2, 1, 3)], 1, [0, 1, 3], id="times that go back"),
        pytest.param([], 5, [], id="no frame"),
    ],
)
def test_frames_taken(times: list[Fraction], infer_fps: float, expected: list[int]) -> None:
    assert taken(times, infer_fps) == expected


def test_a_rate_just_below_the_videos_leaves_a_frame_out_now_and_then() -> None:
    left_out = set(range(3000)) - set(taken(constant(30, 3000), 29.97))
    assert 2 <= len(left_out) <= 4


@pytest.mark.parametrize("infer_fps", [0, -1, 120.5, float("inf"), float("nan")])
def test_rates_that_are_refused(infer_fps: float) -> None:
    with pytest.raises(ValueError, match="must be above 0 and at most 120"):
        Sampler(infer_fps)
