"""The steps of a package before the resize: static crop, grayscale, contrast.

Each gives what upstream's new engine gives, in every pixel: a model was trained on pictures that went through the
same steps. Upstream computes them with OpenCV and scikit-image, which do not fit into the layer; their rounding (32-bit
floats, truncation) is kept here, so the order of the operations matters.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Contrast, Preprocessing, Step

Image = NDArray[np.uint8]
"""A picture (H, W, 3) uint8 RGB, or a part of one."""
Levels = NDArray[np.float32]
"""One channel (h, w) in 0..1."""

# The weights of OpenCV's grey: round(0.299, 0.587, 0.114 * 2^15).
GRAY_SHIFT = 15
RED_WEIGHT, GREEN_WEIGHT, BLUE_WEIGHT = 9798, 19235, 3735

BLOCK_PIXELS = 32768
"""Pixels that a step works on at a time: its arrays stay in the processor's cache, and small beside the picture."""

# Adaptive equalisation.
CLIP_LIMIT = 0.03
TILES_PER_AXIS = 8
BINS = 256
GRAY_LEVELS = 1 << 14
LEVELS_PER_BIN = 1 + GRAY_LEVELS // BINS
NEARLY_ZERO = np.float32(1e-6)  # far below 1/255, the least that is not zero; for divisors


def apply_steps(image: Image, preprocessing: Preprocessing, skipped: frozenset[Step]) -> tuple[Image, int, int]:
    """The picture after the package's steps but for the `skipped` ones, and where its left top corner was in `image`.

    A package without steps gets `image` itself, one with only a crop a view of it; `image` is never changed.
    """
    left = top = 0
    if preprocessing.static_crop is not None and "static-crop" not in skipped:
        image, left, top = static_crop(image, preprocessing.static_crop)
    if preprocessing.is_grayscale and "grayscale" not in skipped:
        image = to_grayscale(image)
    if preprocessing.contrast != "none" and "contrast" not in skipped:
        image = _CONTRASTS[preprocessing.contrast](image)
    return image, left, top


def static_crop(image: Image, percent_xyxy: tuple[float, float, float, float]) -> tuple[Image, int, int]:
    """The part between x_min, y_min, x_max, y_max percent of the picture (a view), and its left and top in pixels.

    Edges are truncated to whole pixels. Upstream fails where nothing is left (5 to 6 percent of 10 pixels), and counts
    a negative edge from the other side; here edges stay inside the picture, and a crop has at least one pixel.
    """
    x_min, y_min, x_max, y_max = percent_xyxy
    left, right = _edges(x_min, x_max, image.shape[1])
    top, bottom = _edges(y_min, y_max, image.shape[0])
    return image[top:bottom, left:right], left, top


def to_grayscale(image: Image) -> Image:
    """The luma of each pixel in all three channels (H, W, 3), equal to OpenCV's."""
    gray = np.empty_like(image)
    for rows in _row_blocks(image):
        level = image[rows, :, 0] * np.uint32(RED_WEIGHT)
        level += image[rows, :, 1] * np.uint32(GREEN_WEIGHT)
        level += image[rows, :, 2] * np.uint32(BLUE_WEIGHT)
        level += 1 << (GRAY_SHIFT - 1)
        level >>= GRAY_SHIFT
        gray[rows] = level[..., None]
    return gray


def stretch_contrast(image: Image) -> Image:
    """The picture with its 2nd percentile moved to 0 and its 98th to 255, over all channels together.

    Where both are the same level, the whole picture becomes that level.
    """
    counts = _count_levels(image)
    low, high = _percentile(counts, 0.02), _percentile(counts, 0.98)
    levels = np.clip(np.arange(256.0), low, high)
    if high > low:
        levels = (levels - low) / (high - low) * 255
    return _map_levels(image, levels)


def equalize_histogram(image: Image) -> Image:
    """The picture with levels spread by how frequent they are, over all channels together: colours are kept apart."""
    counts = _count_levels(image)
    levels = np.arange(256, dtype=np.float32) / 255
    present = counts > 0
    # 256 bins between the darkest and the brightest level that occur, which are rarely those of the levels themselves.
    histogram, edges = np.histogram(levels[present], bins=BINS, weights=counts[present])
    share = (histogram.cumsum() / histogram.sum()).astype(np.float32)
    centers = (edges[:-1] + edges[1:]) / 2
    return _map_levels(image, np.interp(levels, centers, share).astype(np.float32) * 255)


def equalize_adaptively(image: Image) -> Image:
    """The picture with its brightness (V of HSV) equalised tile by tile, but not its hue and saturation.

    This is CLAHE (Zuiderveld, Graphics Gems IV, 1994) with tiles of an eighth of each side, as scikit-image does it.
    """
    brightness = np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])
    bins = _bins_of(int(brightness.min()), int(brightness.max()))
    equalized = _equalize_tiles(_map_levels(brightness, bins))
    values = _unit_values(int(equalized.min()), int(equalized.max()))
    result = np.empty_like(image)
    for rows in _row_blocks(image):
        result[rows] = _with_brightness(image[rows], values[equalized[rows]])
    return result


_CONTRASTS: dict[Contrast, Callable[[Image], Image]] = {
    "contrast-stretching": stretch_contrast,
    "histogram-equalization": equalize_histogram,
    "adaptive-equalization": equalize_adaptively,
}


def _edges(low: float, high: float, size: int) -> tuple[int, int]:
    """The pixels between `low` and `high` percent of `size`: first, and last + 1."""
    first = min(max(int(low / 100 * size), 0), size - 1)
    return first, min(max(int(high / 100 * size), first + 1), size)


def _row_blocks(image: Image) -> Iterator[slice]:
    """Slices of whole rows, of about BLOCK_PIXELS each."""
    step = max(1, BLOCK_PIXELS // image.shape[1])
    return (slice(start, start + step) for start in range(0, image.shape[0], step))


def _count_levels(image: Image) -> NDArray[np.intp]:
    """How often each level occurs in any channel, (256,)."""
    counts = np.zeros(256, np.intp)
    for rows in _row_blocks(image):
        counts += np.bincount(image[rows].ravel(), minlength=256)
    return counts


def _percentile(counts: NDArray[np.intp], share: float) -> float:
    """The level below which `share` of the values lie, interpolated between the two nearest as np.percentile does."""
    position = (int(counts.sum()) - 1) * share
    before = int(position)
    # The values in order: number k is the first level up to which there are more than k.
    levels = np.searchsorted(counts.cumsum(), [before, before + 1], side="right")
    low, high = int(levels[0]), min(int(levels[1]), 255)
    weight = position - before
    return high - (high - low) * (1 - weight) if weight >= 0.5 else low + (high - low) * weight


def _map_levels(image: Image, levels: NDArray[Any]) -> Image:
    """The picture (any shape) with each level replaced by `levels` (256,), truncated; faster than indexing."""
    table = levels.astype(np.uint8).tobytes()
    return np.frombuffer(bytearray(image).translate(table), np.uint8).reshape(image.shape)


def _bins_of(darkest: int, brightest: int) -> NDArray[np.uint8]:
    """The bin of each level 0..255 (256,): the levels from darkest to brightest are spread over GRAY_LEVELS first."""
    levels = np.arange(256) * 257.0  # 16 bits
    low, high = darkest * 257.0, brightest * 257.0
    if high > low:
        levels = (np.clip(levels, low, high) - low) / (high - low) * (GRAY_LEVELS - 1)
    return (np.rint(np.clip(levels, 0, GRAY_LEVELS - 1)) // LEVELS_PER_BIN).astype(np.uint8)


def _equalize_tiles(bins: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The levels 0..GRAY_LEVELS - 1 of bins (H, W): each pixel between what the four nearest tiles make of its bin."""
    height, width = bins.shape
    tile_height, tile_width = (max(size // TILES_PER_AXIS, 1) for size in bins.shape)
    tables = _tile_tables(bins, tile_height, tile_width)
    result = np.empty((height, width), np.uint16)
    across = list(_cells(width, tile_width))
    for row, rows, down in _cells(height, tile_height):
        for column, columns, right in across:
            index = bins[rows, columns].astype(np.intp)
            level = np.zeros(index.shape, np.float32)
            for table, y, x in zip(
                tables[row : row + 2, column : column + 2].reshape(4, BINS),
                (1 - down, 1 - down, down, down),
                (1 - right, right, 1 - right, right),
                strict=True,
            ):
                level += (table[index] * (x * y[:, None])).astype(np.float32)
            result[rows, columns] = level
    return result


def _cells(size: int, tile: int) -> Iterator[tuple[int, slice, NDArray[np.float64]]]:
    """The stretches between the centres of neighbouring tiles: number, pixels, and the second tile's weight at each.

    The first ends at the first tile's centre, the last begins at the last one's.
    """
    offset = tile // 2
    for number, start in enumerate(range(-offset, size, tile)):
        pixels = np.arange(max(start, 0), min(start + tile, size))
        yield number, slice(int(pixels[0]), int(pixels[-1]) + 1), (pixels - start) / tile


def _tile_tables(bins: NDArray[np.uint8], tile_height: int, tile_width: int) -> NDArray[np.float64]:
    """The level that each tile gives to each bin: (tiles down + 2, tiles across + 2, BINS), whole numbers.

    The tiles at the border are there twice. Tiles beyond the picture see it mirrored at its last row and column.
    """
    height, width = bins.shape
    down, across = -(-height // tile_height), -(-width // tile_width)
    whole = np.pad(bins, ((0, down * tile_height - height), (0, across * tile_width - width)), "reflect")
    tile_pixels = tile_height * tile_width
    limit = max(int(CLIP_LIMIT * tile_pixels), 1)
    tables = np.empty((down, across, BINS))
    for row, strip in enumerate(np.split(whole, down)):
        for column, tile in enumerate(np.split(strip, across, axis=1)):
            counts = _limit_counts(np.bincount(tile.ravel(), minlength=BINS), limit)
            tables[row, column] = counts.cumsum()
    tables *= (GRAY_LEVELS - 1) / tile_pixels
    return np.pad(np.floor(np.minimum(tables, GRAY_LEVELS - 1)), ((1, 1), (1, 1), (0, 0)), "edge")


def _limit_counts(counts: NDArray[np.intp], limit: int) -> NDArray[np.intp]:
    """Counts (BINS,) of at most `limit`, with what was above it dealt out to the others."""
    spare = int(np.maximum(counts - limit, 0).sum())
    counts = np.minimum(counts, limit)
    # Everyone gets the same share first; whom it brings near the limit is filled up.
    share = spare // BINS
    is_open = counts < limit - share
    counts += share * is_open
    spare -= share * int(is_open.sum())
    is_near = (counts >= limit - share) & (counts < limit)
    spare -= int((limit - counts[is_near]).sum())
    counts[is_near] = limit
    return _deal_out(counts, limit, spare)


def _deal_out(counts: NDArray[np.intp], limit: int, spare: int) -> NDArray[np.intp]:
    """Counts with 1 more for every n-th bin below the limit, again from the next bin on, until nothing is spare."""
    while spare > 0 and (counts < limit).any():
        for first in range(BINS):
            is_open = counts < limit
            every = slice(first, None, max(1, int(is_open.sum()) // spare))
            counts[every] += is_open[every]
            spare -= int(is_open[every].sum())
            if spare <= 0:
                break
    return counts


def _unit_values(darkest: int, brightest: int) -> NDArray[np.float32]:
    """V in 0..1 of each level 0..GRAY_LEVELS - 1: darkest becomes 0, brightest 1. One level alone is 0 or 1."""
    levels = np.arange(GRAY_LEVELS, dtype=np.float32)
    if brightest == darkest:
        return np.minimum(levels, 1)
    return (levels - np.float32(darkest)) / np.float32(brightest - darkest)


def _with_brightness(image: Image, value: Levels) -> Image:
    """The picture with V replaced by `value` (h, w) in 0..1: to HSV and back in 32-bit floats, as scikit-image does.

    Upstream hands over BGR pictures as if they were RGB. The colours come out the same, but not the last bits.
    """
    blue, green, red = (image[..., channel].astype(np.float32) / np.float32(255) for channel in (2, 1, 0))
    brightest = np.maximum(np.maximum(blue, green), red)
    spread = brightest - np.minimum(np.minimum(blue, green), red)
    saturation = spread / np.maximum(brightest, NEARLY_ZERO)
    sector, rest = _hue(blue, green, red, brightest, spread)
    # One channel is V, one V * (1 - S), and the third comes nearer to V in even sectors, and falls off in odd ones.
    between = np.abs((~sector & 1) - rest)
    high, middle, low = (
        (level * 255).astype(np.uint8)
        for level in (value, value * (1 - between * saturation), value * (1 - saturation))
    )
    in_sector = [sector == number for number in range(6)]
    result = np.empty_like(image)
    for channel, peak in ((2, 0), (1, 2), (0, 4)):
        is_high = in_sector[peak] | in_sector[peak - 1]
        is_low = in_sector[(peak + 2) % 6] | in_sector[(peak + 3) % 6]
        # Differences may wrap around, sums do not.
        result[..., channel] = middle + is_high * (high - middle) + is_low * (low - middle)
    return result


def _hue(
    first: Levels, second: Levels, third: Levels, brightest: Levels, spread: Levels
) -> tuple[NDArray[np.uint8], Levels]:
    """The sector 0..5 of the hue circle, on which the channels lie at 0, 2 and 4, and how far into it, 0..1."""
    is_third = third == brightest
    is_second = (second == brightest) & ~is_third
    is_first = ~(is_second | is_third)
    # Masks are factors here and below: np.where takes several times as long.
    hue = is_first * (second - third) + is_second * (third - first) + is_third * (first - second)
    hue /= np.maximum(spread, NEARLY_ZERO)
    hue += is_second * np.float32(2)
    hue += is_third * np.float32(4)
    hue /= 6
    hue += hue < 0
    hue *= 6
    sector = np.floor(hue)
    return sector.astype(np.uint8), hue - sector
