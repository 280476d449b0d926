"""From candidates in the network's input to objects of the picture: boxes, masks, keypoints."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.candidates import Candidates
from retinue.models.package import Convention, Keypoints, Manifest
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
from retinue.pipeline.prediction import Detections, MaskGrid, MaskOptions, Prediction, Thresholds

Array = NDArray[np.float32]


def as_prediction(
    candidates: Candidates,
    manifest: Manifest,
    placement: Placement,
    thresholds: Thresholds,
    masks: list[Array] | None = None,
) -> Prediction:
    """The prediction that `candidates` make.

    masks: for instance segmentation, one array: prototypes (c, mh, mw), or mask logits of each candidate (n, mh, mw).
    """
    detections = Detections(
        xyxy=_boxes(candidates.xyxy, manifest, placement),
        confidence=candidates.confidence,
        class_id=candidates.class_id,
    )
    grid = None
    if manifest.task == "instance-segmentation":
        [values] = masks or []
        detections, grid = _with_masks(detections, candidates, manifest, placement, thresholds.masks, values)
    keypoints = manifest.keypoints
    if keypoints is not None:
        detections = _with_keypoints(detections, candidates, keypoints, manifest.convention, placement, thresholds)
    return Prediction(
        task=manifest.task,
        image_width=placement.image_width,
        image_height=placement.image_height,
        class_names=manifest.class_names,
        detections=detections,
        keypoint_names=keypoints.names if keypoints else (),
        keypoint_edges=keypoints.edges if keypoints else (),
        mask_grid=grid,
    )


def _boxes(xyxy: Array, manifest: Manifest, placement: Placement) -> Array:
    """Boxes in pixels of the picture, clipped; packages answer whole pixels (half to even), bare exports fractions."""
    boxes = placement.boxes_to_image(xyxy)
    return np.rint(boxes) if manifest.convention == "roboflow" else boxes


def _with_masks(
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


def _with_keypoints(
    detections: Detections,
    candidates: Candidates,
    keypoints: Keypoints,
    convention: Convention,
    placement: Placement,
    thresholds: Thresholds,
) -> Detections:
    """With keypoints: of packages rounded to whole pixels and never clipped, of bare exports clipped to the picture."""
    columns = candidates.extra[:, : keypoints.slots * keypoints.columns]
    slots = columns.reshape(-1, keypoints.slots, keypoints.columns)
    xy = placement.to_image(slots[..., :2])
    # Without a confidence of their own, keypoints are as sure as can be.
    confidence = slots[..., 2] if keypoints.columns == 3 else np.ones(slots.shape[:2], np.float32)
    limit = keypoints.confidence if thresholds.keypoint_confidence is None else thresholds.keypoint_confidence
    counts = np.array([len(names) for names in keypoints.names])[candidates.class_id]
    is_shown = (np.arange(keypoints.slots) < counts[:, None]) & (confidence >= limit)
    if convention == "roboflow":
        xy = np.rint(xy)
        is_shown &= confidence > 0
    else:
        xy = np.clip(xy, 0, np.array([placement.image_width, placement.image_height], np.float32))
    return replace(
        detections,
        keypoints=np.concatenate([xy, confidence[..., None]], axis=2, dtype=np.float32),
        is_keypoint_shown=is_shown,
    )
