"""Text as large as OpenCV's Hershey Simplex, in the font that Pillow carries inside.

Every letter has the place that it has in Hershey Simplex, and is stretched to its width there and to its height; so the
size of a text equals cv2.getTextSize. The shapes of the letters differ.
"""

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
Color = tuple[int, int, int]
Window = tuple[int, int, int, int]
"""x1, y1, x2, y2 around an origin."""

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
_WIDEST_ADVANCE = 30
_FIRST, _LAST = ord(" "), ord("~")

# Of Pillow's font, as parts of its size: capitals, and the strokes of letters.
_FONT_CAPITALS = 0.7
_FONT_STROKE = 0.09
# Smaller and larger letters are scaled from these sizes.
_SMALLEST_FONT, _LARGEST_FONT = 4, 200
# Hyphens and slashes are much wider in Hershey Simplex, and would be as thick as they are long.
_MOST_STRETCHED = 1.5
# Around letters of these sizes; wider strokes only make a larger blot, and it would be drawn whole.
_WIDEST_STROKE = 64
# Of letters and of texts whose ink is kept: 512 and 128 of them take 26 MB at most.
_MOST_KEPT_PIXELS = 12_000
_MOST_KEPT_LETTERS = 100
_HALF = 128  # rounds a quotient by 255


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
    color: Color,
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
    size = text_size(text, scale, thickness)
    if len(text) <= _MOST_KEPT_LETTERS and size.width * size.height < _MOST_KEPT_PIXELS:
        inks = iter([_kept_ink(text, float(scale), int(thickness), color)])
    else:
        inks = _seen_inks(text, scale, thickness, color, (-x, -y, picture.shape[1] - x, picture.shape[0] - y))
    for ink in inks:
        if ink is not None:
            _print(picture, ink, (x, y))


def _seen_inks(text: str, scale: float, thickness: int, color: Color, window: Window) -> Iterator["_Ink | None"]:
    """The ink of a long or large text inside of a window around its origin: in one, or letter by letter."""
    letters = _seen(text, scale, thickness, window)
    if (_WIDEST_ADVANCE * scale + thickness) * (_CAPITAL_HEIGHT * scale + thickness) < _MOST_KEPT_PIXELS:
        yield _Ink.of([(_kept_glyph(letter, scale, thickness), left) for letter, left in letters], color)
        return
    for letter, left in letters:
        x1, y1, x2, y2 = window
        yield _Ink.of([(_glyph(letter, scale, thickness, (x1 - left, y1, x2 - left, y2)), left)], color)


def _seen(text: str, scale: float, thickness: int, window: Window) -> list[tuple[str, int]]:
    """The letters that reach into the window's columns, and where each starts; of those that start in the same column
    the first."""
    advances = _advances(text) * scale
    starts = _starts(advances)
    reach = advances + thickness + 1
    index = np.flatnonzero((starts + reach > window[0]) & (starts - reach < window[2]))
    columns, position = np.unique(starts[index], return_index=True)
    return [(text[at], column) for at, column in zip(index[position].tolist(), columns.tolist(), strict=True)]


def _starts(advances: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.rint(np.cumsum(advances) - advances).astype(np.int64)


class _Glyph(NamedTuple):
    """How much of each pixel a letter covers, (h, w) uint8, and where its first pixel lies from the letter's origin."""

    share: NDArray[np.uint8]
    left: int
    top: int


def _glyph(letter: str, scale: float, thickness: int, window: Window | None = None) -> _Glyph | None:
    """A letter, inside of the window x1, y1, x2, y2 around its origin; None where nothing of it is seen."""
    if not letter.strip():
        return None
    size = max(_SMALLEST_FONT, min(_CAPITAL_HEIGHT * scale / _FONT_CAPITALS, _LARGEST_FONT))
    font = font_of(size)
    advance, natural = float(_advances(letter)[0] * scale), font.getlength(letter)
    high = _CAPITAL_HEIGHT * scale / (_FONT_CAPITALS * size)
    wide = min(advance / natural, _MOST_STRETCHED * high)
    width = thickness + (thickness > 1)  # as lines come out
    stroke = min(max(0.0, width / high - _FONT_STROKE * size) / 2, _WIDEST_STROKE)
    left, top, right, bottom = font.getbbox(letter, anchor="ls", stroke_width=stroke)
    drawn = Image.new("L", (int(right - left) + 1, int(bottom - top) + 1))
    ImageDraw.Draw(drawn).text((-left, -top), letter, 255, font, anchor="ls", stroke_width=stroke)
    corner = ((advance - wide * natural) / 2 + left * wide, top * high)
    x1, y1 = (math.floor(value) for value in corner)
    x2, y2 = (
        math.ceil(value) + math.ceil(side * factor)
        for value, side, factor in zip(corner, drawn.size, (wide, high), strict=True)
    )
    if window is not None:
        x1, y1, x2, y2 = max(x1, window[0]), max(y1, window[1]), min(x2, window[2]), min(y2, window[3])
    if x1 >= x2 or y1 >= y2:
        return None
    # From a pixel of the picture to the place in what was drawn.
    matrix = (1 / wide, 0, (x1 - corner[0]) / wide, 0, 1 / high, (y1 - corner[1]) / high)
    share = drawn.transform((x2 - x1, y2 - y1), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return _Glyph(np.asarray(share), x1, y1)


# The same letters make most labels, and to draw one takes longer than to print it.
_kept_glyph = lru_cache(maxsize=512)(_glyph)


class _Ink(NamedTuple):
    """A coloured text: of what lies below, 0..255 parts in 255 stay, (h, 3 w) uint16; what is added, 255 times a
    channel's value, (h, 3 w) uint16; and where its first pixel lies from the origin."""

    stays: NDArray[np.uint16]
    added: NDArray[np.uint16]
    left: int
    top: int

    @classmethod
    def of(cls, letters: Iterable[tuple[_Glyph | None, int]], color: Color) -> "_Ink | None":
        """From letters and where each starts; None where there is nothing of them."""
        glyphs = [(glyph, x) for glyph, x in letters if glyph is not None]
        if not glyphs:
            return None
        left, top = min(glyph.left + x for glyph, x in glyphs), min(glyph.top for glyph, _ in glyphs)
        right = max(glyph.left + x + glyph.share.shape[1] for glyph, x in glyphs)
        bottom = max(glyph.top + glyph.share.shape[0] for glyph, _ in glyphs)
        share = np.zeros((bottom - top, right - left), np.uint8)
        for glyph, x in glyphs:
            y, x = glyph.top - top, glyph.left + x - left
            part = share[y : y + glyph.share.shape[0], x : x + glyph.share.shape[1]]
            np.maximum(part, glyph.share, out=part)
        # Whole rows of channels: numpy takes three times as long over pixels of three.
        channels = np.repeat(share, 3, axis=1).astype(np.uint16)
        added = channels * np.tile(np.array(color, np.uint16), share.shape[1]) + np.uint16(_HALF)
        return cls(255 - channels, added, left, top)


@lru_cache(maxsize=128)  # labels repeat, in a picture and from one to the next
def _kept_ink(text: str, scale: float, thickness: int, color: Color) -> _Ink | None:
    """The ink of a whole text."""
    starts = _starts(_advances(text) * scale).tolist()
    return _Ink.of(((_kept_glyph(letter, scale, thickness), x) for letter, x in zip(text, starts, strict=True)), color)


def _print(picture: Picture, ink: _Ink, origin_xy: tuple[int, int]) -> None:
    """Mixes the ink into the picture."""
    left, top = origin_xy[0] + ink.left, origin_xy[1] + ink.top
    above, before = max(0, -top), 3 * max(0, -left)
    stays, added = ink.stays[above:, before:], ink.added[above:, before:]
    region = picture[max(0, top) : max(0, top + len(ink.stays)), max(0, left) : max(0, left + ink.stays.shape[1] // 3)]
    if not region.size:
        return
    rows = region.reshape(len(region), -1)
    mixed = rows * stays[: len(rows), : rows.shape[1]]
    mixed += added[: len(rows), : rows.shape[1]]
    quotient = mixed >> 8  # divided by 255 and rounded, in 16 bits
    quotient += mixed
    quotient >>= 8
    region[:] = quotient.reshape(region.shape)


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
