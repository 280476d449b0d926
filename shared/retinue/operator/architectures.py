"""What the name of an architecture in a Roboflow package implies (contract/models.md 1.5, 3)."""

from dataclasses import dataclass, replace

from retinue.errors import UnsupportedModel
from retinue.models.package import Family

_UNBUILT = ("yolact", "yololite", "owl", "florence", "paligemma", "sam", "clip")

_UNBUILT_RF_DETR_TASKS = ("keypoint-detection", "semantic-segmentation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """families: those whose layout its graphs have, the likeliest first; empty: the shapes decide."""

    name: str = ""
    families: tuple[Family, ...] = ()
    is_yolo: bool = False
    is_inclusive: bool = False
    mask_threshold: str = "probability"
    default_confidence: float = 0.4
    keypoint_confidence: float = 0.0


_V8 = Architecture(families=("yolov8",), is_yolo=True)
_V5 = Architecture(families=("yolov5",), is_yolo=True, mask_threshold="logit")
# The longest prefix of a name counts.
_BY_PREFIX: dict[str, Architecture] = {
    "yolov5": _V5,
    "yolov7": _V5,
    "yolov8": _V8,
    "yolov9": _V8,
    "yolov11": _V8,
    "yolov12": _V8,
    "yolov10": Architecture(families=("end-to-end",), is_yolo=True),
    "yolo26": Architecture(
        families=("end-to-end",),
        is_yolo=True,
        is_inclusive=True,
        mask_threshold="logit",
        default_confidence=0.25,
        keypoint_confidence=0.3,
    ),
    "yolox": Architecture(families=("yolox",), is_yolo=True),
    "yolonas": Architecture(families=("yolonas",), is_yolo=True),
    "yolo_nas": Architecture(families=("yolonas",), is_yolo=True),
    "rfdetr": Architecture(families=("detr",)),
    "dinov3": Architecture(families=("classifier",)),
    "deep": Architecture(families=("semantic",), default_confidence=0.5),
}
# What a package means that names no architecture.
_BY_TASK = {
    "object-detection": "yolov5",
    "instance-segmentation": "yolact",
    "classification": "vit",
    "keypoint-detection": "yolov8",
}


def architecture_of(name: str | None, task: str | None) -> Architecture:
    """What `name` implies; of an unknown one nothing. Raises UnsupportedModel for architectures that are not built."""
    name = name if name and name != "ort" else _BY_TASK.get(str(task), "")
    if name.startswith(_UNBUILT) or (name.startswith("rfdetr") and task in _UNBUILT_RF_DETR_TASKS):
        raise UnsupportedModel(f"architecture {name!r} for {task} is not built; README.md lists the families")
    prefixes = [prefix for prefix in _BY_PREFIX if name.startswith(prefix)]
    found = replace(_BY_PREFIX[max(prefixes, key=len)] if prefixes else Architecture(), name=name)
    if found.name.startswith("dinov3") and task == "multi-label-classification":
        return replace(found, default_confidence=0.5)
    return found
