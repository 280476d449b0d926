"""What a model says about a picture: parallel arrays, in pixels of the picture."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Task


@dataclass(frozen=True, slots=True)
class Mask:
    """A binary mask of a picture of width x height: `patch` (h, w) at column left and row top, False elsewhere."""

    patch: NDArray[np.bool_]
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """n objects, best first.

    xyxy (n, 4) float32 in pixels of the picture; confidence (n,) float32 in 0..1; class_id (n,) int64.
    polygons: for instance segmentation one (k, 2) float32 array of x, y each, else empty.
    masks: in place of polygons where run lengths were asked for.
    keypoints (n, slots, 3) float32: x, y in pixels of the picture, confidence; is_keypoint_shown (n, slots): those
    that the class has and that pass the threshold. None without keypoints.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    polygons: list[NDArray[np.float32]] = field(default_factory=list)
    masks: list[Mask] = field(default_factory=list)
    keypoints: NDArray[np.float32] | None = None
    is_keypoint_shown: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.confidence)

    def select(self, indices: NDArray[np.intp]) -> "Detections":
        """The detections at `indices`, in that order."""
        return Detections(
            xyxy=self.xyxy[indices],
            confidence=self.confidence[indices],
            class_id=self.class_id[indices],
            polygons=[self.polygons[index] for index in indices] if self.polygons else [],
            masks=[self.masks[index] for index in indices] if self.masks else [],
            keypoints=None if self.keypoints is None else self.keypoints[indices],
            is_keypoint_shown=None if self.is_keypoint_shown is None else self.is_keypoint_shown[indices],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The classes that pass the threshold, best first: class_id (k,) int64, confidence (k,) float64 rounded to 4
    digits."""

    class_id: NDArray[np.int64]
    confidence: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Multi-label classification: confidence (classes,) float64 of every class, is_predicted (classes,) bool."""

    confidence: NDArray[np.float64]
    is_predicted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """A class for each pixel: class_id (H, W) uint8, confidence (H, W) uint8 in 0..255."""

    class_id: NDArray[np.uint8]
    confidence: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskGrid:
    """The grid of width x height cells on which a reduced answer gives its boxes and points."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The answer for one picture of image_width x image_height pixels."""

    task: Task
    image_width: int
    image_height: int
    class_names: tuple[str, ...]
    detections: Detections | None = None
    classification: Classification | None = None
    labels: Labels | None = None
    segmentation: Segmentation | None = None
    keypoint_names: tuple[tuple[str, ...], ...] = ()  # per class
    keypoint_edges: tuple[tuple[int, int], ...] = ()
    mask_grid: MaskGrid | None = None  # boxes and points lie on it, where the request allows that


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskOptions:
    """How instance masks are made.

    decode_mode: "accurate" at the picture's resolution, "fast" at that of the network's masks, "tradeoff" between
    (tradeoff_factor 0 is fast, 1 is accurate). is_reduced: answers stay on the grid that was decoded.
    """

    form: Literal["polygon", "rle"] = "polygon"
    decode_mode: Literal["accurate", "tradeoff", "fast"] = "accurate"
    tradeoff_factor: float = 0.0
    is_reduced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What of the raw outputs becomes an answer.

    confidence: a number, or "best" (per class, where the package has them) or "default" (the package's own).
    class_filter: names of the classes to keep, applied last; None keeps all.
    keypoint_confidence: what a keypoint must reach; None: what the package says.
    """

    confidence: float | str = 0.4
    iou_threshold: float = 0.3
    max_detections: int = 300
    is_class_agnostic: bool = False
    class_filter: frozenset[str] | None = None
    keypoint_confidence: float | None = None
    masks: MaskOptions = MaskOptions()
