"""Objects followed through the answers to a video's frames: `tracker_id` on each prediction that belongs to one.

Works on the answers as they are written, after the inference: a job that goes on after a pause has nothing to restore.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from retinue.video.tracker import Tracker, TrackOptions

_BOX = ("x", "y", "width", "height", "confidence", "class")


class Follower:
    """Follows what each model, and each output of a workflow, finds; each has its own numbers, from 1."""

    def __init__(self, options: TrackOptions) -> None:
        self._options = options
        self._trackers: dict[str, Tracker] = {}
        self._class_ids: dict[str, int] = {}

    def follow(self, line: Mapping[str, Any]) -> None:
        """Adds `tracker_id` to the predictions of one frame's line. Lines come in the order of their frames."""
        time_s = line["source"]["time_offset_s"]
        for name, predictions in _boxes_of(line):
            tracker = self._trackers.setdefault(name, Tracker(self._options))
            boxes = np.array([[box[key] for key in _BOX[:4]] for box in predictions], np.float64).reshape(-1, 4)
            half = boxes[:, 2:] / 2
            numbers = tracker.update(
                time_s,
                np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1),
                np.array([box["confidence"] for box in predictions], np.float64),
                np.array([self._class_id(box["class"]) for box in predictions], np.int64),
            )
            for box, number in zip(predictions, numbers.tolist(), strict=True):
                if number:
                    box["tracker_id"] = number

    def _class_id(self, name: str) -> int:
        return self._class_ids.setdefault(name, len(self._class_ids))


def _boxes_of(line: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Who found something, and the boxes: of models by id, of a workflow by the name of its output."""
    for name, answer in line.get("results", {}).items():
        yield from _boxes_in(f"model {name}", answer)
    result = line.get("result")
    if isinstance(result, dict):
        yield from _boxes_in("result", result)
        for output in result.get("outputs", ()):
            for name, value in output.items():
                yield from _boxes_in(f"output {name}", value)


def _boxes_in(name: str, answer: Any) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    predictions = answer.get("predictions") if isinstance(answer, dict) else None
    if isinstance(predictions, list) and all(_is_box(item) for item in predictions):
        yield name, predictions


def _is_box(item: Any) -> bool:
    return isinstance(item, dict) and all(key in item for key in _BOX)
