"""Runs the exported files with onnxruntime, numpy and Pillow alone: a second opinion on what Retinue itself answers.

Coordinates are pixels; images are RGB, uint8, (height, width, 3).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
ImageArray = NDArray[np.uint8]

IMAGENET_MEAN = np.array((0.485, 0.456, 0.406), dtype=np.float32)
IMAGENET_DEVIATION = np.array((0.229, 0.224, 0.225), dtype=np.float32)


@dataclass(frozen=True)
class Found:
    """n objects, best first: `xyxy` (n, 4) in image pixels, `confidence` (n,), `masks` (n, height, width) or None."""

    xyxy: FloatArray
    confidence: FloatArray
    masks: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Letterboxed:
    """An image inside the network's square: `tensor` (1, 3, size, size) in 0..1, and where the image lies in it."""

    tensor: FloatArray
    scale: float
    left: int
    top: int
    width: int
    height: int


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Return a CPU session of the file."""
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def resize_linear(array: NDArray[np.generic], width: int, height: int) -> FloatArray:
    """Return (height, width, ...) with two taps per axis at half-pixel centres, never filtered: as OpenCV's linear."""
    result = array.astype(np.float32)
    for axis, size in ((0, height), (1, width)):
        count = result.shape[axis]
        centre = (np.arange(size, dtype=np.float32) + 0.5) * (count / size) - 0.5
        low = np.floor(centre).astype(int)
        share = (centre - low).reshape([-1 if at == axis else 1 for at in range(result.ndim)]).astype(np.float32)
        first = np.take(result, np.clip(low, 0, count - 1), axis)
        result = first * (1 - share) + np.take(result, np.clip(low + 1, 0, count - 1), axis) * share
    return result


def letterbox(image: ImageArray, size: int, padding: int) -> Letterboxed:
    """Return the image scaled to fit a square of `size`, centred, the rest filled with the grey `padding`."""
    height, width = image.shape[:2]
    scale = min(size / width, size / height)
    inner_width, inner_height = int(width * scale), int(height * scale)
    left, top = (size - inner_width) // 2, (size - inner_height) // 2
    canvas = np.full((size, size, 3), padding, dtype=np.float32)
    canvas[top : top + inner_height, left : left + inner_width] = np.rint(
        resize_linear(image, inner_width, inner_height)
    )
    tensor = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None] / 255, dtype=np.float32)
    return Letterboxed(tensor, scale, left, top, inner_width, inner_height)


def iou(box: FloatArray, others: FloatArray) -> FloatArray:
    """Return the (n,) IoU of one box xyxy (4,) with `others` (n, 4)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.clip(sides, 0, None).prod(1)
    areas = (others[:, 2:] - others[:, :2]).prod(1) + (box[2:] - box[:2]).prod() - shared
    result: FloatArray = shared / areas
    return result


def suppress(xyxy: FloatArray, confidence: FloatArray, iou_threshold: float) -> NDArray[np.int64]:
    """Return the rows that survive non-maximum suppression of one class, best first."""
    remaining, kept = np.argsort(-confidence, kind="stable"), []
    while len(remaining):
        best, rest = remaining[0], remaining[1:]
        kept.append(best)
        remaining = rest[iou(xyxy[best], xyxy[rest]) <= iou_threshold]
    return np.array(kept, dtype=np.int64)


def find(
    session: onnxruntime.InferenceSession, image: ImageArray, *, padding: int, confidence: float, iou_threshold: float
) -> Found:
    """Return the coins in `image` by a detector or an outliner in the YOLOv8 layout with one class."""
    node = session.get_inputs()[0]
    boxed = letterbox(image, node.shape[2], padding)
    outputs = session.run(None, {node.name: boxed.tensor})
    rows = outputs[0][0].T
    rows = rows[rows[:, 4] > confidence]
    corners = np.concatenate((rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2), 1)
    rows_kept = suppress(corners, rows[:, 4], iou_threshold)
    rows, corners = rows[rows_kept], corners[rows_kept]
    offset = np.array([boxed.left, boxed.top] * 2, dtype=np.float32)
    limits = np.array([image.shape[1], image.shape[0]] * 2, dtype=np.float32)
    xyxy = np.clip((corners - offset) / boxed.scale, 0, limits).astype(np.float32)
    masks = masks_of(rows[:, 5:], outputs[1][0], xyxy, boxed, image.shape[:2]) if len(outputs) > 1 else None
    return Found(xyxy, rows[:, 4], masks)


def masks_of(
    coefficients: FloatArray, prototypes: FloatArray, xyxy: FloatArray, boxed: Letterboxed, size: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Return (n, height, width) filled outlines: sigmoid of coefficients times prototypes above 0.5, in the box."""
    masks = np.zeros((len(coefficients), *size[:2]), dtype=bool)
    grid = boxed.tensor.shape[-1] // prototypes.shape[-1]
    for mask, weights, (left, top, right, bottom) in zip(masks, coefficients, xyxy, strict=True):
        coverage = 1 / (1 + np.exp(-np.tensordot(weights, prototypes, 1)))
        full = resize_linear(coverage, coverage.shape[1] * grid, coverage.shape[0] * grid)
        inner = full[boxed.top : boxed.top + boxed.height, boxed.left : boxed.left + boxed.width]
        rows, columns = slice(int(top), int(np.ceil(bottom))), slice(int(left), int(np.ceil(right)))
        mask[rows, columns] = resize_linear(inner, size[1], size[0])[rows, columns] > 0.5
    return masks


def classify(session: onnxruntime.InferenceSession, image: ImageArray) -> FloatArray:
    """Return the (classes,) probabilities of an image by a network that gives logits and wants ImageNet's scale."""
    node = session.get_inputs()[0]
    stretched = resize_linear(image, node.shape[3], node.shape[2]) / 255
    tensor = ((stretched - IMAGENET_MEAN) / IMAGENET_DEVIATION).transpose(2, 0, 1)[None].astype(np.float32)
    (logits,) = session.run(None, {node.name: tensor})
    exponents = np.exp(logits[0] - logits[0].max())
    result: FloatArray = exponents / exponents.sum()
    return result
