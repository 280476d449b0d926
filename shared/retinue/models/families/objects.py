"""From candidates in the network's input to objects of the picture: boxes, masks, keypoints."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retinue.models.families.candidates import Candidates
from retinue.models.package import Convention, Keypoints, Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Detections, Prediction, Thresholds

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
        from retinue.models.families.instances import with_masks  # only segmentation pays for it

        detections, grid = with_masks(detections, candidates, manifest, placement, thresholds.masks, values)
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
    """Boxes in pixels of the picture: packages answer whole pixels (half to even), bare exports fractions.

    They are clipped to the picture, but for those of bare DETR exports, whose frameworks let them reach beyond.
    """
    if manifest.convention == "roboflow":
        return np.rint(placement.boxes_to_image(xyxy))
    if manifest.family in ("detr", "boxes") or manifest.has_fractional_boxes:
        return placement.to_image(xyxy.reshape(-1, 2, 2)).reshape(-1, 4)
    return placement.boxes_to_image(xyxy)


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
