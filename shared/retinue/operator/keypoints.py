"""What the keypoints of a pose network are called, from packages and from Ultralytics' metadata."""

from typing import Any

from pydantic import PositiveInt

from retinue.errors import UnsupportedModel
from retinue.models.package import Keypoints
from retinue.operator.architectures import Architecture
from retinue.operator.graph import Graph
from retinue.operator.source import Source

# The 17 of COCO, for exports that leave them nameless; https://cocodataset.org/#format-data
_COCO_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
_COCO_EDGES = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
    (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
)  # fmt: skip


def packaged_keypoints(source: Source, class_names: tuple[str, ...], architecture: Architecture) -> Keypoints:
    """The keypoints that keypoints_metadata.json describes. Raises UnsupportedModel if it misses a class."""
    by_class = {
        index if entry.object_class_id is None else entry.object_class_id: entry
        for index, entry in enumerate(source.keypoints)
    }
    missing = [name for index, name in enumerate(class_names) if index not in by_class]
    if missing:
        raise UnsupportedModel(f"keypoints_metadata.json says nothing about {', '.join(missing)}")
    names = []
    for index in range(len(class_names)):
        slots = by_class[index].keypoints
        if sorted(slots) != list(range(len(slots))):
            raise UnsupportedModel(
                f"keypoints_metadata.json: slots {sorted(slots)}; 0 to {len(slots) - 1} are expected"
            )
        names.append(tuple(slots[slot] for slot in range(len(slots))))
    edges = {(edge.start, edge.end): None for index in range(len(class_names)) for edge in by_class[index].edges}
    return Keypoints(
        names=tuple(names),
        slots=max(map(len, names)),
        edges=tuple(edges),
        confidence=architecture.keypoint_confidence,
    )


def exported_keypoints(graph: Graph, class_names: tuple[str, ...]) -> Keypoints:
    """The keypoints that the metadata of an Ultralytics export describe: `kpt_shape`, and in newer ones `kpt_names`."""
    shape = graph.said("kpt_shape", tuple[PositiveInt, PositiveInt])
    if shape is None or shape[1] not in (2, 3):
        raise UnsupportedModel(
            f"{graph.path.name} has metadata kpt_shape {shape}; [keypoints, 2 or 3] is expected of a pose network"
        )
    slots, columns = shape
    is_coco = slots == len(_COCO_NAMES)
    plain = _COCO_NAMES if is_coco else tuple(map(str, range(slots)))
    said: dict[int, list[Any]] = graph.said("kpt_names", dict[int, list[Any]]) or {}
    names = tuple(tuple(map(str, said.get(index, plain))) for index in range(len(class_names)))
    if any(len(of_class) > slots for of_class in names):
        raise UnsupportedModel(f"{graph.path.name}: kpt_names has more names than the {slots} keypoints of kpt_shape")
    return Keypoints(names=names, slots=slots, columns=columns, edges=_COCO_EDGES if is_coco else ())
