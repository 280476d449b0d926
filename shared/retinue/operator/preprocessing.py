"""How pictures have to be prepared for a network: as its package says, as its framework does, or as the operator
says."""

from dataclasses import dataclass, fields, replace
from typing import Literal, cast

from retinue.errors import UnsupportedModel
from retinue.models.package import Contrast, Interpolation, Preprocessing, ResizeMode
from retinue.operator.architectures import Architecture
from retinue.operator.graph import Graph
from retinue.operator.layouts import Steps, Triple
from retinue.operator.output_layouts import Layout
from retinue.operator.source import Source

IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CONTRASTS: dict[str, Contrast] = {
    "Contrast Stretching": "contrast-stretching",
    "Histogram Equalization": "histogram-equalization",
    "Adaptive Equalization": "adaptive-equalization",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessingOptions:
    """What the operator says about the preprocessing; None leaves it to package and graph.

    normalization: mean and std per channel of values in 0..1.
    """

    normalization: tuple[Triple, Triple] | None = None
    color_mode: Literal["rgb", "bgr"] | None = None
    resize_mode: ResizeMode | None = None
    interpolation: Interpolation | None = None
    crop_fraction: float | None = None
    padding_value: int | None = None
    scaling_factor: float | None = None

    def applied_to(self, spec: Preprocessing) -> Preprocessing:
        """The preprocessing `spec` with what is said here."""
        said = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "normalization"}
        mean, std = self.normalization or (spec.mean, spec.std)
        return replace(spec, mean=mean, std=std, **{name: value for name, value in said.items() if value is not None})


def packaged_preprocessing(
    source: Source, layout: Layout, architecture: Architecture, options: PreprocessingOptions
) -> Preprocessing:
    """What a Roboflow package declares, as upstream's new engine reads it (contract/models.md 1.3, 2)."""
    if source.color_mode not in ("rgb", "bgr"):
        raise UnsupportedModel(f"color_mode is {source.color_mode!r}; rgb or bgr is expected")
    mode, padding_value = _resize(source, architecture)
    first_size_wh = None
    if layout.family == "detr":
        # RF-DETR is stretched by Pillow; another mode first makes a frame of the dataset's size, if that is said.
        if mode == "stretch" or source.first_size_hw is None:
            mode = "stretch"
        else:
            first_size_wh = (source.first_size_hw[1], source.first_size_hw[0])
    mean, std = source.normalization or ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return options.applied_to(
        Preprocessing(
            resize_mode=mode,
            interpolation="filtered-linear" if layout.family == "detr" else "linear",
            first_size_wh=first_size_wh,
            padding_value=padding_value,
            color_mode="bgr" if source.color_mode == "bgr" else "rgb",
            scaling_factor=float(source.scaling_factor or 1.0),
            mean=mean,
            std=std,
            **_steps(source.steps),  # type: ignore[arg-type]
        )
    )


def exported_preprocessing(graph: Graph, layout: Layout, options: PreprocessingOptions) -> Preprocessing:
    """What the framework of a bare export does. Raises UnsupportedModel if the graph cannot tell, and the operator
    does not."""
    spec, is_known = _framework_preprocessing(graph, layout)
    if not is_known and options.normalization is None:
        raise UnsupportedModel(
            f"{graph.path.name} is a {layout.task} network of unknown origin ({layout.reason}), and nothing in it says "
            "how its pictures were normalised; give --normalization imagenet, half, none or MEAN;STD"
        )
    return options.applied_to(spec)


def _framework_preprocessing(graph: Graph, layout: Layout) -> tuple[Preprocessing, bool]:
    """The preprocessing, and whether the normalisation is certain."""
    if layout.family == "classifier":
        if graph.metadata.get("task") == "classify":  # Ultralytics
            return Preprocessing(resize_mode="shorter-side-crop", interpolation="filtered-linear"), True
        crop = Preprocessing(resize_mode="shorter-side-crop", interpolation="filtered-linear", crop_fraction=0.875)
        return crop, False
    if layout.family == "semantic":
        return Preprocessing(resize_mode="stretch"), False
    if layout.family == "yolox":
        spec = Preprocessing(resize_mode="corner-letterbox", padding_value=114, color_mode="bgr", scaling_factor=1.0)
        return spec, True
    if graph.metadata.get("head") == "RTDETRDecoder":  # Ultralytics' RT-DETR
        return Preprocessing(resize_mode="stretch"), True
    if layout.family in ("detr", "boxes"):
        stretch = Preprocessing(resize_mode="stretch", interpolation="filtered-linear")
        if layout.family == "boxes":
            return stretch, True
        # RF-DETR's exporter calls its outputs so; of other DETRs some are normalised and some are not.
        is_rf_detr = layout.outputs[:2] == ("dets", "labels")
        return replace(stretch, mean=IMAGENET[0], std=IMAGENET[1]) if is_rf_detr else stretch, is_rf_detr
    return Preprocessing(resize_mode="letterbox", padding_value=114), True


def _steps(steps: Steps) -> dict[str, object]:
    """The steps before the resize, as fields of Preprocessing."""
    crop, contrast = steps.static_crop, steps.contrast
    said: dict[str, object] = {"is_grayscale": bool(steps.grayscale and steps.grayscale.enabled)}
    if crop and crop.enabled:
        said["static_crop"] = (crop.x_min, crop.y_min, crop.x_max, crop.y_max)
    if contrast and contrast.enabled:
        if contrast.type not in _CONTRASTS:
            raise UnsupportedModel(f"contrast type {contrast.type!r} is not known; {', '.join(_CONTRASTS)} are")
        said["contrast"] = _CONTRASTS[contrast.type]
    return said


def _resize(source: Source, architecture: Architecture) -> tuple[ResizeMode, int]:
    """The resize that the declared mode turns into (contract/models.md 1.3)."""
    match source.resize_mode:
        case "stretch" | "center-crop" | "letterbox" as mode:
            return cast(ResizeMode, mode), source.padding_value
        case "letterbox-reflect-edges":
            return "letterbox", source.padding_value
        case "fit-longer-edge":
            if architecture.is_yolo:
                return "letterbox", 127
            return ("letterbox", 0) if architecture.name.startswith("deep") else ("stretch", 0)
        case mode:
            raise UnsupportedModel(f"resize_mode {mode!r} is not known")
