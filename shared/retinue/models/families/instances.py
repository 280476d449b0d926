"""Masks of objects, for segmentation: which values, on which raster, in which form."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.candidates import Candidates
from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.masks import (
    MaskLogits,
    MaskValues,
    Prototypes,
    Raster,
    enlarged,
    native_masks,
    native_polygons,
    roboflow_masks,
    roboflow_polygons,
)
from retinue.pipeline.prediction import Detections, MaskGrid, MaskOptions

Array = NDArray[np.float32]


def with_masks(
    detections: Detections,
    candidates: Candidates,
    manifest: Manifest,
    placement: Placement,
    options: MaskOptions,
    masks: Array,
) -> tuple[Detections, MaskGrid | None]:
    """With polygons or masks as the request wishes, and the grid on which they lie if it is not the picture."""
    is_package, is_detr = manifest.convention == "roboflow", manifest.family == "detr"
    values: MaskValues = MaskLogits(masks)
    if not is_detr:
        is_probability = is_package and manifest.mask_threshold == "probability"
        values = Prototypes(candidates.extra, masks, is_probability)
    raster = Raster.of((masks.shape[2], masks.shape[1]), placement, options)
    if is_package or is_detr:
        made = list(roboflow_masks(values, None if is_detr else candidates.xyxy, placement, raster))
    elif options == MaskOptions():  # what Ultralytics itself answers
        return _without_empty(replace(detections, polygons=native_polygons(values, candidates.xyxy, placement))), None
    else:
        made = list(native_masks(values, candidates.xyxy, placement, raster))
    if options.is_reduced:
        boxes = raster.boxes(candidates.xyxy, placement)
        is_whole = is_package and (raster.width, raster.height) == (placement.image_width, placement.image_height)
        detections = replace(detections, xyxy=np.rint(boxes) if is_whole else boxes)
    if options.form == "rle":
        size_wh = (
            (raster.width, raster.height) if options.is_reduced else (placement.image_width, placement.image_height)
        )
        detections = replace(detections, masks=[enlarged(mask, *size_wh) for mask in made])
    else:
        polygons = roboflow_polygons(made, placement, is_reduced=options.is_reduced)
        detections = replace(detections, polygons=polygons)
    grid = MaskGrid(width=raster.width, height=raster.height) if options.is_reduced else None
    return detections if is_package else _without_empty(detections), grid


def _without_empty(detections: Detections) -> Detections:
    """Ultralytics drops objects without a mask; upstream keeps them."""
    sizes = [int(mask.patch.sum()) for mask in detections.masks] or [len(points) for points in detections.polygons]
    return detections.select(np.flatnonzero(sizes))
