"""Classes of a picture inside a workflow: plain dicts in the form of contract/workflows.md 5.3."""

from typing import Any

import numpy as np

from retinue.pipeline.prediction import Prediction
from retinue.workflows.image import WorkflowImage


def classification_value(prediction: Prediction, image: WorkflowImage, inference_id: str) -> dict[str, Any]:
    """The classes that a model found in `image`: `top` and `confidence` for one label, `predicted_classes` for many."""
    return {
        "inference_id": inference_id,
        "time": 0.0,
        "image": {"width": prediction.image_width, "height": prediction.image_height},
        **(_best_first(prediction) if prediction.labels is None else _every_class(prediction)),
        "prediction_type": "classification",
        "parent_id": image.id,
        "root_parent_id": image.root.id,
    }


def _best_first(prediction: Prediction) -> dict[str, Any]:
    found = prediction.classification
    assert found is not None
    classes = [
        {"class": prediction.class_names[class_id], "class_id": class_id, "confidence": confidence}
        for class_id, confidence in zip(found.class_id.tolist(), found.confidence.tolist(), strict=True)
    ]
    best = classes[0] if classes else {"class": "", "confidence": 0.0}
    return {"predictions": classes, "top": best["class"], "confidence": best["confidence"]}


def _every_class(prediction: Prediction) -> dict[str, Any]:
    labels = prediction.labels
    assert labels is not None
    names, confidences = prediction.class_names, labels.confidence.tolist()
    return {
        "predictions": {
            name: {"confidence": confidence, "class_id": class_id}
            for class_id, (name, confidence) in enumerate(zip(names, confidences, strict=True))
        },
        "predicted_classes": [names[class_id] for class_id in np.flatnonzero(labels.is_predicted)],
    }
