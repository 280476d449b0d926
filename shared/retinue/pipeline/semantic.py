"""Semantic segmentation: from a map of logits per class to a class for each pixel of the picture."""

import numpy as np
from numpy.typing import NDArray

from retinue.pipeline.geometry import Placement
from retinue.pipeline.interpolation import resize_weights
from retinue.pipeline.masks import Raster
from retinue.pipeline.prediction import MaskOptions, Segmentation

# Values of all classes that are held at a time: rows of the picture are done in bands of this size.
_BAND_VALUES = 4_000_000


def segment(
    logits: NDArray[np.float32],
    placement: Placement,
    limits: NDArray[np.float32],
    *,
    background: int | None,
    is_activated: bool = False,
) -> Segmentation:
    """The most likely class of each pixel.

    logits (maps, h, w): freed of the padding, resized with anti-aliasing to the picture (or its static crop), then
    turned into probabilities by softmax, unless they are that already; a single map is the sigmoid of the foreground.
    limits (classes,): pixels below the threshold of their class become `background` with confidence 0, and so does what
    the crop leaves out; without a background class every pixel keeps its class. Where there is one class more than
    maps, the background has none. Source: contract/models.md 3.9.
    """
    raster = Raster.of((logits.shape[2], logits.shape[1]), placement, MaskOptions())
    values = _without_padding(logits, raster)
    rows = resize_weights(raster.rows, raster.part_height)
    columns = resize_weights(raster.columns, raster.part_width)
    class_of_map = np.arange(len(limits))
    if background is not None and len(limits) == len(logits) + 1:
        class_of_map = np.delete(class_of_map, background)
    class_id = np.full((raster.height, raster.width), background or 0, np.uint8)
    confidence = np.zeros((raster.height, raster.width), np.uint8)
    band = max(1, _BAND_VALUES // (len(logits) * raster.part_width))
    for start in range(0, raster.part_height, band):
        part = rows[start : start + band]
        touched = np.flatnonzero(part.any(axis=0))
        y = slice(int(touched[0]), int(touched[-1]) + 1)
        best, probability = _best(part[:, y] @ (values[:, y] @ columns.T), is_activated)
        ids = class_of_map[best]
        if background is not None:
            is_below = probability < limits[ids]
            ids[is_below], probability[is_below] = background, 0
        place = np.s_[
            raster.top + start : raster.top + start + len(part), raster.left : raster.left + raster.part_width
        ]
        class_id[place] = ids
        confidence[place] = probability * np.float32(255)
    return Segmentation(class_id=class_id, confidence=confidence)


def _without_padding(logits: NDArray[np.float32], raster: Raster) -> NDArray[np.float32]:
    """The part of the maps that holds the picture; where a centre crop cut the picture, zeros stand for the rest."""
    _, height, width = logits.shape
    top, left = raster.first_row, raster.first_column
    bottom, right = top + raster.rows, left + raster.columns
    inner = logits[:, max(0, top) : bottom, max(0, left) : right]
    missing = ((0, 0), (max(0, -top), max(0, bottom - height)), (max(0, -left), max(0, right - width)))
    return np.pad(inner, missing) if np.any(missing) else inner


def _best(values: NDArray[np.float32], is_activated: bool) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Index of the best map for each pixel, and its probability. values (maps, h, w)."""
    best = values.argmax(axis=0)
    highest = values.max(axis=0)
    if is_activated:
        return best, highest
    if len(values) == 1:
        return best, 1 / (1 + np.exp(-highest))
    return best, 1 / np.exp(values - highest).sum(axis=0)
