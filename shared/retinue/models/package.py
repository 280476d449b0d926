"""A published model as the service sees it: the manifest of a package.

`retinue publish` reads the layouts that people bring, finds out what the graph is, measures it, and writes
`manifest.json` last; a version exists once its manifest does. Everything here is immutable.
"""

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

import orjson

from retinue.errors import InvalidModelId, PackageCorrupt

MANIFEST_FORMAT = 1

Task = Literal[
    "object-detection",
    "instance-segmentation",
    "keypoint-detection",
    "classification",
    "multi-label-classification",
    "semantic-segmentation",
]
Family = Literal["yolov8", "yolov5", "yolox", "yolonas", "end-to-end", "detr", "boxes", "classifier", "semantic"]
# Whose rules of resizing, suppression, masks and rounding: upstream's new engine, or the framework of a bare export.
Convention = Literal["roboflow", "native"]
ResizeMode = Literal["stretch", "letterbox", "corner-letterbox", "center-crop", "shorter-side-crop"]
Interpolation = Literal["linear", "filtered-linear", "filtered-cubic"]
Contrast = Literal["none", "contrast-stretching", "histogram-equalization", "adaptive-equalization"]
Step = Literal["static-crop", "contrast", "grayscale"]

# The first path segments of routes: neither a project nor a workspace of that name could be reached.
RESERVED_PROJECTS = frozenset({"detect", "classify", "outline", "infer", "model", "workflows", "jobs", "uploads"})
_SEGMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,99}")


@dataclass(frozen=True, slots=True)
class ModelId:
    """`project/version`, where the version may be an alias such as `latest`."""

    project: str
    version: str

    def __str__(self) -> str:
        return f"{self.project}/{self.version}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The id in `text`. Raises InvalidModelId for anything but two plain segments (no `..`, no escapes)."""
        parts = text.split("/")
        if len(parts) != 2 or not all(_SEGMENT.fullmatch(part) for part in parts):
            raise InvalidModelId(f"invalid model id {text[:120]!r}", public="Invalid Model ID sent in request.")
        return cls(*parts)

    @property
    def folder(self) -> str:
        """The package's folder in the models bucket, with a trailing slash."""
        return f"models/{self.project}/{self.version}/"


def alias_object(model_id: ModelId) -> str:
    """The S3 key of the object that says which version an alias means."""
    return f"aliases/{model_id.project}/{model_id.version}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInput:
    """The input tensor: NCHW, 3 channels, height x width or, with a stride, any multiple of it up to that."""

    name: str
    height: int
    width: int
    batch: int | None  # None: any number of images in one run
    stride: int | None = None  # None: only height x width
    dtype: Literal["float32", "float16"] = "float32"
    picture_size_name: str = ""  # second input of DETR exports: (batch, 2) int64, the picture's width and height


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """From picture to tensor: crop, grayscale, contrast, resize, pad, then (pixel / scaling_factor - mean) / std.

    static_crop: x_min, y_min, x_max, y_max in percent of the picture. first_size_wh: the resize makes a frame of this
    size, and the frame is then stretched to the network's input (RF-DETR). crop_fraction: the share of the shorter
    side that "shorter-side-crop" keeps.
    """

    resize_mode: ResizeMode
    interpolation: Interpolation = "linear"
    static_crop: tuple[float, float, float, float] | None = None
    is_grayscale: bool = False
    contrast: Contrast = "none"
    first_size_wh: tuple[int, int] | None = None
    crop_fraction: float = 1.0
    padding_value: int = 0
    color_mode: Literal["rgb", "bgr"] = "rgb"
    scaling_factor: float = 255.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keypoints:
    """What the keypoint columns of a pose network mean.

    names: per class the names of its keypoints, in slot order; slots: keypoints in the output, at least the longest
    of these; columns: 3 with a confidence, 2 without; edges: pairs of slots that a drawing joins.
    """

    names: tuple[tuple[str, ...], ...]
    slots: int
    columns: int = 3
    edges: tuple[tuple[int, int], ...] = ()
    confidence: float = 0.0  # what a request that says nothing asks of a keypoint


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFile:
    """A file of the package. `part_sha256` are the digests of its parts of `part_bytes` each, in order."""

    name: str
    size_bytes: int
    sha256: str
    part_bytes: int
    part_sha256: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that serving a model needs to know, and what publishing measured."""

    model_id: str
    task: Task
    family: Family
    convention: Convention
    recognised: str  # why the family was chosen, for people
    class_names: tuple[str, ...]
    network_input: NetworkInput
    preprocessing: Preprocessing
    weights: PackageFile
    outputs: tuple[
        str, ...
    ] = ()  # the graph's outputs in the order in which the family decodes them; empty: as they are
    keypoints: Keypoints | None = None
    removed_classes: tuple[int, ...] = ()  # score columns that are no class: class_names leaves them out
    default_confidence: float = 0.4
    class_confidence: tuple[float, ...] = ()  # per class, for confidence=best; empty: none were given
    is_activated: bool = True  # classification: the graph ends in softmax or sigmoid
    is_decoded: bool = True  # yolox: boxes are in pixels, not in cells of their grid
    is_inclusive: bool = False  # end-to-end: a score equal to the threshold passes
    has_fractional_boxes: bool = False  # end-to-end: boxes are cx, cy, w, h in 0..1 of the input (RT-DETR)
    mask_threshold: Literal["probability", "logit"] = "probability"  # what upstream's masks are cut at: 0.5 or 0
    colors: tuple[str, ...] = ()  # "#RRGGBB" per class; empty: the default palette
    device: Literal["cpu", "gpu"] = "cpu"  # gpu: too slow for a request without one, so it runs in jobs only
    load_ms: float = 0.0
    latency_ms: float = 0.0
    memory_bytes: int = 0
    published: str = ""
    quantization: str = ""  # what was measured when the weights were made int8; empty: as they were exported
    format: int = MANIFEST_FORMAT

    def to_json(self) -> bytes:
        """The manifest as it lies in the bucket."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """The manifest in `text`. Raises PackageCorrupt if it is not one that this release can read."""
        try:
            record = orjson.loads(text)
            if record.get("format") != MANIFEST_FORMAT:
                raise PackageCorrupt(f"manifest format {record.get('format')!r}; this release reads {MANIFEST_FORMAT}")
            nested = {"network_input": NetworkInput, "preprocessing": Preprocessing, "weights": PackageFile}
            record |= {name: _build(kind, record[name]) for name, kind in nested.items()}
            if record.get("keypoints"):
                record["keypoints"] = _build(Keypoints, record["keypoints"])
            manifest: Self = _build(cls, record)
            return manifest
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise PackageCorrupt(f"manifest.json cannot be read: {exc}") from exc


def _build(kind: Any, record: dict[str, Any]) -> Any:
    """An instance of dataclass `kind`; JSON lists become tuples, keys of later releases are ignored."""
    names = {spec.name for spec in fields(kind)}
    return kind(**{name: _frozen(value) for name, value in record.items() if name in names})


def _frozen(value: Any) -> Any:
    """JSON lists as tuples, however deep."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
