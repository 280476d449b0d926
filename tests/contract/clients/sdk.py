import json
import os

from inference_sdk import InferenceHTTPClient

client = InferenceHTTPClient(api_url=os.environ["RETINUE_URL"], api_key=os.environ["RETINUE_KEY"])
answer = client.infer("scene.jpg", model_id="shapes/1")
print(json.dumps(answer))
