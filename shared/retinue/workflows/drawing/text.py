"""Text as large as OpenCV's Hershey Simplex, in the font that Pillow carries inside.

The size of a text equals cv2.getTextSize; the letters are stretched to that width and height, their shapes differ.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]

# Of Hershey Simplex, in pixels at scale 1: how far each printable ASCII character advances, from the space on; how
# high capitals are; how far letters reach below the line.
_ADVANCES = np.array(
    [16, 10, 16, 22, 20, 24, 26, 8, 14, 14, 16, 26, 10, 26, 10, 22, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 10, 10, 24,
     26, 24, 18, 29, 18, 21, 21, 21, 19, 18, 21, 22, 8, 16, 21, 17, 24, 22, 22, 21, 22, 21, 20, 16, 22, 18, 24, 20, 18,
     20, 14, 22, 14, 22, 18, 12, 19, 19, 18, 19, 18, 12, 19, 19, 8, 10, 17, 8, 30, 19, 19, 19, 19, 13, 17, 12, 19, 16,
     22, 17, 16, 17, 14, 8, 14, 24]
)  # fmt: skip
_CAPITAL_HEIGHT = 21
_DESCENT = 9
_FIRST, _LAST = ord(" "), ord("~")

# Of Pillow's font, as parts of its size: capitals, and the strokes of letters.
_FONT_CAPITALS = 0.7
_FONT_STROKE = 0.09
# Smaller and larger letters are scaled from these sizes.
_SMALLEST_FONT, _LARGEST_FONT = 4, 200
# Around letters of these sizes; wider strokes only make a larger blot, and it would be drawn whole.
_WIDEST_STROKE = 64
# Of texts whose ink is kept: 256 of them take 25 MB at most.
_MOST_KEPT_PIXELS = 30_000
_MOST_KEPT_LETTERS = 100


class TextSize(NamedTuple):
    """Width and height above the base line of a text in pixels, and how far it reaches below."""

    width: int
    height: int
    baseline: int


def text_size(text: str, scale: float, thickness: int) -> TextSize:
    """The size of a text of one line, drawn at that scale with strokes of that thickness."""
    return (_kept_size if len(text) <= _MOST_KEPT_LETTERS else _size)(text, scale, thickness)


def _size(text: str, scale: float, thickness: int) -> TextSize:
    advances = np.cumsum(_advances(_printable(text)) * scale)
    width = float(advances[-1]) if len(advances) else 0.0
    return TextSize(
        width=round(width + thickness),
        height=round(_CAPITAL_HEIGHT * scale + (thickness + 1) // 2),
        baseline=round(_DESCENT * scale + thickness * 0.5),
    )


_kept_size = lru_cache(maxsize=512)(_size)


def draw_text(
    picture: Picture,
    text: str,
    origin_xy: tuple[int, int],
    color: tuple[int, int, int],
    *,
    scale: float,
    thickness: int = 1,
) -> None:
    """Text of one line, in place; origin_xy is the left end of its base line.

    Bytes (UTF-8) that are no printable ASCII come out as "?", as in OpenCV. Nothing is drawn for a scale of 0 or less.
    """
    if scale <= 0:
        return
    x, y = (int(value) for value in origin_xy)
    text = _printable(text)
    size = text_size(text, scale, 0)
    if len(text) <= _MOST_KEPT_LETTERS and size.width * size.height < _MOST_KEPT_PIXELS:
        ink = _kept_ink(text, float(scale), int(thickness))
    else:
        ends = np.cumsum(_advances(text) * scale)
        text = text[: int(np.searchsorted(ends, picture.shape[1] - x)) + 1]  # what lies beyond is not seen
        height, width = picture.shape[:2]
        ink = _ink(text, scale, thickness, (-x, -y, width - x, height - y))
    if ink is not None:
        _print(picture, ink, (x, y), color)


class _Ink(NamedTuple):
    """How much of each channel of each pixel a text covers, (h, w, 3) uint8, and where its first pixel lies from the
    origin."""

    share: NDArray[np.uint8]
    left: int
    top: int


def _ink(text: str, scale: float, thickness: int, window: tuple[int, int, int, int] | None = None) -> _Ink | None:
    """The ink of a text inside of the window x1, y1, x2, y2 around its origin; None where there is none."""
    if not text.strip():
        return None
    length = float((_advances(text) * scale).sum())
    size = max(_SMALLEST_FONT, min(_CAPITAL_HEIGHT * scale / _FONT_CAPITALS, _LARGEST_FONT))
    font = font_of(size)
    enlarged = (length / font.getlength(text), _CAPITAL_HEIGHT * scale / (_FONT_CAPITALS * size))
    width = thickness + (thickness > 1)  # as lines come out
    stroke = min(max(0.0, width / enlarged[1] - _FONT_STROKE * size) / 2, _WIDEST_STROKE)
    left, top, right, bottom = font.getbbox(text, anchor="ls", stroke_width=stroke)
    drawn = Image.new("L", (int(right - left) + 1, int(bottom - top) + 1))
    ImageDraw.Draw(drawn).text((-left, -top), text, 255, font, anchor="ls", stroke_width=stroke)
    corner = (left * enlarged[0], top * enlarged[1])
    x1, y1 = (math.floor(value) for value in corner)
    x2, y2 = (
        math.ceil(value) + math.ceil(side * factor)
        for value, side, factor in zip(corner, drawn.size, enlarged, strict=True)
    )
    if window is not None:
        x1, y1, x2, y2 = max(x1, window[0]), max(y1, window[1]), min(x2, window[2]), min(y2, window[3])
    if x1 >= x2 or y1 >= y2:
        return None
    # From a pixel of the picture to the place in what was drawn.
    matrix = (1 / enlarged[0], 0, (x1 - corner[0]) / enlarged[0], 0, 1 / enlarged[1], (y1 - corner[1]) / enlarged[1])
    share = drawn.transform((x2 - x1, y2 - y1), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return _Ink(np.repeat(np.asarray(share)[:, :, None], 3, axis=2), x1, y1)


# Labels repeat, in a picture and from one to the next, and drawing letters takes a hundred times as long as printing.
_kept_ink = lru_cache(maxsize=256)(_ink)


def _print(picture: Picture, ink: _Ink, origin_xy: tuple[int, int], color: tuple[int, int, int]) -> None:
    """Mixes the colour into the picture where there is ink."""
    left, top = origin_xy[0] + ink.left, origin_xy[1] + ink.top
    share = ink.share[max(0, -top) :, max(0, -left) :]
    region = picture[max(0, top) : max(0, top) + share.shape[0], max(0, left) : max(0, left) + share.shape[1]]
    if not region.size:
        return
    height, width = region.shape[:2]
    # Whole rows of channels: numpy takes three times as long over pixels of three.
    part = share[:height, :width].reshape(height, -1).astype(np.uint16)
    mixed = region.reshape(height, -1) * (255 - part) + np.tile(np.array(color, np.uint16), width) * part + 128
    region[:] = ((mixed + (mixed >> 8)) >> 8).reshape(region.shape)  # divided by 255 and rounded, in 16 bits


@lru_cache(maxsize=64)
def font_of(size: float) -> ImageFont.FreeTypeFont:
    """The font that Pillow carries inside, in pixels. Raises ValueError for a size of 0 or less."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow is built without FreeType"
    return font


def _printable(text: str) -> str:
    """The text as Hershey fonts show it: one character for each byte."""
    codes = text.encode("utf-8", "replace")
    return "".join(chr(code) if _FIRST <= code <= _LAST else "?" for code in codes)


def _advances(printable: str) -> NDArray[np.int64]:
    return np.asarray(_ADVANCES[np.frombuffer(printable.encode("ascii"), np.uint8).astype(np.int64) - _FIRST], np.int64)
