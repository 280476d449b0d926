"""From predictions to the JSON of contract/http.md 3: same keys, same order, nothing that is None."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.ids import new_id
from retinue.pipeline.prediction import Classification, Detections, Labels, MaskGrid, Prediction, Segmentation


def render_prediction(
    prediction: Prediction, *, inference_id: str, time_s: float, visualization: str | None = None
) -> dict[str, Any]:
    """The answer for one picture; `visualization` is a base64 JPEG. Floats are not rounded."""
    answer: dict[str, Any] = {} if visualization is None else {"visualization": visualization}
    answer |= {
        "inference_id": inference_id,
        "time": time_s,
        "image": {"width": prediction.image_width, "height": prediction.image_height},
    }
    if prediction.classification is not None:
        return answer | _render_classification(prediction.classification, prediction.class_names)
    if prediction.labels is not None:
        return answer | _render_labels(prediction.labels, prediction.class_names)
    if prediction.segmentation is not None:
        return answer | {"predictions": _render_segmentation(prediction.segmentation, prediction.class_names)}
    if (grid := prediction.mask_grid) is not None:
        answer |= _grid_facts(grid, prediction)
    if prediction.detections is None:
        raise ValueError("a prediction holds detections, classes or a segmentation")
    return answer | {"predictions": _render_detections(prediction, prediction.detections)}


def _grid_facts(grid: MaskGrid, prediction: Prediction) -> dict[str, Any]:
    """What a client needs to take boxes and points from the grid to the picture."""
    width, height = prediction.image_width, prediction.image_height
    scales = {"scale_x": width / grid.width, "scale_y": height / grid.height}
    return {
        "image": {"width": grid.width, "height": grid.height},
        "original_image": {"width": width, "height": height},
        "mask_metadata": {"coordinate_system": "mask_grid", "width": grid.width, "height": grid.height, **scales},
    }


def _render_detections(prediction: Prediction, detections: Detections) -> list[dict[str, Any]]:
    class_names = prediction.class_names
    # float32 arithmetic first, then one conversion: a confidence is sent as the double that equals the float32.
    xyxy = detections.xyxy
    centre_size = zip(
        ((xyxy[:, 0] + xyxy[:, 2]) / 2).tolist(),
        ((xyxy[:, 1] + xyxy[:, 3]) / 2).tolist(),
        (xyxy[:, 2] - xyxy[:, 0]).tolist(),
        (xyxy[:, 3] - xyxy[:, 1]).tolist(),
        detections.confidence.tolist(),
        detections.class_id.tolist(),
        strict=True,
    )
    predictions: list[dict[str, Any]] = [
        {
            "x": x,
            "y": y,
            "width": width,
            "height": height,
            "confidence": confidence,
            "class": class_names[class_id],
            "class_id": class_id,
            "detection_id": new_id(),
        }
        for x, y, width, height, confidence, class_id in centre_size
    ]
    if detections.polygons:
        for rendered, polygon in zip(predictions, detections.polygons, strict=True):
            rendered["points"] = [{"x": x, "y": y} for x, y in polygon.tolist()]
            rendered["mask_format"] = "polygon"
    if detections.masks:
        from retinue.pipeline.run_lengths import encode_run_lengths

        for rendered, mask in zip(predictions, detections.masks, strict=True):
            rendered["rle"] = {"size": [mask.height, mask.width], "counts": encode_run_lengths(mask)}
            rendered["mask_format"] = "rle"
    if detections.keypoints is not None and detections.is_keypoint_shown is not None:
        for index, rendered in enumerate(predictions):
            names = prediction.keypoint_names[rendered["class_id"]]
            shown = np.flatnonzero(detections.is_keypoint_shown[index]).tolist()
            rendered["keypoints"] = [
                {"x": x, "y": y, "confidence": confidence, "class_id": slot, "class": names[slot]}
                for slot, (x, y, confidence) in zip(shown, detections.keypoints[index, shown].tolist(), strict=True)
            ]
    return predictions


def _render_labels(labels: Labels, class_names: tuple[str, ...]) -> dict[str, Any]:
    predictions = {
        name: {"confidence": confidence, "class_id": class_id}
        for class_id, (name, confidence) in enumerate(zip(class_names, labels.confidence.tolist(), strict=True))
    }
    predicted = [class_names[class_id] for class_id in np.flatnonzero(labels.is_predicted)]
    return {"predictions": predictions, "predicted_classes": predicted}


def _render_segmentation(segmentation: Segmentation, class_names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "segmentation_mask": _png(segmentation.class_id),
        "class_map": {str(class_id): name for class_id, name in enumerate(class_names)},
        "confidence_mask": _png(segmentation.confidence),
        "present_class_ids": np.flatnonzero(np.bincount(segmentation.class_id.ravel(), minlength=1)).tolist(),
    }


def _png(levels: NDArray[np.uint8]) -> str:
    """A grey picture (H, W) as the base64 text of a PNG."""
    import pybase64
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "PNG")
    return pybase64.b64encode(stream.getvalue()).decode("ascii")


def _render_classification(classification: Classification, class_names: tuple[str, ...]) -> dict[str, Any]:
    predictions = [
        {"class": class_names[class_id], "class_id": class_id, "confidence": confidence}
        for class_id, confidence in zip(
            classification.class_id.tolist(), classification.confidence.tolist(), strict=True
        )
    ]
    best = predictions[0] if predictions else {"class": "", "confidence": 0.0}
    return {"predictions": predictions, "top": best["class"], "confidence": best["confidence"]}
