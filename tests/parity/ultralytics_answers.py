"""Ultralytics' own answers for an exported network. Runs with a Python that has ultralytics; needs nothing of Retinue.

    python ultralytics_answers.py MODEL.onnx CONFIDENCE IOU MAX_DETECTIONS PICTURE...

Prints one JSON object: {"versions": {...}, "answers": [...]}, the answers in the form of the HTTP API.
"""

import json
import os
import sys

os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "true")

import onnxruntime
import torch
import ultralytics


def main(model: str, confidence: str, iou: str, max_detections: str, *pictures: str) -> None:
    """Print the answers for all pictures."""
    threads = 1
    torch.set_num_threads(threads)
    task = _task(model)
    network = ultralytics.YOLO(model, task=task)
    answers = []
    for picture in pictures:
        [result] = network.predict(
            picture, conf=float(confidence), iou=float(iou), max_det=int(max_detections), device="cpu", verbose=False
        )
        height, width = result.orig_shape
        predictions = _classes(result, float(confidence)) if task == "classify" else _objects(result)
        answers.append({"image": {"width": width, "height": height}, "predictions": predictions})
    versions = {
        "ultralytics": ultralytics.__version__,
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
    }
    print(json.dumps({"versions": versions, "answers": answers}))


def _task(model: str) -> str:
    metadata = (
        onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).get_modelmeta().custom_metadata_map
    )
    return metadata["task"]


def _objects(result) -> list[dict]:
    objects = []
    outlines = result.masks.xy if result.masks is not None else None
    for index, row in enumerate(result.boxes.data.tolist()):
        x1, y1, x2, y2, confidence, class_id = row[:6]
        item = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "width": x2 - x1, "height": y2 - y1, "confidence": confidence}
        item |= {"class": result.names[int(class_id)], "class_id": int(class_id)}
        if outlines is not None:
            item["points"] = [{"x": x, "y": y} for x, y in outlines[index].tolist()]
        objects.append(item)
    return objects


def _classes(result, confidence: float) -> list[dict]:
    scores = sorted(enumerate(result.probs.data.tolist()), key=lambda pair: -pair[1])
    return [
        {"class": result.names[index], "class_id": index, "confidence": score}
        for index, score in scores
        if score >= confidence
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
