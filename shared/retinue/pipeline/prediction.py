"""What a model says about a picture: parallel arrays, in pixels of the picture."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """n objects, best first.

    xyxy (n, 4) float32 in pixels of the picture; confidence (n,) float32 in 0..1; class_id (n,) int64.
    polygons: for instance segmentation one (k, 2) float32 array of x, y each, else empty.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    polygons: list[NDArray[np.float32]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.confidence)

    def select(self, indices: NDArray[np.intp]) -> "Detections":
        """The detections at `indices`, in that order."""
        return Detections(
            xyxy=self.xyxy[indices],
            confidence=self.confidence[indices],
            class_id=self.class_id[indices],
            polygons=[self.polygons[index] for index in indices] if self.polygons else [],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The classes that pass the threshold, best first: class_id (k,) int64, confidence (k,) float64 rounded to 4
    digits."""

    class_id: NDArray[np.int64]
    confidence: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The answer for one picture of image_width x image_height pixels."""

    task: Task
    image_width: int
    image_height: int
    class_names: tuple[str, ...]
    detections: Detections | None = None
    classification: Classification | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What of the raw outputs becomes an answer.

    confidence: a number, or "best" (per class, where the package has them) or "default" (the package's own).
    class_filter: names of the classes to keep, applied last; None keeps all.
    """

    confidence: float | str = 0.4
    iou_threshold: float = 0.3
    max_detections: int = 300
    is_class_agnostic: bool = False
    class_filter: frozenset[str] | None = None
