"""Colours of the visualisation blocks: what their strings mean, their palettes, and which detection gets which."""

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.drawing.colormaps import CONTINUOUS, QUALITATIVE

Rgb = tuple[int, int, int]
Palette = NDArray[np.uint8]

UNKNOWN: Rgb = (128, 128, 128)
"""The colour of what has no class or track: a negative id."""

_NAMED: dict[str, Rgb] = {
    "WHITE": (255, 255, 255),
    "BLACK": (0, 0, 0),
    "GREY": UNKNOWN,
    "RED": (255, 0, 0),
    "GREEN": (0, 255, 0),
    "BLUE": (0, 0, 255),
    "YELLOW": (255, 255, 0),
    "ROBOFLOW": (163, 81, 251),
}
_PALETTES = {  # contract/workflows.md 8.3
    "DEFAULT": (
        "A351FB FF4040 FFA1A0 FF7633 FFB633 D1D435 4CFB12 94CF1A 40DE8A 1B9640 00D6C1 2E9CAA 00C4FF 364797 6675FF "
        "0019EF 863AFF 530087 CD3AFF FF97CA FF39C9"
    ),
    "ROBOFLOW": "C28DFC A351FB 8315F9 6706CE 5905B3 4D049A",
}
_CUSTOM = "CUSTOM"
_MATPLOTLIB = "Matplotlib "


def parse_color(text: str) -> Rgb:
    """The colour that a string means: "#RGB", "#RRGGBB" (digits for opacity after them are ignored), "rgb(r, g, b)",
    "bgr(b, g, r)", or a name in any case. Raises ValueError for anything else."""
    try:
        if text.startswith("#"):
            return _parse_hex(text.lstrip("#"))
        if text.startswith(("rgb", "bgr")):
            first, second, third = (int(number) for number in text[4:-1].split(","))
            if not all(0 <= level <= 255 for level in (first, second, third)):
                raise ValueError("levels are 0..255")
            return (first, second, third) if text.startswith("rgb") else (third, second, first)
        return _NAMED[text.upper()]
    except (ValueError, KeyError) as exc:
        raise ValueError(
            f"{text!r} is no colour: #RGB, #RRGGBB, rgb(r, g, b), bgr(b, g, r) with levels 0..255, or one of "
            f"{', '.join(_NAMED)}"
        ) from exc


def _parse_hex(digits: str) -> Rgb:
    if len(digits) in (3, 4):
        digits = "".join(2 * digit for digit in digits)
    if len(digits) not in (6, 8):
        raise ValueError("3 or 6 digits are needed")
    red, green, blue, *_ = bytes.fromhex(digits)
    return red, green, blue


def palette(name: str, *, size: int = 10, custom_colors: tuple[str, ...] | list[str] = ()) -> Palette:
    """The colours (k, 3) RGB of a palette.

    name: DEFAULT or ROBOFLOW; CUSTOM for `custom_colors`; "Matplotlib X" for `size` colours, evenly sampled from the
    map X. Raises ValueError for other names, for a size below 1, and for custom colours that are none.
    """
    if name == _CUSTOM:
        return np.array([parse_color(color) for color in custom_colors], np.uint8).reshape(-1, 3)
    if name in _PALETTES:
        return _listed(_PALETTES[name])
    return _sampled(name.removeprefix(_MATPLOTLIB).capitalize(), int(size))


def _sampled(name: str, size: int) -> Palette:
    """`size` colours of a map, at even distances from its first to its last."""
    if size < 1:
        raise ValueError(f"a palette needs at least one colour, and palette_size is {size}")
    digits = CONTINUOUS.get(name) or QUALITATIVE.get(name)
    if digits is None:
        raise ValueError(f"{name!r} is no palette")
    colors = _listed(digits)
    positions = (np.linspace(0, 1, size) * len(colors)).astype(int)
    return colors[np.minimum(positions, len(colors) - 1)]


def _listed(digits: str) -> Palette:
    """Colours from RRGGBB after RRGGBB, spaces between them or not."""
    return np.frombuffer(bytes.fromhex(digits), np.uint8).reshape(-1, 3)


def look_up(colors: Palette, indices: NDArray[np.int64]) -> Palette:
    """The colour (n, 3) for each index (n,): modulo the palette's size, and grey for those below 0.

    Raises ValueError where the palette is empty and a colour of it is needed.
    """
    is_known = indices >= 0
    if not len(colors):
        if is_known.any():
            raise ValueError("a palette needs at least one colour, and this one is empty")
        colors = np.array([UNKNOWN], np.uint8)
    return np.where(is_known[:, None], colors[indices % len(colors)], np.array(UNKNOWN, np.uint8))
