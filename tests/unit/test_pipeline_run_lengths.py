"""Masks as COCO's compressed run lengths."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retinue.pipeline.prediction import Mask
from retinue.pipeline.run_lengths import decode_run_lengths, encode_run_lengths, run_lengths


def decoded(counts: str, height: int, width: int) -> NDArray[np.bool_]:
    """The mask behind a `counts` text, read as the format is described."""
    numbers: list[int] = []
    position = 0
    while position < len(counts):
        value = shift = 0
        while True:
            group = ord(counts[position]) - 48
            value |= (group & 31) << shift
            shift += 5
            position += 1
            if not group & 32:
                break
        if group & 16:
            value -= 1 << shift
        numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
    assert sum(numbers) == height * width
    runs = [np.full(length, index % 2 == 1) for index, length in enumerate(numbers)]
    return np.concatenate(runs).reshape(width, height).T


def on_canvas(mask: Mask) -> NDArray[np.bool_]:
    canvas = np.zeros((mask.height, mask.width), bool)
    height, width = mask.patch.shape
    canvas[mask.top : mask.top + height, mask.left : mask.left + width] = mask.patch
    return canvas


def mask_of(drawing: str, left: int = 0, top: int = 0, width: int = 4, height: int = 3) -> Mask:
    rows = [[character == "#" for character in line] for line in drawing.split()]
    return Mask(np.array(rows, bool), left, top, width, height)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        pytest.param(mask_of("...."), [12], id="empty"),
        pytest.param(mask_of("#### #### ####"), [0, 12], id="full"),
        pytest.param(mask_of("#"), [0, 1, 11], id="first pixel"),
        pytest.param(mask_of("#", left=3, top=2), [11, 1], id="last pixel: no run of 0 behind it"),
        pytest.param(mask_of("## ##", left=1, top=1), [4, 2, 1, 2, 3], id="a square, column by column"),
        pytest.param(mask_of("## ## ##", left=1), [3, 6, 3], id="whole columns join"),
        pytest.param(mask_of("#. #. ##", left=1), [3, 3, 2, 1, 3], id="a column that goes on into the next one's end"),
        pytest.param(mask_of(".# .# #.", left=1), [5, 3, 4], id="a run over the end of a column"),
        pytest.param(Mask(np.zeros((0, 0), bool), 0, 0, 4, 3), [12], id="no patch"),
    ],
)
def test_runs(mask: Mask, expected: list[int]) -> None:
    assert run_lengths(mask).tolist() == expected


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        # 12 = 0b01100: one group, no more: chr(48 + 12)
        pytest.param(mask_of("...."), "<", id="one small number"),
        pytest.param(Mask(np.zeros((0, 0), bool), 0, 0, 10, 10), "T3", id="100: groups 4 | 32 and 3"),
        pytest.param(mask_of("## ##", left=1, top=1), "42102", id="differences to two before"),
    ],
)
def test_text(mask: Mask, expected: str) -> None:
    assert encode_run_lengths(mask) == expected


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("seed", range(8))
def test_any_mask_comes_back(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 300, 2).tolist()
    top, left = int(random.integers(0, height)), int(random.integers(0, width))
    rows, columns = int(random.integers(0, height - top + 1)), int(random.integers(0, width - left + 1))
    mask = Mask(random.random((rows, columns)) < share, left, top, width, height)

    assert np.array_equal(decoded(encode_run_lengths(mask), height, width), on_canvas(mask))


@pytest.mark.parametrize("seed", range(40))
def test_reads_back_what_it_wrote(seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 40, size=2).tolist()
    canvas = random.random((height, width)) < random.choice([0.02, 0.5, 0.95])
    mask = Mask(canvas, 0, 0, width, height)

    for counts in (encode_run_lengths(mask), run_lengths(mask).tolist()):
        found = decode_run_lengths(counts, height, width)
        assert np.array_equal(on_canvas(found), canvas)
        if canvas.any():  # no row or column at the rim is empty
            assert all(side.any() for side in (found.patch[0], found.patch[-1], found.patch[:, 0], found.patch[:, -1]))


@pytest.mark.parametrize(
    ("counts", "height", "width"),
    [
        pytest.param([3, 4], 2, 3, id="too much"),
        pytest.param([3], 2, 3, id="too little"),
        pytest.param([7, -1], 2, 3, id="negative"),
        pytest.param([2**62] * 4 + [6], 2, 3, id="sums beyond 64 bits"),
        pytest.param([10**12], 10**6, 10**6, id="larger than any picture"),
        pytest.param([6], -2, -3, id="negative sides"),
        pytest.param("é", 2, 3, id="not ASCII"),
        pytest.param("\x00", 2, 3, id="no such character"),
        pytest.param("o" * 1_000_000, 2, 3, id="a number that never ends"),
    ],
)
def test_refuses_what_is_no_mask(counts: Any, height: int, width: int) -> None:
    with pytest.raises(ValueError, match=r"mask|run lengths|ascii"):
        decode_run_lengths(counts, height, width)


@pytest.mark.parametrize("counts", ["", [], [6], [0, 0, 6]])
def test_reads_empty_masks(counts: Any) -> None:
    found = decode_run_lengths(counts, 2, 3)
    assert found.patch.size == 0 and (found.width, found.height) == (3, 2)
