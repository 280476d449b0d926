"""Where a small picture occurs in a large one: normalised correlation, as cv2.matchTemplate(TM_CCOEFF_NORMED).

OpenCV computes it in 32-bit floats, which is off by some thousandths where the picture is nearly flat. Here everything
up to the last division is exact: whole numbers, and products by Fourier transforms that are rounded to such.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retinue.workflows.imaging.gray import to_gray

Image = NDArray[np.uint8]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
Spectrum = NDArray[np.complex128]

TRANSFORM_SIZE = 1024
"""Pixels on a side of what is transformed at a time, at most: a transform takes 8 MB, and some 30 ms."""
KEPT_SPECTRA = 16
"""Parts of a template whose transforms are kept. If it has more they are made anew for each block of the picture."""
MAX_TEMPLATE_PIXELS = 1 << 24
"""Then all sums fit into 64 bits."""
MAX_MATCHES = 100_000
"""A flat template matches everywhere; upstream runs out of memory long before."""


def match_template(image: Image, template: Image, threshold: float, nms_threshold: float | None) -> NDArray[np.int32]:
    """Boxes xyxy (n, 4) of the template's size where it correlates with the picture by at least `threshold`.

    Both are (H, W, 3) RGB or (H, W), and compared in gray. The correlation is in -1..1; a flat template correlates
    with everything by 1, any other with a flat part by 0. Boxes come row by row, from left to right. nms_threshold in
    0..1: of boxes whose IoU exceeds it only the last stays, since upstream gives all the same confidence; None: all
    stay. A template larger than the picture is searched for the picture, as OpenCV does.

    Raises ValueError for a template that is wider but lower than the picture, or higher but narrower; for an
    nms_threshold beyond 0..1; for more than MAX_MATCHES boxes; for a template of more than MAX_TEMPLATE_PIXELS.
    """
    if nms_threshold is not None and not 0 <= nms_threshold <= 1:
        raise ValueError(f"The threshold of the IoU is {nms_threshold}, but has to be in 0..1")
    large, small = to_gray(image), to_gray(template)
    height, width = small.shape
    if height > large.shape[0] or width > large.shape[1]:
        large, small = small, large
    if small.shape[0] > large.shape[0] or small.shape[1] > large.shape[1]:
        picture = f"a picture of {image.shape[1]} x {image.shape[0]}"
        raise ValueError(f"A template of {width} x {height} pixels does not fit into {picture}")
    if small.size > MAX_TEMPLATE_PIXELS:
        raise ValueError(f"The template has {small.size} pixels; it can have {MAX_TEMPLATE_PIXELS} at most")
    is_match = _matches(large, small, threshold)
    if nms_threshold is None:
        _check_count(int(np.count_nonzero(is_match)))
    else:
        is_match = _suppress(is_match, width, height, nms_threshold)
    y, x = np.nonzero(is_match)
    return np.stack([x, y, x + width, y + height], axis=1).astype(np.int32)


def _matches(image: Image, template: Image, threshold: float) -> Flags:
    """Whether the template's correlation reaches the threshold, at each place (H - h + 1, W - w + 1) where it fits."""
    height, width = template.shape
    shape = (image.shape[0] - height + 1, image.shape[1] - width + 1)
    total, spread = int(template.sum()), _spread(template)
    if spread == 0:
        return np.full(shape, threshold <= 1)
    is_match = np.empty(shape, bool)
    for rows, columns, products in _products(image, template):
        area = image[rows.start : rows.stop + height - 1, columns.start : columns.stop + width - 1].astype(np.int64)
        sums = _window_sums(area, height, width)
        # template.size times the covariances and variances, sums over the pixels of a window.
        covariance = products * template.size - sums * total
        variance = _window_sums(area * area, height, width) * template.size - sums * sums
        scale = np.sqrt(variance.astype(np.float64) * spread)
        correlation = np.divide(covariance, scale, out=np.zeros(scale.shape), where=variance > 0)
        is_match[rows, columns] = correlation.astype(np.float32) >= np.float32(threshold)
    return is_match


def _spread(template: Image) -> float:
    """The template's size times the sum of its squared differences from its mean."""
    levels = template.astype(np.int64)
    return float(template.size * int((levels * levels).sum()) - int(levels.sum()) ** 2)


def _window_sums(values: Whole, height: int, width: int) -> Whole:
    """The sums of all windows of height x width values, from an integral image."""
    integral = np.zeros((values.shape[0] + 1, values.shape[1] + 1), np.int64)
    np.cumsum(values, axis=0, out=integral[1:, 1:])
    np.cumsum(integral, axis=1, out=integral)
    strips = integral[height:] - integral[:-height]
    return strips[:, width:] - strips[:, :-width]


def _products(image: Image, template: Image) -> Iterator[tuple[slice, slice, Whole]]:
    """Blocks of places, as rows and columns, and in each the sums of the products of the template's pixels and those
    under it.

    Products of spectra are sums of products of pixels. Of a large template the parts are transformed one by one, and
    their products added before they are transformed back.
    """
    size, part = zip(*(_lengths(*pair) for pair in zip(image.shape, template.shape, strict=True)), strict=True)
    parts = list(_blocks(template.shape, part))

    @lru_cache(KEPT_SPECTRA)
    def part_spectrum(number: int) -> Spectrum:
        return _spectrum(template[parts[number]], size).conj()

    step = (size[0] - part[0] + 1, size[1] - part[1] + 1)
    places = (image.shape[0] - template.shape[0] + 1, image.shape[1] - template.shape[1] + 1)
    for rows, columns in _blocks(places, step):
        spectrum = np.zeros((size[0], size[1] // 2 + 1), np.complex128)
        for number, (down, across) in enumerate(parts):
            top, left = rows.start + down.start, columns.start + across.start
            under = _spectrum(image[top : top + size[0], left : left + size[1]], size)
            under *= part_spectrum(number)
            spectrum += under
        products = np.fft.irfft2(spectrum, size)[: rows.stop - rows.start, : columns.stop - columns.start]
        yield rows, columns, np.rint(products).astype(np.int64)


def _lengths(length: int, template_length: int) -> tuple[int, int]:
    """Along one axis, the pixels that are transformed at a time and those of a part of the template."""
    size = min(TRANSFORM_SIZE, -(-length // 16) * 16)
    count = -(-2 * template_length // TRANSFORM_SIZE) if length > TRANSFORM_SIZE else 1
    return size, -(-template_length // count)


def _blocks(shape: tuple[int, ...], step: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Rectangles of at most `step` (h, w) that make up the shape, as rows and columns."""
    for top in range(0, shape[0], step[0]):
        for left in range(0, shape[1], step[1]):
            yield slice(top, min(top + step[0], shape[0])), slice(left, min(left + step[1], shape[1]))


def _spectrum(pixels: Image, size: tuple[int, ...]) -> Spectrum:
    return np.fft.rfft2(pixels.astype(np.float64), size)


def _suppress(is_match: Flags, width: int, height: int, iou_threshold: float) -> Flags:
    """Those of the matches (rows, columns) that stay: from the last on, each drops all before it whose boxes of
    width x height overlap its own by more than the threshold."""
    covered_x, covered_y = np.arange(width, 0, -1), np.arange(height, 0, -1)
    intersection = covered_y[:, None] * covered_x
    # As upstream does, the float32 IoU is compared with the threshold in double: 0.6 as float32 is above 0.6.
    overlaps = (intersection / (2 * width * height - intersection)).astype(np.float32) > np.float64(iou_threshold)
    overlaps[0, 0] = True  # itself, which is done
    reach_y, reach_x = int(overlaps.any(axis=1).sum()), int(overlaps.any(axis=0).sum())
    stays_open = ~overlaps[:reach_y, :reach_x]
    stays_open = np.concatenate([stays_open[:, :0:-1], stays_open], axis=1)[::-1]  # the rows before and its own
    open_matches, kept = is_match.copy(), np.zeros_like(is_match)
    count = 0
    for y in np.flatnonzero(is_match.any(axis=1))[::-1].tolist():
        while len(places := np.flatnonzero(open_matches[y])):
            x = int(places[-1])
            kept[y, x] = True
            count += 1
            _check_count(count)
            top, left = y - reach_y + 1, x - reach_x + 1
            area = open_matches[max(top, 0) : y + 1, max(left, 0) : x + reach_x]
            area &= stays_open[max(-top, 0) :, max(-left, 0) :][:, : area.shape[1]]
    return kept


def _check_count(count: int) -> None:
    if count > MAX_MATCHES:
        raise ValueError(f"The template matches in more than {MAX_MATCHES} places; raise the threshold")
