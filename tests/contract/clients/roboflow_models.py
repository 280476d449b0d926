import json
import os
from pathlib import Path

from roboflow.models.classification import ClassificationModel
from roboflow.models.instance_segmentation import InstanceSegmentationModel
from roboflow.models.keypoint_detection import KeypointDetectionModel
from roboflow.models.object_detection import ObjectDetectionModel
from roboflow.models.semantic_segmentation import SemanticSegmentationModel

key = os.environ["RETINUE_KEY"]
detector = ObjectDetectionModel(key, id="default/shapes/1", version="1")
answers = {
    "detection": detector.predict("scene.jpg", confidence=40, overlap=30),
    "classification": ClassificationModel(key, id="default/colours/1").predict("red.png"),
    "keypoints": KeypointDetectionModel(key, id="default/yolov8-pose/1").predict("scene.jpg", confidence=40),
    "segmentation": InstanceSegmentationModel(key, "default/tiles/1").predict("scene.jpg", confidence=40),
    "pixels": SemanticSegmentationModel(key, "default/semantic/1").predict("scene.jpg"),
}
for task, answer in answers.items():
    answer.save(f"{task}.jpg")
Path("service.jpg").write_bytes(detector.predict("scene.jpg", format="image"))
print(json.dumps({task: answer.json() for task, answer in answers.items()}))
