"""Ultralytics' own answers for exported networks. Runs with a Python that has ultralytics; needs nothing of Retinue.

Reads a JSON list of questions {"network", "pictures", "confidence", "iou_threshold", "max_detections"} (paths) from
standard input. Prints, as the last line, {"versions": {...}, "answers": [[one per picture], ...]}, the answers in the
form of the HTTP API.
"""

import json
import os
import sys

os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "true")

import onnxruntime
import torch
import ultralytics


def main() -> None:
    """Answer all questions."""
    torch.set_num_threads(1)
    answers = [_answer(**question) for question in json.load(sys.stdin)]
    modules = (ultralytics, torch, onnxruntime)
    versions = {module.__name__: str(module.__version__) for module in modules}
    print(json.dumps({"versions": versions, "answers": answers}))


def _answer(
    network: str, pictures: list[str], confidence: float, iou_threshold: float, max_detections: int
) -> list[dict]:
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    task = session.get_modelmeta().custom_metadata_map["task"]
    model = ultralytics.YOLO(network, task=task)
    settings = {"conf": confidence, "iou": iou_threshold, "max_det": max_detections, "device": "cpu", "verbose": False}
    answers = []
    for picture in pictures:
        [result] = model.predict(picture, **settings)
        height, width = result.orig_shape
        predictions = _classes(result, confidence) if task == "classify" else _objects(result)
        answers.append({"image": {"width": width, "height": height}, "predictions": predictions})
    return answers


def _objects(result: "ultralytics.engine.results.Results") -> list[dict]:
    objects = []
    for index, (x1, y1, x2, y2, confidence, class_id) in enumerate(result.boxes.data.tolist()):
        item = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "width": x2 - x1, "height": y2 - y1, "confidence": confidence}
        item |= {"class": result.names[int(class_id)], "class_id": int(class_id)}
        if result.masks is not None:
            item["points"] = [{"x": x, "y": y} for x, y in result.masks.xy[index].tolist()]
        objects.append(item)
    return objects


def _classes(result: "ultralytics.engine.results.Results", confidence: float) -> list[dict]:
    scores = sorted(enumerate(result.probs.data.tolist()), key=lambda pair: -pair[1])
    kept = [(index, score) for index, score in scores if score >= confidence]
    return [{"class": result.names[index], "class_id": index, "confidence": score} for index, score in kept]


if __name__ == "__main__":
    main()
