"""From predictions to the JSON of contract/http.md 3: same keys, same order, nothing that is None."""

import uuid
from typing import Any

from retinue.pipeline.prediction import Classification, Detections, Prediction


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
    if prediction.detections is None:
        raise ValueError("a prediction holds detections or a classification")
    return answer | {"predictions": _render_detections(prediction.detections, prediction.class_names)}


def _render_detections(detections: Detections, class_names: tuple[str, ...]) -> list[dict[str, Any]]:
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
            "detection_id": str(uuid.uuid4()),
        }
        for x, y, width, height, confidence, class_id in centre_size
    ]
    if detections.polygons:
        for rendered, polygon in zip(predictions, detections.polygons, strict=True):
            rendered["points"] = [{"x": x, "y": y} for x, y in polygon.tolist()]
            rendered["mask_format"] = "polygon"
    return predictions


def _render_classification(classification: Classification, class_names: tuple[str, ...]) -> dict[str, Any]:
    predictions = [
        {"class": class_names[class_id], "class_id": class_id, "confidence": confidence}
        for class_id, confidence in zip(
            classification.class_id.tolist(), classification.confidence.tolist(), strict=True
        )
    ]
    best = predictions[0] if predictions else {"class": "", "confidence": 0.0}
    return {"predictions": predictions, "top": best["class"], "confidence": best["confidence"]}
