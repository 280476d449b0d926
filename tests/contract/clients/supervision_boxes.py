import json
import os

import supervision as sv
from inference_sdk import InferenceHTTPClient

client = InferenceHTTPClient(api_url=os.environ["RETINUE_URL"], api_key=os.environ["RETINUE_KEY"])
detections = sv.Detections.from_inference(client.infer("scene.jpg", model_id="shapes/1"))
print(json.dumps({"names": detections["class_name"].tolist(), "boxes": detections.xyxy.tolist()}))
