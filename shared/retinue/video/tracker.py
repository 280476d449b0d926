"""Objects followed from frame to frame.

The method is that of ByteTrack (Zhang et al., ECCV 2022, https://arxiv.org/abs/2110.06864): confident detections are
matched with the tracks first, the others then only continue tracks that are left over, so an object that is half
hidden for a moment keeps its number. Tracks move by a Kalman filter of constant velocity (as in SORT, Bewley et al.,
2016, https://arxiv.org/abs/1602.00763), here in seconds, so that it does not matter how many frames a second there are.
Written anew from the papers; numpy only.

An object must overlap itself between two frames that are asked about: fast ones need a higher infer_fps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinue.video.assignment import best_pairs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Noise in units of the object's own size (mean of width and height): a detector's boxes are off by about a twentieth;
# the motion between frames wanders by as much in a 30th of a second; velocity changes by its size a second each second;
# and a new object may move by twice its size a second. ByteTrack's own figures, turned from frames into seconds.
_MEASURED = 0.05
_WANDERS_PER_S = 0.075
_ACCELERATES = 1.0
_FIRST_VELOCITY = 2.0
# Doubtful detections continue a track only where they overlap it clearly.
_DOUBTFUL_IOU = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOptions:
    """How objects are followed.

    activation: confidence from which a detection begins a track. min_iou: overlap with where a track should be that
    makes a detection part of it. memory_s: how long an object may be out of sight. is_class_agnostic: whether the class
    of an object may change.
    """

    activation: float = 0.25
    min_iou: float = 0.2
    memory_s: float = 2.0
    is_class_agnostic: bool = False


class _Tracks:
    """n objects as parallel arrays.

    place and velocity (n, 4): centre x, centre y, width, height in pixels, and pixels a second. var, cov, var_v (n, 4):
    their variances and covariance; the four are independent of each other, so no matrices are needed.
    """

    def __init__(self) -> None:
        self.number: Ints = np.empty(0, np.int64)
        self.class_id: Ints = np.empty(0, np.int64)
        self.times_seen: Ints = np.empty(0, np.int64)
        self.seen_s: Floats = np.empty(0)
        self.is_lost: NDArray[np.bool_] = np.empty(0, bool)
        self.place, self.velocity = np.empty((0, 4)), np.empty((0, 4))
        self.var, self.cov, self.var_v = np.empty((0, 4)), np.empty((0, 4)), np.empty((0, 4))

    def predict(self, elapsed_s: float) -> None:
        """Moves all of them on."""
        noise = (_ACCELERATES * _size(self.place)) ** 2
        self.place = self.place + self.velocity * elapsed_s
        self.place[:, 2:] = np.maximum(self.place[:, 2:], 1.0)
        wandered = _WANDERS_PER_S * elapsed_s * _size(self.place) ** 2
        self.var = self.var + 2 * elapsed_s * self.cov + elapsed_s**2 * self.var_v + noise * elapsed_s**3 / 3 + wandered
        self.cov = self.cov + elapsed_s * self.var_v + noise * elapsed_s**2 / 2
        self.var_v = self.var_v + noise * elapsed_s

    def measure(self, tracks: Ints, boxes: Floats, class_id: Ints, time_s: float) -> None:
        """Corrects `tracks` (k,) by what was seen of them: boxes (k, 4) as `place`."""
        measured = (_MEASURED * _size(boxes)) ** 2
        total = self.var[tracks] + measured
        gain, gain_v = self.var[tracks] / total, self.cov[tracks] / total
        off = boxes - self.place[tracks]
        self.place[tracks] += gain * off
        self.velocity[tracks] += gain_v * off
        self.var_v[tracks] -= gain_v * self.cov[tracks]
        self.cov[tracks] *= 1 - gain
        self.var[tracks] *= 1 - gain
        self.class_id[tracks], self.seen_s[tracks], self.is_lost[tracks] = class_id, time_s, False
        self.times_seen[tracks] += 1

    def add(self, number: Ints, boxes: Floats, class_id: Ints, time_s: float) -> None:
        """Begins tracks."""
        count, size = len(number), _size(boxes)
        self.number = np.concatenate([self.number, number])
        self.class_id = np.concatenate([self.class_id, class_id])
        self.times_seen = np.concatenate([self.times_seen, np.ones(count, np.int64)])
        self.seen_s = np.concatenate([self.seen_s, np.full(count, time_s)])
        self.is_lost = np.concatenate([self.is_lost, np.zeros(count, bool)])
        self.place = np.concatenate([self.place, boxes])
        self.velocity = np.concatenate([self.velocity, np.zeros((count, 4))])
        self.var = np.concatenate([self.var, np.repeat((_MEASURED * size) ** 2, 4, axis=1)])
        self.cov = np.concatenate([self.cov, np.zeros((count, 4))])
        self.var_v = np.concatenate([self.var_v, np.repeat((_FIRST_VELOCITY * size) ** 2, 4, axis=1)])

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Forgets the others."""
        for name, values in vars(self).items():
            setattr(self, name, values[kept])


class Tracker:
    """Numbers the objects of a video, from 1 in the order of their appearance. Its frames come in order of time."""

    def __init__(self, options: TrackOptions | None = None) -> None:
        self._options = options or TrackOptions()
        self._tracks = _Tracks()
        self._time_s: float | None = None
        self._next = 1

    def update(self, time_s: float, xyxy: Floats, confidence: Floats, class_id: Ints) -> Ints:
        """The numbers of the detections of the frame at `time_s`; 0 for those that belong to no object.

        xyxy (n, 4) in pixels, confidence (n,), class_id (n,). A function of all calls so far, and of nothing else.
        """
        options, tracks = self._options, self._tracks
        tracks.predict(time_s - (self._time_s if self._time_s is not None else time_s))
        self._time_s = time_s
        boxes = _centre_size(xyxy)
        numbers = np.zeros(len(boxes), np.int64)
        is_open = np.ones(len(tracks.number), bool)
        is_confident = confidence >= options.activation

        def match(candidates: NDArray[np.bool_], detections: NDArray[np.bool_], min_iou: float) -> None:
            rows, columns = np.flatnonzero(candidates), np.flatnonzero(detections)
            cost = 1 - self._overlaps(rows, xyxy[columns], class_id[columns])
            pairs = np.array(best_pairs(cost, 1 - min_iou), np.int64).reshape(-1, 2)
            found, seen = rows[pairs[:, 0]], columns[pairs[:, 1]]
            tracks.measure(found, boxes[seen], class_id[seen], time_s)
            numbers[seen] = tracks.number[found]
            is_open[found] = False

        is_known = tracks.times_seen > 1
        match(is_open & is_known, is_confident, options.min_iou)
        match(is_open & is_known & ~tracks.is_lost, ~is_confident, _DOUBTFUL_IOU)
        # Tracks that were seen once come last: they may have been a mistake of the detector.
        match(is_open & ~is_known, is_confident & (numbers == 0), options.min_iou)
        tracks.is_lost |= is_open
        is_remembered = time_s - tracks.seen_s <= options.memory_s
        tracks.keep(~tracks.is_lost | (is_remembered & (tracks.times_seen > 1)))
        self._begin(np.flatnonzero(is_confident & (numbers == 0)), boxes, class_id, numbers, time_s)
        return numbers

    def _begin(self, new: NDArray[np.intp], boxes: Floats, class_id: Ints, numbers: Ints, time_s: float) -> None:
        numbers[new] = np.arange(self._next, self._next + len(new))
        self._next += len(new)
        self._tracks.add(numbers[new], boxes[new], class_id[new], time_s)

    def _overlaps(self, rows: NDArray[np.intp], xyxy: Floats, class_id: Ints) -> Floats:
        """IoU of where tracks should be with boxes (k, 4): (rows, k); 0 for another class, where that counts."""
        place = self._tracks.place[rows]
        half = place[:, 2:] / 2
        left_top, right_bottom = place[:, :2] - half, place[:, :2] + half
        shared = np.minimum(right_bottom[:, None], xyxy[None, :, 2:]) - np.maximum(left_top[:, None], xyxy[None, :, :2])
        both = np.prod(np.maximum(shared, 0), axis=2)
        areas = np.prod(place[:, 2:], axis=1)[:, None] + np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1)[None]
        iou = both / np.maximum(areas - both, 1e-9)
        if self._options.is_class_agnostic:
            return iou
        return np.where(self._tracks.class_id[rows][:, None] == class_id[None], iou, 0.0)


def _centre_size(xyxy: Floats) -> Floats:
    """(n, 4) corners as centre x, centre y, width, height."""
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def _size(boxes: Floats) -> Floats:
    """Mean of width and height (n, 1), at least a pixel."""
    return np.maximum(boxes[:, 2:].mean(axis=1, keepdims=True), 1.0)
