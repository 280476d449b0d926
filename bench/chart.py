"""A bar chart as SVG: two bars a line, ours and upstream's. Its colours read on light and on dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LEFT = 840, 4
_BARS_LEFT, _BARS_WIDTH = 270, 400
_RATIO_RIGHT = _WIDTH - 8
_TOP, _LINE_HEIGHT, _BAR_HEIGHT, _BAR_GAP = 48, 52, 14, 3
_LEAST_BAR = 2.0
_LEAST_RATIO = 0.01
# Contrast of the text 4.5 on white and 4.1 on GitHub's dark page.
_TEXT, _OURS, _UPSTREAM = "#6e7781", "#2f81f7", "#9aa4ae"
_FONT = "-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Pair:
    """One line: what it is, the circumstances, both values and their texts."""

    label: str
    detail: str
    ours: float
    upstream: float
    ours_text: str
    upstream_text: str

    @property
    def ratio_text(self) -> str:
        """How ours stands to upstream's: `0.71 x`, or `1 / 24` where that says more, or `< 1 / 100` for nothing."""
        ratio = self.ours / self.upstream
        if ratio < _LEAST_RATIO:
            return f"< 1 / {1 / _LEAST_RATIO:.0f}"
        return f"{ratio:.2f} x" if ratio > 0.2 else f"1 / {1 / ratio:.0f}"


def draw_chart(pairs: Sequence[Pair], names: tuple[str, str], title: str) -> str:
    """The SVG. Each line has a scale of its own: its longer bar has the full length. `names` are for the legend."""
    height = _TOP + len(pairs) * _LINE_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" font-family="{_FONT}" font-size="13" fill="{_TEXT}">',
        f"<title>{escape(title)}</title>",
        *_legend(names),
        *(part for number, pair in enumerate(pairs) for part in _line(pair, _TOP + number * _LINE_HEIGHT)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(names: tuple[str, str]) -> list[str]:
    parts, left = [], _BARS_LEFT
    for name, colour in zip(names, (_OURS, _UPSTREAM), strict=True):
        parts.append(_bar(left, 12, 12.0, 12, colour))
        parts.append(_text(left + 18, 22, name))
        left += 40 + 7 * len(name)
    return parts


def _line(pair: Pair, top: int) -> list[str]:
    """Label and detail, both bars with their values behind them, and the ratio at the right."""
    longest = max(pair.ours, pair.upstream)
    parts = [
        _text(_LEFT, top + 12, pair.label, 'font-weight="600"'),
        _text(_LEFT, top + 29, pair.detail, 'font-size="12"'),
        _text(_RATIO_RIGHT, top + 21, pair.ratio_text, 'text-anchor="end" font-weight="600"'),
    ]
    bars = ((pair.ours, pair.ours_text, _OURS), (pair.upstream, pair.upstream_text, _UPSTREAM))
    for number, (value, text, colour) in enumerate(bars):
        y = top + number * (_BAR_HEIGHT + _BAR_GAP)
        length = max(_LEAST_BAR, _BARS_WIDTH * value / longest)
        parts.append(_bar(_BARS_LEFT, y, length, _BAR_HEIGHT, colour))
        parts.append(_text(_BARS_LEFT + length + 6, y + 11.5, text))
    return parts


def _bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" rx="2" fill="{colour}"/>'


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:g}" {attributes}>{escape(text)}</text>'
